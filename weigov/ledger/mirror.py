"""The mirror: the last known state of every record. Reading only; ``intake`` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, func, select

from weigov.ledger.streams import StreamRef, chunks, in_stream
from weigov.ledger.tables import record
from weigov.records import Kind, Record, load


def known(connection: Connection, ref: StreamRef) -> Callable[[Sequence[str]], Mapping[str, str]]:
    """A look-up of the row digests last seen."""

    def look_up(keys: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for chunk in chunks(keys):
            query = select(record.c.key, record.c.row_digest).where(in_stream(record, ref), record.c.key.in_(chunk))
            found.update((row.key, row.row_digest) for row in connection.execute(query))
        return found

    return look_up


def records(connection: Connection, ref: StreamRef, *, withdrawn: bool = False) -> Iterator[Record]:
    """The mirrored records of a stream by key; withdrawn ones only when asked for."""
    for _, item in rows(connection, ref):
        if withdrawn or not item.withdrawn:
            yield item


def get(connection: Connection, ref: StreamRef, key: str) -> tuple[int, Record] | None:
    """(record id, record) as it was last seen."""
    return next(iter(rows(connection, ref, record.c.key == key)), None)


def live_keys(connection: Connection, ref: StreamRef) -> Iterator[str]:
    """The keys of a stream's records that are not withdrawn."""
    query = select(record.c.key).where(in_stream(record, ref), record.c.withdrawn_at.is_(None))
    yield from connection.execute(query.execution_options(yield_per=5000)).scalars()


def count(connection: Connection, ref: StreamRef) -> int:
    """How many records of the stream are there and not withdrawn."""
    query = select(func.count()).select_from(record).where(in_stream(record, ref), record.c.withdrawn_at.is_(None))
    return int(connection.execute(query).scalar_one())


def rows(connection: Connection, ref: StreamRef, *conditions: Any) -> Iterator[tuple[int, Record]]:
    query = select(record).where(in_stream(record, ref), *conditions).order_by(record.c.key)
    for row in connection.execute(query).yield_per(500):
        item = load(
            cast(Kind, row.kind),
            row.key,
            row.payload.encode(),
            partition=row.partition,
            withdrawn=row.withdrawn_at is not None,
        )
        yield row.id, item
