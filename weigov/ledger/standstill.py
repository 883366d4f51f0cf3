"""Why nothing can be sent to a target, since when: one line for people, however many deliveries wait behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import standstill


def begin(connection: Connection, site: str, target: str, reason: str, *, now: datetime) -> None:
    """Nothing can be sent there. ``since`` is when that began; the reason is the newest."""
    row = {"site": site, "target": target, "reason": reason, "since": now}
    if insert_ignore(connection, standstill, [row]) == 0:
        connection.execute(update(standstill).where(_is(site, target)).values(reason=reason))


def end(connection: Connection, site: str, target: str) -> None:
    """Something could be sent."""
    connection.execute(standstill.delete().where(_is(site, target)))


def stopped(connection: Connection, site: str) -> list[dict[str, Any]]:
    """Every target that stands still: target, reason, since."""
    query = select(standstill.c.target, standstill.c.reason, standstill.c.since).where(standstill.c.site == site)
    return [dict(row._mapping) for row in connection.execute(query.order_by(standstill.c.target))]


def _is(site: str, target: str) -> ColumnElement[bool]:
    return (standstill.c.site == site) & (standstill.c.target == target)
