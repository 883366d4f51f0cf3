"""Pace, budget, and leaving a system alone that is down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.limits import Gate, MemoryMeter
from adapters.vocabulary import CallLimits
from tests.adapters.upstream import REST, Mirror, Upstream, opened, serving
from weigov.errors import RateLimited, RemoteUnavailable

NOW = datetime(2026, 1, 10, tzinfo=UTC)


class Clock:
    """Stands still until something sleeps."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def gate(clock: Clock, **rule: object) -> Gate:
    return Gate("cms", CallLimits.model_validate(rule), MemoryMeter(clock), clock.sleep, clock)


@pytest.mark.parametrize(("rate", "takes_s"), [("2/s", 4.5), ("60/min", 9.0), (None, 0.0)])
def test_calls_keep_their_pace(rate: str | None, takes_s: float) -> None:
    clock = Clock()
    it = gate(clock, rate=rate)
    for _ in range(10):
        it.enter("articles")
    assert clock.at - 100 == pytest.approx(takes_s)


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    clock = Clock()
    it = gate(clock, rate="1/s")
    it.enter("articles")
    clock.sleep(100)
    for _ in range(3):
        it.enter("articles")
    assert clock.at == pytest.approx(202)


def test_a_used_up_budget_says_when_it_goes_on() -> None:
    clock = Clock()
    it = gate(clock, daily=2)
    it.enter("articles")
    it.enter("articles")
    with pytest.raises(RateLimited, match="its 2 calls of the day are used up") as caught:
        it.enter("articles")
    assert caught.value.retry_after_s == 86_400
    clock.sleep(86_400)
    it.enter("articles")


def test_a_system_that_keeps_failing_is_left_alone_and_then_tried_again() -> None:
    clock = Clock()
    it = gate(clock, breaker={"failures": 2, "pause": "PT5M"})
    it.check("articles")
    it.failed()
    it.check("articles")
    it.failed()
    with pytest.raises(RemoteUnavailable, match="is left alone for 6 min: it failed 2 times in a row"):
        it.check("articles")
    clock.sleep(300)
    it.check("articles")
    it.failed()  # still down: one failure is enough now
    with pytest.raises(RemoteUnavailable):
        it.check("articles")
    clock.sleep(300)
    it.worked()
    it.failed()
    it.check("articles")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Upstream()) as it:
        for n in range(1, 8):
            it.add(f"A{n}", f"2026-01-0{n} 08:00:00")
        yield it


def limited(upstream: Upstream, tmp_path: Path, limits: str, **options: object):  # type: ignore[no-untyped-def]
    return opened("rest", upstream.url, tmp_path, text=REST + f"limits: {limits}\n", **options)


def test_the_budget_counts_log_ins_pages_and_details_and_keeps_what_was_read(
    upstream: Upstream, tmp_path: Path
) -> None:
    system = limited(upstream, tmp_path, "{daily: 3}")
    mirror = Mirror()
    with pytest.raises(RateLimited, match="cms items: its 3 calls of the day"):
        mirror.take(system.pull("items", mirror.state(), NOW))
    assert len(upstream.calls) == 3  # one log-in, two pages
    assert sorted(mirror.records) == [f"A{n}" for n in range(1, 7)] and mirror.cursors == {}
    system.close()


def test_a_system_that_is_down_is_not_asked_by_every_call(upstream: Upstream, tmp_path: Path) -> None:
    system = limited(upstream, tmp_path, "{breaker: {failures: 2}}")
    upstream.always("list", "503")
    for _ in range(2):
        with pytest.raises(RemoteUnavailable, match="HTTP 503"):
            list(system.pull("items", Mirror().state(), NOW))
    asked = len(upstream.calls)
    with pytest.raises(RemoteUnavailable, match="is left alone"):
        list(system.pull("items", Mirror().state(), NOW))
    with pytest.raises(RemoteUnavailable, match="is left alone"):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert len(upstream.calls) == asked
    system.close()


def test_a_refusal_is_no_failure_of_the_system(upstream: Upstream, tmp_path: Path) -> None:
    system = limited(upstream, tmp_path, "{breaker: {failures: 1}}")
    upstream.faults = [("list", "refuse")]
    with pytest.raises(Exception, match="无权限"):
        list(system.pull("items", Mirror().state(), NOW))
    assert list(system.pull("items", Mirror().state(), NOW))
    system.close()
