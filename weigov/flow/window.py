"""A stretch of time to read again, as a person names it: in the site's zone, a day meant to its end."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from weigov.errors import ConfigError
from weigov.ports import Window


def parse(text: str, name: str) -> datetime | None:
    """An ISO-8601 moment or day; None for ''. Raises ConfigError naming ``name``."""
    text = text.strip()
    if not text or text == "None":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{name}: {text!r} is no ISO-8601 moment such as 2026-01-31 or 2026-01-31T08:00") from None


def window(
    since: datetime | None, until: datetime | None, zone: tzinfo, now: datetime, *, prefix: str = ""
) -> Window | None:
    """What to read again. Without an offset the moments are in ``zone``. Raises ConfigError.

    ``prefix``: what stands before the two names where a person typed them (``--``).
    """
    if since is None:
        if until is not None:
            raise ConfigError(f"{prefix}until needs {prefix}since")
        return None
    if until is not None and until.time() == time.min:
        until += timedelta(days=1)
    found = Window(_aware(since, zone), _aware(until, zone) if until else None)
    if found.until is not None and found.since >= found.until:
        raise ConfigError(f"{prefix}since must be before {prefix}until")
    if found.since > now:
        raise ConfigError(f"{prefix}since is in the future: it is {now.astimezone(zone):%Y-%m-%d %H:%M}")
    return found


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
