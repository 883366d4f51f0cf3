"""What is wrong now, since when, and who was told: one row an incident, from its beginning until it is over.

An incident that comes back within ``HOLD`` is the same one: what is wrong every other minute is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import incident

#: For so long it must be gone before it is over.
HOLD = timedelta(minutes=15)


class Wrong(NamedTuple):
    """One thing that is wrong: the line people are told, and what varies in it (a reason, a title, a count)."""

    said: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """``told`` and ``told_over`` are the connections over which people heard of its beginning and of its end.

    ``times``: how often it came, for one that goes and comes back within ``HOLD`` is the same. ``gone_since``: not
    seen any more, and not over yet.
    """

    id: int
    key: str
    said: str
    why: str
    times: int
    opened_at: datetime
    gone_since: datetime | None
    closed_at: datetime | None
    told: frozenset[str]
    told_over: frozenset[str]

    @property
    def is_over(self) -> bool:
        return self.closed_at is not None

    def unheard(self, channels: frozenset[str]) -> frozenset[str]:
        """Where it is still to be told: its beginning everywhere, its end where they heard of the beginning."""
        return (channels & self.told) - self.told_over if self.is_over else channels - self.told


def observe(connection: Connection, site: str, now_wrong: Mapping[str, Wrong], *, now: datetime) -> None:
    """Take down what is wrong now, by key: begin what is new, end what has been gone for ``HOLD``."""
    open_ = {row.key: row for row in connection.execute(select(incident).where(_open(site)))}
    for key, wrong in now_wrong.items():
        row = open_.get(key)
        if row is None:
            begin(connection, site, key, wrong, now=now)
            continue
        more = 1 if row.gone_since is not None else 0
        values = {"said": wrong.said, "why": wrong.why, "gone_since": None, "times": incident.c.times + more}
        connection.execute(update(incident).where(incident.c.id == row.id).values(values))
    for key, row in open_.items():
        if key in now_wrong or key.startswith("task:"):
            continue
        if row.gone_since is None:
            connection.execute(update(incident).where(incident.c.id == row.id).values(gone_since=now))
        elif now - row.gone_since >= HOLD:
            _close(connection, row.id, now)


def begin(connection: Connection, site: str, key: str, wrong: Wrong, *, now: datetime) -> None:
    """Open it, if it is not open."""
    values = {"site": site, "key": key, "opened_at": now, "open_key": f"{site} {key}", **wrong._asdict()}
    insert_ignore(connection, incident, [values])


def again(connection: Connection, site: str, key: str, wrong: Wrong, *, now: datetime) -> None:
    """It happened once more, or for the first time (a task that failed)."""
    values = {**wrong._asdict(), "times": incident.c.times + 1}
    if not connection.execute(update(incident).where(_open(site), incident.c.key == key).values(values)).rowcount:
        begin(connection, site, key, wrong, now=now)


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


def over(connection: Connection, site: str, *, since: datetime, limit: int) -> list[Incident]:
    """What was wrong and is over since then, the newest end first."""
    is_it = (incident.c.site == site) & (incident.c.closed_at >= since)
    rows = connection.execute(select(incident).where(is_it).order_by(incident.c.closed_at.desc()).limit(limit))
    return [_incident(row) for row in rows]


def how_often(connection: Connection, site: str, *, since: datetime) -> dict[str, int]:
    """key → how often it came, in incidents that are open or ended since then."""
    lately = or_(incident.c.closed_at.is_(None), incident.c.closed_at >= since)
    query = select(incident.c.key, func.sum(incident.c.times)).where(incident.c.site == site, lately)
    return {key: int(n) for key, n in connection.execute(query.group_by(incident.c.key))}


def _close(connection: Connection, incident_id: int, now: datetime) -> None:
    connection.execute(
        update(incident).where(incident.c.id == incident_id).values(closed_at=now, open_key=None, gone_since=None)
    )


def is_open(connection: Connection, site: str, key: str) -> bool:
    return connection.execute(select(incident.c.id).where(_open(site), incident.c.key == key)).first() is not None


def _open(site: str) -> ColumnElement[bool]:
    return (incident.c.site == site) & incident.c.closed_at.is_(None)


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        row.id, row.key, row.said, row.why, row.times, row.opened_at, row.gone_since, row.closed_at, _names(row.told),
        _names(row.told_over),
    )  # fmt: skip


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())
