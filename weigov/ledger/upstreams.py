"""What all workers together know of the calls to one system: how many today, and whether it is left alone.

``ports.CallMeter`` over the ledger. Each count is a transaction of its own, made before the call: a worker that dies
has counted a call it may not have made, never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, or_, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.engine import Ledger
from weigov.ledger.tables import upstream

_LONGEST_S = 86_400.0


class LedgerMeter:
    """One system of one site. A day is a day of the site's zone."""

    def __init__(self, ledger: Ledger, site: str, system: str, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._ledger, self._zone, self._now = ledger, zone, now
        self._key = {"site": site, "system": system}
        self._here = and_(upstream.c.site == site, upstream.c.system == system)

    def spend(self, daily: int) -> float | None:
        here = self._now().astimezone(self._zone)
        day = here.date().isoformat()
        same = upstream.c.day == day
        with self._ledger.begin() as connection:
            self._exists(connection)
            counted = connection.execute(
                update(upstream)
                .where(self._here, or_(upstream.c.day != day, upstream.c.calls < daily))
                .values(calls=case((same, upstream.c.calls + 1), else_=1), day=day)
            )
        if counted.rowcount == 1:
            return None
        tomorrow = datetime.combine(here.date() + timedelta(days=1), time.min, self._zone)
        return (tomorrow - here).total_seconds()

    def shut_s(self) -> float:
        with self._ledger.read() as connection:
            until = connection.execute(select(upstream.c.shut_until).where(self._here)).scalar_one_or_none()
        # A clock that was wrong when it was shut must not shut it for years.
        return 0.0 if until is None else min(max((until - self._now()).total_seconds(), 0.0), _LONGEST_S)

    def failed(self, failures: int, pause_s: float) -> None:
        until = self._now() + timedelta(seconds=pause_s)
        with self._ledger.begin() as connection:
            self._exists(connection)
            connection.execute(
                update(upstream)
                .where(self._here)
                .values(
                    failures=upstream.c.failures + 1,
                    shut_until=case((upstream.c.failures + 1 >= failures, until), else_=upstream.c.shut_until),
                )
            )

    def worked(self) -> None:
        with self._ledger.read() as connection:
            failures = connection.execute(select(upstream.c.failures).where(self._here)).scalar_one_or_none()
        if failures:
            with self._ledger.begin() as connection:
                connection.execute(update(upstream).where(self._here).values(failures=0, shut_until=None))

    def _exists(self, connection: Connection) -> None:
        insert_ignore(connection, upstream, [dict(self._key)])


def calls(connection: Connection, site: str) -> list[dict[str, Any]]:
    """system, day, calls, failures, shut_until of every system that was counted."""
    query = select(
        upstream.c.system, upstream.c.day, upstream.c.calls, upstream.c.failures, upstream.c.shut_until
    ).where(upstream.c.site == site)
    return [dict(row._mapping) for row in connection.execute(query.order_by(upstream.c.system))]
