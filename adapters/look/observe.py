"""Asks a system, for one stream, what an engineer would ask by hand: a page, the next one, and the filter once.

At most five calls: the first page, the second wherever it can be asked for (also where the descriptor takes the first
for all there is), the first page again from the newest row's mark and once from a moment that is still to come, and
one detail. What the answers show is judged in ``findings``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters import paging, paths, times
from adapters.cursor import ColumnCursor, TimeCursor
from adapters.cursors import open_cursor
from adapters.engine import Engine
from adapters.rows import RowPlan
from adapters.vocabulary import Descriptor, Stream
from adapters.walk import Call, Get, Walk, list_call, make_call, only_row
from weigov.errors import RecordRejected, RemoteError, RemoteRefused
from weigov.records import Record

#: Rows of a page that are looked at; a list without paging may be long.
MOST_ROWS = 1000
#: Of our clock: what is later than this is no slow clock.
AHEAD = timedelta(minutes=15)

Row = Mapping[str, Any]


@dataclass(slots=True)
class Page:
    """One answer: its rows, and what the system said about the list."""

    rows: list[Row] = field(default_factory=list, repr=False)
    keys: list[str] = field(default_factory=list)
    count: int = 0  # all of them, also those not looked at
    told: paging.Told = field(default_factory=paging.Told)
    turn: paging.Turn = field(default_factory=lambda: paging.Turn(True))


@dataclass(slots=True)
class Seen:
    """What was seen of one stream."""

    stream: Stream
    now: datetime
    parent: Record | None = None
    first: Page = field(default_factory=Page)
    second: Page | None = None
    since: Page | None = None  # asked from the newest mark on the first page
    marks: list[Any] = field(default_factory=list)  # of the first page's rows, as far as they could be read
    live_marks: list[Any] = field(default_factory=list)  # those of them that do not count as withdrawn
    unread_marks: list[str] = field(default_factory=list)  # why others could not
    asked_from: Any = None  # what ``since`` was asked from, as precisely as a request can say it
    since_marks: list[Any] = field(default_factory=list)
    to_come: list[datetime] = field(default_factory=list)  # marks of rows that are not yet, by our reckoning
    records: list[Record] = field(default_factory=list, repr=False)
    rejected: list[tuple[str, ...]] = field(default_factory=list)  # reasons, a row each
    whole: list[Row] = field(default_factory=list, repr=False)  # rows with their detail, where there is one
    detail_failed: str = ""
    their_clock: datetime | None = None


def observe(
    engine: Engine, descriptor: Descriptor, name: str, base_url: str, parents: Iterable[Record], now: datetime
) -> Seen:
    """Look at one stream; of a ``for_each`` at the first parent that has rows. Raises what a read raises."""
    stream = descriptor.streams[name]
    looker = _Looker(engine, descriptor, name, base_url, now)
    if stream.for_each is None:
        return looker.look(None)
    seen = Seen(stream, now)
    for parent in parents:
        seen = looker.look(parent)
        if seen.first.count:
            break
    return seen


class _Walk(Walk):
    """A walk that remembers what it was told."""

    told = paging.Told()
    moved = False  # whether another page could be asked for

    def turn(self, told: paging.Told) -> paging.Turn:
        self.told = told
        before = self._place
        turn = super().turn(told)
        self.moved = self._place != before
        return turn

    @property
    def _place(self) -> tuple[Any, ...]:
        return self.page, self.offset, self.next, self.link


class _Looker:
    def __init__(self, engine: Engine, descriptor: Descriptor, name: str, base_url: str, now: datetime) -> None:
        self._engine, self._name, self._now = engine, name, now
        self._stream = stream = descriptor.streams[name]
        self._plan = RowPlan(stream, descriptor, base_url + "/")
        self._cursor: ColumnCursor | None = open_cursor(stream.cursor, stream.time, descriptor.time)
        self._send = _reader_of_requests(stream, descriptor)
        chain, outer = stream.decode or descriptor.decode, descriptor.outcome
        self._list = list_call(name, stream.request, chain, (*stream.outcome, *outer), stream.records, stream.paging)
        self._detail: Call | None = None
        if (more := stream.detail) is not None:
            self._detail = make_call(
                f"{name} detail", more.request, more.decode or chain, (*more.outcome, *outer), more.record
            )

    def look(self, parent: Record | None) -> Seen:
        seen = Seen(self._stream, self._now, parent)
        walk, get = self._walk(), self._get(parent, None)
        seen.first = self._page(walk, get)
        seen.their_clock = walk.began
        if not seen.first.turn.done:
            seen.second = self._page(walk, get)
        elif seen.first.count and walk.moved:
            seen.second = self._behind_the_end(walk, get)
        if self._cursor is not None:
            self._marks(seen, self._cursor)
            self._filter(seen, self._cursor, parent)
        self._records(seen, parent)
        return seen

    def _walk(self) -> _Walk:
        return _Walk(self._engine.name, self._list, self._stream.paging, self._engine.read)

    def _page(self, walk: _Walk, get: Get) -> Page:
        listed = walk.take(get)
        if listed is None:
            return Page()
        page = Page()
        for row in listed:
            key = self._plan.key(row)
            walk.saw(key)
            page.count += 1
            if page.count <= MOST_ROWS:
                page.rows.append(row)
                page.keys.append(key)
        page.turn = walk.end()
        page.told = walk.told
        return page

    def _behind_the_end(self, walk: _Walk, get: Get) -> Page | None:
        """The page after what is taken for the last; None where the system will not hear of it."""
        try:
            return self._page(walk, get)
        except RemoteError:
            return None

    def _get(self, parent: Record | None, since: Any) -> Get:
        rule, each = self._stream.cursor, self._stream.for_each
        if since is None and rule is not None and rule.span is not None:
            since = self._now - times.duration(rule.span)  # such a system lists nothing without a stretch

        def get(name: str) -> Any:
            if name == "cursor":
                return None if since is None or self._cursor is None else self._cursor.sent(since)
            if name == "until":
                return self._cursor.sent(self._now) if isinstance(self._cursor, TimeCursor) else None
            if parent is not None and each is not None and name.startswith(f"{each.as_}."):
                return parent.get(name.removeprefix(f"{each.as_}."))
            return None

        return get

    def _marks(self, seen: Seen, cursor: ColumnCursor) -> None:
        for row in seen.first.rows:
            try:
                mark = cursor.of(row)
            except ValueError as error:
                seen.unread_marks.append(str(error))
                continue
            if mark is not None:
                seen.marks.append(mark)
                if not self._plan.withdrawn(row):
                    seen.live_marks.append(mark)

    def _filter(self, seen: Seen, cursor: ColumnCursor, parent: Record | None) -> None:
        rule = self._stream.cursor
        if not seen.marks or rule is None or rule.filter == "client":
            return
        newest = max(seen.marks)
        seen.asked_from = self._send(cursor.sent(newest)) if self._send else newest
        seen.since = self._page(self._walk(), self._get(parent, newest))
        seen.since_marks = self._readable(seen.since, cursor)
        if isinstance(cursor, TimeCursor) and rule.span is None:
            # In an ascending list the newest rows are on the last page; here they are the only ones.
            still_to_come = self._page(self._walk(), self._get(parent, self._now + AHEAD))
            # What is set aside for later may well be dated so, and counts as withdrawn until then.
            dated = self._readable(still_to_come, cursor, live_only=True)
            seen.to_come = [mark for mark in dated if mark > self._now + AHEAD]

    def _readable(self, page: Page, cursor: ColumnCursor, *, live_only: bool = False) -> list[Any]:
        found = []
        for row in page.rows:
            if live_only and self._plan.withdrawn(row):
                continue
            try:
                mark = cursor.of(row)
            except ValueError:
                continue
            if mark is not None:
                found.append(mark)
        return found

    def _records(self, seen: Seen, parent: Record | None) -> None:
        for row, key in zip(seen.first.rows, seen.first.keys, strict=True):
            if self._detail is not None:
                if self._plan.withdrawn(row):
                    continue
                try:
                    found = self._engine.read(self._detail, self._row(row, key, parent))
                    more, _ = only_row(self._engine.name, self._detail, found)
                except RemoteRefused as error:
                    seen.detail_failed = str(error)
                    return
                row = {**row, **more}
            seen.whole.append(row)
            try:
                seen.records.append(self._plan.record(row, key or "?", parent=parent))
            except RecordRejected as error:
                seen.rejected.append(error.reasons)
            if self._detail is not None:
                return  # one is enough

    def _row(self, row: Row, key: str, parent: Record | None) -> Get:
        of_parent = self._get(parent, None)

        def get(name: str) -> Any:
            if name == "key":
                return key
            return paths.dotted(name[4:])(row) if name.startswith("row.") else of_parent(name)

        return get


def _reader_of_requests(stream: Stream, descriptor: Descriptor) -> Any:
    """Reads what a request says of an instant: often less precise than the rows are."""
    rule = stream.cursor
    if rule is None or rule.kind != "time":
        return None
    around = stream.time or descriptor.time
    formats = [rule.send] if rule.send else list(rule.format or (around.format if around else ()))[:1]
    return times.reader(formats, rule.zone or (around.zone if around else ""))
