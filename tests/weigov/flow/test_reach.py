"""Whom messages reach: who left or blocked is told nothing more until they are back, and nobody is told too much."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.weigov.flow.deployment import MORNING, Deployment, openid, rewrite
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, cases_said, move, told

CALLED = "message/template/send"


def tries(town: Deployment) -> int:
    """How often WeChat was asked to send a message, with whatever answer."""
    return sum(town.other.state()["calls"].get(SEND, {}).values())


def stop_at(calm: Deployment, per_citizen: str) -> None:
    rewrite(
        calm.settings.site / "site.yaml",
        lambda text: text.replace(
            "    connection: wechat_city\n", f"    connection: wechat_city\n    {per_citizen}\n"
        ),
    )
    calm.reopen()


def test_who_left_is_not_called_again_until_they_follow_again(calm: Deployment) -> None:
    town, who = calm, ORDINARY[0]
    number = case_of(town.other, who)
    town.other.persona(who, "unfollowed")
    move(town.other, number, "12")
    town.round("cases")
    assert tries(town) == 0  # the event had said so
    move(town.other, number, "13")
    town.round("cases")
    assert tries(town) == 0 and told(town.other, number) == []
    said = cases_said(town.other, number)
    assert [state for state, _ in said] == ["rejected"] * 2
    assert "no longer follows" in said[0][1] and openid(who) not in said[0][1]
    town.other.persona(who, "ordinary")
    town.other.advance(minutes=1)
    town.other.events_done()
    move(town.other, number, "12")
    town.collect("cases")
    town.compose("case_progress")
    town.deliver()  # without a reconcile in between
    assert told(town.other, number) == ["补正"]


@pytest.mark.parametrize(("persona", "why"), [("blocked", "blocked the account"), ("unfollowed", "does not follow")])
def test_who_could_not_be_reached_once_is_not_tried_in_vain(calm: Deployment, persona: str, why: str) -> None:
    who = ORDINARY[1]
    number = case_of(calm.other, who)
    with calm.other.world.transaction() as db:  # before there was a callback: no event tells
        db.execute("UPDATE wx_follower SET persona = ? WHERE openid = ?", (persona, openid(who)))
    for status in ("12", "13"):
        move(calm.other, number, status)
        calm.round("cases")
    assert tries(calm) == 1
    assert [state for state, _ in cases_said(calm.other, number)] == ["rejected"] * 2
    assert why in cases_said(calm.other, number)[1][1]


def test_a_tap_on_the_menu_shows_that_they_are_there_again(calm: Deployment) -> None:
    who = ORDINARY[2]
    number = case_of(calm.other, who)
    calm.other.persona(who, "blocked")
    move(calm.other, number, "12")
    calm.round("cases")
    calm.other.persona(who, "ordinary")
    calm.compose("menu")
    calm.drain()
    calm.other.advance(minutes=5)
    answer = calm.other.web.post(f"/phone/{openid(who)}/tap", json={"top": 1, "sub": 0})
    assert answer.ok
    calm.other.events_done()
    move(calm.other, number, "13")
    calm.round("cases")
    assert told(calm.other, number) == ["审查"]


def test_without_an_answer_it_is_asked_whether_they_follow_at_all(calm: Deployment) -> None:
    """Nothing will ever say more about a message to somebody who does not follow."""
    who = ORDINARY[3]
    number = case_of(calm.other, who)
    with calm.other.world.transaction() as db:
        db.execute("UPDATE wx_follower SET persona = 'unfollowed' WHERE openid = ?", (openid(who),))
    calm.other.fault("lose_answer", SEND, times=1)
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.other.advance(minutes=3)
    assert calm.reconcile().states == {"rejected": 1}
    calm.sync_back()
    assert cases_said(calm.other, number) == [("rejected", "the citizen does not follow the account")]


def test_who_left_after_the_message_may_have_arrived_is_no_proof_that_it_did_not(calm: Deployment) -> None:
    who = ORDINARY[4]
    number = case_of(calm.other, who)
    calm.other.fault("lose_answer", SEND, times=1)
    calm.other.fault("drop_event", SEND, times=1)
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.other.persona(who, "unfollowed")
    calm.other.advance(minutes=3)
    assert calm.reconcile().states == {}
    assert told(calm.other, number) == ["补正"]
    calm.other.advance(minutes=40)
    calm.drain()
    assert [state for state, _ in cases_said(calm.other, number)] == ["in_doubt"]


def test_nobody_is_told_more_than_the_site_allows_in_one_day(calm_on_each: Deployment) -> None:
    town = calm_on_each
    stop_at(town, "per_citizen: 2/day")
    number = case_of(town.other, ORDINARY[0])
    for status in ("12", "13", "12"):
        move(town.other, number, status)
        town.round("cases")
    assert len(told(town.other, number)) == 2
    (group,) = town.status()["deferred"]
    assert "per_citizen" in group["reason"] and group["count"] == 1
    assert group["until"].astimezone(MORNING.tzinfo) == (MORNING + timedelta(days=1)).replace(hour=0, minute=1)
    town.other.at((MORNING + timedelta(days=1)).replace(hour=0, minute=2))
    town.drain()
    assert told(town.other, number) == ["补正", "审查", "补正"]


def test_what_was_refused_does_not_count_as_told_and_others_are_told(calm: Deployment) -> None:
    stop_at(calm, "per_citizen: 1/day")
    one, other = (case_of(calm.other, identity) for identity in ORDINARY[:2])
    calm.other.fault("errcode", SEND, value="47003", times=1)
    for number, status in ((one, "12"), (one, "13"), (other, "12")):
        move(calm.other, number, status)
        calm.round("cases")
    assert told(calm.other, one) == ["审查"] and told(calm.other, other) == ["补正"]


def test_a_warning_goes_past_what_waits_for_tomorrow(calm: Deployment) -> None:
    stop_at(calm, "per_citizen: 1/day")
    number = case_of(calm.other, ORDINARY[0])
    for status in ("12", "13"):
        move(calm.other, number, status)
        calm.round("cases")
    assert [group["count"] for group in calm.status()["deferred"]] == [1]
    flow = calm.settings.site / "flows" / "answers.yaml"
    rewrite(flow, lambda text: text.replace("valid_for:", "urgent: true\nvalid_for:"))
    calm.reopen()
    calm.apply("answers")
    while ORDINARY[0] not in {a["asker"] for a in calm.other.post("/qa/answer", count=1)}:
        pass
    calm.round("qa")
    mine = [m for m in calm.other.messages() if m["openid"] == openid(ORDINARY[0])]
    assert [m["template_id"] for m in mine] == ["TM00123", "TM00124"]


def test_a_warning_does_not_count_as_one_of_the_day(calm: Deployment) -> None:
    stop_at(calm, "per_citizen: 1/day")
    flow = calm.settings.site / "flows" / "answers.yaml"
    rewrite(flow, lambda text: text.replace("valid_for:", "urgent: true\nvalid_for:"))
    calm.reopen()
    calm.apply("answers")
    while ORDINARY[0] not in {a["asker"] for a in calm.other.post("/qa/answer", count=1)}:
        pass
    calm.round("qa")
    move(calm.other, number := case_of(calm.other, ORDINARY[0]), "12")
    calm.round("cases")
    assert told(calm.other, number) == ["补正"]
