"""Times as citizens read them: ``YYYY年M月D日 HH:mm`` in the site's zone.

A format is made of YYYY, MM, M, DD, D, HH, H, mm, ss; anything else but Latin letters stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo

_TOKEN = re.compile(r"YYYY|MM|M|DD|D|HH|H|mm|ss")
_PARTS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda t: f"{t.year:04d}",
    "MM": lambda t: f"{t.month:02d}",
    "M": lambda t: str(t.month),
    "DD": lambda t: f"{t.day:02d}",
    "D": lambda t: str(t.day),
    "HH": lambda t: f"{t.hour:02d}",
    "H": lambda t: str(t.hour),
    "mm": lambda t: f"{t.minute:02d}",
    "ss": lambda t: f"{t.second:02d}",
}


def format_fault(pattern: str, *, has_clock: bool = True) -> str | None:
    """What is wrong with ``pattern``, or ``None``. A date has no clock: H, m and s are wrong for it."""
    used = set(_TOKEN.findall(pattern))
    left = re.sub(r"[^A-Za-z]", "", _TOKEN.sub("", pattern))
    if left:
        return f"{left!r} is not a part of a time; use YYYY MM M DD D HH H mm ss"
    if not used:
        return "names no part of a time; use YYYY MM M DD D HH H mm ss"
    if not has_clock and used & {"HH", "H", "mm", "ss"}:
        return "asks a date for its hour"
    return None


def format_time(value: datetime | date, pattern: str, zone: tzinfo) -> str:
    """``value`` in ``zone`` as ``pattern`` says; a date is taken as it is."""
    if isinstance(value, datetime):
        moment = value.astimezone(zone)
    else:
        moment = datetime(value.year, value.month, value.day, tzinfo=zone)
    return _TOKEN.sub(lambda match: _PARTS[match.group()](moment), pattern)
