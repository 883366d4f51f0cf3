"""One stream being pulled: pages of a list → batches of records, with the second calls a changed row needs.

The order of things is here; what is decided on the way is decided in ``paging``, ``cursor`` and ``rows``. Nothing
here carries bytes: ``read`` does, and raises what a read raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters import cursor, decode, outcome, paging, paths, rows, times
from adapters.auth import LoginRefused
from adapters.descriptor import formats_of
from adapters.vocabulary import Descriptor, OutcomeRule, Request, Stream
from adapters.wire import Reply
from weigov.errors import RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.ports import Batch, PullState, Rejected
from weigov.records import Record

Get = Callable[[str], Any]

#: The ledger keeps no longer ones.
MAX_KEY = 200
_DETAILS_IN_A_ROW = 3  # failures of one row after another: not the row is ill but the system


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call, ready to be filled in and sent."""

    name: str  # for messages
    request: Request
    chain: Sequence[Any]
    rules: Sequence[OutcomeRule]
    records: str = "."
    values: frozenset[str] = frozenset()  # the places in the answer that will be asked for


#: Sends a call filled by ``Get``; None when the outcome is ``empty``.
Read = Callable[[Call, Get], tuple[decode.Answer, Reply] | None]


def make_call(
    name: str, request: Request, chain: Sequence[Any], rules: Sequence[OutcomeRule], records: str = ".",
    values: Sequence[str | None] = (),
) -> Call:  # fmt: skip
    wanted = {path for path in values if path} | outcome.paths(rules)
    return Call(name, request, chain, rules, records, frozenset(wanted))


@dataclass(slots=True)
class _Page:
    """What became of one page's rows."""

    keys: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    broke: RemoteUnavailable | None = None  # the run ends here


@dataclass(slots=True)
class _Run:
    """One partition being read."""

    partition: str
    parent: Record | None
    state: PullState
    mark: cursor.Watermark
    failed_in_a_row: int = 0


_Row = tuple[str, Any, datetime | None]  # key, row, its instant of the cursor column


class Listing:
    """A stream, compiled. Raises nothing: a loaded descriptor is sound."""

    def __init__(self, system: str, name: str, stream: Stream, descriptor: Descriptor, base_url: str, read: Read):
        self._system, self._name, self._stream, self._read = system, name, stream, read
        self._alias = f"{stream.for_each.as_}." if stream.for_each else ""
        self._rows = rows.RowPlan(stream, descriptor, base_url)
        chain, outer = stream.decode or descriptor.decode, descriptor.outcome
        rule = stream.paging
        told = (rule.total, rule.has_more, rule.next) if rule else ()
        self._list = make_call(name, stream.request, chain, (*stream.outcome, *outer), stream.records, told)
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
        self._cursor: cursor.TimeCursor | None = None
        since = stream.cursor
        if since is not None and since.kind == "time":
            formats, zone = formats_of(since, stream.time, descriptor.time)
            self._cursor = cursor.TimeCursor(
                since.field or "", formats, zone, send=since.send, overlap=times.duration(since.overlap),
                exclusive=since.bound == "exclusive",
            )  # fmt: skip
        self._opaque = since is not None and since.kind == "opaque"

    def pull(self, state: PullState, now: datetime) -> Iterator[Batch]:
        """As ``ports.SourceSystem.pull``. One partition that is refused does not stop the others."""
        each = self._stream.for_each
        if each is None:
            yield from self._partition("", None, state, now)
            return
        refusals: list[RemoteRefused] = []
        read = 0
        for parent in list(state.parents(each.stream)):
            if parent.withdrawn:
                continue
            read += 1
            try:
                yield from self._partition(parent.key, parent, state, now)
            except LoginRefused:
                raise  # the next partition would only help to lock the account
            except RemoteRefused as refusal:
                refusals.append(refusal)
                yield Batch((), partition=parent.key, incomplete=str(refusal))
        if refusals and len(refusals) == read:
            raise refusals[0]

    def _partition(self, partition: str, parent: Record | None, state: PullState, now: datetime) -> Iterator[Batch]:
        stored = state.cursors.get(partition)
        since = self._cursor.asked(stored) if self._cursor else None
        run = _Run(partition, parent, state, cursor.Watermark(stored if self._cursor else None, now))
        walk = paging.PageWalk(self._stream.paging, stored if self._opaque else None)
        size = self._stream.paging.size if self._stream.paging else None
        moving = self._opaque

        def get(name: str) -> Any:
            if name in ("page", "next"):
                return getattr(walk, name)
            if name == "size":
                return size
            return since if name == "cursor" else self._of_parent(parent, name)

        while True:
            number = walk.page
            found = self._read(self._list, get)
            if found is None:
                yield Batch((), partition=partition, cursor=self._upto(run), complete=True)
                return
            answer, reply = found
            page = self._page(self._listed(self._list, answer), answer.damaged, number, run)
            if page.broke is not None:
                yield _batch(page, partition, None, incomplete=str(page.broke))
                raise page.broke
            turn = walk.turn(page.keys, self._told(answer, reply))
            if self._opaque:
                # Everything before the token was read, whatever follows; unless a row must come again.
                moving = moving and not turn.incomplete and not run.mark.stuck
                upto = walk.next if moving else None
            else:
                upto = self._upto(run) if turn.done and not turn.incomplete else None
            yield _batch(page, partition, upto, done=turn.done, incomplete=turn.incomplete)
            if turn.done:
                return

    def _upto(self, run: _Run) -> str | None:
        return run.mark.result() if self._cursor else None

    def _listed(self, it: Call, answer: decode.Answer) -> Sequence[Any]:
        try:
            return answer.rows()
        except decode.Undecodable as error:
            raise RemoteRefused(self._system, it.name, f"{error}: is the descriptor right about it?") from None

    def _page(self, listed: Sequence[Any], damaged: bool, number: int, run: _Run) -> _Page:
        page = _Page()
        key_of, record_of, since = self._rows.key, self._rows.record, self._cursor
        detailed = self._detail is not None or self._files is not None
        partition, parent = run.partition, run.parent
        column = self._stream.cursor.field if self._stream.cursor else ""
        usable: list[_Row] = []
        for n, row in enumerate(listed, 1):
            key = key_of(row)
            page.keys.append(key)
            if not key:
                why = f"it has no key (column {self._stream.key})"
                page.rejected.append(Rejected(f"row {n} of page {number}", why))
                continue
            if len(key) > MAX_KEY or not key.isprintable():
                why = f"its key is longer than {MAX_KEY} characters, or holds some that do not print"
                page.rejected.append(Rejected(f"row {n} of page {number}", why))
                continue
            moment = None
            if since is not None:
                try:
                    moment = since.of(row)
                except ValueError as error:
                    page.rejected.append(Rejected(key, f"column {column}: {error}"))
                    continue
                run.mark.saw(moment)
            if detailed:
                usable.append((key, row, moment))
                continue
            try:
                page.records.append(record_of(row, key, partition=partition, parent=parent, damaged=damaged))
            except RecordRejected as error:
                page.rejected.append(Rejected(key, "; ".join(error.reasons)))
        if usable:
            self._details(usable, damaged, run, page)
        if len(set(page.keys)) != len(page.keys):  # one thing listed twice on a page: its last row counts
            page.records = list({record.key: record for record in page.records}.values())
        return page

    def _details(self, usable: Sequence[_Row], damaged: bool, run: _Run, page: _Page) -> None:
        """Second calls, for the rows that differ from what the mirror last saw."""
        known = run.state.known([key for key, _, _ in usable])
        for key, row, moment in usable:
            digest = self._rows.digest(row)
            if known.get(key) == digest:
                page.seen.append(key)
                continue
            try:
                page.records.append(self._in_full(key, row, damaged, digest, run))
                run.failed_in_a_row = 0
            except RecordRejected as error:
                page.rejected.append(Rejected(key, "; ".join(error.reasons)))
            except LoginRefused:
                raise
            except RemoteError as error:
                page.rejected.append(Rejected(key, without_place(error)))
                run.mark.hold(moment)  # the mirror does not have it: it must be listed again
                run.failed_in_a_row += isinstance(error, RemoteUnavailable)
                if run.failed_in_a_row >= _DETAILS_IN_A_ROW and isinstance(error, RemoteUnavailable):
                    page.broke = error
                    return

    def _in_full(self, key: str, row: Mapping[str, Any], damaged: bool, digest: str, run: _Run) -> Record:
        whole = dict(row)
        if not self._rows.withdrawn(row):  # of a withdrawn thing nothing more is needed, and often nothing is left

            def get(name: str) -> Any:
                if name == "key":
                    return key
                return paths.dotted(name[4:])(row) if name.startswith("row.") else self._of_parent(run.parent, name)

            if self._detail is not None:
                found = self._read(self._detail, get)
                first = next(iter(self._listed(self._detail, found[0])), None) if found else None
                if found is None or first is None:
                    raise RemoteRefused(self._system, self._detail.name, "came back empty")
                whole.update(first)
                damaged = damaged or found[0].damaged
            if self._files is not None and self._to_files is not None:
                found = self._read(self._files, get)
                try:
                    files = self._to_files(list(self._listed(self._files, found[0]))) if found else None
                except ValueError as error:
                    raise RecordRejected(key, f"attachments: {error}") from None
                return self._record(whole, key, damaged, digest, run, files)
        return self._record(whole, key, damaged, digest, run, None)

    def _record(
        self, whole: Mapping[str, Any], key: str, damaged: bool, digest: str, run: _Run, files: Any
    ) -> Record:  # fmt: skip
        return self._rows.record(
            whole, key, partition=run.partition, parent=run.parent, row_digest=digest, damaged=damaged, files=files
        )

    def _told(self, answer: decode.Answer, reply: Reply) -> paging.Told:
        rule = self._stream.paging
        if rule is None:
            return paging.Told()
        return paging.Told(
            total=answer.value(rule.total) if rule.total else reply.headers.get(rule.total_header or ""),
            pages=reply.headers.get(rule.pages_header or ""),
            has_more=answer.value(rule.has_more) if rule.has_more else None,
            next=answer.value(rule.next) if rule.next else None,
        )

    def _of_parent(self, parent: Record | None, name: str) -> Any:
        named = parent is not None and self._alias and name.startswith(self._alias)
        return parent.get(name.removeprefix(self._alias)) if named and parent is not None else None


def without_place(error: RemoteError) -> str:
    """What an error says, without the system and call it begins with."""
    return str(error).removeprefix(f"{error.system} {error.operation}: ")


def _batch(page: _Page, partition: str, upto: str | None, *, done: bool = False, incomplete: str = "") -> Batch:
    return Batch(
        page.records, page.rejected, page.seen, partition, cursor=upto, complete=done and not incomplete,
        incomplete=incomplete,
    )  # fmt: skip
