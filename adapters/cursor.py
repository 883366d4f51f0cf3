"""How far a stream was read, and from where to ask next. Pure.

The ledger keeps a text it does not understand: for ``time`` the highest instant seen, in UTC; for ``opaque`` the
upstream's own token. The overlap is subtracted when asking, not when storing, so changing it needs no reset.

A time cursor moves only when a partition was read to its end. Page by page would be quicker to resume, but is not
safe even in ascending order: an edit moves its row to the end while we page, every row behind it shifts one place
forward, and the one that slipped onto a page already read would lie before the cursor for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters import paths, times

_RESOLUTION = timedelta(seconds=1)  # of nearly every upstream's clock: many rows share one


class TimeCursor:
    """Asks from, and follows, one time column of the list rows."""

    def __init__(
        self, field: str, formats: tuple[str, ...], zone: str, *, send: str | None = None,
        overlap: timedelta = timedelta(0), exclusive: bool = False,
    ) -> None:  # fmt: skip
        self._get = paths.dotted(field)
        self._read: Callable[[Any], datetime | None] = times.reader(formats, zone)
        self._write = times.writer(send or formats[0], zone)
        # A filter that leaves the instant itself out would lose rows that share it.
        self._back = overlap + (_RESOLUTION if exclusive else timedelta(0))

    def asked(self, stored: str | None) -> str | int | None:
        """What a request carries; None on the first pull."""
        return None if not stored else self._write(load(stored) - self._back)

    def of(self, row: Any) -> datetime | None:
        """The row's own instant. Raises ValueError when it is no time."""
        return self._read(self._get(row))


class Watermark:
    """What a time cursor may become at the end of one partition's run."""

    def __init__(self, stored: str | None, now: datetime) -> None:
        self._stored = stored
        self._now = now
        self._high: datetime | None = None
        self._held: datetime | None = None
        self.stuck = False  #: a row without an instant must come again

    def saw(self, moment: datetime | None) -> None:
        if moment is not None and (self._high is None or moment > self._high):
            self._high = moment

    def hold(self, moment: datetime | None) -> None:
        """A row of this instant must be listed again next time; without an instant, everything must."""
        if moment is None:
            self.stuck = True
        elif self._held is None or moment < self._held:
            self._held = moment

    def result(self) -> str | None:
        """The cursor to store; None when it must stay where it is.

        Never later than the start of the run: one row dated 2099 must not hide all rows until then.
        """
        if self.stuck:
            return None
        moments = [] if self._stored is None else [load(self._stored)]
        if self._high is not None:
            moments.append(min(self._high, self._now))
        if not moments:
            return None
        return dump(max(moments) if self._held is None else min(max(moments), self._held))


def dump(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def load(text: str) -> datetime:
    return datetime.fromisoformat(text)
