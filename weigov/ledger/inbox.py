"""What WeChat posted to the gateway: committed before it is acknowledged, once per dedupe key, sealed.

WeChat repeats a callback it thinks was lost; the unique key makes the repetition a no-op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select, update

from weigov.ledger.bindings import openid_hash
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import inbox


@dataclass(frozen=True, slots=True)
class Item:
    """One callback that waits to be handled. ``subject`` is the openid's hash; ``payload`` the plain XML or JSON."""

    id: int
    appid: str
    kind: str  # event | message
    event: str
    remote_id: str
    subject: str
    payload: bytes = field(repr=False)
    received_at: datetime


def store(
    connection: Connection,
    sealer: Sealer,
    *,
    appid: str,
    dedupe_key: str,
    kind: str,
    event: str,
    remote_id: str,
    openid: str,
    payload: bytes,
    now: datetime,
) -> bool:
    """Keep one callback; False when it is there already. Acknowledge only after the commit."""
    row = {
        "appid": appid,
        "dedupe_key": dedupe_key,
        "kind": kind,
        "event": event,
        "remote_id": remote_id,
        "subject": openid_hash(sealer, openid) if openid else "",
        "payload": sealer.seal(payload, _context(appid, dedupe_key)),
        "received_at": now,
    }
    return insert_ignore(connection, inbox, [row]) == 1


def waiting(
    connection: Connection, sealer: Sealer, appid: str, limit: int, *, after: int = 0, events: Sequence[str] = ()
) -> list[Item]:
    """What was not handled yet, oldest first, behind id ``after``; only of these ``events`` when any are named."""
    query = (
        select(inbox)
        .where(inbox.c.appid == appid, inbox.c.handled_at.is_(None), inbox.c.id > after)
        .order_by(inbox.c.id)
        .limit(limit)
    )
    if events:
        query = query.where(inbox.c.event.in_(events))
    return [
        Item(
            id=row.id,
            appid=row.appid,
            kind=row.kind,
            event=row.event,
            remote_id=row.remote_id,
            subject=row.subject,
            payload=sealer.open(bytes(row.payload), _context(row.appid, row.dedupe_key)),
            received_at=row.received_at,
        )
        for row in connection.execute(query)
    ]


def handled(connection: Connection, item_id: int, outcome: str, *, now: datetime) -> bool:
    """Note what came of it, once; False when somebody else did."""
    statement = update(inbox).where(inbox.c.id == item_id, inbox.c.handled_at.is_(None))
    return connection.execute(statement.values(handled_at=now, outcome=outcome[:64])).rowcount == 1


def _context(appid: str, dedupe_key: str) -> str:
    return f"inbox {appid} {dedupe_key}"
