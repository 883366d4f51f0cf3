"""Records that are no longer upstream: withdrawn in the mirror, each flow told, though no last state of them came.

Call under the stream's lock (``streams.lock_stream``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, bindparam, select, update

from weigov.ledger import revisions
from weigov.ledger.intake import Stored
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef, chunks, in_stream
from weigov.ledger.tables import record
from weigov.records import Kind, digest_of_dump, load


def withdraw(
    connection: Connection, ref: StreamRef, keys: Sequence[str], flows: Sequence[FlowReads], *, now: datetime
) -> Stored:
    """Take these keys' records as withdrawn; those that are so already, or were never seen, are left alone."""
    total = Stored()
    for chunk in chunks(keys):
        query = select(record).where(
            in_stream(record, ref), record.c.key.in_(chunk), record.c.withdrawn_at.is_(None)
        )  # fmt: skip
        rows = connection.execute(query).all()
        if not rows:
            continue
        connection.execute(
            update(record)
            .where(record.c.id == bindparam("row"))
            # Were it listed again as it was, it would look unchanged, and its details would not be read.
            .values(withdrawn_at=now, changed_at=now, row_digest="", digest=bindparam("new_digest")),
            [{"row": row.id, "new_digest": digest_of_dump(row.payload.encode(), True)} for row in rows],
        )
        items = [
            load(cast(Kind, row.kind), row.key, row.payload.encode(), partition=row.partition, withdrawn=True)
            for row in rows
        ]
        made = revisions.revise(connection, ref, items, {row.key for row in rows}, flows, first=False, now=now)
        total += Stored(changed=len(rows), withdrawn=len(rows), revisions=made)
    return total
