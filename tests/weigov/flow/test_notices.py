"""Subscribe notices and customer-service messages: only what a citizen agreed to or asked for, and never twice."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment, openid, rewrite
from tests.weigov.flow.killed import run_until_killed
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY
from weigov.ledger import grants, outbox
from weigov.ledger.bindings import openid_hash
from weigov.ledger.tables import inbox

SEND = "/cgi-bin/message/subscribe/bizsend"
CUSTOM = "/cgi-bin/message/custom/send"
WATER = """\
flow: water
title: 停水通知
from: {system: cms, stream: articles}
to: {accounts: [city], kind: subscribe, template: water, audience: AUDIENCE}
valid_for: P2D
map:
  thing1: {from: title, max: 20}
  time2: {from: published_at, format: "YYYY年M月D日 HH:mm"}
  thing3: {value: 请提前储水}
"""


@pytest.fixture
def town(calm_on_each: Deployment) -> Deployment:
    return subscribed(calm_on_each)


@pytest.fixture
def one(calm: Deployment) -> Deployment:
    return subscribed(calm)


def subscribed(town: Deployment, audience: str = "subscribers") -> Deployment:
    """The demo with notices of cut-off water; three citizens agreed to one, the first of them to two."""
    site = town.settings.site
    rewrite(
        site / "site.yaml",
        lambda text: text.replace(
            "    templates:\n",
            "    templates:\n      water: {id: TM00201, kind: subscribe, fields: [thing1, time2, thing3]}\n",
        ),
    )
    (site / "flows" / "water.yaml").write_text(WATER.replace("AUDIENCE", audience), encoding="utf-8")
    for name in ("notices", "policies"):
        (site / "flows" / f"{name}.yaml").unlink()
    town.reopen()
    town.compose("water")
    for identity in (*ORDINARY[:3], ORDINARY[0]):
        agree(town, identity)
    town.reconcile()
    return town


def agree(town: Deployment, identity: str, **more: Any) -> None:
    town.other.post(f"/wechat/citizens/{openid(identity)}/agree", template_id="TM00201", **more)
    town.other.events_done()
    town.other.advance(seconds=1)


def cut_off(town: Deployment, title: str) -> dict[str, Any]:
    article = publish(town.other, title)
    town.collect("cms")
    town.compose("water")
    return article


def heard(town: Deployment) -> Counter[tuple[str, str]]:
    names = {p.openid: p.identity for p in PEOPLE}
    return Counter(
        (names[m["openid"]], m["data"]["thing1"])
        for m in town.other.messages()
        if m["delivered"] and m["template_id"] == "TM00201"
    )


def tries(town: Deployment, path: str = SEND) -> int:
    return sum(town.other.state()["calls"].get(path, {}).values())


def states(town: Deployment, flow: str = "water") -> dict[str, int]:
    found: dict[str, int] = town.status()["flows"][flow]["deliveries"]
    return found


def test_each_agreement_is_good_for_one_notice(town: Deployment) -> None:
    cut_off(town, "滨湖停水")
    town.drain()
    assert heard(town) == {(who, "滨湖停水"): 1 for who in ORDINARY[:3]}
    assert states(town) == {"confirmed": 3}
    cut_off(town, "城东停水")
    town.drain()
    assert heard(town)[(ORDINARY[0], "城东停水")] == 1 and heard(town).total() == 4
    assert states(town) == {"confirmed": 4, "rejected": 2} and tries(town) == 4  # nobody was called in vain
    agree(town, ORDINARY[1])
    cut_off(town, "城北停水")
    town.drain()
    assert heard(town)[(ORDINARY[1], "城北停水")] == 1 and heard(town).total() == 5


def test_a_lost_answer_is_never_asked_for_again_and_its_event_settles_it(one: Deployment) -> None:
    town = one
    town.other.fault("lose_answer", SEND, times=1)
    cut_off(town, "滨湖停水")
    town.drain()
    assert heard(town) == {(who, "滨湖停水"): 1 for who in ORDINARY[:3]} and tries(town) == 3
    assert states(town) == {"confirmed": 3}


def test_without_answer_and_event_a_person_is_asked_and_the_agreement_is_kept_back(one: Deployment) -> None:
    one.other.fault("refuse_before", SEND, openid=openid(ORDINARY[1]))
    cut_off(one, "滨湖停水")
    one.deliver()
    one.other.mend()
    one.other.advance(minutes=40)
    one.drain()
    cut_off(one, "城东停水")
    one.drain()
    assert states(one)["in_doubt"] == 1 and (ORDINARY[1], "城东停水") not in heard(one)


@pytest.mark.parametrize("fault", ["event_first", "duplicate_event"])
def test_an_event_that_comes_early_or_twice_settles_it_once(one: Deployment, fault: str) -> None:
    one.other.fault(fault, SEND)
    cut_off(one, "滨湖停水")
    one.drain()
    assert states(one) == {"confirmed": 3}


def test_the_event_of_what_another_system_sent_before_settles_nothing(one: Deployment) -> None:
    who = openid(ORDINARY[0])
    others = {"thing1": "城南停气", "time2": "2026年3月10日 10:00", "thing3": "请提前做饭"}
    one.ctx.account("city").send_notice(who, "TM00201", others, "")
    one.reconcile()
    one.other.advance(minutes=5)
    one.other.fault("refuse_before", SEND, openid=who)
    cut_off(one, "滨湖停水")
    one.deliver()
    one.other.advance(minutes=40)
    one.reconcile()
    assert states(one) == {"confirmed": 2, "in_doubt": 1}


def test_an_event_settles_it_though_the_gateways_clock_is_behind_ours(one: Deployment) -> None:
    cut_off(one, "滨湖停水")
    one.deliver()
    sent = select(inbox.c.id).where(inbox.c.event == "subscribe_msg_sent_event")
    for _ in range(200):
        with one.ctx.ledger.begin() as connection:
            if len(connection.execute(sent).all()) == 3:
                connection.execute(update(inbox).values(received_at=one.ctx.now() - timedelta(seconds=4)))
                break
        time.sleep(0.05)
    else:
        raise AssertionError("the three events did not come")
    one.drain()
    assert states(one) == {"confirmed": 3}


def test_an_event_is_not_taken_for_that_of_one_in_doubt_while_another_waits(one: Deployment) -> None:
    one.other.fault("refuse_before", SEND, openid=openid(ORDINARY[0]))
    cut_off(one, "滨湖停水")
    one.deliver()
    one.other.mend()
    one.other.advance(minutes=40)
    one.drain()
    cut_off(one, "城东停水")
    one.drain()
    with one.ctx.ledger.read() as connection:
        rows = outbox.find(connection, flow="water", subject=openid_hash(one.ctx.sealer, openid(ORDINARY[0])))
    assert [(row.payload["data"]["thing1"], row.state) for row in rows] == [
        ("滨湖停水", "in_doubt"), ("城东停水", "confirmed"),
    ]  # fmt: skip


def test_what_the_event_says_did_not_arrive_is_rejected(one: Deployment) -> None:
    one.other.fault("template_status", SEND, times=1)
    cut_off(one, "滨湖停水")
    one.drain()
    assert states(one) == {"confirmed": 2, "rejected": 1}


def test_what_a_citizen_took_back_or_wechat_calls_used_up_counts_no_more(one: Deployment) -> None:
    one.other.post(f"/wechat/citizens/{openid(ORDINARY[0])}/take-back", template_id="TM00201")
    with one.other.world.transaction() as db:
        db.execute("DELETE FROM wx_agreement WHERE openid = ?", (openid(ORDINARY[1]),))
    one.reconcile()
    cut_off(one, "滨湖停水")
    one.drain()
    assert set(heard(one)) == {(ORDINARY[2], "滨湖停水")} and tries(one) == 2
    subject = openid_hash(one.ctx.sealer, openid(ORDINARY[1]))
    with one.ctx.ledger.read() as connection:
        assert grants.left(connection, one.other.appid, subject, "TM00201") == 0


def test_a_refusal_for_another_reason_leaves_the_agreement(one: Deployment) -> None:
    one.other.fault("errcode", SEND, value="47003", openid=openid(ORDINARY[1]), times=1)
    cut_off(one, "滨湖停水")
    one.drain()
    cut_off(one, "城东停水")
    one.drain()
    assert heard(one).total() == 2 + 2  # who was refused had it left for the next


def test_long_term_is_not_used_up(one: Deployment) -> None:
    rewrite(
        one.settings.site / "site.yaml",
        lambda text: text.replace("kind: subscribe,", "kind: subscribe, long_term: true,"),
    )
    one.reopen()
    agree(one, ORDINARY[5], long_term=True)
    for title in ("滨湖停水", "城东停水", "城北停水"):
        cut_off(one, title)
        one.drain()
    assert sum(n for (who, _), n in heard(one).items() if who == ORDINARY[5]) == 3


def test_who_switched_a_long_term_notice_off_is_called_once_in_vain(one: Deployment) -> None:
    rewrite(
        one.settings.site / "site.yaml",
        lambda text: text.replace("kind: subscribe,", "kind: subscribe, long_term: true,"),
    )
    one.reopen()
    agree(one, ORDINARY[5], long_term=True)
    with one.other.world.transaction() as db:  # and no event said so
        db.execute("DELETE FROM wx_agreement WHERE openid = ?", (openid(ORDINARY[5]),))
    for title in ("滨湖停水", "城东停水"):
        cut_off(one, title)
        one.drain()
        assert one.other.state()["calls"][SEND]["43101"] == 1
    agree(one, ORDINARY[5], long_term=True)
    cut_off(one, "城北停水")
    one.drain()
    assert heard(one)[(ORDINARY[5], "城北停水")] == 1


@pytest.mark.parametrize("point", ["intent:send", "effect:send"])
def test_killed_at_any_step_nobody_is_told_twice_and_no_agreement_is_lost(town: Deployment, point: str) -> None:
    cut_off(town, "滨湖停水")
    run_until_killed(town.environ, point, "deliver")
    town.other.advance(seconds=95)
    town.drain()
    assert max(heard(town).values()) == 1
    if point != "intent:send":
        assert heard(town) == {(who, "滨湖停水"): 1 for who in ORDINARY[:3]}
        assert states(town) == {"confirmed": 3}
    else:
        town.other.advance(minutes=40)
        town.drain()
        assert states(town) == {"confirmed": 2, "in_doubt": 1}


def asked(town: Deployment) -> str:
    """Somebody of ours asks, and is answered in the system; who."""
    while True:
        (answer,) = town.other.post("/qa/answer", count=1)
        if answer["asker"] in ORDINARY:
            return str(answer["asker"])


def by_service(town: Deployment) -> None:
    flow = town.settings.site / "flows" / "answers.yaml"
    text = flow.read_text(encoding="utf-8")
    head = text[: text.index("map:")].replace(
        "kind: template, template: answer,", "kind: customer_service, form: text,"
    )
    back = text[text.index("sync_back:") :]
    flow.write_text(head + "map:\n  content: {from: html, steps: [plain_text]}\n" + back, encoding="utf-8")
    town.reopen()
    town.apply("answers")


def answers_shown(town: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.other.get("/wechat/custom-messages", appid=town.other.appid)
    return found


def test_who_wrote_is_answered_and_who_did_not_is_not(calm: Deployment) -> None:
    town = calm
    by_service(town)
    who = asked(town)
    town.other.post(f"/wechat/citizens/{openid(who)}/say", text="什么时候办好？")
    town.other.events_done()
    other = asked(town)
    while other == who:
        other = asked(town)
    town.collect("qa")
    town.compose("answers")
    town.drain()
    assert {m["openid"] for m in answers_shown(town)} == {openid(who)}
    assert states(town, "answers")["expired"] >= 1 and tries(town, CUSTOM) == len(answers_shown(town))


def test_an_answer_whose_fate_nobody_knows_is_in_doubt_and_not_repeated(calm: Deployment) -> None:
    by_service(calm)
    who = asked(calm)
    calm.other.post(f"/wechat/citizens/{openid(who)}/say", text="什么时候办好？")
    calm.other.fault("lose_answer", CUSTOM, times=1)
    calm.other.events_done()
    calm.collect("qa")
    calm.compose("answers")
    calm.drain()
    assert tries(calm, CUSTOM) == len(answers_shown(calm)) == 1 and states(calm, "answers") == {"in_doubt": 1}


@pytest.mark.parametrize("refusal", ["45015", "45047"])
def test_who_wechat_lets_nobody_answer_is_not_answered_before_they_are_there_again(
    calm: Deployment, refusal: str
) -> None:
    by_service(calm)
    who = asked(calm)
    question = next(q for q in calm.other.get("/qa/questions") if q.get("answer") and q["asker"] == who)

    def says(text: str) -> None:
        calm.other.post(f"/wechat/citizens/{openid(who)}/say", text=text)
        calm.other.events_done()
        calm.other.advance(minutes=1)

    def answered(text: str) -> None:
        calm.other.post(f"/qa/questions/{question['id']}/answer", answer=f"<p>{text}</p>")
        calm.collect("qa")
        calm.compose("answers")
        calm.drain()

    says("什么时候办好？")
    calm.other.fault("errcode", CUSTOM, value=refusal, times=1)
    answered("三个工作日。")
    before = states(calm, "answers")  # others asked too, and were not there
    assert before["rejected"] == 1 and answers_shown(calm) == []
    answered("五个工作日。")
    after = states(calm, "answers")
    assert after["rejected"] == 1 and after["expired"] == before.get("expired", 0) + 1 and answers_shown(calm) == []
    says("还在吗？")
    answered("六个工作日。")
    assert {m["openid"] for m in answers_shown(calm)} == {openid(who)}
