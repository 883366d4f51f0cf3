"""How far a stream was read, and from where it is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.cursor import TimeCursor, Watermark

WALL = ("%Y-%m-%d %H:%M:%S",)
NOW = datetime(2026, 1, 10, tzinfo=UTC)


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
        (TimeCursor("u", ("epoch_ms",), ""), "2026-01-05T00:00:00Z", 1767571200000),
        (TimeCursor("u", WALL, "UTC", send="%Y-%m-%dT%H:%M:%SZ"), "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"),
    ],
)
def test_a_request_carries_the_upstreams_own_time(cursor: TimeCursor, stored: str | None, asked: object) -> None:
    assert cursor.asked(stored) == asked


def test_the_highest_instant_becomes_the_cursor() -> None:
    mark = Watermark("2026-01-05T00:00:00Z", NOW)
    for moment in (at(6), at(8), None, at(7)):
        mark.saw(moment)
    assert mark.result() == "2026-01-08T00:00:00Z"


def test_nothing_new_leaves_it_where_it_was() -> None:
    assert Watermark("2026-01-05T00:00:00Z", NOW).result() == "2026-01-05T00:00:00Z"
    assert Watermark(None, NOW).result() is None


def test_overlapping_rows_do_not_move_it_back() -> None:
    mark = Watermark("2026-01-05T00:00:00Z", NOW)
    mark.saw(at(4, 23))
    assert mark.result() == "2026-01-05T00:00:00Z"


def test_it_never_passes_the_start_of_the_run() -> None:
    mark = Watermark(None, NOW)
    mark.saw(datetime(2099, 1, 1, tzinfo=UTC))
    assert mark.result() == "2026-01-10T00:00:00Z"


def test_a_held_row_holds_it_back() -> None:
    mark = Watermark("2026-01-05T00:00:00Z", NOW)
    mark.saw(at(9))
    mark.hold(at(7))
    mark.hold(at(6))
    assert mark.result() == "2026-01-06T00:00:00Z"
    mark.hold(None)  # a row without an instant: only everything again brings it back
    assert mark.result() is None
