"""What a batch leaves behind, in one transaction: mirror, revisions, rejected rows and the cursor.

Call under the stream's lock (``streams.lock_stream``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from weigov.ledger import revisions
from weigov.ledger.dialect import upsert
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef, chunks, in_stream, key_of
from weigov.ledger.tables import cursor, record, reject
from weigov.ports import Batch, Rejected
from weigov.records import Record, digest, dump


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


def store(
    connection: Connection, ref: StreamRef, batch: Batch, flows: Sequence[FlowReads], *, first: bool, now: datetime
) -> Stored:
    """Write one batch, its revisions and its cursor. Call under the stream's lock.

    ``first``: the stream was never read to its end yet, so a flow that begins ``now`` only takes note of what is new.
    """
    total = Stored(unchanged=len(batch.seen))
    for chunk in chunks({item.key: item for item in batch.records}.values()):
        total += _store_chunk(connection, ref, chunk, flows, first=first, now=now)
    _note_rejected(connection, ref, batch, now=now)
    if batch.cursor is not None:
        row = {**key_of(ref), "partition": batch.partition, "value": batch.cursor, "updated_at": now}
        upsert(
            connection, cursor, [row], key=["site", "system", "stream", "partition"], update=["value", "updated_at"]
        )
    return total + Stored(rejected=len(batch.rejected))


def _store_chunk(
    connection: Connection,
    ref: StreamRef,
    items: Sequence[Record],
    flows: Sequence[FlowReads],
    *,
    first: bool,
    now: datetime,
) -> Stored:
    query = select(record.c.id, record.c.key, record.c.digest, record.c.row_digest, record.c.withdrawn_at)
    rows = connection.execute(query.where(in_stream(record, ref), record.c.key.in_([item.key for item in items])))
    before = {row.key: row for row in rows}
    inserts, updates, touched, touched_rows = [], [], [], []
    for item in items:
        payload = dump(item)
        whole = digest([payload.decode(), item.withdrawn])
        values = {
            "key": item.key,
            "digest": whole,
            "row_digest": item.row_digest,
            "partition": item.partition,
            "payload": payload.decode(),
            "changed_at": now,
        }
        old = before.get(item.key)
        if old is None:
            withdrawn_at = now if item.withdrawn else None
            inserts.append(
                {**key_of(ref), **values, "kind": item.kind, "first_seen_at": now, "withdrawn_at": withdrawn_at}
            )
            touched.append(item)
        elif old.digest != whole:
            withdrawn_at = (old.withdrawn_at or now) if item.withdrawn else None
            updates.append({"row": old.id, **values, "withdrawn_at": withdrawn_at})
            touched.append(item)
        elif old.row_digest != item.row_digest:
            touched_rows.append({"row": old.id, "row_digest": item.row_digest})
    if inserts:
        connection.execute(record.insert(), inserts)
    for changes in (updates, touched_rows):
        if changes:
            names = [name for name in changes[0] if name not in ("row", "key")]
            connection.execute(
                update(record)
                .where(record.c.id == bindparam("row"))
                .values({name: bindparam(f"new_{name}") for name in names}),
                [{"row": c["row"], **{f"new_{name}": c[name] for name in names}} for c in changes],
            )
    made = (
        revisions.revise(connection, ref, touched, set(before), flows, first=first, now=now)
        if flows and touched
        else 0
    )
    withdrawn = sum(1 for item in touched if item.withdrawn)
    return Stored(
        new=len(inserts),
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
    for chunk in chunks([item.key for item in batch.records]):
        connection.execute(
            update(reject)
            .where(in_stream(reject, ref), reject.c.key.in_(chunk), reject.c.resolved_at.is_(None))
            .values(resolved_at=now)
        )
