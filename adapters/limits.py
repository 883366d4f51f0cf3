"""How often a system may be called: pace, daily budget, and leaving it alone when it is down.

It sits under everything that calls: the pager, the details, the log-in, the writes. What the pace costs is waiting;
what the budget costs is the rest of the run, which goes on another day; what the breaker spares is every worker
finding out for itself, with all its attempts, that nobody answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters import times
from adapters.vocabulary import CallLimits
from weigov.errors import RateLimited, RemoteUnavailable
from weigov.ports import CallMeter

_DAY_S = 86_400.0


class Gate:
    """What every call of one system goes through."""

    def __init__(
        self, system: str, rule: CallLimits, meter: CallMeter | None, sleep: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._system, self._sleep, self._monotonic = system, sleep, monotonic
        self._meter: CallMeter = meter or MemoryMeter(monotonic)
        self._daily = rule.daily
        count, _, unit = (rule.rate or "").partition("/")
        self._every_s = {"s": 1.0, "min": 60.0}[unit] / int(count) if rule.rate else 0.0
        self._next_at = 0.0
        self._failures, self._pause_s = rule.breaker.failures, times.duration(rule.breaker.pause).total_seconds()
        self._troubled = True  # whether the meter may know of failures: it is told once that all is well

    def check(self, operation: str) -> None:
        """Raises RemoteUnavailable while the system is left alone. Ask once for a read, before its attempts."""
        wait_s = self._meter.shut_s()
        if wait_s > 0:
            why = f"is left alone for {_said(wait_s)}: it failed {self._failures} times in a row"
            raise RemoteUnavailable(self._system, operation, why)

    def enter(self, operation: str) -> None:
        """Before each call. Waits for its turn; raises RateLimited when the day's budget is used up."""
        if self._daily is not None:
            wait_s = self._meter.spend(self._daily)
            if wait_s is not None:
                why = f"its {self._daily} calls of the day are used up; it is asked again in {_said(wait_s)}"
                raise RateLimited(self._system, operation, why, retry_after_s=wait_s)
        if self._every_s:
            now = self._monotonic()
            if now < self._next_at:
                self._sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + self._every_s

    def failed(self) -> None:
        """A read failed, with all its attempts."""
        self._troubled = True
        self._meter.failed(self._failures, self._pause_s)

    def worked(self) -> None:
        """It answers."""
        if self._troubled:
            self._troubled = False
            self._meter.worked()


class MemoryMeter:
    """``ports.CallMeter`` for one process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._day_ends, self._calls = monotonic() + _DAY_S, 0
        self._in_a_row, self._shut_until = 0, 0.0

    def spend(self, daily: int) -> float | None:
        now = self._monotonic()
        if now >= self._day_ends:
            self._day_ends, self._calls = now + _DAY_S, 0
        if self._calls >= daily:
            return self._day_ends - now
        self._calls += 1
        return None

    def shut_s(self) -> float:
        return max(self._shut_until - self._monotonic(), 0.0)

    def failed(self, failures: int, pause_s: float) -> None:
        self._in_a_row += 1
        if self._in_a_row >= failures:
            self._shut_until = self._monotonic() + pause_s

    def worked(self) -> None:
        self._in_a_row, self._shut_until = 0, 0.0


def _said(seconds: float) -> str:
    minutes = int(seconds // 60) + 1
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
