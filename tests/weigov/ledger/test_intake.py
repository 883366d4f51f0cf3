"""What a batch leaves in the mirror, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from weigov.ledger import intake, mirror, streams
from weigov.ledger.engine import Ledger
from weigov.ledger.intake import Stored
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import record, reject
from weigov.ports import Batch, Rejected
from weigov.records import Record, digest_of_dump, dump

REF = StreamRef("s", "cms", "articles")


def store(ledger: Ledger, items: Sequence[Record], now: datetime, rejected: Sequence[Rejected] = ()) -> Stored:
    with ledger.begin() as connection:
        streams.lock_stream(connection, REF, now=now)
        return intake.store(connection, REF, Batch(items, rejected), [], first=False, now=now)


def article(key: str, title: str = "甲", *, withdrawn: bool = False, row_digest: str = "") -> Record:
    return Record("article", key, {"title": title}, withdrawn=withdrawn, row_digest=row_digest)


def test_a_batch_of_many_is_stored_whole_and_the_next_finds_every_one_of_them(ledger: Ledger, now: datetime) -> None:
    many = [article(f"'{n}\"\\") for n in range(2500)]
    assert store(ledger, many, now) == Stored(new=2500)
    assert store(ledger, many[::-1], now) == Stored(unchanged=2500)
    with ledger.read() as connection:
        assert sorted(item.key for item in mirror.records(connection, REF)) == sorted(item.key for item in many)


def test_what_is_kept_of_a_record(ledger: Ledger, now: datetime) -> None:
    item = Record("article", "1", {"title": '“甲"\\'}, {"a": "b"}, partition="01", row_digest="d")
    store(ledger, [item], now)
    with ledger.read() as connection:
        row = connection.execute(select(record)).one()
    assert (row.site, row.system, row.stream) == (REF.site, REF.system, REF.stream)
    assert (row.key, row.kind, row.partition) == ("1", "article", "01")
    assert row.payload.encode() == dump(item) and row.row_digest == "d"
    assert row.digest == digest_of_dump(row.payload.encode(), False)
    assert (row.first_seen_at, row.changed_at, row.withdrawn_at) == (now, now, None)


def test_a_record_is_withdrawn_since_it_first_was_until_it_is_there_again(ledger: Ledger, now: datetime) -> None:
    def since(after: timedelta, item: Record) -> datetime | None:
        store(ledger, [item], now + after)
        with ledger.read() as connection:
            return connection.execute(select(record.c.withdrawn_at)).scalar_one()

    day = timedelta(days=1)
    assert since(day, article("1")) is None
    assert since(2 * day, article("1", withdrawn=True)) == now + 2 * day
    assert since(3 * day, article("1", "乙", withdrawn=True)) == now + 2 * day
    assert since(4 * day, article("1")) is None


def test_another_row_digest_alone_is_no_change_but_is_kept(ledger: Ledger, now: datetime) -> None:
    store(ledger, [article("1", row_digest="a")], now)
    assert store(ledger, [article("1", row_digest="b")], now + timedelta(days=1)) == Stored(unchanged=1)
    with ledger.read() as connection:
        row = connection.execute(select(record.c.row_digest, record.c.changed_at)).one()
    assert tuple(row) == ("b", now)


def test_a_rejected_row_is_resolved_by_the_batch_that_brings_it(ledger: Ledger, now: datetime) -> None:
    later = now + timedelta(days=1)
    store(ledger, [], now, [Rejected("1", "no title"), Rejected("2", "no title")])
    store(ledger, [article("1"), article("3")], later)
    with ledger.read() as connection:
        found = {row.key: row.resolved_at for row in connection.execute(select(reject))}
    assert found == {"1": later, "2": None}
