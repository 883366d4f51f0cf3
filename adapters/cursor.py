"""How far a stream was read, and from where to ask next. Pure.

The ledger keeps a text it does not understand: for ``time`` the highest instant seen, in UTC; for ``number`` the
highest number; for ``opaque`` the upstream's own token. The overlap is subtracted when asking, not when storing, so
changing it needs no reset.

A cursor over a column moves only when a partition was read to its end. Page by page would be quicker to resume, but
is not safe even in ascending order: an edit moves its row to the end while we page, every row behind it shifts one
place forward, and the one that slipped onto a page already read would lie before the cursor for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from adapters import paths, times

_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)

Mark = Any  #: a datetime or a Decimal: what a column cursor compares


class ColumnCursor(Protocol):
    """Asks from, and follows, one column of the list rows."""

    def of(self, row: Any) -> Mark | None:
        """The row's own mark; None when the column is empty. Raises ValueError when it is none of its kind."""
        ...

    def since(self, stored: str | None) -> Mark | None:
        """From where to ask, the overlap taken off; None on the first pull."""
        ...

    def sent(self, mark: Mark) -> str | int:
        """A mark as a request carries it."""
        ...

    def highest(self, now: datetime) -> Mark | None:
        """What no cursor may pass; None when there is no such bound."""
        ...

    def dump(self, mark: Mark) -> str:
        """A mark as the ledger keeps it."""
        ...

    def load(self, stored: str) -> Mark: ...


class TimeCursor:
    """A column of times."""

    def __init__(
        self, field: str, formats: tuple[str, ...], zone: str, *, send: str | None = None,
        overlap: timedelta = timedelta(0), exclusive: bool = False,
    ) -> None:  # fmt: skip
        self._get = paths.dotted(field)
        self._read: Callable[[Any], datetime | None] = times.reader(formats, zone)
        self._write = times.writer(send or formats[0], zone)
        # A filter that leaves the instant itself out would lose rows that share it.
        self._back = overlap + (times.resolution(send or formats[0]) if exclusive else timedelta(0))

    def of(self, row: Any) -> datetime | None:
        return self._read(self._get(row))

    def since(self, stored: str | None) -> datetime | None:
        return None if not stored else load(stored) - self._back

    def sent(self, mark: datetime) -> str | int:
        return self._write(mark)

    def highest(self, now: datetime) -> datetime | None:
        return now  # one row dated 2099 must not hide all rows until then

    def dump(self, mark: datetime) -> str:
        return dump(mark)

    def load(self, stored: str) -> datetime:
        return load(stored)


class NumberCursor:
    """A column of numbers that rises with every change: a version, a sequence."""

    def __init__(self, field: str, *, overlap: int = 0, exclusive: bool = False) -> None:
        self._get = paths.dotted(field)
        self._back = overlap + (1 if exclusive else 0)

    def of(self, row: Any) -> Decimal | None:
        value = self._get(row)
        if value is None or value == "":
            return None
        text = str(value).strip()
        if isinstance(value, bool) or not _NUMBER.fullmatch(text):
            raise ValueError("is no number of at most 30 digits")
        return Decimal(text)

    def since(self, stored: str | None) -> Decimal | None:
        return None if not stored else self.load(stored) - self._back

    def sent(self, mark: Decimal) -> str | int:
        return int(mark) if mark == int(mark) else str(mark)

    def highest(self, now: datetime) -> Decimal | None:
        return None

    def dump(self, mark: Decimal) -> str:
        return format(mark, "f")

    def load(self, stored: str) -> Decimal:
        return Decimal(stored)


class Watermark:
    """What a column's cursor may become at the end of one partition's run."""

    def __init__(self, cursor: ColumnCursor | None, stored: str | None, now: datetime) -> None:
        self._cursor = cursor
        self._stored = cursor.load(stored) if cursor and stored else None
        self._limit = cursor.highest(now) if cursor else None
        self._high: Mark | None = None
        self._held: Mark | None = None
        self.stuck = False  #: a row without a mark must come again

    def saw(self, mark: Mark | None) -> None:
        if mark is not None and (self._high is None or mark > self._high):
            self._high = mark

    def reached(self, moment: datetime) -> bool:
        """Whether a row as late as ``moment`` was seen."""
        return isinstance(self._high, datetime) and self._high >= moment

    def hold(self, mark: Mark | None) -> None:
        """A row of this mark must be listed again next time; without a mark, everything must."""
        if mark is None:
            self.stuck = True
        elif self._held is None or mark < self._held:
            self._held = mark

    def result(self) -> str | None:
        """The cursor to store; None when it must stay where it is. Only a held row takes it back."""
        if self.stuck or self._cursor is None:
            return None
        marks = [] if self._stored is None else [self._stored]
        if self._high is not None:
            marks.append(self._high if self._limit is None else min(self._high, self._limit))
        if not marks:
            return None
        top = max(marks)
        if self._held is not None:
            top = min(top, self._held)
        return self._cursor.dump(top)


def spans(since: datetime, until: datetime, span: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """``since`` to ``until`` in stretches no longer than ``span``, oldest first; each begins where one ended."""
    while since < until:
        end = min(since + span, until)
        yield since, end
        since = end


def dump(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def load(text: str) -> datetime:
    return datetime.fromisoformat(text)
