"""Template messages under everything that goes wrong on the way: each citizen is told once, or a person is asked."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import MORNING, Deployment, OtherSide, calm_site, openid, rewrite
from weigov.flow import abreast

SEND = "/cgi-bin/message/template/send"
ORDINARY = [p.identity for p in PEOPLE if p.persona == "ordinary"]


def case_of(other: OtherSide, identity: str) -> str:
    """The number of a case of this person that is under way."""
    found = [c for c in other.get("/cases/cases", applicant_id=identity) if c["valid"]]
    return str(found[0]["case_no"])


def move(other: OtherSide, case_no: str, *path: str) -> None:
    for status in path:
        other.post(f"/cases/cases/{case_no}/status", status=status)


def told(other: OtherSide, case_no: str) -> list[str]:
    """What the applicant's phone shows about this case, in order."""
    return [
        m["data"]["phrase2"]
        for m in other.messages()
        if m["delivered"] and m["data"].get("character_string3") == case_no
    ]


def cases_said(other: OtherSide, case_no: str) -> list[tuple[str, str]]:
    """What the case system was told about this case: (state, detail), in order."""
    return [(w["state"], w["detail"]) for w in other.write_backs("cases") if w["case_no"] == case_no]


@pytest.fixture
def case_no(calm: Deployment) -> str:
    """A case of somebody ordinary, and it stands at 审查."""
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "13")
    calm.round("cases")
    assert told(calm.other, number) in ([], ["审查"])
    return number


def since(calm: Deployment, case_no: str, before: list[str]) -> list[str]:
    return told(calm.other, case_no)[len(before) :]


def test_back_and_forth_with_a_delivery_between_is_two_messages(calm: Deployment, case_no: str) -> None:
    before = told(calm.other, case_no)
    move(calm.other, case_no, "12")
    calm.round("cases")
    move(calm.other, case_no, "13")
    calm.round("cases")
    assert since(calm, case_no, before) == ["补正", "审查"]


def test_back_and_forth_between_two_pulls_is_no_message(calm: Deployment, case_no: str) -> None:
    before = told(calm.other, case_no)
    move(calm.other, case_no, "12", "13")
    calm.round("cases")
    assert since(calm, case_no, before) == []


def test_a_newer_status_supersedes_what_was_not_sent_yet(calm: Deployment, case_no: str) -> None:
    before = told(calm.other, case_no)
    for status in ("12", "11"):
        move(calm.other, case_no, status)
        calm.collect("cases")
        calm.compose("case_progress")
    calm.drain()
    assert since(calm, case_no, before) == ["受理"]


def test_a_case_declared_void_before_the_message_left_tells_nobody(calm: Deployment, case_no: str) -> None:
    before = told(calm.other, case_no)
    move(calm.other, case_no, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.other.post(f"/cases/cases/{case_no}/void")
    calm.round("cases")
    assert since(calm, case_no, before) == []


def test_a_case_declared_void_after_an_answer_was_lost_is_not_told_of_again(calm: Deployment, case_no: str) -> None:
    before = told(calm.other, case_no)
    calm.other.fault("refuse_before", SEND, times=1)  # nothing happens there, but we cannot know
    move(calm.other, case_no, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.other.post(f"/cases/cases/{case_no}/void")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.other.advance(minutes=1)
    calm.deliver()
    calm.other.advance(minutes=31)
    calm.drain()
    assert since(calm, case_no, before) == [] and len(calm.status()["in_doubt"]) == 1


def test_who_blocked_or_unfollowed_is_not_reached_and_the_case_system_knows_why(calm: Deployment) -> None:
    blocked, gone = (case_of(calm.other, identity) for identity in ORDINARY[:2])
    calm.other.persona(ORDINARY[0], "blocked")
    calm.other.persona(ORDINARY[1], "unfollowed")
    for number in (blocked, gone):
        move(calm.other, number, "12")
    calm.round("cases")
    assert told(calm.other, blocked) == told(calm.other, gone) == []
    ((state, why),) = cases_said(calm.other, blocked)
    assert state == "rejected" and "user block" in why
    ((state, why),) = cases_said(calm.other, gone)
    assert state == "rejected" and ("未关注" in why or "no longer follows" in why)  # by the call, or by the event
    assert not any(openid(identity) in why for identity in ORDINARY[:2])


def test_an_answer_that_never_comes_is_one_message_confirmed_by_its_event(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[2])
    calm.other.persona(ORDINARY[2], "timeout_after_accept")
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.drain()
    assert told(calm.other, number) == ["补正"] and cases_said(calm.other, number) == [("confirmed", "")]
    assert len(calm.other.messages()) == 1


@pytest.mark.parametrize("fault", ["event_first", "duplicate_event", "event_msgid_zero"])
def test_an_event_that_comes_early_twice_or_without_its_number_is_joined(calm: Deployment, fault: str) -> None:
    number = case_of(calm.other, ORDINARY[3])
    calm.other.fault(fault, SEND)
    move(calm.other, number, "12")
    calm.round("cases")
    assert calm.other.fired(fault) == 1
    assert told(calm.other, number) == ["补正"] and cases_said(calm.other, number) == [("confirmed", "")]


def test_without_answer_and_event_it_is_repeated_under_its_key_and_arrives_once(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[4])
    calm.other.fault("lose_answer", SEND, times=1)
    calm.other.fault("drop_event", SEND, times=1)
    move(calm.other, number, "12")
    calm.round("cases")
    assert told(calm.other, number) == ["补正"]
    assert calm.other.calls("message/template/send") == 2 and len(calm.other.messages()) == 1


def test_past_the_window_nothing_is_repeated_and_a_person_is_asked(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[5])
    calm.other.fault("refuse_before", SEND)  # nothing happens there, but we cannot know
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.other.mend()
    calm.other.advance(minutes=9)
    calm.deliver()
    assert told(calm.other, number) == []
    calm.other.advance(minutes=31)
    calm.drain()
    assert told(calm.other, number) == []
    assert len(calm.status()["in_doubt"]) == 1
    ((state, why),) = cases_said(calm.other, number)
    assert state == "in_doubt" and "may have arrived" in why


def test_a_late_event_settles_what_was_in_doubt(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[5])
    calm.other.fault("lose_answer", SEND, times=1)
    calm.other.fault("drop_event", SEND, times=1)
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.deliver()
    calm.other.advance(minutes=40)
    calm.drain()
    assert len(calm.status()["in_doubt"]) == 1
    calm.other.post(f"/wechat/events/resend?appid={calm.other.appid}")
    calm.drain()
    assert calm.status()["in_doubt"] == []
    assert told(calm.other, number) == ["补正"]
    assert [state for state, _ in cases_said(calm.other, number)] == ["in_doubt", "confirmed"]


@pytest.mark.parametrize(("days", "state"), [(1, "in_doubt"), (3, "confirmed")])
def test_one_in_doubt_stands_in_the_way_of_the_next_only_while_an_event_may_be_about_it(
    calm: Deployment, days: int, state: str
) -> None:
    number = case_of(calm.other, ORDINARY[5])
    calm.other.fault("drop_event", SEND, times=1)
    for day, status in ((0, "12"), (days, "13")):
        calm.other.at(MORNING + timedelta(days=day))
        calm.other.fault("lose_answer", SEND, times=1)
        move(calm.other, number, status)
        calm.collect("cases")
        calm.compose("case_progress")
        assert calm.deliver().states == {"unknown": 1}
        calm.other.advance(minutes=40)
        calm.other.events_done()
        calm.reconcile()
        calm.sync_back()
    assert [said for said, _ in cases_said(calm.other, number)] == ["in_doubt", state]


def test_a_message_that_waits_for_its_event_is_not_looked_at_before(calm: Deployment) -> None:
    calm.other.fault("drop_event", SEND)
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"accepted": 1}
    calm.other.advance(hours=47)
    assert calm.due() == {}


def test_accepted_without_an_event_within_two_days_is_nobodys_certainty(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[6])
    calm.other.fault("drop_event", SEND)
    move(calm.other, number, "12")
    calm.round("cases")
    assert cases_said(calm.other, number) == []
    calm.other.advance(hours=49)
    calm.drain()
    assert [state for state, _ in cases_said(calm.other, number)] == ["in_doubt"]
    assert told(calm.other, number) == ["补正"]


def test_a_token_refused_at_will_changes_nothing_for_the_citizens(calm: Deployment) -> None:
    moved = calm.other.post("/cases/advance", count=12)
    calm.other.fault("errcode", SEND, value="40001", probability=0.4, seed=7)
    calm.round("cases")
    assert calm.other.fired("errcode") >= 3
    calm.other.mend()
    calm.other.advance(hours=1)
    calm.drain()
    reachable = {p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}
    expected = Counter((m["applicant_id"], m["to"]) for m in moved if m["applicant_id"] in reachable)
    assert calm.other.received() == expected


def test_an_exhausted_day_defers_to_the_next_one_and_then_they_go(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abreast, "WIDTH", 1)  # else those under way beside it hear the same
    numbers = [case_of(calm.other, identity) for identity in ORDINARY[:4]]
    for number in numbers:
        move(calm.other, number, "12")
    calm.other.fault("errcode", SEND, value="45009", skip=1)
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"accepted": 1, "deferred": 3}
    assert calm.other.fired("errcode") == 1  # the others were not tried in vain
    calm.other.mend()
    (group,) = calm.status()["deferred"]
    assert group["count"] == 3 and "45009" in group["reason"]
    assert group["until"].astimezone(MORNING.tzinfo).date() == MORNING.date() + timedelta(days=1)
    calm.drain()
    assert len(calm.other.messages()) == 1
    calm.other.at(MORNING + timedelta(days=1))
    calm.drain()
    assert all(told(calm.other, number) == ["补正"] for number in numbers)


def test_our_own_count_of_a_used_up_day_needs_no_refusal(calm: Deployment) -> None:
    numbers = [case_of(calm.other, identity) for identity in ORDINARY[:3]]
    calm.other.fault("errcode", SEND, value="45009", times=1)
    for number in numbers:
        move(calm.other, number, "12")
        calm.collect("cases")
        calm.compose("case_progress")
        calm.deliver()
    assert calm.other.fired("errcode") == 1 and calm.other.calls("message/template/send") == 0
    assert [group["count"] for group in calm.status()["deferred"]] == [1, 2]


def test_a_message_nobody_wants_any_more_expires_and_the_case_system_knows(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.other.advance(days=2, minutes=1)
    calm.drain()
    assert calm.other.messages() == []
    assert [state for state, _ in cases_said(calm.other, number)] == ["expired"]


def quiet(calm: Deployment) -> None:
    rewrite(
        calm.settings.site / "flows" / "case_progress.yaml",
        lambda text: text.replace("order: latest", 'quiet_hours: "21:00-08:00"\norder: latest'),
    )
    calm.reopen()
    calm.apply("case_progress")


def test_nobody_is_woken_up(calm: Deployment) -> None:
    quiet(calm)
    number = case_of(calm.other, ORDINARY[0])
    calm.other.at(MORNING.replace(hour=21, minute=5))
    move(calm.other, number, "12")
    calm.round("cases")
    assert calm.other.messages() == []
    (group,) = calm.status()["deferred"]
    assert group["reason"] == "quiet hours"
    calm.other.at((MORNING + timedelta(days=1)).replace(hour=7, minute=58))
    calm.deliver()
    assert calm.other.messages() == []
    calm.other.at((MORNING + timedelta(days=1)).replace(hour=8, minute=1))
    calm.drain()
    assert told(calm.other, number) == ["补正"]


def test_a_flow_switched_on_over_240_cases_tells_nobody_until_one_moves(
    other: OtherSide, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    site = calm_site(tmp_path)
    flow = site / "flows" / "case_progress.yaml"
    text = flow.read_text(encoding="utf-8")
    flow.unlink()
    town = Deployment.prepare(other, tmp_path / "home", migrated_sqlite_url, site).start()
    try:
        town.bind_everyone()
        town.collect("cases")
        flow.write_text(text, encoding="utf-8")
        town.reopen()
        town.compose("case_progress")
        town.round("cases")
        assert other.messages() == []
        number = case_of(other, ORDINARY[0])
        move(other, number, "12")
        town.round("cases")
        assert told(other, number) == ["补正"] and len(other.messages()) == 1
    finally:
        town.stop()


def test_nobody_bound_is_told_nothing_and_counted(calm: Deployment) -> None:
    stranger = case_of(calm.other, "N0001")
    move(calm.other, stranger, "12")
    calm.collect("cases")
    assert calm.compose("case_progress")["case_progress"].skipped == {"unbound": 1}
    calm.drain()
    assert calm.other.messages() == [] and calm.other.write_backs("cases") == []


def test_answers_since_a_date_are_told_when_the_flow_begins_there(
    other: OtherSide, migrated_sqlite_url: str, tmp_path: Path
) -> None:
    site = calm_site(tmp_path)
    rewrite(site / "flows" / "answers.yaml", lambda text: text.replace("begin: now", "begin: 2026-03-03"))
    town = Deployment.prepare(other, tmp_path / "home", migrated_sqlite_url, site).start()
    try:
        town.bind_everyone()
        town.round("qa")
        since_then = [q for q in other.get("/qa/questions") if (q.get("answered_at") or "") >= "2026-03-03"]
        bound = [q["id"] for q in since_then if not q["asker"].startswith("N")]
        accepted = [m["url"].rpartition("/")[2].partition(".")[0] for m in other.messages()]
        assert 0 < len(bound) < 105
        assert set(accepted) <= set(bound) and len(set(bound) - set(accepted)) <= 2  # those who left are refused
    finally:
        town.stop()


@pytest.mark.parametrize("refusal", ["40001", "45009", "43004", "48001", "40164"])
def test_a_repetition_that_is_refused_does_not_make_the_first_call_unsent(calm: Deployment, refusal: str) -> None:
    """Taken for surely unsent it would go once more when WeChat no longer knows the key, and arrive twice."""
    number = case_of(calm.other, ORDINARY[7])
    calm.other.fault("lose_answer", SEND, times=1)
    calm.other.fault("drop_event", SEND)
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    calm.other.fault("errcode", SEND, value=refusal)
    calm.other.advance(minutes=1)
    calm.deliver()
    assert calm.other.fired("errcode") >= 1
    calm.other.mend()
    calm.other.advance(minutes=20)
    calm.drain()
    calm.other.at(MORNING + timedelta(days=1))
    calm.drain()
    assert told(calm.other, number) == ["补正"]
    assert len(calm.status()["in_doubt"]) == 1
