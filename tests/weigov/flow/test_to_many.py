"""Messages to many and corrections, as the citizens' phones show them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import MORNING, Deployment, openid, rewrite
from tests.weigov.flow.killed import run_until_killed
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, SEND
from weigov.flow import fan_out
from weigov.flow.context import Context
from weigov.flow.settle import settle
from weigov.ledger import outbox
from weigov.ledger.bindings import openid_hash
from weigov.ledger.fan_outs import FanOut
from weigov.ledger.states import State
from weigov.ledger.told import Older

ALERTS = """\
flow: alerts
title: 停水通知
from: {system: cms, stream: articles}
to: {accounts: [city], kind: template, template: answer, audience: bound}
valid_for: P2D
map:
  thing1: {from: title, max: 20}
  thing2: {value: 通知}
  time3: {from: published_at, format: "YYYY年M月D日 HH:mm"}
"""
CORRECTION = """\
correction:
  edited:
    map:
      thing1: {from: title, max: 20}
      thing2: {value: 更正}
      time3: {from: published_at, format: "YYYY年M月D日 HH:mm"}
  withdrawn:
    map:
      thing1: {from: title, max: 20}
      thing2: {value: 撤回}
      time3: {from: published_at, format: "YYYY年M月D日 HH:mm"}
"""


def alerts(town: Deployment, *more: str) -> None:
    flows = town.settings.site / "flows"
    (flows / "alerts.yaml").write_text(ALERTS + "".join(more), encoding="utf-8")
    for name in ("notices", "policies"):
        (flows / f"{name}.yaml").unlink(missing_ok=True)
    town.reopen()
    town.compose("alerts")
    with town.ctx.ledger.begin() as connection:  # everybody starts where messages can reach them
        connection.exec_driver_sql("DELETE FROM citizen")


def pull(town: Deployment) -> None:
    town.collect("cms")
    town.compose("alerts")


def heard(town: Deployment) -> Counter[tuple[str, str, str]]:
    """(identity, what, title) → how often it reached that phone."""
    names = {p.openid: p.identity for p in PEOPLE}
    return Counter(
        (names[m["openid"]], m["data"]["thing2"], m["data"]["thing1"])
        for m in town.other.messages()
        if m["delivered"] and m["template_id"] == "TM00124"
    )


def reachable() -> set[str]:
    return {p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}


@pytest.mark.parametrize(
    ("states", "heard"),
    [
        ("confirmed", "correction of 1"),
        ("accepted", "correction of 1"),
        ("unknown", "correction of 1"),  # it waits until that is known
        ("in_doubt", "correction of 1"),
        ("superseded", "the new text"),  # by this very edit, before it left
        ("withdrawn", "the new text"),  # before it left, and put back
        ("rejected", None),
        ("expired", None),
        ("refused", None),
        ("given_up", None),
        ("confirmed superseded", "correction of 1"),  # the first edit never left
        ("confirmed confirmed", "correction of 2"),
        ("confirmed rejected", "correction of 1"),
        ("superseded superseded", "the new text"),
        ("superseded expired", None),
        ("rejected superseded", "the new text"),
    ],
)
def test_what_is_heard_next_follows_from_what_arrived(states: str, heard: str | None) -> None:
    common = {
        "channel": "template", "title": "t", "priority": 30, "mapping_digest": "", "approvals_needed": 0, "says": "s",
        "expires_at": MORNING.isoformat(), "message": {"new": 1}, "correction": {"correction": 1},
    }  # fmt: skip
    one = FanOut(1, "f", "cms/articles/1", 9, "account:city", "corrected", common, "", 1, 0, "open", MORNING)
    olds = [Older(n, "who", cast(State, state)) for n, state in enumerate(states.split(), start=1)]
    ctx = cast(Context, SimpleNamespace(site=SimpleNamespace(site="demo")))
    new = fan_out._heard_next(ctx, one, "who", olds)
    withdrawn = fan_out._heard_next(ctx, replace(one, message={**common, "message": None}), "who", olds)
    if heard is None:
        assert new is None and withdrawn is None
    elif heard == "the new text":
        assert new is not None and new.payload == {"new": 1} and withdrawn is None
    else:
        assert new is not None and withdrawn is not None
        assert new.payload["corrects"] == withdrawn.payload["corrects"] == int(heard[-1])
        assert new.payload["instead"] == {"new": 1} and withdrawn.payload["instead"] is None


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_out, "BATCH", 7)


def test_a_message_to_all_who_are_bound_reaches_each_once_and_shows_how_far_it_is(calm: Deployment) -> None:
    town = calm
    alerts(town)
    publish(town.other, "滨湖片区停水")
    pull(town)
    (one,) = town.status()["fan_outs"]
    assert one["made"] == one["total"] == len(PEOPLE) and one["deliveries"] == {"ready": len(PEOPLE)}
    town.drain()
    assert {who for who, _, _ in heard(town)} == reachable() and set(heard(town).values()) == {1}


@pytest.mark.parametrize("point", ["fan_out._batch:1", "fan_out.fan_outs__advance:1"])
def test_killed_in_the_middle_it_misses_nobody_and_tells_nobody_twice(calm_on_each: Deployment, point: str) -> None:
    town = calm_on_each
    alerts(town)
    publish(town.other, "滨湖片区停水")
    town.collect("cms")
    run_until_killed(town.environ, point, "compose", "alerts")
    assert town.due().get("compose") == 1
    town.compose("alerts")
    town.drain()
    assert {who for who, _, _ in heard(town)} == reachable() and set(heard(town).values()) == {1}


def test_an_edit_tells_those_who_have_the_old_text_and_gives_the_others_the_new(calm_on_each: Deployment) -> None:
    town = calm_on_each
    alerts(town, CORRECTION)
    article = publish(town.other, "滨湖片区停水")
    pull(town)
    town.deliver(limit=20)
    town.reconcile()
    first = {who for who, _, _ in heard(town)}
    assert 10 < len(first) < len(reachable())
    town.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区明日停水")
    pull(town)
    town.drain()
    expected = {(who, "通知", "滨湖片区停水"): 1 for who in first}
    expected |= {(who, "更正", "滨湖片区明日停水"): 1 for who in first}
    expected |= {(who, "通知", "滨湖片区明日停水"): 1 for who in reachable() - first}
    assert heard(town) == expected


def test_a_withdrawal_is_told_to_those_who_have_the_text_and_to_nobody_else(calm: Deployment) -> None:
    alerts(calm, CORRECTION)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.deliver(limit=20)
    calm.reconcile()
    first = {who for who, _, _ in heard(calm)}
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    pull(calm)
    calm.drain()
    expected = {(who, "通知", "滨湖片区停水"): 1 for who in first}
    assert heard(calm) == expected | {(who, "撤回", "滨湖片区停水"): 1 for who in first}


@pytest.mark.parametrize("correction", [CORRECTION, ""])
def test_what_was_withdrawn_leaves_no_more_though_its_flow_is_held(calm: Deployment, correction: str) -> None:
    alerts(calm, correction)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.deliver(limit=20)
    calm.reconcile()
    first = {who for who, _, _ in heard(calm)}
    rewrite(calm.settings.site / "flows" / "alerts.yaml", lambda text: text.replace("value: 通知", "value: 告知"))
    calm.reopen()
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    assert calm.compose("alerts")["alerts"].held
    calm.drain_but_compose()
    assert {who for who, _, _ in heard(calm)} == first
    calm.apply("alerts")
    calm.compose("alerts")
    calm.drain()
    assert {who for who, what, _ in heard(calm) if what == "通知"} == first
    assert {who for who, what, _ in heard(calm) if what == "撤回"} == (first if correction else set())


def compose_in_no_time(town: Deployment) -> None:
    """Everything is decided; of the fan-outs there is no time to make a delivery."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fan_out, "DRAIN_S", -1)
        town.compose("alerts")


def first_batch_only(town: Deployment) -> set[str]:
    """Compose stops in the middle of the fan-out; who has the text then."""
    compose_in_no_time(town)
    with town.ctx.ledger.begin() as connection:
        one = fan_out.fan_outs.lock(connection, fan_out.fan_outs.under_way(connection, "demo")[0])
        assert one is not None
        fan_out._batch(town.ctx, connection, town.ctx.site.flows["alerts"], one)
    town.deliver()
    return {who for who, _, _ in heard(town)}


def test_an_edit_during_the_fan_out_reaches_those_it_had_not_come_to(calm: Deployment) -> None:
    alerts(calm, CORRECTION)
    article = publish(calm.other, "滨湖片区停水")
    calm.collect("cms")
    first = first_batch_only(calm)
    calm.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区明日停水")
    calm.collect("cms")
    compose_in_no_time(calm)  # else the fan-out before is brought to its end first
    calm.compose("alerts")
    assert fan_out.expand(calm.ctx, calm.ctx.site.flows["alerts"]) == 0
    calm.drain()
    assert {who for who, what, _ in heard(calm) if what == "更正"} == first
    assert {who for who, _, title in heard(calm) if title == "滨湖片区明日停水"} == reachable()


@pytest.mark.parametrize("correction", [CORRECTION, CORRECTION.partition("  withdrawn:")[0]])
@pytest.mark.parametrize("drained", [True, False])
def test_withdrawn_during_the_fan_out_and_put_back_it_reaches_those_it_had_not_come_to(
    calm: Deployment, correction: str, drained: bool
) -> None:
    alerts(calm, correction)
    article = publish(calm.other, "滨湖片区停水")
    calm.collect("cms")
    first = first_batch_only(calm)
    for change in ("withdraw", "restore", "withdraw", "restore"):
        calm.other.advance(minutes=5)
        calm.other.post(f"/cms/articles/{article['id']}/{change}")
        calm.collect("cms")
        compose_in_no_time(calm)  # else the fan-out before is brought to its end first
        if drained:
            calm.compose("alerts")
            calm.drain()
    calm.compose("alerts")
    calm.drain()
    assert {who for who, what, _ in heard(calm) if what == "通知"} == reachable()
    assert 0 < len(first) < len(reachable())
    # Who heard nothing of a withdrawal has what stands now, and needs no correction.
    corrected = reachable() if drained and "withdrawn:" in correction else set()
    for what in ("撤回", "更正"):
        assert {who for who, said, _ in heard(calm) if said == what} == corrected
    assert {n for (_, what, _), n in heard(calm).items() if what == "通知"} == {1}


def test_an_old_text_of_unknown_fate_is_corrected_once_it_is_known_to_have_arrived(calm: Deployment) -> None:
    alerts(calm, CORRECTION)
    calm.other.fault("lose_answer", SEND, openid=openid(ORDINARY[0]), times=1)
    calm.other.fault("refuse_before", SEND, openid=openid(ORDINARY[1]), times=1)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.deliver()
    calm.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区明日停水")
    pull(calm)
    calm.drain()
    mine = [(what, title) for who, what, title in heard(calm) if who == ORDINARY[0]]
    assert mine == [("通知", "滨湖片区停水"), ("更正", "滨湖片区明日停水")]
    assert calm.other.most_often() == 1


def test_what_was_withdrawn_before_it_left_and_put_back_reaches_each_once(calm: Deployment) -> None:
    alerts(calm, CORRECTION)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.deliver(limit=20)
    calm.reconcile()
    first = {who for who, _, _ in heard(calm)}
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    pull(calm)
    calm.drain()
    calm.other.advance(minutes=5)
    calm.other.post(f"/cms/articles/{article['id']}/restore")
    pull(calm)
    calm.drain()
    assert {who for who, what, _ in heard(calm) if what == "通知"} == reachable()
    assert {who for who, what, _ in heard(calm) if what == "更正"} == first
    assert set(heard(calm).values()) == {1}


@pytest.mark.parametrize("then", ["edited", "withdrawn"])
def test_who_missed_a_correction_hears_the_next_for_they_have_the_first_text(calm: Deployment, then: str) -> None:
    alerts(calm, CORRECTION)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.drain()
    who = openid(ORDINARY[1])
    if then == "edited":
        calm.other.fault("lose_answer", SEND, openid=who, times=1)
        calm.other.fault("template_status", SEND, openid=who, times=1)
    else:
        calm.other.fault("refuse_before", SEND, openid=who)
    calm.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区明日停水")
    pull(calm)
    calm.deliver()
    if then == "edited":
        calm.other.patch(f"/cms/articles/{article['id']}", title="滨湖片区后日停水")
    else:
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    pull(calm)
    calm.deliver()
    calm.other.mend()
    if then == "withdrawn":
        calm.other.advance(minutes=31)
        calm.reconcile()
        with calm.ctx.ledger.read() as connection:
            subject = openid_hash(calm.ctx.sealer, who)
            (doubt,) = outbox.find(connection, flow="alerts", states=("in_doubt",), subject=subject)
        settle(calm.ctx, doubt.id, "not_sent", person="wang", reason="he did not get it")
        calm.other.advance(minutes=31)
    calm.drain()
    last = ("更正", "滨湖片区后日停水") if then == "edited" else ("撤回", "滨湖片区明日停水")
    assert [(what, title) for one, what, title in heard(calm) if one == ORDINARY[1]] == [
        ("通知", "滨湖片区停水"),
        last,
    ]


def test_an_edit_taken_back_before_it_left_says_nothing(calm: Deployment) -> None:
    alerts(calm, CORRECTION)
    article = publish(calm.other, "滨湖片区停水")
    pull(calm)
    calm.drain()
    before = heard(calm)
    for title in ("滨湖片区明日停水", "滨湖片区停水"):
        calm.other.patch(f"/cms/articles/{article['id']}", title=title)
        pull(calm)
    calm.drain()
    assert heard(calm) == before


@pytest.mark.parametrize("seed", [20261126])
def test_whatever_happens_nobody_hears_it_twice_and_corrections_follow_what_they_correct(
    calm: Deployment, seed: int
) -> None:
    """Three articles edited, withdrawn and sent in any order, answers lost, as the phones show it in the end."""
    alerts(calm, CORRECTION)
    chance = random.Random(seed)
    articles = {n: publish(calm.other, f"停水{n}：甲") for n in "一二三"}
    texts = {n: [("通知", f"停水{n}：甲")] for n in articles}
    withdrawn: set[str] = set()
    calm.other.fault("lose_answer", SEND, probability=0.1, seed=seed)
    for step in range(14):
        name = chance.choice(list(articles))
        what = chance.choice(["edit", "edit", "withdraw", "send", "send", "wait"])
        if what == "edit" and name not in withdrawn:
            title = f"停水{name}：{step}"
            calm.other.patch(f"/cms/articles/{articles[name]['id']}", title=title)
            texts[name].append(("更正", title))
        elif what == "withdraw" and step > 6 and name not in withdrawn:
            calm.other.post(f"/cms/articles/{articles[name]['id']}/withdraw")
            withdrawn.add(name)
        elif what == "send":
            calm.deliver(limit=chance.randint(5, 60))
        else:
            calm.other.advance(minutes=1)
            calm.reconcile()
        pull(calm)
    calm.other.mend()
    calm.drain()
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for message in calm.other.messages():
        if message["delivered"]:
            data = message["data"]
            seen.setdefault((message["openid"], data["thing1"][2]), []).append((data["thing2"], data["thing1"]))
    assert seen and calm.other.most_often() == 1
    for (_, name), heard_by_one in seen.items():
        assert heard_by_one[0][0] == "通知"  # a correction has something to correct
        assert [what for what, _ in heard_by_one].count("通知") == 1
        assert heard_by_one[-1][0] == "撤回" if name in withdrawn else heard_by_one[-1][1] == texts[name][-1][1]
