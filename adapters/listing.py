"""One stream being pulled: in which order its lists are read, when one is read again, and how far the cursor moves.

What becomes of a row is decided in ``taking``; when a list goes on in ``paging``; what is gone in ``gone``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from adapters import cursor, gone, times
from adapters.auth import LoginRefused
from adapters.paging import Turn
from adapters.taking import Chunk, Places, Run, Taker
from adapters.vocabulary import Descriptor, Stream
from adapters.walk import Get, Read, Walk, list_call
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Batch, PullState
from weigov.records import Record

_EVER = datetime.min.replace(tzinfo=UTC)
_SAME_CLOCK = timedelta(hours=1)  # an upstream's clock further from ours than this says nothing


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one request for a list spans, and where in the run it stands."""

    since: Any = None  # a mark of the cursor's column; None: from the beginning
    until: datetime | None = None
    last: bool = True  # of its partition
    final: bool = True  # there will be no further reading of the partition


@dataclass(frozen=True, slots=True)
class _End:
    """What the end of a page means."""

    over: bool  # of this reading of the list
    again: bool  # the list must be read once more
    settled: bool  # the partition was read to its end: the cursor may move
    incomplete: str


class Listing:
    """A stream, compiled. Raises nothing: a loaded descriptor is sound."""

    def __init__(self, system: str, name: str, stream: Stream, descriptor: Descriptor, base_url: str, read: Read):
        self._system, self._name, self._stream, self._read = system, name, stream, read
        self._taker = Taker(system, name, stream, descriptor, base_url, read)
        self._cursor = self._taker.cursor
        chain, outcome = stream.decode or descriptor.decode, (*stream.outcome, *descriptor.outcome)
        self._list = list_call(name, stream.request, chain, outcome, stream.records, stream.paging)
        self._opaque = stream.cursor is not None and stream.cursor.kind == "opaque"
        self._newest_first = stream.cursor is not None and stream.cursor.order == "descending"
        self._deleted = gone.tombstones(system, name, stream, descriptor, read)
        self._vanished = gone.vanished(system, name, stream, descriptor, read)

    def pull(self, state: PullState, now: datetime) -> Iterator[Batch]:
        """As ``ports.SourceSystem.pull``. One partition that is refused does not stop the others."""
        if state.window is not None and not isinstance(self._cursor, cursor.TimeCursor):
            raise ConfigError(f"{self._system} {self._name}: has no cursor over times: no stretch of it can be read")
        if self._deleted and state.window is None:
            yield from self._deleted.batches(state, now)
        keys = self._vanished.begin(state, now) if self._vanished and state.window is None else None
        whole = yield from self._each_partition(state, now, keys)
        if notes := self._taker.notes():
            yield Batch((), notes=notes)
        if self._vanished and keys is not None and whole:
            yield from self._vanished.settle(keys, state, now, self._parents(state))

    def _each_partition(self, state: PullState, now: datetime, keys: gone.KeySet | None) -> Any:
        """Batches; returns whether every partition was read to its end."""
        if self._stream.for_each is None:
            return (yield from self._partition("", None, state, now, keys))
        refusals: list[RemoteRefused] = []
        read, whole = 0, True
        for _, parent in self._parents(state):
            assert parent is not None
            read += 1
            if parent.key.startswith("~"):  # where an engine's own marks stand
                refusals.append(
                    RemoteRefused(self._system, self._name, "a parent's key begins with ~: it cannot be kept")
                )
                yield Batch((), incomplete=str(refusals[-1]))
                continue
            try:
                whole &= yield from self._partition(parent.key, parent, state, now, keys)
            except LoginRefused:
                raise  # the next partition would only help to lock the account
            except RemoteRefused as refusal:
                refusals.append(refusal)
                yield Batch((), partition=parent.key, incomplete=str(refusal))
        if refusals and len(refusals) == read:
            raise refusals[0]
        if not read:
            why = f"{self._stream.for_each.stream} has no records yet, and this stream is read for each of them"
            yield Batch((), incomplete=why)
            return False
        return whole and not refusals

    def _parents(self, state: PullState) -> list[tuple[Get, Record | None]]:
        """What a list is read for: each live parent with what its holes are, or nothing once."""
        if self._stream.for_each is None:
            return [(lambda name: None, None)]

        def of(parent: Record) -> Get:
            return lambda name: self._taker.of_parent(parent, name)

        parents = state.parents(self._stream.for_each.stream)
        return [(of(parent), parent) for parent in parents if not parent.withdrawn]

    def _partition(
        self, partition: str, parent: Record | None, state: PullState, now: datetime, keys: gone.KeySet | None
    ) -> Any:
        """Batches of one list; returns whether it was read to its end."""
        stored = state.cursors.get(partition)
        by_list = keys is not None and self._vanished is not None and self._vanished.by_the_list
        since, until = self._cursor.since(stored) if self._cursor else None, now
        if state.window is not None:
            since, until = state.window.since, state.window.until or now
        elif by_list:
            since = None  # every key must be seen
        run = Run(
            partition, parent, state, cursor.Watermark(self._cursor, stored, now), since, keys if by_list else None
        )
        rule = self._stream.cursor
        if since is None and rule is not None and rule.start is not None:
            since = datetime.combine(rule.start, time.min, UTC)
        if rule is None or rule.span is None:
            return (yield from self._list_of(run, now, _Stretch(since, until)))
        span = times.duration(rule.span)
        if since is None:
            since = until - span
        for final in (False, True):
            run.places = Places()
            for begin, end in cursor.spans(since, until, span):
                whole = yield from self._list_of(run, now, _Stretch(begin, end, end == until, final))
                if not whole:
                    return False
            if not run.moved:
                break
        return True

    def _list_of(self, run: Run, now: datetime, stretch: _Stretch) -> Any:
        """One list, and once more when rows were seen to move while it was read; returns whether it came whole."""
        start = run.state.cursors.get(run.partition) if self._opaque and run.state.window is None else None
        first = Walk(self._system, self._list, self._stream.paging, self._read, start)
        end = yield from self._reading(first, run, now, stretch, may_repeat=True)
        if end.again:
            second = Walk(self._system, self._list, self._stream.paging, self._read, start, before=first.fingerprint)
            end = yield from self._reading(second, run, now, stretch, may_repeat=False)
        return not end.incomplete

    def _reading(self, walk: Walk, run: Run, now: datetime, stretch: _Stretch, *, may_repeat: bool) -> Any:
        """One reading of a list, batch by batch; returns how it ended."""
        moving = self._opaque and run.state.window is None
        for chunk, turn in self._chunks(walk, run, stretch):
            if chunk.broke is not None:
                yield self._batch(chunk, run, incomplete=str(chunk.broke))
                raise chunk.broke
            if turn is None:
                yield self._batch(chunk, run)
                continue
            end = self._end(turn, walk, run, now, stretch, may_repeat)
            if run.keys is not None and end.over and not walk.certain:
                run.keys.doubt = run.keys.doubt or gone.UNCERTAIN
            upto = run.mark.result() if end.settled and run.state.window is None and not self._opaque else None
            if moving := moving and not end.incomplete and not run.mark.stuck:
                upto = walk.next  # what stands before the token was read, whatever follows
            yield self._batch(chunk, run, end, upto, turn.note)
            if end.over:
                return end
        raise AssertionError("a list ends with a turn that is done")

    def _chunks(self, walk: Walk, run: Run, stretch: _Stretch) -> Iterator[tuple[Chunk, Turn | None]]:
        """Chunks of rows; the last of each page with what its end means for the walk."""
        sent = None if stretch.since is None or self._cursor is None else self._cursor.sent(stretch.since)

        def get(name: str) -> Any:
            if name == "cursor":
                return sent
            if name == "until":
                return self._until(stretch.until)
            return self._taker.of_parent(run.parent, name)

        while (listed := walk.take(get)) is not None:
            run.old = run.fresh = 0
            chunk = Chunk()
            for row in listed:
                if chunk.rows >= self._taker.at_once:
                    yield self._taker.finish(chunk, walk.damaged, run), None
                    chunk = Chunk()
                self._taker.take(row, chunk, run, walk)
            # Its second calls come first: what they could not read is part of how the page ended.
            self._taker.mended |= walk.repairs
            yield self._taker.finish(chunk, walk.damaged, run), walk.end()
        yield Chunk(), walk.nothing()

    def _until(self, moment: datetime | None) -> str | int | None:
        timed = isinstance(self._cursor, cursor.TimeCursor)
        return self._cursor.sent(moment) if timed and self._cursor is not None and moment is not None else None

    def _end(self, turn: Turn, walk: Walk, run: Run, now: datetime, stretch: _Stretch, may_repeat: bool) -> _End:
        # Two pages, for the first may be all that is pinned to the top.
        run.old_pages = run.old_pages + 1 if run.old and not run.fresh else 0
        over = turn.done or (self._newest_first and run.old_pages >= 2)
        again = may_repeat and (
            turn.again or (over and not turn.incomplete and self._grew(walk, run, now))
        )  # fmt: skip
        incomplete = "" if again else turn.incomplete  # a second reading tells
        if over and stretch.last and stretch.final and run.moved and not incomplete:
            incomplete = "rows moved from one stretch of time to another while they were read"
        settled = over and stretch.last and not again and not incomplete and not run.moved
        return _End(over, again, settled, incomplete)

    def _grew(self, walk: Walk, run: Run, now: datetime) -> bool:
        """Rows were written between two pages: where others were deleted too, one may have slipped past."""
        return walk.pages_read > 1 and not self._opaque and run.mark.reached(_by_their_clock(walk.began, now))

    def _batch(
        self, chunk: Chunk, run: Run, end: _End | None = None, upto: str | None = None, note: str = "", *,
        incomplete: str = "",
    ) -> Batch:  # fmt: skip
        records = chunk.records
        if len({record.key for record in records}) != len(records):  # one thing listed twice
            records = _newest_of_each(records)
        return Batch(
            records, chunk.rejected, chunk.seen, run.partition, cursor=upto,
            complete=end is not None and end.settled, incomplete=end.incomplete if end else incomplete,
            notes=[f"{self._name}: {note}"] if note else (),
        )  # fmt: skip


def _newest_of_each(records: list[Record]) -> list[Record]:
    """One record a key: the one dated last, and of equals the one listed last."""
    kept: dict[str, Record] = {}
    for record in records:
        old = kept.get(record.key)
        if old is None or (record.get("updated_at") or _EVER) >= (old.get("updated_at") or _EVER):
            kept[record.key] = record
    return list(kept.values())


def _by_their_clock(date: datetime | None, now: datetime) -> datetime:
    """When a list began to be read, by the clock that dates its rows; by ours, where theirs is none."""
    return now if date is None or abs(date - now) > _SAME_CLOCK else date
