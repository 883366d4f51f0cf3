"""Where WeChat lets nothing through until a person acts: one call a drain, one reason, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tests.weigov.flow.deployment import Deployment, openid
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, SEND
from weigov.ledger import bindings, outbox
from weigov.ledger.outbox import New
from weigov.wechat.errcodes import ERRCODES

WHOLE = sorted(code for code, known in ERRCODES.items() if known.reaction == "account_stopped")
KIND = sorted(code for code, known in ERRCODES.items() if known.reaction == "call_stopped")


def write_messages(calm: Deployment, how_many: int) -> None:
    """Messages that are ready to go, to citizens who follow."""
    ctx = calm.ctx
    people = [openid(identity) for identity in ORDINARY]
    rows = [
        New(
            site=ctx.site.site,
            flow="case_progress",
            record=f"cases/cases/SF{n:012d}",
            revision=1,
            effect="send",
            target="account:city",
            subject=bindings.openid_hash(ctx.sealer, people[n % len(people)]),
            channel="template",
            payload={
                "template_id": "TM00123",
                "url": "",
                "data": {
                    "thing1": "居住证办理",
                    "phrase2": "已受理",
                    "character_string3": f"SF{n:012d}",
                    "time4": "2026年1月5日 09:30",
                },
            },
        )
        for n in range(how_many)
    ]
    with ctx.ledger.begin() as connection:
        for one in people:
            bindings.bind(
                connection, ctx.sealer, calm.other.appid, one, "cases", "identity", "x" + one[-6:], now=ctx.now()
            )
        assert outbox.enqueue(connection, rows, now=ctx.now()) == how_many


def states(calm: Deployment) -> Counter[str]:
    with calm.ctx.ledger.read() as connection:
        return Counter(row.state for row in outbox.find(connection, channel="template", flow="case_progress"))


def test_two_hundred_messages_behind_a_shut_door_cost_one_call_a_drain_and_all_arrive_once(
    calm_on_each: Deployment,
) -> None:
    calm = calm_on_each
    write_messages(calm, 200)
    calm.other.fault("errcode", "/cgi-bin/*", value="40164")
    for n in range(1, 13):
        done = calm.deliver()
        assert "40164" in done.stopped and "白名单" in done.stopped and "\n" not in done.stopped
        assert calm.other.fired("errcode") == n
        assert states(calm) == {"ready": 200}
        calm.other.advance(minutes=5)
    (stopped,) = calm.status()["stopped"]
    assert stopped["target"] == "account:city" and "40164" in stopped["reason"]
    assert calm.ctx.now() - stopped["since"] >= timedelta(minutes=59)
    calm.other.mend()
    calm.deliver()
    assert calm.status()["stopped"] == []
    calm.other.advance(hours=1)
    calm.drain()
    assert states(calm) == {"confirmed": 200}
    sent = Counter(m["data"]["character_string3"] for m in calm.other.messages())
    assert len(sent) == 200 and set(sent.values()) == {1}


def test_every_code_of_a_shut_door_stops_the_drain_with_its_one_reason(calm: Deployment) -> None:
    write_messages(calm, 3)
    for n, code in enumerate(WHOLE, start=1):
        calm.other.fault("errcode", SEND, value=str(code))
        done = calm.deliver()
        assert f": {code} " in done.stopped and calm.other.fired("errcode") == n
        assert states(calm) == {"ready": 3}
        assert len(calm.status()["stopped"]) == 1
        calm.other.mend()
        calm.other.advance(minutes=61)


def test_every_code_of_a_missing_permission_holds_its_kind_with_its_one_reason(calm: Deployment) -> None:
    write_messages(calm, 3)
    for n, code in enumerate(KIND, start=1):
        calm.other.fault("errcode", SEND, value=str(code))
        assert not calm.deliver().stopped
        assert calm.other.fired("errcode") == n and states(calm) == {"deferred": 3}
        (group,) = calm.status()["deferred"]
        assert group["count"] == 3 and str(code) in group["reason"]
        calm.other.mend()
        calm.other.advance(minutes=61)


def test_a_missing_permission_is_asked_for_once_an_hour_and_lets_others_go(calm: Deployment) -> None:
    code = 48001
    write_messages(calm, 25)
    publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose()
    calm.other.fault("errcode", SEND, value=str(code))
    done = calm.deliver()
    assert not done.stopped and done.states["accepted"] == 1  # the article
    assert calm.other.fired("errcode") == 1
    assert states(calm) == {"deferred": 25}
    (group,) = calm.status()["deferred"]
    assert group["count"] == 25 and str(code) in group["reason"]
    for _ in range(11):
        calm.other.advance(minutes=5)
        calm.deliver()
    assert calm.other.fired("errcode") == 1  # an hour later once more, not before
    calm.other.mend()
    calm.other.advance(minutes=10)
    calm.drain()
    assert states(calm) == {"confirmed": 25}
