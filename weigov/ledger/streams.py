"""One stream of one system: its lock, its cursors, and how its last collect ended.

Whoever writes a stream's mirror takes its lock first, so collects of one stream never interleave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, and_, delete, func, select, update

from weigov.errors import LedgerConflict
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import cursor, stream_state

_CHUNK = 400  # keys in one IN (…)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamRef:
    """One stream of one system of one site."""

    site: str
    system: str
    stream: str

    def record_ref(self, key: str) -> str:
        """How deliveries name a record of this stream."""
        return f"{self.system}/{self.stream}/{key}"


_LOCKED = (
    stream_state.c.version,
    stream_state.c.first_completed_at,
    stream_state.c.last_completed_at,
    stream_state.c.first_started_at,
)


@dataclass(frozen=True, slots=True)
class StreamLock:
    """The stream as its lock's holder found it."""

    version: int  # one more with every lock taken
    first: bool  # it was never read to its end yet, or not since it was reset
    completed_at: datetime | None = None  # when it last was; a reset does not forget that
    begun_at: datetime | None = None  # when it was first begun


def lock_stream(connection: Connection, ref: StreamRef, *, now: datetime, expect: int | None = None) -> StreamLock:
    """Take the stream's lock until the transaction ends.

    Raises LedgerConflict when somebody else took it since ``expect``: what was read meanwhile may be older than what
    is stored.
    """
    values: dict[str, Any] = {"version": stream_state.c.version + 1}
    if expect is None:
        begun = {**key_of(ref), "first_started_at": now, "last_started_at": now}
        insert_ignore(connection, stream_state, [begun])
        values["last_started_at"] = now
    taken = update(stream_state).where(in_stream(stream_state, ref)).values(**values)
    found = connection.execute(taken.returning(*_LOCKED))
    row = found.one_or_none()
    if row is None or (expect is not None and row.version != expect + 1):
        raise LedgerConflict(f"{ref.system}/{ref.stream} is being collected by somebody else; nothing was lost")
    return StreamLock(row.version, row.first_completed_at is None, row.last_completed_at, row.first_started_at)


def finish(
    connection: Connection,
    ref: StreamRef,
    *,
    problem: str,
    now: datetime,
    notes: Sequence[str] = (),
    whole: bool = True,
) -> None:
    """Note how a collect ended: read to its end (no problem), or why not. ``whole``: it was about all of it."""
    where = in_stream(stream_state, ref)
    values: dict[str, Any] = {"last_problem": problem, "last_notes": "\n".join(notes)}
    if not problem and whole:
        values |= {
            "last_completed_at": now,
            "first_completed_at": func.coalesce(stream_state.c.first_completed_at, now),
        }
    insert_ignore(connection, stream_state, [{**key_of(ref), "last_started_at": now}])
    connection.execute(update(stream_state).where(where).values(**values))


def was_read_whole(connection: Connection, ref: StreamRef) -> bool:
    """Whether the mirror ever held all of the stream."""
    query = select(stream_state.c.last_completed_at).where(in_stream(stream_state, ref))
    return connection.execute(query).scalar_one_or_none() is not None


def whole_reading_begun_at(connection: Connection, ref: StreamRef) -> datetime | None:
    """When the last collect began, if it read the stream to its end; None when it did not, or is at it."""
    query = select(stream_state.c.last_started_at, stream_state.c.last_completed_at).where(
        in_stream(stream_state, ref)
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.last_completed_at is None or row.last_completed_at < row.last_started_at:
        return None
    return cast("datetime", row.last_started_at)


def reset(connection: Connection, ref: StreamRef, *, now: datetime) -> int:
    """Forget how far the stream was read, so that the next collect reads all of it; how many cursors there were.

    What is mirrored stays, and what the flows were given: records the mirror has are compared as ever, those it never
    saw are taken note of as in a first collect.
    """
    insert_ignore(connection, stream_state, [{**key_of(ref), "last_started_at": now}])
    connection.execute(update(stream_state).where(in_stream(stream_state, ref)).values(first_completed_at=None))
    return connection.execute(delete(cursor).where(in_stream(cursor, ref))).rowcount


def cursors(connection: Connection, ref: StreamRef) -> dict[str, str]:
    """partition → cursor."""
    query = select(cursor.c.partition, cursor.c.value).where(in_stream(cursor, ref))
    return {row.partition: row.value for row in connection.execute(query)}


def key_of(ref: StreamRef) -> dict[str, str]:
    return {"site": ref.site, "system": ref.system, "stream": ref.stream}


@lru_cache(maxsize=1024)  # SQLAlchemy takes longer to build a condition than to use it
def in_stream(table: Any, ref: StreamRef) -> Any:
    return and_(table.c.site == ref.site, table.c.system == ref.system, table.c.stream == ref.stream)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
