"""What was refused because of its receiver is nobody's work; our own faults can be mended while it can still go."""

from __future__ import annotations

import pytest

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move
from weigov.flow import refusals
from weigov.flow.reach import lies_with_receiver
from weigov.flow.watch import found


@pytest.mark.parametrize(
    ("reason", "theirs"),
    [
        ("not sent: the citizen no longer follows the account (known since 2026-03-10 02:00 UTC)", True),
        ("not sent: the citizen was not there in time", True),
        ("the citizen does not follow the account", True),
        ("the citizen has blocked the account's messages: failed:user block", True),
        ("taken back", True),
        ("wechat city: message/template/send: 43004 接收者未关注。微信未执行 [x]", True),
        ("48002 粉丝关闭接收消息。微信未执行 [x]", True),
        ("WeChat: 43101 user refuse to accept the msg", True),
        ("WeChat: failed: system failed", False),
        ("wechat city: message/template/send: 47003 参数错误。微信未执行 [x]", False),
        ("thing1: 21 characters, at most 20 fit", False),
    ],
)
def test_a_reason_lies_with_the_receiver_or_not(reason: str, theirs: bool) -> None:
    assert lies_with_receiver(reason) is theirs


def refused(town: Deployment) -> dict[str, int]:
    with town.ctx.ledger.read() as connection:
        return {
            flow: each.count
            for flow, each in refusals.to_mend(town.ctx, connection, list(town.ctx.site.flows)).items()
        }


def send_to(town: Deployment, *people: str) -> None:
    for person in people:
        move(town.other, case_of(town.other, person), "12")
    town.round("cases")


def test_who_blocked_or_never_followed_is_no_work_for_anybody(calm: Deployment) -> None:
    calm.other.persona(ORDINARY[0], "blocked")
    calm.other.persona(ORDINARY[1], "unfollowed")
    send_to(calm, *ORDINARY[:2])
    assert calm.status()["flows"]["case_progress"]["deliveries"] == {"rejected": 2}
    assert refused(calm) == {} and dict(found(calm.ctx)) == {}


@pytest.mark.parametrize("code", [43019, 48002, 50005])
def test_whom_a_code_says_to_leave_alone_is_sent_nothing_more(calm: Deployment, code: int) -> None:
    calm.other.fault("errcode", SEND, value=str(code), times=1)
    number = case_of(calm.other, ORDINARY[0])
    for status in ("12", "13"):
        move(calm.other, number, status)
        calm.round("cases")
    assert calm.other.calls("message/template/send") == 0  # but for the one that was refused
    assert refused(calm) == {}


def test_a_template_that_does_not_fit_is_an_alert_while_its_messages_can_still_go(calm: Deployment) -> None:
    calm.other.fault("errcode", SEND, value="47003", times=2)
    send_to(calm, *ORDINARY[:2])
    assert refused(calm) == {"case_progress": 2}
    (alert,) = dict(found(calm.ctx)).items()
    assert (
        alert[0] == "rejected:case_progress" and "SF" not in alert[1].said
    )  # nobody's case number leaves the ledger
    calm.other.advance(days=3)
    assert refused(calm) == {} and "rejected:case_progress" not in dict(found(calm.ctx))
