"""Flows on trial, and the guests they may reach. A guest is a citizen by a name of the site's own choosing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import guest, trial


@dataclass(frozen=True, slots=True)
class Trial:
    """Since when a flow is on trial, and when it was released."""

    began_at: datetime
    released_at: datetime | None


def begin(connection: Connection, site: str, flow: str, *, now: datetime) -> None:
    """The flow is on trial from now on, unless it was released once."""
    insert_ignore(connection, trial, [{"site": site, "flow": flow, "began_at": now}])


def of(connection: Connection, site: str, flow: str) -> Trial | None:
    """The trial of a flow; None when it never was on one."""
    query = select(trial.c.began_at, trial.c.released_at).where(trial.c.site == site, trial.c.flow == flow)
    row = connection.execute(query).one_or_none()
    return None if row is None else Trial(row.began_at, row.released_at)


def release(connection: Connection, site: str, flow: str, *, now: datetime) -> bool:
    """What happens from now on is for everybody; False when it is not on trial."""
    statement = update(trial).where(trial.c.site == site, trial.c.flow == flow, trial.c.released_at.is_(None))
    return connection.execute(statement.values(released_at=now)).rowcount == 1


def under_way(connection: Connection, site: str) -> list[dict[str, Any]]:
    """The flows that were not released yet: flow, since."""
    query = select(trial.c.flow, trial.c.began_at.label("since")).where(trial.c.site == site)
    return [dict(row._mapping) for row in connection.execute(query.where(trial.c.released_at.is_(None)))]


def add_guest(connection: Connection, appid: str, name: str, subject: str, *, now: datetime) -> bool:
    """Call this citizen ``name``; False when somebody is called so already."""
    return insert_ignore(connection, guest, [{"appid": appid, "name": name, "openid_hash": subject, "at": now}]) == 1


def remove_guest(connection: Connection, appid: str, name: str) -> bool:
    """Nobody is called ``name`` any more; False when nobody was."""
    return connection.execute(guest.delete().where(guest.c.appid == appid, guest.c.name == name)).rowcount == 1


def guests(connection: Connection, appid: str, names: Collection[str] | None = None) -> dict[str, str]:
    """name → openid hash; of these ``names`` when given."""
    query = select(guest.c.name, guest.c.openid_hash).where(guest.c.appid == appid).order_by(guest.c.name)
    if names is not None:
        query = query.where(guest.c.name.in_(list(names)))
    return {row.name: row.openid_hash for row in connection.execute(query)}
