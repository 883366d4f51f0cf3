"""The mirror: what waits in quarantine."""

from __future__ import annotations

from datetime import datetime

import pytest

from weigov.ledger import intake, revisions, streams
from weigov.ledger.engine import Ledger
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef
from weigov.ports import Batch
from weigov.records import Record

REF = StreamRef("s", "cms", "articles")
FLOW = FlowReads("f", frozenset({"title"}), "all")


def article(title: str, *, withdrawn: bool = False) -> Record:
    return Record("article", "1", {"title": title}, withdrawn=withdrawn)


def pull(ledger: Ledger, record: Record, now: datetime) -> int:
    """Store one record as a pull does; the id of the revision that waits for compose."""
    with ledger.begin() as connection:
        streams.lock_stream(connection, REF, now=now)
        revisions.begin_flow(connection, REF, FLOW, "m", now=now)
        intake.store(connection, REF, Batch([record]), [FLOW], first=True, now=now)
        (pending,) = revisions.pending(connection, "s", "f", after=0, limit=10)
        return pending.id


@pytest.mark.parametrize("state", ["composed", "skipped", "quarantined"])
def test_a_mended_record_leaves_quarantine_whatever_becomes_of_it(ledger: Ledger, now: datetime, state: str) -> None:
    first = pull(ledger, article("a"), now)
    with ledger.begin() as connection:
        assert revisions.decide(connection, first, "quarantined", now=now, reason="too long")
        assert [row.id for row in revisions.quarantined(connection, "s")] == [first]
    second = pull(ledger, article("b"), now)
    with ledger.begin() as connection:
        assert revisions.decide(connection, second, state, now=now)
        assert [row.id for row in revisions.quarantined(connection, "s")] == [second] * (state == "quarantined")


def test_a_withdrawn_record_leaves_quarantine(ledger: Ledger, now: datetime) -> None:
    first = pull(ledger, article("a"), now)
    with ledger.begin() as connection:
        revisions.decide(connection, first, "quarantined", now=now, reason="too long")
    second = pull(ledger, article("a", withdrawn=True), now)
    with ledger.begin() as connection:
        assert revisions.decide(connection, second, "composed", now=now)
        assert revisions.quarantined(connection, "s") == []


def test_a_revision_is_decided_once(ledger: Ledger, now: datetime) -> None:
    first = pull(ledger, article("a"), now)
    with ledger.begin() as connection:
        assert revisions.decide(connection, first, "composed", now=now)
        assert not revisions.decide(connection, first, "quarantined", now=now)
        assert revisions.quarantined(connection, "s") == []
