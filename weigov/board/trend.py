"""The last thirty days: what was composed each day, and what has become of it.

A day that is long over hardly changes, so it is counted once and remembered by the process for a while; what is
counted now is today and the days just before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import board

DAYS = 30
ARRIVED = ("confirmed", "accepted", "removed")
FAILED = ("rejected", "refused", "expired", "in_doubt", "given_up", "unknown")
_UNDER_WAY = ("waiting_review", "ready", "deferred", "claimed", "sending")

#: How long a count is good: today's, those of the last days, older ones.
_GOOD_S = ((1, 15.0), (4, 300.0), (DAYS + 1, 6 * 3600.0))


@dataclass(frozen=True, slots=True)
class Day:
    """One day in the site's zone. What was superseded or withdrawn before it left is in none of the three."""

    day: date
    arrived: int
    under_way: int
    failed: int


_kept: dict[tuple[str, str, date], tuple[float, dict[str, int]]] = {}
_lock = threading.Lock()


def trend(ctx: Context, connection: Connection, flows: Sequence[str]) -> tuple[Day, ...]:
    """Oldest first, today last."""
    today = ctx.now().astimezone(ctx.site.zone).date()
    found = []
    for age in range(DAYS - 1, -1, -1):
        day = today - timedelta(days=age)
        found.append(_day(day, _counted(ctx, connection, flows, day, age)))
    return tuple(found)


def _counted(ctx: Context, connection: Connection, flows: Sequence[str], day: date, age: int) -> Mapping[str, int]:
    key = (str(ctx.ledger.engine.url), ctx.site.site, day)
    good_s = next(seconds for most, seconds in _GOOD_S if age < most)
    with _lock:
        kept = _kept.get(key)
    if kept is not None and time.monotonic() - kept[0] < good_s:
        return kept[1]
    begin = datetime.combine(day, datetime.min.time(), ctx.site.zone)
    counts = board.by_day(connection, ctx.site.site, flows, begin, begin + timedelta(days=1))
    with _lock:
        if len(_kept) > 4 * DAYS:
            _kept.clear()
        _kept[key] = (time.monotonic(), counts)
    return counts


def _day(day: date, counts: Mapping[str, int]) -> Day:
    def of(states: Sequence[str]) -> int:
        return sum(counts.get(state, 0) for state in states)

    return Day(day, of(ARRIVED), of(_UNDER_WAY), of(FAILED))
