"""One stream being pulled: pages of a list → batches of records, with the second calls a changed row needs.

The order of things is here; what is decided on the way is decided in ``paging``, ``cursor``, ``rows``, ``contract``
and ``gone``. Rows are taken in chunks, so that memory does not grow with the length of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from adapters import contract, cursor, cursors, gone, paths, rows, times
from adapters.auth import LoginRefused
from adapters.vocabulary import Descriptor, Stream
from adapters.walk import Get, Read, Walk, list_call, make_call, only_row
from weigov.errors import ConfigError, RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.ports import Batch, PullState, Rejected
from weigov.records import Record

#: The ledger keeps no longer ones.
MAX_KEY = 200
_CHUNK = 1000
_CHUNK_OF_DETAILS = 50  # a detail is long, and takes a call of its own
_DETAILS_IN_A_ROW = 3  # failures of one row after another: not the row is ill but the system
_SAME_CLOCK = timedelta(hours=1)  # an upstream's clock further from ours than this says nothing


@dataclass(slots=True)
class _Chunk:
    """What became of some rows of a page."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    usable: list[_Row] = field(default_factory=list)
    rows: int = 0
    broke: RemoteUnavailable | None = None  # the run ends here


@dataclass(slots=True)
class _Run:
    """One partition being read."""

    partition: str
    parent: Record | None
    state: PullState
    now: datetime
    mark: cursor.Watermark
    since: cursor.Mark | None  # rows older than this are known
    keys: gone.KeySet | None  # set when every key is to be compared with the mirror
    failed_in_a_row: int = 0
    old: int = 0  # rows of the page that the client-side filter left out
    fresh: int = 0  # … and those it did not
    placed: _Places | None = None  # where rows stood, when the list is read in stretches
    attempt: int = 1


class _Places:
    """Rows of several stretches of one list: one that turns up in two, at different marks, was moved meanwhile.

    What stood behind it in the stretch it left has moved up, and may have slipped past between two pages.
    """

    def __init__(self) -> None:
        self._keys: set[int] = set()
        self._placed: set[int] = set()
        self.moved = False

    def saw(self, key: str, mark: Any) -> None:
        if hash(key) in self._keys and hash((key, mark)) not in self._placed:
            self.moved = True
        self._keys.add(hash(key))
        self._placed.add(hash((key, mark)))


_Row = tuple[str, Any, Any]  # key, row, its mark of the cursor column


class Listing:
    """A stream, compiled. Raises nothing: a loaded descriptor is sound."""

    def __init__(self, system: str, name: str, stream: Stream, descriptor: Descriptor, base_url: str, read: Read):
        self._system, self._name, self._stream, self._read = system, name, stream, read
        self._alias = f"{stream.for_each.as_}." if stream.for_each else ""
        self._rows = rows.RowPlan(stream, descriptor, base_url)
        chain, outer = stream.decode or descriptor.decode, descriptor.outcome
        self._list = list_call(
            name, stream.request, chain, (*stream.outcome, *outer), stream.records, stream.paging
        )  # fmt: skip
        self._detail = self._files = self._to_files = None
        if (more := stream.detail) is not None:
            self._detail = make_call(
                f"{name} detail", more.request, more.decode or chain, (*more.outcome, *outer), more.record
            )
        if (files := stream.attachments) is not None:
            self._files = make_call(
                f"{name} attachments", files.request, files.decode or chain, (*files.outcome, *outer), files.records
            )
            self._to_files = rows.attachments(files, base_url)
        self._cursor = cursors.open_cursor(stream.cursor, stream.time, descriptor.time)
        self._detailed = stream.detail is not None or stream.attachments is not None
        self._by_client = stream.cursor is not None and stream.cursor.filter == "client"
        self._opaque = stream.cursor is not None and stream.cursor.kind == "opaque"
        self._tombstones = gone.tombstones(system, name, stream, descriptor, read)
        self._vanished = gone.vanished(system, name, stream, descriptor, read)
        self._by_list = self._vanished is not None and self._vanished.by_the_list
        self._promise = contract.Promise(stream.contract, self._rows.used) if stream.contract else None

    def pull(self, state: PullState, now: datetime) -> Iterator[Batch]:
        """As ``ports.SourceSystem.pull``. One partition that is refused does not stop the others."""
        if state.window is not None and not isinstance(self._cursor, cursor.TimeCursor):
            raise ConfigError(f"{self._system} {self._name}: has no cursor over times: no stretch of it can be read")
        if self._tombstones and state.window is None:
            yield from self._tombstones.batches(state, now)
        keys = self._vanished.begin(state, now) if self._vanished and state.window is None else None
        whole = yield from self._each_partition(state, now, keys)
        if self._promise is not None and (notes := self._promise.notes()):
            yield Batch((), notes=notes)
        if self._vanished and keys is not None and whole:
            yield from self._vanished.settle(keys, state, now, self._parents(state))

    def _each_partition(self, state: PullState, now: datetime, keys: gone.KeySet | None) -> Any:
        """Batches; returns whether every partition was read to its end."""
        if self._stream.for_each is None:
            return (yield from self._partition("", None, state, now, keys))
        refusals: list[RemoteRefused] = []
        read, whole = 0, True
        for get, parent in self._parents(state):
            assert parent is not None and get is not None
            read += 1
            try:
                whole &= yield from self._partition(parent.key, parent, state, now, keys)
            except LoginRefused:
                raise  # the next partition would only help to lock the account
            except RemoteRefused as refusal:
                refusals.append(refusal)
                yield Batch((), partition=parent.key, incomplete=str(refusal))
        if refusals and len(refusals) == read:
            raise refusals[0]
        return whole and not refusals

    def _parents(self, state: PullState) -> list[tuple[Get, Record | None]]:
        """What a list is read for: each live parent with what its holes are, or nothing once."""
        if self._stream.for_each is None:
            return [(lambda name: None, None)]

        def of(parent: Record) -> Get:
            return lambda name: self._of_parent(parent, name)

        parents = state.parents(self._stream.for_each.stream)
        return [(of(parent), parent) for parent in parents if not parent.withdrawn]

    def _partition(
        self, partition: str, parent: Record | None, state: PullState, now: datetime, keys: gone.KeySet | None
    ) -> Any:
        """Batches of one list; returns whether it was read to its end."""
        stored = state.cursors.get(partition)
        since = self._cursor.since(stored) if self._cursor else None
        until = now
        if state.window is not None:
            since, until = state.window.since, state.window.until or now
        elif keys is not None and self._by_list:
            since = None  # every key must be seen
        mark = cursor.Watermark(self._cursor, stored, now)
        run = _Run(partition, parent, state, now, mark, since, keys if self._by_list else None)
        rule = self._stream.cursor
        if rule is None or rule.span is None:
            return (yield from self._stretch(run, since, until, stored, last=True))
        if since is None:
            since = datetime.combine(rule.start, time.min, UTC) if rule.start else until - times.duration(rule.span)
        stretches = list(cursor.spans(since, until, times.duration(rule.span)))
        whole = False
        for run.attempt in (1, 2):
            run.placed = _Places()
            for begin, end in stretches:
                whole = yield from self._stretch(run, begin, end, stored, last=end == until)
                if not whole:
                    return False
            if not run.placed.moved:
                break
        return whole

    def _stretch(self, run: _Run, since: Any, until: datetime, stored: str | None, *, last: bool) -> Any:
        """One list, and once more when rows were seen to move while it was read."""
        before: int | None = None
        for attempt in (1, 2):
            start = stored if self._opaque and run.state.window is None else None
            walk = Walk(self._system, self._list, self._stream.paging, self._read, start, before=before)
            ended, moved = yield from self._walk(walk, run, since, until, last=last, first=attempt == 1)
            if not moved:
                return ended
            before = walk.fingerprint
        return ended

    def _walk(self, walk: Walk, run: _Run, since: Any, until: datetime, *, last: bool, first: bool) -> Any:
        """One reading of the list; returns (read to its end, and whether it moved so that it must be read again)."""
        began: datetime | None = None
        moving = self._opaque
        sent = None if since is None or self._cursor is None else self._cursor.sent(since)

        def get(name: str) -> Any:
            if name == "cursor":
                return sent
            if name == "until":
                return self._cursor.sent(until) if isinstance(self._cursor, cursor.TimeCursor) else None
            return self._of_parent(run.parent, name)

        while True:
            listed = walk.take(get)
            if listed is None:
                settled = last and not (run.placed is not None and run.placed.moved)
                yield self._batch(_Chunk(), run, upto=self._upto(run) if settled else None, done=settled)
                return True, False
            began = began or _by_their_clock(walk.date, run.now)
            run.old = run.fresh = 0
            chunk = _Chunk()
            for row in listed:
                if chunk.rows >= (_CHUNK_OF_DETAILS if self._detailed else _CHUNK):
                    yield from self._closed(chunk, run, walk.damaged)
                    chunk = _Chunk()
                self._row(row, chunk, run, walk)
            if chunk.usable:
                self._details(chunk, walk.damaged, run)
            if chunk.broke is not None:
                yield self._batch(chunk, run, incomplete=str(chunk.broke))
                raise chunk.broke
            turn = walk.end()
            done, incomplete = turn.done, turn.incomplete
            moved = turn.again or (first and done and not incomplete and self._grew(walk, run, began))
            if not done and self._left_behind(run):
                done = True
            if moved and first:
                incomplete = ""  # not yet said: the second reading tells
            elif done and last and run.placed is not None and run.placed.moved and run.attempt == 2:
                incomplete = incomplete or "rows moved from one stretch of time to another while they were read"
            again = (moved and first) or (run.placed is not None and (run.placed.moved or not last))
            if self._opaque:
                # Everything before the token was read, whatever follows; unless a row must come again.
                moving = moving and not incomplete and not run.mark.stuck
                upto = walk.next if moving and run.state.window is None else None
            else:
                upto = self._upto(run) if done and not incomplete and not again else None
            yield self._batch(
                chunk, run, upto=upto, done=done and not again, incomplete=incomplete, note=turn.note
            )  # fmt: skip
            if done:
                return not incomplete, moved and first

    def _upto(self, run: _Run) -> str | None:
        return None if run.state.window is not None else run.mark.result()

    def _grew(self, walk: Walk, run: _Run, began: datetime) -> bool:
        """Rows were written between two pages: where others were deleted too, one may have slipped past."""
        return walk.pages_read > 1 and not self._opaque and run.mark.reached(began)

    def _left_behind(self, run: _Run) -> bool:
        """Newest first, and the whole page was older than what we ask for."""
        rule = self._stream.cursor
        return rule is not None and rule.order == "descending" and bool(run.old) and not run.fresh

    def _closed(self, chunk: _Chunk, run: _Run, damaged: bool) -> Iterator[Batch]:
        if chunk.usable:
            self._details(chunk, damaged, run)
        yield self._batch(chunk, run, incomplete=str(chunk.broke or ""))
        if chunk.broke is not None:
            raise chunk.broke

    def _row(self, row: Any, chunk: _Chunk, run: _Run, walk: Walk) -> None:
        """One row of the list: a record, a rejection, or a second call to be made."""
        key = self._rows.key(row)
        walk.saw(key)
        chunk.rows += 1
        if not key:
            self._unusable(chunk, walk, f"it has no key (column {self._stream.key})")
            return
        if len(key) > MAX_KEY or not key.isprintable():
            why = f"its key is longer than {MAX_KEY} characters, or holds some that do not print"
            self._unusable(chunk, walk, why)
            return
        if run.keys is not None:
            run.keys.add(key)
        mark = None
        if self._cursor is not None:
            try:
                mark = self._cursor.of(row)
            except ValueError as error:
                column = self._stream.cursor.field if self._stream.cursor else ""
                chunk.rejected.append(Rejected(key, f"column {column}: {error}"))
                return
            run.mark.saw(mark)
            if run.placed is not None:
                run.placed.saw(key, mark)
            if mark is not None and run.since is not None and self._by_client:
                if mark < run.since:
                    run.old += 1
                    return
                run.fresh += 1
        if self._detailed:
            chunk.usable.append((key, row, mark))
            return
        try:
            chunk.records.append(self._record(row, key, walk.damaged, "", run, None))
        except RecordRejected as error:
            chunk.rejected.append(Rejected(key, "; ".join(error.reasons)))

    @staticmethod
    def _unusable(chunk: _Chunk, walk: Walk, why: str) -> None:
        chunk.rejected.append(Rejected(f"row {walk.row} of page {walk.pages_read}", why))

    def _details(self, chunk: _Chunk, damaged: bool, run: _Run) -> None:
        """Second calls, for the rows that differ from what the mirror last saw."""
        known = run.state.known([key for key, _, _ in chunk.usable])
        for key, row, mark in chunk.usable:
            digest = self._rows.digest(row)
            if known.get(key) == digest:
                chunk.seen.append(key)
                continue
            try:
                chunk.records.append(self._in_full(key, row, damaged, digest, run))
                run.failed_in_a_row = 0
            except RecordRejected as error:
                chunk.rejected.append(Rejected(key, "; ".join(error.reasons)))
            except LoginRefused:
                raise
            except RemoteError as error:
                chunk.rejected.append(Rejected(key, without_place(error)))
                run.mark.hold(mark)  # the mirror does not have it: it must be listed again
                run.failed_in_a_row += isinstance(error, RemoteUnavailable)
                if run.failed_in_a_row >= _DETAILS_IN_A_ROW and isinstance(error, RemoteUnavailable):
                    chunk.broke = error
                    return

    def _in_full(self, key: str, row: Mapping[str, Any], damaged: bool, digest: str, run: _Run) -> Record:
        whole = dict(row)
        files = None
        if not self._rows.withdrawn(row):  # of a withdrawn thing nothing more is needed, and often nothing is left

            def get(name: str) -> Any:
                if name == "key":
                    return key
                return paths.dotted(name[4:])(row) if name.startswith("row.") else self._of_parent(run.parent, name)

            if self._detail is not None:
                first, torn = only_row(self._system, self._detail, self._read(self._detail, get))
                whole.update(first)
                damaged = damaged or torn
            if self._files is not None and self._to_files is not None:
                found = self._read(self._files, get)
                try:
                    files = self._to_files(list(found[0].rows())) if found else None
                except ValueError as error:
                    raise RecordRejected(key, f"attachments: {error}") from None
        return self._record(whole, key, damaged, digest, run, files)

    def _record(
        self, whole: Mapping[str, Any], key: str, damaged: bool, digest: str, run: _Run, files: Any
    ) -> Record:  # fmt: skip
        """Raises RecordRejected with everything that is wrong: what the contract says, and what cannot be read."""
        broken = self._promise.broken(whole) if self._promise and not self._rows.withdrawn(whole) else []
        try:
            made = self._rows.record(
                whole,
                key,
                partition=run.partition,
                parent=run.parent,
                row_digest=digest,
                damaged=damaged,
                files=files,
            )
        except RecordRejected as error:
            raise RecordRejected(key, *broken, *error.reasons) from None
        if broken:
            raise RecordRejected(key, *broken)
        return made

    def _of_parent(self, parent: Record | None, name: str) -> Any:
        named = parent is not None and self._alias and name.startswith(self._alias)
        return parent.get(name.removeprefix(self._alias)) if named and parent is not None else None

    def _batch(
        self, chunk: _Chunk, run: _Run, *, upto: str | None = None, done: bool = False, incomplete: str = "",
        note: str = "",
    ) -> Batch:  # fmt: skip
        records = chunk.records
        if len({record.key for record in records}) != len(records):  # one thing listed twice: its last row counts
            records = list({record.key: record for record in records}.values())
        return Batch(
            records, chunk.rejected, chunk.seen, run.partition, cursor=upto, complete=done and not incomplete,
            incomplete=incomplete, notes=[f"{self._name}: {note}"] if note else (),
        )  # fmt: skip


def without_place(error: RemoteError) -> str:
    """What an error says, without the system and call it begins with."""
    return str(error).removeprefix(f"{error.system} {error.operation}: ")


def _by_their_clock(date: Any, now: datetime) -> datetime:
    """When a page was answered, by the clock that dates the rows; ours, where theirs is none."""
    if not isinstance(date, datetime) or date.tzinfo is None or abs(date - now) > _SAME_CLOCK:
        return now
    return date
