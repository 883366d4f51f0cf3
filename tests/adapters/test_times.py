"""Times as upstreams write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.times import check_format, date_reader, duration, reader, writer, zone_of

NINE = datetime(2026, 1, 5, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("formats", "zone", "value"),
    [
        (("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai", "2026-01-05 09:00:30"),
        (("%Y-%m-%dT%H:%M:%S",), "UTC", "2026-01-05T01:00:30"),
        (("%Y-%m-%d%H:%M:%S",), "Asia/Shanghai", "2026-01-0509:00:30"),  # the provincial exchange table's
        (("%Y%m%d%H%M%S",), "Asia/Shanghai", "20260105090030"),
        (("%Y-%m-%d %H:%M:%S %z",), "", "2026-01-05 09:00:30 +0800"),
        (("iso",), "", "2026-01-05T09:00:30+08:00"),
        (("iso",), "", "2026-01-05T01:00:30Z"),
        (("epoch_s",), "", 1767574830),
        (("epoch_s",), "", "1767574830"),
        (("epoch_ms",), "", 1767574830000),
        (("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"), "Asia/Shanghai", "2026-01-05 09:00:30"),
    ],
)
def test_every_format_gives_the_same_instant(formats: tuple[str, ...], zone: str, value: Any) -> None:
    assert reader(formats, zone)(value) == NINE


@pytest.mark.parametrize("value", [None, "", "  ", "0000-00-00 00:00:00"])
def test_what_stands_for_no_time_is_none(value: Any) -> None:
    assert reader(("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai")(value) is None


@pytest.mark.parametrize("value", ["2026-13-05 09:00:00", "05.01.2026", "gestern", [], {}, True])
def test_what_is_no_time_is_said_without_quoting_it(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^is no time in the format the descriptor gives$"):
        reader(("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai")(value)


def test_an_offset_is_required_where_the_format_is_iso() -> None:
    with pytest.raises(ValueError, match="is no time"):
        reader(("iso",), "")("2026-01-05T09:00:30")


@pytest.mark.parametrize(
    ("zone", "value", "instant"),
    [
        ("Europe/Berlin", "2026-03-29 01:59:59", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("Europe/Berlin", "2026-03-29 03:00:00", datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC)),
        ("Europe/Berlin", "2026-10-25 12:00:00", datetime(2026, 10, 25, 11, 0, 0, tzinfo=UTC)),
        ("Asia/Shanghai", "1986-05-04 01:59:59", datetime(1986, 5, 3, 17, 59, 59, tzinfo=UTC)),  # it had summer time
        ("Asia/Shanghai", "1986-05-04 12:00:00", datetime(1986, 5, 4, 3, 0, 0, tzinfo=UTC)),
        ("Asia/Shanghai", "1986-07-01 12:00:00", datetime(1986, 7, 1, 3, 0, 0, tzinfo=UTC)),
        ("Asia/Shanghai", "9999-12-31 23:59:59", datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC)),  # for ever
    ],
)
def test_the_offset_is_that_of_the_moment_on_the_days_it_changes_too(
    zone: str, value: str, instant: datetime
) -> None:
    read = reader(("%Y-%m-%d %H:%M:%S",), zone)
    found = read(value)
    assert found == instant == read(value)
    assert found is not None and found.tzinfo is UTC  # what records.dump relies on to be quick


def test_a_time_with_an_offset_is_none_of_a_format_without_one() -> None:
    with pytest.raises(ValueError, match="is no time"):
        reader(("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai")("2026-01-05 09:00+00")


def test_a_date_is_plain_or_the_day_in_the_upstreams_zone() -> None:
    read = date_reader(("%Y-%m-%d %H:%M:%S",), "Asia/Shanghai")
    assert read("2026-01-05") == date(2026, 1, 5)
    assert read("2026-01-05 00:30:00") == date(2026, 1, 5)  # still the 4th in UTC
    assert read("") is None


@pytest.mark.parametrize(
    ("form", "zone", "written"),
    [
        ("%Y-%m-%d %H:%M:%S", "Asia/Shanghai", "2026-01-05 09:00:30"),
        ("epoch_s", "", 1767574830),
        ("epoch_ms", "", 1767574830000),
        ("iso", "", "2026-01-05T01:00:30Z"),
    ],
)
def test_a_time_is_written_as_the_system_writes_it(form: str, zone: str, written: Any) -> None:
    assert writer(form, zone)(NINE) == written


def test_durations_have_units() -> None:
    assert duration("PT10M") == timedelta(minutes=10)
    assert duration("P1DT2H") == timedelta(days=1, hours=2)
    assert duration("P2W") == timedelta(days=14)
    for wrong in ("600", "PT", "P", "10m", "PT10", "P1M"):
        with pytest.raises(ValueError, match="ISO-8601"):
            duration(wrong)


def test_formats_and_zones_are_checked_when_they_are_written() -> None:
    for wrong in ("yyyy-MM-dd", "%H:%M", "%Q"):
        with pytest.raises(ValueError, match="time format"):
            check_format(wrong)
    with pytest.raises(ValueError, match="Asia/Shanghai"):
        zone_of("GMT+8 Peking")
