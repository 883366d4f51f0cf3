"""How far a stream was read, and from where it is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.cursor import NumberCursor, TimeCursor, Watermark, spans

WALL = ("%Y-%m-%d %H:%M:%S",)
NOW = datetime(2026, 1, 10, tzinfo=UTC)
TIMES = TimeCursor("u", WALL, "UTC")


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cursor", "stored", "asked"),
    [
        (TimeCursor("u", WALL, "Asia/Shanghai"), None, None),
        (TimeCursor("u", WALL, "Asia/Shanghai"), "2026-01-05T00:00:00Z", "2026-01-05 08:00:00"),
        # ten minutes of overlap, across midnight in the upstream's own zone
        (
            TimeCursor("u", WALL, "Asia/Shanghai", overlap=timedelta(minutes=10)),
            "2026-01-04T16:05:00Z",
            "2026-01-04 23:55:00",
        ),
        # exclusive: one second more, or rows that share the last second are lost
        (TimeCursor("u", WALL, "UTC", exclusive=True), "2026-01-05T00:00:00Z", "2026-01-04 23:59:59"),
        # … and of a column of days a whole day
        (TimeCursor("u", ("%Y-%m-%d",), "UTC", exclusive=True), "2026-01-05T00:00:00Z", "2026-01-04"),
        (TimeCursor("u", ("epoch_ms",), ""), "2026-01-05T00:00:00Z", 1767571200000),
        (TimeCursor("u", WALL, "UTC", send="%Y-%m-%dT%H:%M:%SZ"), "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"),
    ],
)
def test_a_request_carries_the_upstreams_own_time(cursor: TimeCursor, stored: str | None, asked: object) -> None:
    since = cursor.since(stored)
    assert (None if since is None else cursor.sent(since)) == asked


def test_the_highest_instant_becomes_the_cursor() -> None:
    mark = Watermark(TIMES, "2026-01-05T00:00:00Z", NOW)
    for moment in (at(6), at(8), None, at(7)):
        mark.saw(moment)
    assert mark.result() == "2026-01-08T00:00:00Z"


def test_nothing_new_leaves_it_where_it_was() -> None:
    assert Watermark(TIMES, "2026-01-05T00:00:00Z", NOW).result() == "2026-01-05T00:00:00Z"
    assert Watermark(TIMES, None, NOW).result() is None


def test_overlapping_rows_do_not_move_it_back() -> None:
    mark = Watermark(TIMES, "2026-01-05T00:00:00Z", NOW)
    mark.saw(at(4, 23))
    assert mark.result() == "2026-01-05T00:00:00Z"


def test_it_never_passes_the_start_of_the_run() -> None:
    mark = Watermark(TIMES, None, NOW)
    mark.saw(datetime(2099, 1, 1, tzinfo=UTC))
    assert mark.result() == "2026-01-10T00:00:00Z"


def test_a_held_row_holds_it_back() -> None:
    mark = Watermark(TIMES, "2026-01-05T00:00:00Z", NOW)
    mark.saw(at(9))
    mark.hold(at(7))
    mark.hold(at(6))
    assert mark.result() == "2026-01-06T00:00:00Z"
    mark.hold(None)  # a row without an instant: only everything again brings it back
    assert mark.result() is None


@pytest.mark.parametrize(
    ("cursor", "stored", "asked"),
    [
        (NumberCursor("v"), "17", 17),
        (NumberCursor("v", overlap=5), "17", 12),
        (NumberCursor("v", exclusive=True), "17", 16),
        (NumberCursor("v"), "17.5", "17.5"),
        (NumberCursor("v"), "90071992547409930", 90071992547409930),
    ],
)
def test_a_number_is_asked_from_exactly(cursor: NumberCursor, stored: str, asked: object) -> None:
    since = cursor.since(stored)
    assert since is not None and cursor.sent(since) == asked


def test_a_number_is_followed_however_it_is_written() -> None:
    cursor = NumberCursor("v")
    mark = Watermark(cursor, "9", NOW)
    for row in ({"v": "10"}, {"v": 11}, {"v": None}, {"v": ""}, {}):
        mark.saw(cursor.of(row))
    assert mark.result() == "11"
    with pytest.raises(ValueError, match="is no number"):
        cursor.of({"v": "zehn"})
    for absurd in ("NaN", "1e5000000", "1" * 31, True, "１２"):
        with pytest.raises(ValueError, match="is no number of at most 30 digits"):
            cursor.of({"v": absurd})


def test_a_long_time_is_asked_for_in_stretches_without_a_gap() -> None:
    assert list(spans(at(1), at(8), timedelta(days=3))) == [(at(1), at(4)), (at(4), at(7)), (at(7), at(8))]
    assert list(spans(at(8), at(8), timedelta(days=3))) == []
