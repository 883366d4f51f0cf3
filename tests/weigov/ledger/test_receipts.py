"""A receipt is one row, whether the answer or the event came first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from weigov.errors import LedgerConflict
from weigov.ledger import outbox, receipts
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import New

APP = "wx0123456789abcdef"


def deliveries(connection: Connection, count: int, now: datetime) -> list[int]:
    news = [New("s", "f", f"cms/articles/{n}", 1, "publish", "account:a", "", "news", {}) for n in range(count)]
    outbox.enqueue(connection, news, now=now)
    return [row.id for row in outbox.find(connection)]


def test_the_answer_first_and_the_event_after_make_one_receipt(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        (delivery,) = deliveries(connection, 1, now)
        answered = receipts.note(connection, APP, "publish", "77", delivery_id=delivery, now=now)
        later = now + timedelta(seconds=9)
        told = receipts.note(
            connection, APP, "publish", "77", status="0", url="https://mp/x", payload="{}", now=later
        )
        assert (told.id, told.delivery_id, told.status, told.url) == (answered.id, delivery, "0", "https://mp/x")
        assert told.at == later
        assert receipts.of_delivery(connection, delivery) == [told]


def test_the_event_first_waits_unmatched_and_keeps_what_it_said(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        (delivery,) = deliveries(connection, 1, now)
        early = receipts.note(connection, APP, "template", "9", status="success", subject="h" * 64, now=now)
        assert receipts.unmatched(connection, APP, "template") == [early]
        assert receipts.unmatched(connection, APP, "template", subject="h" * 64) == [early]
        assert receipts.unmatched(connection, APP, "template", subject="x") == []
        assert receipts.unmatched(connection, APP, "publish") == []
        joined = receipts.note(connection, APP, "template", "9", delivery_id=delivery, now=now + timedelta(1))
        assert (joined.status, joined.subject, joined.delivery_id, joined.at) == ("success", "h" * 64, delivery, now)
        assert receipts.unmatched(connection, APP, "template") == []


def test_saying_the_same_again_changes_nothing(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        (delivery,) = deliveries(connection, 1, now)
        once = receipts.note(connection, APP, "article", "A1", status="published", delivery_id=delivery, now=now)
        assert (
            receipts.note(connection, APP, "article", "A1", status="published", delivery_id=delivery, now=now) == once
        )
        assert receipts.find(connection, APP, "article", "A1") == once
        assert receipts.find(connection, APP, "publish", "A1") is None
        assert receipts.find(connection, "wxother", "article", "A1") is None


def test_a_receipt_never_changes_hands(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        one, other = deliveries(connection, 2, now)
        kept = receipts.note(connection, APP, "publish", "77", now=now)
        receipts.match(connection, kept.id, one)
        receipts.match(connection, kept.id, one)
        with pytest.raises(LedgerConflict, match="another delivery"):
            receipts.match(connection, kept.id, other)
        with pytest.raises(LedgerConflict, match="another delivery"):
            receipts.note(connection, APP, "publish", "77", delivery_id=other, now=now)
        assert receipts.get(connection, kept.id).delivery_id == one
        with pytest.raises(LookupError):
            receipts.get(connection, kept.id + 1)


def test_a_delivery_has_its_receipts_oldest_first(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        one, other = deliveries(connection, 2, now)
        for kind, remote_id, delivery in (("publish", "7", one), ("article", "A", one), ("publish", "8", other)):
            receipts.note(connection, APP, kind, remote_id, delivery_id=delivery, now=now)
        assert [r.kind for r in receipts.of_delivery(connection, one)] == ["publish", "article"]
