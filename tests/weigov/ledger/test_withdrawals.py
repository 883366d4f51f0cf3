"""Records that are no longer upstream, on each database."""

from __future__ import annotations

from datetime import datetime, timedelta

from weigov.ledger import intake, mirror, revisions, streams, withdrawals
from weigov.ledger.engine import Ledger
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef
from weigov.ports import Batch
from weigov.records import Record

REF = StreamRef("demo", "cms", "articles")
FLOW = FlowReads("notices", frozenset({"title"}), "all")


def article(key: str, title: str = "通告", row_digest: str = "r1") -> Record:
    return Record("article", key, {"title": title}, row_digest=row_digest)


def store(ledger: Ledger, now: datetime, *records: Record) -> intake.Stored:
    with ledger.begin() as connection:
        streams.lock_stream(connection, REF, now=now)
        revisions.begin_flow(connection, REF, FLOW, "m", now=now)
        return intake.store(connection, REF, Batch(records), [FLOW], first=False, now=now)


def withdraw(ledger: Ledger, now: datetime, *keys: str) -> intake.Stored:
    with ledger.begin() as connection:
        streams.lock_stream(connection, REF, now=now)
        return withdrawals.withdraw(connection, REF, keys, [FLOW], now=now)


def live(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        return sorted(mirror.live_keys(connection, REF))


def pending(ledger: Ledger) -> list[tuple[str, str, bool]]:
    with ledger.read() as connection:
        rows = revisions.pending(connection, "demo", "notices", after=0, limit=100)
    return [(row.key, row.cause, row.record is None) for row in rows]


def test_it_is_withdrawn_once_and_each_flow_is_told(ledger: Ledger, now: datetime) -> None:
    store(ledger, now, article("1"), article("2"))
    assert withdraw(ledger, now, "1", "unknown") == intake.Stored(changed=1, withdrawn=1, revisions=1)
    assert withdraw(ledger, now, "1") == intake.Stored()
    assert live(ledger) == ["2"]
    assert pending(ledger)[-1] == ("1", "withdrawn", True)


def test_listed_again_as_it_was_it_is_there_again(ledger: Ledger, now: datetime) -> None:
    store(ledger, now, article("1"))
    withdraw(ledger, now, "1")
    with ledger.read() as connection:
        assert mirror.known(connection, REF)(["1"]) == {"1": ""}  # so that its details are read
    assert store(ledger, now + timedelta(minutes=1), article("1")).changed == 1
    assert live(ledger) == ["1"]
    assert [cause for _, cause, _ in pending(ledger)] == ["collect", "withdrawn", "collect"]


def test_very_many_are_withdrawn_in_pieces(ledger: Ledger, now: datetime) -> None:
    keys = [f"k{n}" for n in range(1200)]
    store(ledger, now, *(article(key) for key in keys))
    assert withdraw(ledger, now, *keys).withdrawn == 1200 and live(ledger) == []
