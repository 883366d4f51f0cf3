"""What people decided outside of review: who, what, when and why. Rows are added and never changed.

Each decision is also a row of the audit log.

The caller notes a decision in the transaction that carries it out, so that neither is there without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, select

from weigov.errors import ReviewRejected
from weigov.ledger import audit_log
from weigov.ledger.tables import decision

#: As wide as the column.
MAX_NAME = 128
What = Literal["settle", "replay", "stop", "recover", "over", "rollback", "release"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as it was read. ``delivery`` is None where it was about the whole site."""

    what: What
    delivery: int | None
    was: str
    now: str
    person: str
    reason: str
    at: datetime


def note(
    connection: Connection,
    site: str,
    what: What,
    *,
    person: str,
    reason: str,
    at: datetime,
    delivery: int | None = None,
    flow: str = "",
    was: str = "",
    now: str = "",
) -> None:
    """Keep one decision: a delivery, or a flow, went from ``was`` to ``now``.

    Raises ReviewRejected without name or reason.
    """
    person, reason = person.strip(), reason.strip()
    if not person or not reason:
        raise ReviewRejected("a decision needs a name and a reason")
    if len(person) > MAX_NAME:
        raise ReviewRejected(f"a name has at most {MAX_NAME} characters")
    said = f"{flow}: {reason}" if flow else reason
    values = {"was": was, "now": now, "person": person, "reason": said, "at": at}
    connection.execute(decision.insert().values(site=site, what=what, delivery_id=delivery, **values))
    about = f"flow {flow}" if flow else f"site {site}" if delivery is None else f"delivery {delivery}"
    audit_log.append(connection, site, what, about=about, person=person, reason=reason, at=at, was=was, now=now)


def newest(connection: Connection, site: str, *, limit: int) -> list[Decision]:
    """The newest decisions about one site, newest first."""
    return _read(connection, select(*_COLUMNS).where(decision.c.site == site), limit)


def of_delivery(connection: Connection, delivery_id: int) -> list[Decision]:
    """Every decision about one delivery, newest first."""
    return _read(connection, select(*_COLUMNS).where(decision.c.delivery_id == delivery_id), 1000)


def stopped(connection: Connection, site: str) -> str | None:
    """Who stopped deliveries, when and why, in one sentence; None when they go, or go again."""
    query = select(*_COLUMNS).where(decision.c.site == site, decision.c.what.in_(("stop", "recover")))
    last = _read(connection, query, 1)
    if not last or last[0].what == "recover":
        return None
    return f"stopped by {last[0].person} at {last[0].at:%F %H:%M} UTC ({last[0].reason}) until `weigov recover`"


_COLUMNS = (
    decision.c.what,
    decision.c.delivery_id.label("delivery"),
    decision.c.was,
    decision.c.now,
    decision.c.person,
    decision.c.reason,
    decision.c.at,
)


def _read(connection: Connection, query: Select[Any], limit: int) -> list[Decision]:
    rows = connection.execute(query.order_by(decision.c.id.desc()).limit(limit))
    return [Decision(**row._mapping) for row in rows]
