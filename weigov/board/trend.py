"""The last thirty days: what was composed each day, and what has become of it.

A day that is long over hardly changes, so it is counted once and remembered by the process for a while; what is
counted now is today and the days just before. The first page after a start has everything to count: it counts for
``PATIENCE_S``, the newest days first, and says which are left for the next page.
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

#: For so long one page counts.
PATIENCE_S = 0.3

#: How long a count is good: today's, those of the last days, older ones.
_GOOD_S = ((1, 15.0), (4, 300.0), (DAYS + 1, 6 * 3600.0))


@dataclass(frozen=True, slots=True)
class Day:
    """One day in the site's zone. What was superseded or withdrawn before it left is in none of the three.

    ``counted`` is False where there was no time for it yet.
    """

    day: date
    arrived: int
    under_way: int
    failed: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class _Count:
    """What was counted of a day, when, and the id of its first delivery, which stays what it is."""

    at: float
    counts: Mapping[str, int]
    first: int


_kept: dict[tuple[str, str, date], _Count] = {}
_lock = threading.Lock()


def trend(ctx: Context, connection: Connection, flows: Sequence[str]) -> tuple[Day, ...]:
    """Oldest first, today last."""
    today = ctx.now().astimezone(ctx.site.zone).date()
    until = time.monotonic() + PATIENCE_S
    found = []
    behind: int | None = None  # the first delivery of the day after
    for age in range(DAYS):
        day = today - timedelta(days=age)
        counted = _counted(ctx, connection, flows, day, age, behind, may_look=age == 0 or time.monotonic() < until)
        behind = counted.first if counted is not None else behind
        found.append(_day(day, counted.counts) if counted is not None else Day(day, 0, 0, 0, counted=False))
    return tuple(reversed(found))


def _counted(
    ctx: Context,
    connection: Connection,
    flows: Sequence[str],
    day: date,
    age: int,
    behind: int | None,
    *,
    may_look: bool,
) -> _Count | None:
    key = (str(ctx.ledger.engine.url), ctx.site.site, day)
    good_s = next(seconds for most, seconds in _GOOD_S if age < most)
    with _lock:
        kept = _kept.get(key)
    if not may_look or (kept is not None and time.monotonic() - kept.at < good_s):
        return kept
    end = behind
    if end is None:
        end = board.first_id(
            connection, datetime.combine(day + timedelta(days=1), datetime.min.time(), ctx.site.zone)
        )
    begin = datetime.combine(day, datetime.min.time(), ctx.site.zone)
    first = kept.first if kept is not None else board.first_id(connection, begin, before=end)
    counted = _Count(time.monotonic(), board.by_state(connection, ctx.site.site, flows, first, end), first)
    with _lock:
        if len(_kept) > 4 * DAYS:
            _kept.clear()
        _kept[key] = counted
    return counted


def _day(day: date, counts: Mapping[str, int]) -> Day:
    def of(states: Sequence[str]) -> int:
        return sum(counts.get(state, 0) for state in states)

    return Day(day, of(ARRIVED), of(_UNDER_WAY), of(FAILED))
