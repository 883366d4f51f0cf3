"""How far a column of a table was read, as a condition on it. Pure.

Rows are read in the order of the column itself, so each batch may move the cursor: an edit moves its row ahead of us,
never behind. What was committed late, with an earlier mark, is caught by the overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from adapters import times
from adapters.cursor import NumberCursor, TimeCursor
from adapters.exchange.database import fitted
from adapters.exchange.table_words import sortable
from adapters.vocabulary import Descriptor, Stream, TableCursor
from weigov.errors import ConfigError
from weigov.ports import Window


class ColumnMark:
    """The cursor of one stream."""

    def __init__(self, rule: TableCursor, stream: Stream, descriptor: Descriptor) -> None:
        self.column, self.kind = rule.column, rule.kind
        around = stream.time or descriptor.time
        self._formats = rule.format or (around.format if around else ())
        self._zone = rule.zone or (around.zone if around else "")
        self._cursor: TimeCursor | NumberCursor
        if rule.kind == "number":
            self._cursor = NumberCursor(rule.column, overlap=rule.back)
        else:
            overlap = times.duration(rule.overlap)
            self._cursor = TimeCursor(rule.column, self._formats, self._zone, overlap=overlap)

    def conditions(self, column: sa.Column[Any], stored: str | None, window: Window | None) -> list[Any]:
        """What rows must fulfil to be read. Raises ConfigError when the column cannot be compared so."""
        native = isinstance(column.type, (types.DateTime, types.Date))
        if self.kind == "time" and not native and (len(self._formats) != 1 or not sortable(self._formats[0])):
            raise ConfigError(
                f"table.cursor: column {self.column} holds texts, and their format does not sort by time"
            )
        if self.kind == "number" and isinstance(column.type, types.String):
            raise ConfigError(f"table.cursor: column {self.column} holds texts, which do not sort as numbers")
        if window is not None:
            upto = [] if window.until is None else [column <= self._bound(column, window.until)]
            return [column >= self._bound(column, window.since), *upto]
        since = self._cursor.since(stored)
        return [] if since is None else [column >= self._bound(column, since)]

    def higher(self, stored: str | None, rows: Iterable[dict[str, Any]], now: datetime) -> str | None:
        """The cursor after ``rows``: never later than now, or one row dated 2099 would hide all rows until then."""
        high = self._cursor.load(stored) if stored else None
        for row in rows:
            try:
                mark = self._cursor.of(row)
            except ValueError:
                continue
            if mark is not None and isinstance(mark, datetime):
                mark = min(mark, now)
            if mark is not None and (high is None or mark > high):  # type: ignore[operator]  # of one kind, both
                high = mark
        return None if high is None else self._cursor.dump(high)  # type: ignore[arg-type]

    def _bound(self, column: sa.Column[Any], mark: Any) -> Any:
        if self.kind == "time" and isinstance(column.type, types.DateTime):
            if getattr(column.type, "timezone", False):
                return mark
            return mark.astimezone(times.zone_of(self._zone)).replace(tzinfo=None)
        if self.kind == "time" and isinstance(column.type, types.Date):
            return mark.astimezone(times.zone_of(self._zone)).date()
        return fitted(column, self._cursor.sent(mark))
