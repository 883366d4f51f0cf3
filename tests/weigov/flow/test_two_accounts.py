"""WeChat numbers what an account does for that account alone: two have the same publish_id, the same msgid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move
from weigov.ledger import attempts, claims, outbox, sending
from weigov.ledger.outbox import Delivery, New

ELSEWHERE = "account:harbour"


def twin(town: Deployment, of: Delivery, step: str) -> Delivery:
    """A delivery of another account, made later, whose call was answered with the same number."""
    with town.ctx.ledger.begin() as connection:
        remote_id = attempts.done(connection, of.id)[step]
        new = New(
            site=of.site, flow=of.flow, record="cms/articles/of the harbour", revision=1, effect=of.effect,
            target=ELSEWHERE, subject=of.subject, channel=of.channel, payload=of.payload,
        )  # fmt: skip
        now = town.ctx.now()
        outbox.enqueue(connection, [new], now=now)
        (row,) = claims.claim(connection, target=ELSEWHERE, limit=1, owner="w", lease_s=90, now=now)
        row = sending.begin(connection, row, step, owner="w", lease_s=90, now=now)
        outbox.settle(
            connection, row, "accepted", now=now, remote_id=remote_id, check_at=now + timedelta(days=9), owner="w"
        )
        return outbox.get(connection, row.id)


def states(town: Deployment, *rows: Delivery) -> list[str]:
    with town.ctx.ledger.read() as connection:
        return [outbox.get(connection, row.id).state for row in rows]


def sent(town: Deployment, channel: str) -> Delivery:
    with town.ctx.ledger.read() as connection:
        (row,) = outbox.find(connection, channel=channel, states=("accepted",))
    return row


def test_an_event_about_an_article_is_not_taken_for_another_accounts(calm: Deployment) -> None:
    publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose("notices", "policies")
    calm.deliver()
    ours = sent(calm, "news")
    theirs = twin(calm, ours, "submit")
    calm.other.advance(seconds=5)
    calm.reconcile()
    assert states(calm, ours, theirs) == ["confirmed", "accepted"]


@pytest.mark.parametrize("fault", ["", "event_msgid_zero"])
def test_an_event_about_a_message_is_not_taken_for_another_accounts(calm: Deployment, fault: str) -> None:
    if fault:
        calm.other.fault(fault, SEND)
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.deliver()
    ours = sent(calm, "template")
    theirs = twin(calm, ours, "send")
    calm.other.advance(seconds=5)
    calm.reconcile()
    assert states(calm, ours, theirs) == ["confirmed", "accepted"]


def test_an_early_event_is_not_taken_for_another_accounts(calm: Deployment) -> None:
    calm.other.fault("event_first", SEND)
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.deliver()
    ours = sent(calm, "template")
    theirs = twin(calm, ours, "send")
    calm.reconcile()
    assert states(calm, ours, theirs) == ["confirmed", "accepted"]
