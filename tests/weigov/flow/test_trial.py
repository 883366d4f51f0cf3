"""A new flow reaches its guests only, until somebody releases it."""

from __future__ import annotations

import pytest

from tests.weigov.command import command
from tests.weigov.flow.deployment import Deployment, openid, rewrite
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, case_of, move, told
from tests.weigov.flow.test_to_many import ALERTS, CORRECTION, alerts, heard, pull, reachable
from weigov.errors import ReviewRejected
from weigov.flow import trial

GUESTS = [ORDINARY[0], ORDINARY[1]]
TRIAL = "trial: {guests: [tester, boss, nobody]}\n"


def guests(town: Deployment) -> None:
    for name, identity in zip(("tester", "boss"), GUESTS, strict=True):
        assert trial.add_guest(town.ctx, "city", name, openid(identity))


def test_on_trial_only_guests_are_reached_until_somebody_releases_it(calm: Deployment) -> None:
    town = calm
    alerts(town, TRIAL, CORRECTION)
    guests(town)
    article = publish(town.other, "滨湖片区停水")
    pull(town)
    town.drain()
    assert set(heard(town)) == {(who, "通知", "滨湖片区停水") for who in GUESTS}
    assert [t["flow"] for t in town.status()["trials"]] == ["alerts"]
    publish(town.other, "城东停水")
    town.collect("cms")  # it happened before the release, and is composed after it
    town.other.advance(minutes=1)
    trial.release(town.ctx, "alerts", person="王主任", reason="三位同事看过")
    with pytest.raises(ReviewRejected, match="released already"):
        trial.release(town.ctx, "alerts", person="王主任", reason="再来")
    assert town.status()["trials"] == []
    assert [(d["what"], d["reason"]) for d in town.status()["decisions"]] == [("release", "alerts: 三位同事看过")]
    town.other.advance(minutes=1)
    town.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区明日停水")
    publish(town.other, "城北停水")
    pull(town)
    town.drain()
    found = heard(town)
    before = ("滨湖片区停水", "滨湖片区明日停水", "城东停水")
    assert {who for who, _, title in found if title in before} == set(GUESTS)
    assert {who for who, _, title in found if title == "城北停水"} == reachable()
    assert set(found.values()) == {1}


def test_a_guest_does_not_read_of_other_peoples_cases(calm: Deployment) -> None:
    flow = calm.settings.site / "flows" / "case_progress.yaml"
    rewrite(flow, lambda text: text.replace("order: latest", TRIAL + "order: latest"))
    calm.reopen()
    calm.apply("case_progress")
    guests(calm)
    mine, other = case_of(calm.other, GUESTS[0]), case_of(calm.other, ORDINARY[5])
    for number in (mine, other):
        move(calm.other, number, "12")
    calm.collect("cases")
    assert calm.compose("case_progress")["case_progress"].skipped == {"on trial, and none of them is a guest": 1}
    calm.drain()
    assert told(calm.other, mine) == ["补正"] and told(calm.other, other) == []
    assert len(calm.other.messages()) == 1


def test_an_operator_names_guests_and_releases_by_the_command_line(calm: Deployment) -> None:
    alerts(calm, TRIAL)
    env = calm.environ
    assert "no openid" in command(env, "guests", "add", "tester", stdin="张三\n").err
    one = openid(GUESTS[0])
    assert command(env, "guests", "add", "tester", stdin=f"{one}\n").good() == "tester is a guest of city\n"
    assert "called tester already" in command(env, "guests", "add", "tester", stdin=f"{one}\n").err
    listed = command(env, "guests", "list").good()
    assert "tester" in listed and one not in listed
    shown = command(env, "status").good()
    assert "on trial: alerts" in shown and "weigov release alerts" in shown
    assert "released" in command(env, "release", "alerts", "--by", "王主任", "--reason", "看过").good()
    assert "on trial" not in command(env, "status").good()
    assert "nobody is called boss" in command(env, "guests", "remove", "boss").err
    assert command(env, "guests", "remove", "tester").good() and "no guests" in command(env, "guests", "list").good()


def test_without_its_word_a_flow_on_trial_stands_still(calm: Deployment) -> None:
    alerts(calm, TRIAL)
    (calm.settings.site / "flows" / "alerts.yaml").write_text(ALERTS, encoding="utf-8")
    calm.reopen()
    assert "weigov release alerts" in calm.compose("alerts")["alerts"].held


def test_articles_of_a_flow_on_trial_stay_drafts(calm: Deployment) -> None:
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text + "trial: {guests: [tester]}\n")
    calm.reopen()
    calm.apply("notices")
    publish(calm.other, "关于滨湖大道封闭施工的通告")
    calm.round("cms")
    assert calm.other.articles() == [] and len(calm.other.state()["drafts"]) == 1
    trial.release(calm.ctx, "notices", person="王主任", reason="看过")
    calm.round("cms")
    assert calm.other.articles() == []
