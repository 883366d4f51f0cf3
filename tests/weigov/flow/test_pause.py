"""A paused flow tells nobody anything, and goes on where it stood."""

from __future__ import annotations

import pytest

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move, told
from weigov.errors import ConfigError, ReviewRejected
from weigov.flow.pause import pause, resume
from weigov.ledger import audit_log, outbox


def test_a_paused_flow_sends_nothing_until_it_is_resumed(calm: Deployment) -> None:
    publish(calm.other, "关于停水的通知")
    calm.collect("cms")
    pause(calm.ctx, "notices", person="wang", reason="台风")
    calm.compose()
    assert calm.deliver().states["deferred"] == 1
    calm.other.advance(hours=25)  # looked at again, and still paused
    assert calm.deliver().states == {"deferred": 1} and calm.other.titles() == []
    with calm.ctx.ledger.read() as connection:
        (row,) = outbox.find(connection, flow="notices", states=("deferred",))
    assert row.reason == "notices is paused by wang (台风) until `weigov resume notices`"
    with pytest.raises(ReviewRejected, match="paused already"):
        pause(calm.ctx, "notices", person="li", reason="台风")

    assert resume(calm.ctx, "notices", person="li", reason="台风过去了") == 1
    calm.drain()
    assert calm.other.titles() == ["关于停水的通知"]
    with calm.ctx.ledger.read() as connection:
        log = [(entry.what, entry.about, entry.person) for entry in audit_log.entries(connection)]
    assert log == [("pause", "flow notices", "wang"), ("resume", "flow notices", "li")]


def test_a_withdrawal_goes_while_its_flow_is_paused(calm: Deployment) -> None:
    article = publish(calm.other, "关于停水的通知")
    calm.round("cms")
    assert calm.other.titles() == ["关于停水的通知"]
    pause(calm.ctx, "notices", person="wang", reason="复核")
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert calm.other.titles() == []


def test_a_message_that_perhaps_never_left_is_not_repeated_while_its_flow_is_paused(calm: Deployment) -> None:
    calm.other.fault("refuse_before", SEND, times=1)
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    assert calm.deliver().states == {"unknown": 1}
    pause(calm.ctx, "case_progress", person="wang", reason="复核")
    calm.other.advance(minutes=2)
    assert calm.deliver().states == {} and told(calm.other, number) == []
    resume(calm.ctx, "case_progress", person="wang", reason="无误")
    calm.deliver()
    assert told(calm.other, number) == ["补正"]


@pytest.mark.parametrize(
    ("flow", "person", "reason", "error"),
    [
        ("notice", "wang", "x", ConfigError),
        ("notices", " ", "x", ReviewRejected),
        ("notices", "wang", "", ReviewRejected),
    ],
)
def test_a_pause_needs_a_flow_a_name_and_a_reason(
    calm: Deployment, flow: str, person: str, reason: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        pause(calm.ctx, flow, person=person, reason=reason)
    with pytest.raises(error if flow == "notice" else ReviewRejected):
        resume(calm.ctx, flow, person=person, reason=reason)
