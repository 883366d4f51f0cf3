"""What a batch leaves behind, in one transaction: mirror, revisions, rejected rows and the cursor.

Call under the stream's lock (``streams.lock_stream``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select, update

from weigov.ledger import revisions
from weigov.ledger.dialect import insert_many, is_one_of, one_value, upsert
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef, chunks, in_stream, key_of
from weigov.ledger.tables import Utc, cursor, record, reject
from weigov.ports import Batch, Rejected
from weigov.records import Record, digest_of_dump, dump


@dataclass(frozen=True, slots=True)
class Stored:
    """What one batch changed."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    rejected: int = 0
    revisions: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(*(getattr(self, n) + getattr(other, n) for n in Stored.__dataclass_fields__))


_INSERTED = ("key", "partition", "digest", "row_digest", "payload")
_GONE = bindparam("gone", type_=Utc)
_UPDATE_ROW = update(record).where(record.c.id == bindparam("row")).values(row_digest=bindparam("new_row_digest"))
_UPDATE = _UPDATE_ROW.values(
    digest=bindparam("new_digest"),
    partition=bindparam("new_partition"),
    payload=bindparam("new_payload"),
    changed_at=bindparam("new_changed_at"),
    # Withdrawn once, it stays withdrawn since then; one that is there again is not.
    withdrawn_at=case((_GONE.is_(None), None), else_=func.coalesce(record.c.withdrawn_at, _GONE)),
)


def store(
    connection: Connection, ref: StreamRef, batch: Batch, flows: Sequence[FlowReads], *, first: bool, now: datetime
) -> Stored:
    """Write one batch, its revisions and its cursor. Call under the stream's lock.

    ``first``: the stream was never read to its end yet, so a flow that begins ``now`` only takes note of what is new.
    """
    total = Stored(unchanged=len(batch.seen))
    if batch.records:
        items = list({item.key: item for item in batch.records}.values())
        total += _store_records(connection, ref, items, flows, first=first, now=now)
    _note_rejected(connection, ref, batch, now=now)
    if batch.cursor is not None:
        row = {**key_of(ref), "partition": batch.partition, "value": batch.cursor, "updated_at": now}
        upsert(
            connection, cursor, [row], key=["site", "system", "stream", "partition"], update=["value", "updated_at"]
        )
    return total + Stored(rejected=len(batch.rejected))


def _store_records(
    connection: Connection,
    ref: StreamRef,
    items: Sequence[Record],
    flows: Sequence[FlowReads],
    *,
    first: bool,
    now: datetime,
) -> Stored:
    keys = [item.key for item in items]
    dialect = connection.dialect.name
    rows = connection.execute(_known(ref, dialect), {"values": one_value(dialect, keys)})
    before = {key: (row, whole, row_digest) for key, row, whole, row_digest in rows}
    inserts: list[tuple[str | bytes, ...]] = []
    gone_already: list[tuple[str | bytes, ...]] = []
    updates, touched, touched_rows = [], [], []
    for item in items:
        payload = dump(item)
        whole = digest_of_dump(payload, item.withdrawn)
        old = before.get(item.key)
        if old is None:
            new = (item.key, item.partition, whole, item.row_digest, payload)
            (gone_already if item.withdrawn else inserts).append(new)
            touched.append(item)
        elif old[1] != whole:
            updates.append(
                {
                    "row": old[0],
                    "new_digest": whole,
                    "new_row_digest": item.row_digest,
                    "new_partition": item.partition,
                    "new_payload": payload.decode(),
                    "new_changed_at": now,
                    "gone": now if item.withdrawn else None,
                }
            )
            touched.append(item)
        elif old[2] != item.row_digest:
            touched_rows.append({"row": old[0], "new_row_digest": item.row_digest})
    common = {**key_of(ref), "kind": items[0].kind, "first_seen_at": now, "changed_at": now}  # a stream has one kind
    insert_many(connection, record, {**common, "withdrawn_at": None}, _INSERTED, inserts)
    insert_many(connection, record, {**common, "withdrawn_at": now}, _INSERTED, gone_already)
    if updates:
        connection.execute(_UPDATE, updates)
    if touched_rows:
        connection.execute(_UPDATE_ROW, touched_rows)
    made = (
        revisions.revise(connection, ref, touched, set(before), flows, first=first, now=now)
        if flows and touched
        else 0
    )
    withdrawn = sum(1 for item in touched if item.withdrawn)
    return Stored(
        new=len(inserts) + len(gone_already),
        changed=len(updates),
        withdrawn=withdrawn,
        unchanged=len(items) - len(touched),
        revisions=made,
    )


def _note_rejected(connection: Connection, ref: StreamRef, batch: Batch, *, now: datetime) -> None:
    def row(item: Rejected) -> dict[str, Any]:
        at = {"first_at": now, "last_at": now, "resolved_at": None}
        return {**key_of(ref), "key": item.key[:256], "reason": item.reason, **at}

    if batch.rejected:
        upsert(
            connection,
            reject,
            [row(item) for item in batch.rejected],
            key=["site", "system", "stream", "key"],
            update=["reason", "last_at", "resolved_at"],
        )
    waiting = connection.execute(_waiting(ref)).scalars().all()
    mended = set(waiting).intersection(item.key for item in batch.records) if waiting else set()
    mended -= {item.key for item in batch.rejected}  # listed twice, and once it could not be read
    for chunk in chunks(sorted(mended)):
        connection.execute(
            update(reject)
            .where(in_stream(reject, ref), reject.c.key.in_(chunk), reject.c.resolved_at.is_(None))
            .values(resolved_at=now)
        )


@lru_cache(maxsize=1024)  # SQLAlchemy takes longer to build a statement than to execute it
def _known(ref: StreamRef, dialect: str) -> Select[str, int, str, str]:
    """What the mirror holds of the records whose keys are given as ``values``."""
    query = select(record.c.key, record.c.id, record.c.digest, record.c.row_digest)
    return query.where(in_stream(record, ref), is_one_of(dialect, record.c.key))


@lru_cache(maxsize=1024)
def _waiting(ref: StreamRef) -> Select[str]:
    """The keys of a stream's rows that could not become records and still cannot."""
    return select(reject.c.key).where(in_stream(reject, ref), reject.c.resolved_at.is_(None))
