"""Calls are reserved before they are made, all or none, by Beijing days."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from weigov.ledger import quota, quota_clears
from weigov.ledger.engine import Ledger
from weigov.ledger.quota import Usage, beijing_day

APP = "wx0123456789abcdef"
ADD, SUBMIT = "/cgi-bin/draft/add", "/cgi-bin/freepublish/submit"
LIMITS = {ADD: 5, SUBMIT: 2}


def used(connection: Connection, now: datetime) -> dict[str, int]:
    return {path: usage.used for path, usage in quota.usage(connection, APP, now=now).items()}


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime.fromisoformat("2026-07-01T00:30:00+09:00"), date(2026, 6, 30)),
    ],
)
def test_a_day_begins_at_midnight_in_beijing(now: datetime, day: date) -> None:
    assert beijing_day(now) == day


def test_reserving_takes_all_or_none_and_names_the_path_that_is_short(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        assert quota.reserve(connection, APP, {ADD: 1, SUBMIT: 1}, LIMITS, now=now) is None
        assert quota.reserve(connection, APP, {SUBMIT: 1, ADD: 1}, LIMITS, now=now) is None
        assert quota.reserve(connection, APP, {ADD: 1, SUBMIT: 1}, LIMITS, now=now) == SUBMIT
        assert used(connection, now) == {ADD: 2, SUBMIT: 2}
        assert quota.reserve(connection, APP, {ADD: 4}, LIMITS, now=now) == ADD
        assert quota.reserve(connection, APP, {ADD: 3}, LIMITS, now=now) is None
        assert quota.reserve(connection, "wxother", {SUBMIT: 2}, LIMITS, now=now) is None


def test_a_new_beijing_day_begins_at_nothing(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        quota.exhaust(connection, APP, SUBMIT, now=now)
        last_second = now.replace(hour=15, minute=59, second=59)
        assert quota.reserve(connection, APP, {SUBMIT: 1}, LIMITS, now=last_second) == SUBMIT
        assert quota.reserve(connection, APP, {SUBMIT: 2}, LIMITS, now=last_second + timedelta(seconds=1)) is None


def test_part_of_a_quota_can_be_kept_for_somebody_more_important(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        keep = {ADD: 2}
        assert quota.reserve(connection, APP, {ADD: 3}, LIMITS, now=now, keep=keep) is None
        assert quota.reserve(connection, APP, {ADD: 1}, LIMITS, now=now, keep=keep) == ADD
        assert quota.reserve(connection, APP, {ADD: 2}, LIMITS, now=now) is None


def test_of_a_small_limit_at_most_half_is_kept(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        keep = {SUBMIT: 5}
        assert quota.reserve(connection, APP, {SUBMIT: 1}, LIMITS, now=now, keep=keep) is None
        assert quota.reserve(connection, APP, {SUBMIT: 1}, LIMITS, now=now, keep=keep) == SUBMIT
        assert quota.reserve(connection, APP, {SUBMIT: 1}, LIMITS, now=now) is None


def test_of_many_workers_one_asks_wechat_and_only_once_an_hour(ledger: Ledger, now: datetime) -> None:
    def ask(path: str, at: datetime) -> bool:
        with ledger.begin() as connection:
            return quota.may_ask(connection, APP, path, now=at)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: ask(ADD, now), range(8))) == 1
    assert ask(SUBMIT, now)
    assert not ask(ADD, now + timedelta(minutes=59))
    assert ask(ADD, now + timedelta(minutes=60))
    with ledger.read() as connection:
        assert quota.usage(connection, APP, now=now) == {}  # asking is nobody's quota


def test_cleared_begins_todays_counts_anew_but_those_of_forced_tokens(ledger: Ledger, now: datetime) -> None:
    forced = "/cgi-bin/stable_token?force_refresh"
    with ledger.begin() as connection:
        quota.reserve(connection, APP, {ADD: 3, forced: 2}, {**LIMITS, forced: 20}, now=now)
        quota.exhaust(connection, APP, SUBMIT, now=now)
        quota.reserve(connection, "wxother", {ADD: 1}, LIMITS, now=now)
        assert quota.may_ask(connection, APP, ADD, now=now)
        quota.cleared(connection, APP, now=now)
        assert used(connection, now) == {forced: 2}
        assert quota.usage(connection, "wxother", now=now) == {ADD: Usage(1, None)}
        assert quota.may_ask(connection, APP, ADD, now=now)
        assert quota.reserve(connection, APP, {SUBMIT: 2}, LIMITS, now=now) is None


def test_who_cleared_and_why_is_kept_and_counted_by_beijing_month(ledger: Ledger, now: datetime) -> None:
    ends: list[quota_clears.Outcome] = ["ok", "refused", "unsent", "unknown"]
    with ledger.begin() as connection:
        for outcome in ends:
            quota_clears.end(connection, quota_clears.begin(connection, APP, "王芳", "急", now=now), outcome)
        quota_clears.begin(connection, APP, "李强", "停电", now=now)
        quota_clears.begin(connection, "wxother", "李强", "急", now=now)
        found = quota_clears.this_month(connection, APP, now=now)
        assert [(one.outcome, one.counts) for one in found] == [
            ("ok", True),
            ("refused", False),
            ("unsent", False),
            ("unknown", True),
            ("open", True),
        ]
        assert (found[-1].person, found[-1].reason) == ("李强", "停电")
        last_second = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)
        assert len(quota_clears.this_month(connection, APP, now=last_second)) == 5
        assert quota_clears.this_month(connection, APP, now=last_second + timedelta(seconds=1)) == []


def test_what_was_surely_not_called_is_given_back_to_the_day_it_was_taken_from(ledger: Ledger, now: datetime) -> None:
    tomorrow = now + timedelta(days=1)
    with ledger.begin() as connection:
        quota.reserve(connection, APP, {ADD: 2, SUBMIT: 1}, LIMITS, now=now)
        quota.reserve(connection, APP, {ADD: 1}, LIMITS, now=tomorrow)
        quota.release(connection, APP, {ADD: 1, SUBMIT: 1}, reserved_at=now)
        assert used(connection, now) == {ADD: 1, SUBMIT: 0}
        assert used(connection, tomorrow) == {ADD: 1}


def test_the_larger_of_our_count_and_wechats_holds_and_counts_on(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        quota.reserve(connection, APP, {ADD: 2}, LIMITS, now=now)
        quota.note_remote(connection, APP, ADD, 1, 5, now=now)
        assert quota.usage(connection, APP, now=now) == {ADD: Usage(2, 5)}
        quota.note_remote(connection, APP, ADD, 4, 5, now=now)
        assert quota.reserve(connection, APP, {ADD: 1}, LIMITS, now=now) is None
        assert quota.reserve(connection, APP, {ADD: 1}, LIMITS, now=now) == ADD
        quota.release(connection, APP, {ADD: 3}, reserved_at=now)
        assert used(connection, now) == {ADD: 4}  # never below what WeChat counted


def test_the_limit_wechat_told_goes_before_the_rulebooks(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        quota.note_remote(connection, APP, ADD, 0, 100, now=now)
        quota.note_remote(connection, APP, SUBMIT, 0, 1, now=now)
        assert quota.reserve(connection, APP, {ADD: 50}, LIMITS, now=now) is None
        assert quota.reserve(connection, APP, {SUBMIT: 2}, LIMITS, now=now) == SUBMIT


@pytest.mark.parametrize("known_limit", [None, 5])
@pytest.mark.parametrize("ours", [0, 3])
def test_after_45009_nothing_is_left_that_day(
    ledger: Ledger, now: datetime, ours: int, known_limit: int | None
) -> None:
    with ledger.begin() as connection:
        quota.reserve(connection, APP, {ADD: ours}, LIMITS, now=now)
        if known_limit is not None:
            quota.note_remote(connection, APP, ADD, 0, known_limit, now=now)
        quota.exhaust(connection, APP, ADD, now=now)
        assert quota.reserve(connection, APP, {ADD: 1}, LIMITS, now=now) == ADD
        assert quota.usage(connection, APP, now=now)[ADD] == Usage(known_limit or ours, known_limit or ours)


def test_workers_at_once_never_take_more_than_there_is(ledger: Ledger, now: datetime) -> None:
    def work(worker: int) -> int:
        taken = 0
        for _ in range(5):
            wants = {ADD: 1, SUBMIT: 1} if worker % 2 else {SUBMIT: 1, ADD: 1}
            with ledger.begin() as connection:
                taken += quota.reserve(connection, APP, wants, {ADD: 12, SUBMIT: 100}, now=now) is None
        return taken

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 12
