"""What both engines do: ``ports.SourceSystem`` over one method, ``_exchange``, that carries one call.

Reads are repeated by one stated policy; writes never are. Everything a page of rows becomes is decided in the pure
modules (``paging``, ``cursor``, ``rows``, ``outcome``); here they are put in order.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import tenacity

from adapters import auth, cursor, decode, outcome, paging, paths, rows, times
from adapters.descriptor import condition_paths, formats_of
from adapters.vocabulary import Descriptor, LoginTokenAuth, Operation, OutcomeRule, Request, Stream
from adapters.wire import Limits, NoAnswer, NotSent, Reply, TooLarge, Wire
from weigov.errors import (
    ConfigError,
    OutcomeUnknown,
    RateLimited,
    RecordRejected,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
)
from weigov.ports import Batch, Connection, PullState, Rejected, WriteResult
from weigov.records import Record

Get = Callable[[str], Any]

_ATTEMPTS = 4
_MAX_WAIT_S = 60  # an upstream that wants us away for longer gets its way: the next run asks again
_DETAILS_IN_A_ROW = 3  # failures of one call after another: not the row is ill but the system
_MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call, ready to be filled and sent."""

    name: str  # for messages
    request: Request
    chain: Sequence[Any]
    rules: Sequence[OutcomeRule]
    records: str = "."
    values: frozenset[str] = frozenset()  # paths into the answer that will be asked for


@dataclass(slots=True)
class _Page:
    """What became of one page's rows."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    broke: RemoteUnavailable | None = None


class _Plan:
    """A stream, compiled."""

    def __init__(self, name: str, stream: Stream, descriptor: Descriptor, base_url: str) -> None:
        self.name = name
        self.stream = stream
        self.rows = rows.RowPlan(stream, descriptor, base_url)
        rule = stream.paging
        told = {p for p in (rule.total, rule.has_more, rule.next) if p} if rule else set()
        chain = stream.decode or descriptor.decode
        rules = (*stream.outcome, *descriptor.outcome)
        self.list = call(name, stream.request, chain, rules, stream.records, told)
        self.detail = self.attachments = None
        if stream.detail:
            more = stream.detail
            self.detail = call(
                f"{name} detail", more.request, more.decode or chain, (*more.outcome, *descriptor.outcome),
                more.record,
            )  # fmt: skip
        self.files: rows.Convert | None = None
        if stream.attachments:
            extra = stream.attachments
            self.attachments = call(
                f"{name} attachments", extra.request, extra.decode or chain, (*extra.outcome, *descriptor.outcome),
                extra.records,
            )  # fmt: skip
            self.files = rows.attachments(extra, base_url)
        self.cursor: cursor.TimeCursor | None = None
        since = stream.cursor
        if since is not None and since.kind == "time":
            formats, zone = formats_of(since, stream.time, descriptor.time)
            self.cursor = cursor.TimeCursor(
                since.field or "", formats, zone, send=since.send, overlap=times.duration(since.overlap),
                exclusive=since.bound == "exclusive",
            )  # fmt: skip
        self.opaque = since is not None and since.kind == "opaque"


class Engine(ABC):
    """A descriptor bound to a connection."""

    #: What a decode chain is when the descriptor names none.
    default_chain: Sequence[Any] = ("json",)

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (),
        session: requests.Session | None = None, sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._descriptor = descriptor
        self._base_url = connection.base_url.rstrip("/")
        base = urlsplit(self._base_url)
        if base.scheme not in ("http", "https") or not base.hostname or base.username or base.query:
            raise ConfigError(
                f"connection {connection.name}: its address must be http(s)://HOST[:PORT][/PATH], without a log-in"
            )
        self._connection = connection
        self._sleep = sleep
        ca_file = connection.extra.get("ca_file")
        self._wire = Wire(session, limits, verify=str(ca_file) if ca_file else True)
        self._auth = auth.open_auth(descriptor.auth, connection, name, self._log_in)
        self._plans = {n: _Plan(n, s, descriptor, self._base_url + "/") for n, s in descriptor.streams.items()}
        self._media = {_host_port(base.scheme, base.netloc), *_listed_hosts(media_hosts)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._descriptor.system!r})"

    # ports.SourceSystem

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        plan = self._plans.get(stream)
        if plan is None:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no stream {stream!r}")
        each = plan.stream.for_each
        if each is None:
            yield from self._partition(plan, "", None, state, now)
            return
        refusals: list[RemoteRefused] = []
        read = 0
        for parent in list(state.parents(each.stream)):
            if parent.withdrawn:
                continue
            read += 1
            try:
                yield from self._partition(plan, parent.key, parent, state, now)
            except auth.LoginRefused:
                raise
            except RemoteRefused as refusal:  # this one column; the others go on
                refusals.append(refusal)
                yield Batch((), partition=parent.key, incomplete=str(refusal))
        if refusals and len(refusals) == read:
            raise refusals[0]

    def write(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult:
        rule = self._descriptor.operations.get(operation)
        if rule is None:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no operation {operation!r}")
        unknown = sorted(set(values) - set(rule.params))
        if unknown:
            raise ConfigError(f"{self.name} {operation}: has no parameter {_and(unknown)}, only {_and(rule.params)}")
        given = {name: self._written(values.get(name)) for name in rule.params} | {"idempotency_key": key}
        wanted = {p for p in (rule.remote_id, rule.message) if p} | condition_paths(rule.success)
        rules = (*rule.outcome, *self._descriptor.outcome)
        chain = rule.decode or self._descriptor.decode
        it = call(operation, rule.request, chain or self.default_chain, rules, ".", wanted)
        # Logging in is a read of its own; only then does the write begin.
        prepared = self._prepare(it, given.__getitem__)
        try:
            reply = self._exchange(it, prepared, fresh=True)
        except NotSent as error:
            raise RemoteUnavailable(self.name, operation, f"was not sent: {error}") from None
        except NoAnswer as error:
            raise OutcomeUnknown(self.name, operation, f"was sent, but {error}: it may have taken effect") from None
        return self._written_result(it, rule, reply)

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        address = urljoin(self._base_url + "/", url)
        for _ in range(_MAX_REDIRECTS):
            reply = self._fetch_once(address, max_bytes)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply.body, reply.content_type.partition(";")[0].strip().lower()
            address = urljoin(address, reply.headers.get("Location", ""))
        raise RemoteRefused(self.name, "fetch", f"{_shown(address)} redirects for ever")

    def close(self) -> None:
        self._wire.close()

    # one call

    @abstractmethod
    def _prepare(self, it: Call, get: Get) -> Any:
        """The filled and signed request. Raises RemoteRefused when a value cannot be sent at all."""

    @abstractmethod
    def _exchange(self, it: Call, prepared: Any, *, fresh: bool = False) -> Reply:
        """Send it. Raises NotSent, NoAnswer."""

    def _fault(self, answer: decode.Answer) -> tuple[str, str] | None:
        """A protocol's own way of saying no, as code and text."""
        return None

    def _read(self, it: Call, get: Get, *, sign: bool = True) -> tuple[decode.Answer, Reply] | None:
        """One read, repeated as the policy says; None when the outcome is ``empty``."""
        renewed = False
        for attempt in self._policy():
            with attempt:
                while True:
                    try:
                        reply = self._exchange(it, self._prepare(it, get))
                    except TooLarge as error:
                        raise RemoteRefused(self.name, it.name, str(error)) from None
                    except (NotSent, NoAnswer) as error:
                        raise RemoteUnavailable(
                            self.name, it.name, f"{_shown(self._base_url)} could not be read: {error}"
                        ) from None
                    answer, verdict = self._understand(it, reply)
                    if verdict.meaning == "relogin" and not renewed and sign and self._auth.renew():
                        renewed = True
                        continue
                    break
                if verdict.meaning == "empty":
                    return None
                self._raise_for(it, verdict, reply)
                assert answer is not None  # ``ok`` is only said of an answer that could be read
                return answer, reply
        raise AssertionError("the policy always raises or returns")

    def _policy(self) -> tenacity.Retrying:
        """Reads only: four attempts in all, half a second and doubling between them, or as Retry-After says."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RemoteUnavailable),
            stop=tenacity.stop_after_attempt(_ATTEMPTS) | _wants_long,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )

    def _understand(self, it: Call, reply: Reply) -> tuple[decode.Answer | None, outcome.Verdict]:
        answer: decode.Answer | None = None
        why = ""
        try:
            answer = decode.read(
                reply.body, it.chain or self.default_chain, content_type=reply.content_type, records=it.records,
                values=it.values,
            )  # fmt: skip
        except decode.Undecodable as error:
            why = str(error)
        verdict = outcome.judge(it.rules, answer.value if answer else None, reply.status, reply.headers)
        if verdict.by_rule and (answer is not None or verdict.meaning != "ok"):
            return answer, verdict
        fault = self._fault(answer) if answer is not None else None
        if fault is not None:
            code, text = fault
            meaning: outcome.Meaning = "retry" if code.split(".")[0] in ("Server", "Receiver") else "refuse"
            return None, outcome.Verdict(meaning, outcome.said(text) or "a SOAP fault", code)
        if verdict.meaning == "ok" and answer is None:
            return None, outcome.Verdict("retry", why, str(reply.status))
        return answer, verdict

    def _raise_for(self, it: Call, verdict: outcome.Verdict, reply: Reply) -> None:
        """A read's meaning as an error; nothing for ``ok``."""
        code = verdict.code or None
        said = verdict.message or f"HTTP {reply.status}"
        if verdict.meaning == "ok":
            return
        if verdict.meaning == "relogin":
            raise auth.LoginRefused(
                self.name, it.name,
                f"does not accept our log-in ({said}): check connection {self._connection.name}",
                code=code,
            )  # fmt: skip
        if verdict.meaning == "rate_limited":
            raise RateLimited(
                self.name, it.name, f"asks us to wait ({said})", code=code, retry_after_s=_retry_after(reply)
            )
        if verdict.meaning == "retry":
            raise RemoteUnavailable(self.name, it.name, f"cannot answer now: {said}", code=code)
        if 300 <= reply.status < 400:
            said += f", a redirect: is {_shown(self._base_url)} the right address?"
        raise RemoteRefused(self.name, it.name, f"refused: {said}", code=code)

    def _log_in(self, rule: LoginTokenAuth) -> Get:
        credentials = {"login": self._connection.login, "password": self._connection.password}
        wanted = {rule.token} | ({rule.expires_in} if rule.expires_in else set())
        rules = (*rule.outcome, *self._descriptor.outcome)
        it = call("log-in", rule.request, self._descriptor.decode or self.default_chain, rules, ".", wanted)
        try:
            found = self._read(it, credentials.__getitem__, sign=False)
        except auth.LoginRefused:
            raise
        except RemoteRefused as error:
            raise auth.LoginRefused(
                self.name, "log-in", f"{_tail(error)}: check login and password of connection "
                f"{self._connection.name}", code=error.code,
            ) from None  # fmt: skip
        return (lambda path: None) if found is None else found[0].value

    # reading a list

    def _partition(
        self, plan: _Plan, partition: str, parent: Record | None, state: PullState, now: datetime
    ) -> Iterator[Batch]:
        stored = state.cursors.get(partition)
        since = plan.cursor.asked(stored) if plan.cursor else None
        mark = cursor.Watermark(stored if plan.cursor else None, now)
        walk = paging.PageWalk(plan.stream.paging, stored if plan.opaque else None)
        alias = plan.stream.for_each.as_ if plan.stream.for_each else ""
        size = plan.stream.paging.size if plan.stream.paging else None
        moving = plan.opaque

        def get(name: str) -> Any:
            if name == "page":
                return walk.page
            if name == "next":
                return walk.next
            if name == "size":
                return size
            if name == "cursor":
                return since
            return _of_parent(parent, alias, name)

        while True:
            number = walk.page
            found = self._read(plan.list, get)
            if found is None:
                yield Batch((), partition=partition, cursor=mark.result() if plan.cursor else None, complete=True)
                return
            answer, reply = found
            listed = self._listed(plan.list, answer)
            page = self._rows(plan, listed, answer.damaged, number, partition, parent, state, mark)
            turn = walk.turn(page.keys, _told(plan.stream, answer, reply))
            if page.broke is not None:
                yield _batch(page, partition, None, incomplete=str(page.broke))
                raise page.broke
            if plan.opaque:
                # Everything before the token was read, whatever comes after it; unless a row must come again.
                moving = moving and not page.rejected and not turn.incomplete
                upto = walk.next if moving else None
            else:
                upto = mark.result() if plan.cursor and turn.done and not turn.incomplete else None
            yield _batch(page, partition, upto, done=turn.done, incomplete=turn.incomplete)
            if turn.done:
                return

    def _listed(self, it: Call, answer: decode.Answer) -> Sequence[Any]:
        try:
            return answer.rows()
        except decode.Undecodable as error:
            raise RemoteRefused(self.name, it.name, f"{error}: is the descriptor's `records` right?") from None

    def _rows(
        self, plan: _Plan, listed: Sequence[Any], damaged: bool, number: int, partition: str, parent: Record | None,
        state: PullState, mark: cursor.Watermark,
    ) -> _Page:  # fmt: skip
        page = _Page()
        plan_rows, since, detailed = plan.rows, plan.cursor, plan.detail or plan.attachments
        key_of, record_of = plan_rows.key, plan_rows.record
        keep = page.records.append
        usable: list[tuple[str, Any, datetime | None]] = []
        for n, row in enumerate(listed, 1):
            key = key_of(row)
            page.keys.append(key)
            if not key:
                where = f"row {n} of page {number}"
                page.rejected.append(Rejected(where, f"it has no key (column {plan.stream.key})"))
                continue
            moment = None
            if since is not None:
                try:
                    moment = since.of(row)
                except ValueError as error:
                    page.rejected.append(Rejected(key, f"cursor column {plan.stream.cursor.field}: {error}"))  # type: ignore[union-attr]
                    continue
                mark.saw(moment)
            if detailed:
                usable.append((key, row, moment))
                continue
            try:
                keep(record_of(row, key, partition=partition, parent=parent, damaged=damaged))
            except RecordRejected as error:
                page.rejected.append(Rejected(key, "; ".join(error.reasons)))
        if detailed and usable:
            self._details(plan, usable, damaged, partition, parent, state, mark, page)
        if len(set(page.keys)) != len(page.keys):
            page.records = list({record.key: record for record in page.records}.values())
        return page

    def _details(
        self, plan: _Plan, usable: Sequence[tuple[str, Any, datetime | None]], damaged: bool, partition: str,
        parent: Record | None, state: PullState, mark: cursor.Watermark, page: _Page,
    ) -> None:  # fmt: skip
        """The second and third call, for rows that differ from what the mirror last saw."""
        known = state.known([key for key, _, _ in usable])
        failed_in_a_row = 0
        for key, row, moment in usable:
            digest = plan.rows.digest(row)
            if known.get(key) == digest:
                page.seen.append(key)
                continue
            try:
                whole, spoilt = dict(row), damaged
                if not plan.rows.withdrawn(row):
                    more, spoilt = self._second_calls(plan, key, row, parent)
                    whole.update(more)
                    spoilt = spoilt or damaged
                record = plan.rows.record(
                    whole, key, partition=partition, parent=parent, row_digest=digest, damaged=spoilt
                )
                page.records.append(record)
                failed_in_a_row = 0
            except RecordRejected as error:
                page.rejected.append(Rejected(key, "; ".join(error.reasons)))
            except auth.LoginRefused:
                raise
            except RemoteError as error:
                page.rejected.append(Rejected(key, _tail(error)))
                mark.hold(moment)  # it is not in the mirror: it must be listed again
                if isinstance(error, RemoteUnavailable):
                    failed_in_a_row += 1
                    if failed_in_a_row >= _DETAILS_IN_A_ROW:
                        page.broke = error
                        return

    def _second_calls(
        self, plan: _Plan, key: str, row: Mapping[str, Any], parent: Record | None
    ) -> tuple[dict[str, Any], bool]:
        alias = plan.stream.for_each.as_ if plan.stream.for_each else ""

        def get(name: str) -> Any:
            if name == "key":
                return key
            if name.startswith("row."):
                return paths.dotted(name[4:])(row)
            return _of_parent(parent, alias, name)

        more: dict[str, Any] = {}
        damaged = False
        if plan.detail is not None:
            found = self._read(plan.detail, get)
            first = next(iter(self._listed(plan.detail, found[0])), None) if found else None
            if found is None or first is None:
                raise RecordRejected(key, "its detail came back empty")
            more.update(first)
            damaged = found[0].damaged
        if plan.attachments is not None and plan.files is not None:
            found = self._read(plan.attachments, get)
            try:
                more["attachments"] = plan.files(list(self._listed(plan.attachments, found[0]))) if found else None
            except ValueError as error:
                raise RecordRejected(key, f"attachments: {error}") from None
        return more, damaged

    # writing

    def _written(self, value: Any) -> Any:
        if isinstance(value, datetime):
            rule = self._descriptor.time
            return times.writer(rule.format[0], rule.zone)(value) if rule else times.writer("iso", "")(value)
        return "" if value is None else value

    def _written_result(self, it: Call, rule: Operation, reply: Reply) -> WriteResult:
        answer, verdict = self._understand(it, reply)
        code = verdict.code or None
        said = verdict.message or f"HTTP {reply.status}"
        if verdict.meaning in ("ok", "empty"):
            if rule.success is not None:
                condition = outcome.parse(rule.success)
                found = reply.status if condition.about_http else answer.value(condition.path) if answer else None
                if not condition.holds(found):
                    told = outcome.said(answer.value(rule.message)) if answer and rule.message else ""
                    raise RemoteRefused(self.name, it.name, f"refused: {told or said}")
            remote_id = outcome.plain(answer.value(rule.remote_id)) if answer and rule.remote_id else ""
            message = outcome.said(answer.value(rule.message)) if answer and rule.message else ""
            return WriteResult(remote_id, message)
        if verdict.meaning == "rate_limited":
            raise RateLimited(
                self.name, it.name, f"asks us to wait ({said})", code=code, retry_after_s=_retry_after(reply)
            )
        if verdict.meaning == "relogin":
            if self._auth.renew():
                raise RemoteUnavailable(self.name, it.name, f"our log-in had run out ({said})", code=code)
            raise auth.LoginRefused(
                self.name, it.name,
                f"does not accept our log-in ({said}): check connection {self._connection.name}", code=code,
            )  # fmt: skip
        if verdict.meaning == "retry":
            raise OutcomeUnknown(self.name, it.name, f"was sent, but its answer leaves it open: {said}", code=code)
        raise RemoteRefused(self.name, it.name, f"refused: {said}", code=code)

    # files

    def _fetch_once(self, address: str, max_bytes: int) -> Reply:
        parts = urlsplit(address)
        shown = _shown(address)
        if parts.scheme not in ("http", "https") or parts.username or not parts.hostname:
            raise RemoteRefused(self.name, "fetch", f"{shown} is no address to fetch a file from")
        if _host_port(parts.scheme, parts.netloc) not in self._media:
            raise RemoteRefused(self.name, "fetch", f"{shown} is on a host that is not in the system's media_hosts")
        for attempt in self._policy():
            with attempt:
                try:
                    reply = self._wire.send("GET", address, headers={"Accept": "*/*"}, max_bytes=max_bytes)
                except TooLarge as error:
                    raise RemoteRefused(self.name, "fetch", f"{shown}: {error}") from None
                except (NotSent, NoAnswer) as error:
                    raise RemoteUnavailable(self.name, "fetch", f"{shown} could not be read: {error}") from None
                if reply.status == 429:
                    raise RateLimited(
                        self.name, "fetch", f"{shown}: HTTP 429", code=429, retry_after_s=_retry_after(reply)
                    )
                if reply.status >= 500:
                    raise RemoteUnavailable(self.name, "fetch", f"{shown}: HTTP {reply.status}", code=reply.status)
                if reply.status >= 400:
                    raise RemoteRefused(self.name, "fetch", f"{shown}: HTTP {reply.status}", code=reply.status)
                return reply
        raise AssertionError("the policy always raises or returns")


def call(
    name: str, request: Request, chain: Sequence[Any], rules: Sequence[OutcomeRule], records: str = ".",
    values: set[str] | frozenset[str] = frozenset(),
) -> Call:  # fmt: skip
    return Call(name, request, chain, rules, records, frozenset(values) | frozenset(outcome.paths(rules)))


def _told(stream: Stream, answer: decode.Answer, reply: Reply) -> paging.Told:
    rule = stream.paging
    if rule is None:
        return paging.Told()
    return paging.Told(
        total=answer.value(rule.total) if rule.total else reply.headers.get(rule.total_header or "", None),
        pages=reply.headers.get(rule.pages_header or "", None),
        has_more=answer.value(rule.has_more) if rule.has_more else None,
        next=answer.value(rule.next) if rule.next else None,
    )


def _batch(page: _Page, partition: str, upto: str | None, *, done: bool = False, incomplete: str = "") -> Batch:
    return Batch(
        page.records, page.rejected, page.seen, partition, cursor=upto, complete=done and not incomplete,
        incomplete=incomplete,
    )  # fmt: skip


def _of_parent(parent: Record | None, alias: str, name: str) -> Any:
    return parent.get(name[len(alias) + 1 :]) if parent is not None and name.startswith(f"{alias}.") else None


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after_s is not None:
        return error.retry_after_s
    return _BACKOFF(state)


_BACKOFF = tenacity.wait_exponential_jitter(initial=0.5, max=10, jitter=0.3)


class _WantsLong(tenacity.stop.stop_base):
    """Stop when the upstream asked for a longer wait than a run can give."""

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, RateLimited) and (error.retry_after_s or 0) > _MAX_WAIT_S


_wants_long = _WantsLong()


def _retry_after(reply: Reply) -> float | None:
    value = reply.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _tail(error: RemoteError) -> str:
    """What an error says, without the system and call it begins with."""
    return str(error).partition(": ")[2]


def _shown(address: str) -> str:
    """An address fit for a log: no query, no log-in."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _host_port(scheme: str, netloc: str) -> str:
    host, _, port = netloc.rpartition("@")[2].lower().partition(":")
    return f"{host}:{port or {'http': '80', 'https': '443'}[scheme]}"


def _listed_hosts(hosts: Sequence[str]) -> Iterator[str]:
    for host in hosts:
        if ":" in host:
            yield host.lower()
        else:
            yield from (f"{host.lower()}:80", f"{host.lower()}:443")


def _and(names: Sequence[str]) -> str:
    return ", ".join(names)
