"""What is wrong now, since when, and who was told: one row an incident, from its beginning until it is over.

An incident that comes back within ``HOLD`` is the same one: what is wrong every other minute is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import incident

#: For so long it must be gone before it is over.
HOLD = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Incident:
    """``told`` and ``told_over`` are the connections over which people heard of its beginning and of its end."""

    id: int
    key: str
    said: str
    opened_at: datetime
    closed_at: datetime | None
    told: frozenset[str]
    told_over: frozenset[str]

    @property
    def is_over(self) -> bool:
        return self.closed_at is not None

    def unheard(self, channels: frozenset[str]) -> frozenset[str]:
        """Where it is still to be told: its beginning everywhere, its end where they heard of the beginning."""
        return (channels & self.told) - self.told_over if self.is_over else channels - self.told


def observe(connection: Connection, site: str, now_wrong: Mapping[str, str], *, now: datetime) -> None:
    """Take down what is wrong now (key → one line): begin what is new, end what has been gone for ``HOLD``."""
    open_ = {row.key: row for row in connection.execute(select(incident).where(_open(site)))}
    for key, said in now_wrong.items():
        if key in open_:
            connection.execute(
                update(incident).where(incident.c.id == open_[key].id).values(said=said, gone_since=None)
            )
        else:
            begin(connection, site, key, said, now=now)
    for key, row in open_.items():
        if key in now_wrong or key.startswith("task:"):
            continue
        if row.gone_since is None:
            connection.execute(update(incident).where(incident.c.id == row.id).values(gone_since=now))
        elif now - row.gone_since >= HOLD:
            _close(connection, row.id, now)


def begin(connection: Connection, site: str, key: str, said: str, *, now: datetime) -> None:
    """Open it, if it is not open."""
    insert_ignore(
        connection,
        incident,
        [{"site": site, "key": key, "said": said, "opened_at": now, "open_key": f"{site} {key}"}],
    )


def end(connection: Connection, site: str, key: str, *, now: datetime) -> None:
    """It is surely over (a task that failed and now ran well)."""
    found = connection.execute(select(incident.c.id).where(_open(site), incident.c.key == key)).scalar_one_or_none()
    if found is not None:
        _close(connection, found, now)


def to_tell(connection: Connection, site: str, channels: frozenset[str]) -> list[Incident]:
    """Those of which somebody in ``channels`` has not heard. What needs no telling any more is put away."""
    rows = connection.execute(
        select(incident).where(incident.c.site == site, incident.c.settled.is_(False)).order_by(incident.c.id)
    )
    found = []
    for row in rows:
        one = _incident(row)
        if one.unheard(channels):
            found.append(one)
        elif one.is_over:
            connection.execute(update(incident).where(incident.c.id == one.id).values(settled=True))
    return found


def heard(connection: Connection, one: Incident, channel: str) -> None:
    """Somebody was told of ``one`` over ``channel``: of its end when it was over, else of its beginning."""
    column = incident.c.told_over if one.is_over else incident.c.told
    is_it = incident.c.id == one.id
    names = _names(connection.execute(select(column).where(is_it)).scalar_one()) | {channel}
    connection.execute(update(incident).where(is_it).values({column: " ".join(sorted(names))}))


def current(connection: Connection, site: str) -> list[Incident]:
    """What is wrong now, the oldest first."""
    rows = connection.execute(select(incident).where(_open(site)).order_by(incident.c.opened_at, incident.c.id))
    return [_incident(row) for row in rows]


def _close(connection: Connection, incident_id: int, now: datetime) -> None:
    connection.execute(
        update(incident).where(incident.c.id == incident_id).values(closed_at=now, open_key=None, gone_since=None)
    )


def is_open(connection: Connection, site: str, key: str) -> bool:
    return connection.execute(select(incident.c.id).where(_open(site), incident.c.key == key)).first() is not None


def _open(site: str) -> ColumnElement[bool]:
    return (incident.c.site == site) & incident.c.closed_at.is_(None)


def _incident(row: Row[Any]) -> Incident:
    return Incident(row.id, row.key, row.said, row.opened_at, row.closed_at, _names(row.told), _names(row.told_over))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())
