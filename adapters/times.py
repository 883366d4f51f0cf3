"""Times as upstreams write them → aware UTC datetimes, and back for the requests. Pure.

A format is strptime's (``%Y-%m-%d %H:%M:%S``) or one of three names: ``iso`` (RFC 3339 with an offset), ``epoch_s``,
``epoch_ms``. A format without an offset needs the zone its writer thinks in; there is no default, because a wrong one
loses eight hours of records in silence. Durations are ISO 8601.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NAMED = ("iso", "epoch_s", "epoch_ms")

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
#: strptime's sign → how finely it tells.
_STEPS = (
    ("%f", timedelta(microseconds=1)), ("%S", timedelta(seconds=1)), ("%M", timedelta(minutes=1)),
    ("%H", timedelta(hours=1)), ("%I", timedelta(hours=1)),
)  # fmt: skip
#: What MySQL writes where a time is missing.
_NEVER = "0000-00-00"


def zone_of(name: str) -> ZoneInfo:
    """The time zone called ``name``. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except Exception:
        raise ValueError(f"{name!r} is no time zone (write it as Asia/Shanghai)") from None


def duration(text: str) -> timedelta:
    """``PT10M``, ``P1D``… Raises ValueError for anything else: a bare number has no unit."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no ISO-8601 duration (write PT10M for ten minutes, P1D for a day)")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def check_format(form: str) -> None:
    """Raises ValueError unless ``form`` can both write and read a time."""
    if form in NAMED:
        return
    probe = datetime(2026, 1, 5, 9, 30, 15, tzinfo=UTC)
    try:
        if "%Y" not in form and "%y" not in form:
            raise ValueError
        datetime.strptime(probe.strftime(form), form)
    except ValueError:
        raise ValueError(f"{form!r} is no time format (strptime's, or {', '.join(NAMED)})") from None


def resolution(form: str) -> timedelta:
    """The step of a clock that is written so: rows that share one are told apart by nothing."""
    if form in NAMED:
        return timedelta(milliseconds=1) if form == "epoch_ms" else timedelta(seconds=1)
    for sign, step in _STEPS:
        if sign in form:
            return step
    return timedelta(days=1)


def needs_zone(form: str) -> bool:
    return form not in NAMED and "%z" not in form


def reader(formats: Sequence[str], zone: str) -> Callable[[Any], datetime | None]:
    """A function from an upstream value to an aware UTC datetime; '' and null dates give None.

    It raises ValueError when no format fits.
    """
    readers = [_one_reader(form, zone) for form in formats]
    first = readers[0]
    where = zone_of(zone) if zone else None

    def read(value: Any) -> datetime | None:
        if value is None or value == "":
            return None
        try:
            return first(value)
        except (ValueError, TypeError, AttributeError, OverflowError, OSError):
            if isinstance(value, datetime):
                return _native(value, where)
            for other in readers[1:]:
                try:
                    return other(value)
                except (ValueError, TypeError, AttributeError, OverflowError, OSError):
                    continue
        if isinstance(value, str) and (not value.strip() or value.startswith(_NEVER)):
            return None
        raise ValueError("is no time in the format the descriptor gives")

    return read


def date_reader(formats: Sequence[str], zone: str) -> Callable[[Any], date | None]:
    """As ``reader``, for dates: a plain ``YYYY-MM-DD`` always fits, a time counts as its day in ``zone``."""
    read = reader(formats or ("%Y-%m-%d",), zone or "UTC")
    where = zone_of(zone) if zone else UTC

    def read_date(value: Any) -> date | None:
        if isinstance(value, str) and len(value) == 10 and value[4] == "-":
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        moment = read(value)
        return None if moment is None else moment.astimezone(where).date()

    return read_date


def writer(form: str, zone: str) -> Callable[[datetime], str | int]:
    """A function from an aware datetime to what a request of this system carries."""
    if form == "epoch_s":
        return lambda moment: int(moment.timestamp())
    if form == "epoch_ms":
        return lambda moment: int(moment.timestamp() * 1000)
    if form == "iso":
        return lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = zone_of(zone) if zone else UTC
    return lambda moment: moment.astimezone(where).strftime(form)


def _one_reader(form: str, zone: str) -> Callable[[Any], datetime]:
    if form == "iso":
        return _iso
    if form == "epoch_s":
        return lambda value: datetime.fromtimestamp(float(value), UTC)
    if form == "epoch_ms":
        return lambda value: datetime.fromtimestamp(int(value) / 1000, UTC)
    where = zone_of(zone) if zone else UTC
    if form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        separator = form[8]
        # strptime costs ten times what fromisoformat does, and this is by far the commonest format.

        @functools.lru_cache(4096)
        def offset_of(day: str) -> timedelta | None:
            """How far local time is ahead on ``day``; None on a day on which that changes."""
            midnight = datetime.fromisoformat(day).replace(tzinfo=where)
            ends = (midnight + timedelta(hours=hour, seconds=-1) for hour in range(1, 25))
            found = {midnight.utcoffset(), *(end.utcoffset() for end in ends)}
            return found.pop() if len(found) == 1 else None

        def quick(value: Any) -> datetime:
            if len(value) != 19 or value[10] != separator or value[4] != "-":
                raise ValueError
            offset = offset_of(value[:10])  # asking the zone each time is most of the cost
            if offset is None:
                return datetime.fromisoformat(value).replace(tzinfo=where).astimezone(UTC)
            return datetime.fromisoformat(value + "Z") - offset

        return quick

    def parse(value: Any) -> datetime:
        moment = datetime.strptime(value.strip(), form)
        return (moment if moment.tzinfo else moment.replace(tzinfo=where)).astimezone(UTC)

    return parse


def _native(value: datetime, zone: ZoneInfo | None) -> datetime:
    """A database's own time."""
    if value.tzinfo is None and zone is None:
        raise ValueError("has no offset, and the descriptor names no zone")
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


_Seen = tuple[Any, datetime | None]
_seen: tuple[_Seen, _Seen] = ((None, None), (None, None))  # replaced as a whole: threads may read it meanwhile


def _iso(value: Any) -> datetime:
    """The moment; of the last two values it is known still, for a row's cursor is one of its fields too."""
    global _seen
    last, before = _seen
    if value is last[0] and last[1] is not None:
        return last[1]
    if value is before[0] and before[1] is not None:
        return before[1]
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("has no offset")
    moment = moment.astimezone(UTC)
    _seen = ((value, moment), last)
    return moment
