"""What a digest takes and when it is due: for any articles in any order, by any cron line. Nothing runs here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weigov.flow.deployment import BEIJING
from weigov.flow.gather import Candidate, choose, last_time
from weigov.ledger.gathered import Published
from weigov.records import Record
from weigov.site.models import Gather

MONDAYS = "0 9 * * 1"
EVERY = [MONDAYS, "30 17 * * 5", "0 10 1 * *", "0 8 28-31 * *", "*/15 8-20 * * *", "0 0 29 2 *"]
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))


def rule(take: int, order: str) -> Gather:
    return Gather(pick="published", order=order, take=take, every=MONDAYS)


def candidate(key: str, published_at: datetime | None, title: str = "") -> Candidate:
    record = Record(key=key, kind="article", fields={"published_at": published_at, "title": title or None})
    return Candidate(Published(1, f"cms/articles/{key}", 1, datetime(2026, 1, 1, tzinfo=UTC)), record)


CANDIDATES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.none() | MOMENTS, max_size=15)


@settings(deadline=None)
@given(CANDIDATES, st.integers(1, 8), st.booleans(), st.randoms())
def test_a_digest_takes_the_first_by_its_order_whatever_order_they_come_in(
    found: dict[str, datetime | None], take: int, down: bool, shuffle: object
) -> None:
    candidates = [candidate(key, at) for key, at in found.items()]
    wanted = rule(take, "-published_at" if down else "published_at")
    chosen = choose(candidates, wanted)
    mixed = list(candidates)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert [one.record.key for one in choose(mixed, wanted)] == [one.record.key for one in chosen]
    assert len(chosen) == min(take, len(candidates)) == len({one.record.key for one in chosen})
    values = [found[one.record.key] for one in chosen]
    dated = [value for value in values if value is not None]
    assert dated == sorted(dated, reverse=down) and values == [*dated, *(value for value in values if value is None)]
    left = [found[one.record.key] for one in candidates if one not in chosen]
    if None in values:
        assert not [value for value in left if value is not None]  # what has no date comes after all that have one
    elif dated:
        assert all(value is None or (value <= dated[-1] if down else value >= dated[-1]) for value in left)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("title", ["a", "b", "c"]),
        ("-title", ["b", "a", "c"]),
        ("-published_at", ["a", "b", "c"]),
        ("url", ["a", "b", "c"]),
    ],
)
def test_equals_go_by_their_keys_and_what_has_no_value_last(order: str, keys: list[str]) -> None:
    day = datetime(2026, 3, 10, tzinfo=UTC)
    found = [candidate("c", day), candidate("b", day, "甲"), candidate("a", day, "乙")]
    assert [one.record.key for one in choose(found, rule(8, order))] == keys


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(EVERY), MOMENTS)
def test_a_turn_is_the_newest_time_of_the_line_up_to_now(every: str, now: datetime) -> None:
    turn = last_time(every, now, BEIJING)
    assert turn <= now and last_time(every, turn, BEIJING) == turn
    local = turn.astimezone(BEIJING)
    assert croniter(every, local).get_next(datetime) > now and croniter.match(every, local)
    assert last_time(every, turn - timedelta(microseconds=1), BEIJING) < turn


@pytest.mark.parametrize(
    ("now", "turn"),
    [
        (datetime(2026, 3, 16, 9, 0), datetime(2026, 3, 16, 9, 0)),
        (datetime(2026, 3, 16, 8, 59, 59), datetime(2026, 3, 9, 9, 0)),
        (datetime(2026, 3, 22, 23, 59), datetime(2026, 3, 16, 9, 0)),
        (datetime(2026, 1, 1), datetime(2025, 12, 29, 9, 0)),
    ],
)
def test_mondays_at_nine_are_beijings(now: datetime, turn: datetime) -> None:
    assert last_time(MONDAYS, now.replace(tzinfo=BEIJING), BEIJING) == turn.replace(tzinfo=BEIJING)
