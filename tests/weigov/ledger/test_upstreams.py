"""Calls to an upstream, counted for all workers together."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from weigov.ledger.engine import Ledger
from weigov.ledger.upstreams import LedgerMeter, calls

BEIJING = ZoneInfo("Asia/Shanghai")


class At:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def at() -> At:
    return At(datetime(2026, 1, 5, 15, 0, tzinfo=UTC))  # eleven at night in Beijing


@pytest.fixture
def meter(ledger: Ledger, at: At) -> LedgerMeter:
    return LedgerMeter(ledger, "demo", "cms", BEIJING, at)


def test_a_days_calls_are_counted_until_they_are_used_up(meter: LedgerMeter, at: At) -> None:
    assert [meter.spend(3) for _ in range(3)] == [None] * 3
    assert meter.spend(3) == 3600.0  # until midnight in the site's zone
    assert meter.spend(4) is None  # a limit that was raised holds at once
    at.moment += timedelta(hours=1)
    assert [meter.spend(3) for _ in range(3)] == [None] * 3
    assert meter.spend(3) == 86_400.0


def test_each_system_has_a_count_of_its_own(ledger: Ledger, meter: LedgerMeter, at: At) -> None:
    other = LedgerMeter(ledger, "demo", "cases", BEIJING, at)
    assert meter.spend(1) is None and meter.spend(1) is not None
    assert other.spend(1) is None
    with ledger.read() as connection:
        assert [(row["system"], row["calls"]) for row in calls(connection, "demo")] == [("cases", 1), ("cms", 1)]


def test_workers_together_never_pass_the_limit(ledger: Ledger, at: At) -> None:
    got: list[float | None] = []

    def work() -> None:
        meter = LedgerMeter(ledger, "demo", "cms", BEIJING, at)
        got.extend(meter.spend(20) for _ in range(10))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got.count(None) == 20 and len(got) == 40


def test_what_one_worker_found_down_the_others_leave_alone(ledger: Ledger, meter: LedgerMeter, at: At) -> None:
    other = LedgerMeter(ledger, "demo", "cms", BEIJING, at)
    for _ in range(2):
        meter.failed(3, 300)
    assert other.shut_s() == 0
    other.failed(3, 300)
    assert meter.shut_s() == 300
    at.moment += timedelta(seconds=301)
    assert meter.shut_s() == 0
    meter.failed(3, 300)  # still down
    assert other.shut_s() == 300
    other.worked()
    assert meter.shut_s() == 0
    meter.failed(3, 300)
    assert meter.shut_s() == 0


def test_a_sound_system_costs_no_write(ledger: Ledger, meter: LedgerMeter) -> None:
    meter.worked()
    with ledger.read() as connection:
        assert calls(connection, "demo") == []
