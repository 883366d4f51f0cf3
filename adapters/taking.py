"""Rows of a list → what a batch holds: records, rejections, and the second calls that a changed row needs.

Rows are taken in chunks, so that memory does not grow with the length of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import contract, cursor, cursors, paths, rows
from adapters.auth import LoginRefused
from adapters.decode.repair import REPAIRS
from adapters.gone import KeySet
from adapters.vocabulary import Descriptor, Stream
from adapters.walk import Read, Walk, make_call, only_row
from weigov.errors import RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.ports import PullState, Rejected
from weigov.records import Record

#: The ledger keeps no longer ones.
MAX_KEY = 200
_CHUNK = 1000
_CHUNK_OF_DETAILS = 50  # a detail is long, and takes a call of its own
_DETAILS_IN_A_ROW = 3  # failures of one row after another: not the row is ill but the system

_Row = tuple[str, Any, Any]  # key, row, its mark of the cursor column


@dataclass(slots=True)
class Chunk:
    """What became of some rows of a page."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    waiting: list[_Row] = field(default_factory=list)  # for their second calls
    rows: int = 0
    broke: RemoteUnavailable | None = None  # the run ends here


class Places:
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


@dataclass(slots=True)
class Run:
    """One partition being read."""

    partition: str
    parent: Record | None
    state: PullState
    mark: cursor.Watermark
    since: cursor.Mark | None  # rows older than this are known
    keys: KeySet | None = None  # set when every key is to be compared with the mirror
    places: Places | None = None  # set when the list is read in stretches
    failed_in_a_row: int = 0
    old: int = 0  # rows of the page that the client-side filter left out
    fresh: int = 0  # … and those it did not
    old_pages: int = 0  # in a row, wholly of such rows

    @property
    def moved(self) -> bool:
        """Whether rows went from one stretch to another while they were read."""
        return self.places is not None and self.places.moved


class Taker:
    """How one stream's rows are taken, compiled."""

    def __init__(self, system: str, name: str, stream: Stream, descriptor: Descriptor, base_url: str, read: Read):
        self._system, self._name, self._stream, self._read = system, name, stream, read
        self._alias = f"{stream.for_each.as_}." if stream.for_each else ""
        self._plan = rows.RowPlan(stream, descriptor, base_url)
        self._promise = contract.Promise(stream.contract, self._plan.used) if stream.contract else None
        self.mended: set[str] = set()  # what of the list's answers had to be mended, by name
        self._key_column = stream.key if "." not in stream.key else ""
        self._by_client = stream.cursor is not None and stream.cursor.filter == "client"
        self.cursor = cursors.open_cursor(stream.cursor, stream.time, descriptor.time)
        chain, outer = stream.decode or descriptor.decode, descriptor.outcome
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
        self._detailed = stream.detail is not None or stream.attachments is not None
        self.at_once = _CHUNK_OF_DETAILS if self._detailed else _CHUNK

    def take(self, row: Any, chunk: Chunk, run: Run, walk: Walk) -> None:
        """One row of the list: a record, a rejection, or one that waits for ``finish``."""
        value = row.get(self._key_column)  # a text of the row itself, as nearly always
        key = value.strip() if type(value) is str else self._plan.key(row)
        walk.saw(key)
        chunk.rows += 1
        if not key:
            _unusable(chunk, walk, f"it has no key (column {self._stream.key})")
            if run.keys is not None:
                run.keys.doubt = f"a row has no key (column {self._stream.key})"
            return
        if len(key) > MAX_KEY or not key.isprintable():
            why = f"its key is longer than {MAX_KEY} characters, or holds some that do not print"
            _unusable(chunk, walk, why)
            return
        if run.keys is not None:
            run.keys.add(key)
        mark = None
        if self.cursor is not None:
            try:
                mark = self.cursor.of(row)
            except ValueError as error:
                if not self._plan.withdrawn(row):  # what is withdrawn leaves, whenever that was
                    column = self._stream.cursor.field if self._stream.cursor else ""
                    chunk.rejected.append(Rejected(key, f"column {column}: {error}"))
                    return
            run.mark.saw(mark)
            if run.places is not None:
                run.places.saw(key, mark)
            if mark is not None and run.since is not None and self._by_client:
                if mark < run.since:
                    run.old += 1
                    return
                run.fresh += 1
        if self._detailed:
            chunk.waiting.append((key, row, mark))
            return
        try:
            if self._promise is None:
                made = self._plan.record(row, key, run.partition, run.parent, "", walk.damaged)
            else:
                made = self._record(row, key, walk.damaged, "", run, None)
            chunk.records.append(made)
        except RecordRejected as error:
            chunk.rejected.append(Rejected(key, "; ".join(error.reasons)))

    def finish(self, chunk: Chunk, damaged: bool, run: Run) -> Chunk:
        """The chunk with its second calls made, for the rows that differ from what the mirror last saw."""
        if not chunk.waiting:
            return chunk
        known = run.state.known([key for key, _, _ in chunk.waiting])
        for key, row, mark in chunk.waiting:
            digest = self._plan.digest(row)
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
                    break
        return chunk

    def notes(self) -> list[str]:
        """What rows showed since the last call that an engineer should look at."""
        mended = [f"answers were mended before they could be read: {REPAIRS[name]}" for name in sorted(self.mended)]
        self.mended.clear()
        return [*mended, *(self._promise.notes() if self._promise else [])]

    def of_parent(self, parent: Record | None, name: str) -> Any:
        """What a hole of the request takes from the ``for_each`` parent; None for other names."""
        if parent is None or not self._alias or not name.startswith(self._alias):
            return None
        field = name.removeprefix(self._alias)
        found = parent.get(field)
        if found is None:  # left out of the request, it would ask for everything
            raise RemoteRefused(
                self._system, self._name, f"{parent.kind} {parent.key} has no {field}, which it is read by"
            )
        return found

    def _in_full(self, key: str, row: Mapping[str, Any], damaged: bool, digest: str, run: Run) -> Record:
        whole = dict(row)
        files = None
        if not self._plan.withdrawn(row):  # of a withdrawn thing nothing more is needed, and often nothing is left

            def get(name: str) -> Any:
                if name == "key":
                    return key
                return paths.dotted(name[4:])(row) if name.startswith("row.") else self.of_parent(run.parent, name)

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
        self, whole: Mapping[str, Any], key: str, damaged: bool, digest: str, run: Run, files: Any
    ) -> Record:  # fmt: skip
        """Raises RecordRejected with everything that is wrong: what the contract says, and what cannot be read."""
        plan, partition, parent = self._plan, run.partition, run.parent
        if self._promise is None:
            return plan.record(whole, key, partition, parent, digest, damaged, files)
        broken = [] if plan.withdrawn(whole) else self._promise.broken(whole)
        try:
            made = plan.record(whole, key, partition, parent, digest, damaged, files)
        except RecordRejected as error:
            raise RecordRejected(key, *broken, *error.reasons) from None
        if broken:
            raise RecordRejected(key, *broken)
        return made


def without_place(error: RemoteError) -> str:
    """What an error says, without the system and call it begins with."""
    return str(error).removeprefix(f"{error.system} {error.operation}: ")


def _unusable(chunk: Chunk, walk: Walk, why: str) -> None:
    chunk.rejected.append(Rejected(f"row {walk.row} of page {walk.pages_read}", why))
