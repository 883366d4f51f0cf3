"""How many calls an account still has today, by path, reserved before they are made.

Days are Beijing days, as WeChat counts them. ``used`` is the larger of what we reserved and what quota/get said, and
counts on from there; other programs may spend the same quota. The limit is what quota/get said, else the rulebook's,
which the caller brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from sqlalchemy import ColumnElement, Connection, case, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import quota

BEIJING = timezone(timedelta(hours=8))  # no summer time since 1991
#: With a path behind it: the row whose period is the hour in which WeChat was last asked about that path.
_ASKED = "quota/get "


@dataclass(frozen=True, slots=True)
class Usage:
    """One path today. ``daily_limit`` is None until WeChat told it."""

    used: int
    daily_limit: int | None


def beijing_day(now: datetime) -> date:
    """The day WeChat counts ``now`` to."""
    return now.astimezone(BEIJING).date()


def beijing_midnight(now: datetime) -> datetime:
    """When that day began."""
    day = beijing_day(now)
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


def reserve(
    connection: Connection,
    appid: str,
    wants: Mapping[str, int],
    limits: Mapping[str, int],
    *,
    now: datetime,
    keep: Mapping[str, int] | None = None,
) -> str | None:
    """Take ``wants`` calls of each path, all or none: None when taken, else the path that is short.

    ``limits`` holds the rulebook's figure of every path; what quota/get said goes before it. ``keep`` calls of a path
    are left for somebody more important; of a small limit at most half, or the less important would never go.
    """
    period = beijing_day(now).isoformat()
    paths = sorted(wants)  # one order for everybody, or two workers wait for each other
    insert_ignore(connection, quota, [{"appid": appid, "path": path, "period": period} for path in paths])
    query = select(quota.c.path, quota.c.used, quota.c.daily_limit).where(
        quota.c.appid == appid, quota.c.period == period, quota.c.path.in_(paths)
    )
    rows = {row.path: row for row in connection.execute(query.order_by(quota.c.path).with_for_update())}
    for path in paths:
        stated = rows[path].daily_limit
        limit = limits[path] if stated is None else stated
        if rows[path].used + wants[path] > limit - min((keep or {}).get(path, 0), limit // 2):
            return path
    for path in paths:
        connection.execute(update(quota).where(_is(appid, path, period)).values(used=quota.c.used + wants[path]))
    return None


def release(connection: Connection, appid: str, wants: Mapping[str, int], *, reserved_at: datetime) -> None:
    """Give back what was reserved at ``reserved_at`` and surely not called."""
    period = beijing_day(reserved_at).isoformat()
    for path in sorted(wants):
        left = quota.c.used - wants[path]
        connection.execute(
            update(quota)
            .where(_is(appid, path, period))
            .values(used=case((left < quota.c.remote_used, quota.c.remote_used), else_=left))
        )


def note_remote(
    connection: Connection, appid: str, path: str, used: int, daily_limit: int | None, *, now: datetime
) -> None:
    """Keep what quota/get said."""
    period = beijing_day(now).isoformat()
    insert_ignore(connection, quota, [{"appid": appid, "path": path, "period": period}])
    connection.execute(
        update(quota)
        .where(_is(appid, path, period))
        .values(
            remote_used=used,
            used=case((quota.c.used < used, used), else_=quota.c.used),
            daily_limit=daily_limit,
        )
    )


def may_ask(connection: Connection, appid: str, path: str, *, now: datetime) -> bool:
    """Whether it is time to ask WeChat again what it counted of ``path``: once an hour, by whoever comes first."""
    hour, asked = f"{now.astimezone(BEIJING):%Y-%m-%dT%H}", _ASKED + path
    older = (quota.c.appid == appid) & (quota.c.path == asked) & (quota.c.period != hour)
    connection.execute(quota.delete().where(older))
    return insert_ignore(connection, quota, [{"appid": appid, "path": asked, "period": hour, "used": 1}]) == 1


def cleared(connection: Connection, appid: str, *, now: datetime) -> None:
    """WeChat counts today's calls from nothing again. Forced refreshes of the token are counted elsewhere there."""
    period = beijing_day(now).isoformat()
    today = (quota.c.appid == appid) & (quota.c.period == period) & quota.c.path.not_like("%?%")
    connection.execute(quota.delete().where(today))
    connection.execute(quota.delete().where((quota.c.appid == appid) & quota.c.path.startswith(_ASKED)))


def exhaust(connection: Connection, appid: str, path: str, *, now: datetime) -> None:
    """WeChat answered 45009: whatever we thought, nothing is left until the next Beijing day."""
    period = beijing_day(now).isoformat()
    insert_ignore(connection, quota, [{"appid": appid, "path": path, "period": period}])
    connection.execute(
        update(quota)
        .where(_is(appid, path, period))
        .values(
            # What is missing up to a known limit, somebody else spent; an unknown limit is what we have used.
            used=case((quota.c.used < quota.c.daily_limit, quota.c.daily_limit), else_=quota.c.used),
            daily_limit=case((quota.c.daily_limit.is_(None), quota.c.used), else_=quota.c.daily_limit),
        )
    )


def usage(connection: Connection, appid: str, *, now: datetime) -> dict[str, Usage]:
    """path → what was used of it today."""
    query = select(quota.c.path, quota.c.used, quota.c.daily_limit).where(
        quota.c.appid == appid, quota.c.period == beijing_day(now).isoformat()
    )
    return {row.path: Usage(row.used, row.daily_limit) for row in connection.execute(query.order_by(quota.c.path))}


def _is(appid: str, path: str, period: str) -> ColumnElement[bool]:
    return (quota.c.appid == appid) & (quota.c.path == path) & (quota.c.period == period)
