"""What the words of a descriptor must agree on beyond their own shape: every fault, each with its place. Pure.

A wrong word here would not fail when it is read but lose records when it runs: a request that never asks for the next
page, a path in the language of the other format, a time without a zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from adapters import paths, unsealed
from adapters.cursors import formats_of
from adapters.exchange import consistency as check_exchange
from adapters.outcome import parse as parse_condition
from adapters.template import holes
from adapters.times import needs_zone
from adapters.vocabulary import (
    CursorRule,
    JsonStep,
    Keys,
    LoginTokenAuth,
    NoAuth,
    Operation,
    OutcomeRule,
    Paging,
    Query,
    Request,
    SealedBodyAuth,
    SignedHeadersAuth,
    Stream,
    TimeRule,
    Tombstones,
    Vanished,
    WssUsernameAuth,
    WssX509Auth,
)
from adapters.vocabulary.wsdl import files_of
from weigov.records import KINDS
from weigov.yamlfile import Loc, did_you_mean, in_quotes

Found = tuple[Loc, str, str]  #: where, what, what to do

_TIMED = ("time", "date")
#: paging kind → the holes of which a request must use one, or it would read one page for ever.
_MOVES: Mapping[str, tuple[str, ...]] = {"page": ("page",), "offset": ("offset", "last"), "cursor": ("next",)}
#: Every hour or day, as nearly all of them are.
_PLAIN_CRON = re.compile(r"(\*|\*/(?!0)[1-5]?\d|[1-5]?\d) (\*|1?\d|2[0-3]) \* \* \*")


class Part(Protocol):
    """A descriptor, or what of a faulty one is sound."""

    @property
    def system(self) -> Any: ...
    @property
    def engine(self) -> Any: ...
    @property
    def wsdl(self) -> Any: ...
    @property
    def auth(self) -> Any: ...
    @property
    def time(self) -> TimeRule | None: ...
    @property
    def decode(self) -> Sequence[Any]: ...
    @property
    def streams(self) -> Mapping[str, Stream]: ...
    @property
    def operations(self) -> Mapping[str, Operation]: ...


def faults_of(it: Part, path: Path, name: str | None, all_streams: Mapping[str, Any]) -> Iterator[Found]:
    """Every fault of a descriptor read from ``path``. ``name``: what it must be called, where its place says so;
    ``all_streams``: also those with faults of their own.
    """
    if name is not None and it.system != name:
        yield ("system",), f"must be {name!r}, as the file's place says", ""
    if it.engine == "soap":
        if not it.wsdl:
            yield ("engine",), "soap needs `wsdl`, a file beside this one", ""
        for word, beside in files_of(it.wsdl):
            if not (path.parent / beside).exists():
                yield ("wsdl", word), f"there is no {beside} beside this file", ""
    yield from _order(it.auth)
    yield from unsealed.faults(it)
    # The system's own outcome rules serve every call, and calls may answer in different languages: not checked here.
    for i, rule in enumerate(it.auth):
        for loc, message, hint in _auth(rule, it):
            yield ("auth", i, *loc), message, hint
    for name, raw in all_streams.items():
        if isinstance(raw, dict) and it.engine in ("rest", "soap"):
            for word in ("request", "records"):  # the other engines have words of their own for them
                if word not in raw:
                    yield ("streams", name, word), "is missing", ""
    for name, stream in it.streams.items():
        for loc, message, hint in _stream(stream, it.engine, it.time, it.decode, all_streams):
            yield ("streams", name, *loc), message, hint
    for name, operation in it.operations.items():
        for loc, message, hint in _operation(operation, it.engine, it.decode):
            yield ("operations", name, *loc), message, hint


# ---- a stream


def _order(kinds: Sequence[Any]) -> Iterator[Found]:
    """Kinds work one behind the other: who signs the body must come behind who writes it."""
    for i, rule in enumerate(kinds):
        earlier = kinds[:i]
        if isinstance(rule, SealedBodyAuth) and any(isinstance(one, SealedBodyAuth) for one in earlier):
            yield ("auth", i, "kind"), "a body is sealed once", ""
        elif isinstance(rule, SealedBodyAuth) and any(isinstance(one, SignedHeadersAuth) for one in earlier):
            how = "write sealed_body before signed_headers"
            yield ("auth", i, "kind"), "sealed_body writes the body anew, behind the signature over it", how


def _auth(rule: Any, it: Part) -> Iterator[Found]:
    """A kind must fit the engine that carries it."""
    if it.engine not in ("rest", "soap"):
        if not isinstance(rule, NoAuth):
            yield ("kind",), f"{rule.kind} belongs to rest and soap: a database's log-in is in its address", ""
    elif isinstance(rule, LoginTokenAuth):
        yield from _request(rule.request, ("request",), it.engine, {"login", "password"})
    elif isinstance(rule, WssUsernameAuth | WssX509Auth) and it.engine == "rest":
        yield ("kind",), f"{rule.kind} belongs to soap", ""
    elif isinstance(rule, SealedBodyAuth) and it.engine == "soap":
        yield ("kind",), "sealed_body belongs to rest", ""
    elif isinstance(rule, SealedBodyAuth):
        for name, stream in it.streams.items():
            if any(one and one.request.method == "GET" for one in (stream, stream.detail, stream.attachments)):
                yield ("kind",), f"sealed_body needs a body, and {name} is asked for with GET", "say method: POST"


def _stream(
    stream: Stream, engine: Any, time: TimeRule | None, decode: Sequence[Any], streams: Mapping[str, Any]
) -> Iterator[Found]:
    yield from check_exchange.stream(stream, engine, time, decode)
    if engine in check_exchange.ENGINES:  # nobody asks a table or a folder
        yield from _fields(stream, time)
        yield from _schedule(stream)
        return
    alias = stream.for_each.as_ if stream.for_each else ""
    parent = {f"{alias}.{field}" for field in _parent_fields(stream, streams)} if alias else set()
    chain = stream.decode or decode
    since = {"cursor", "until"} if stream.cursor else set()
    yield from _list(stream, (), parent | since, engine, chain, alias)
    for part in ("detail", "attachments"):
        call = getattr(stream, part)
        if call is not None:
            yield from _request(call.request, (part, "request"), engine, parent | {"key"}, alias, rows=True)
    if stream.for_each and stream.for_each.stream not in streams:
        yield ("for_each", "stream"), f"no stream is called {stream.for_each.stream!r}", did_you_mean(
            stream.for_each.stream, streams
        )  # fmt: skip
    yield from _fields(stream, time)
    if stream.cursor is not None:
        yield from _cursor(stream.cursor, ("cursor",), stream.request, stream.paging, stream.time, time)
    yield from _withdrawn(stream, engine, time, chain, parent, alias)
    yield from _schedule(stream)
    if stream.detail:
        it = stream.detail
        for loc, message, hint in _paths([(("record",), it.record)], it.outcome, it.decode or chain, engine):
            yield ("detail", *loc), message, hint
    if stream.attachments:
        files = stream.attachments
        for loc, message, hint in _paths(
            [(("records",), files.records)], files.outcome, files.decode or chain, engine
        ):
            yield ("attachments", *loc), message, hint


def _schedule(stream: Stream) -> Iterator[Found]:
    if not _is_cron(stream.schedule):
        yield ("schedule",), f"{stream.schedule!r} is no cron line", "minute hour day month weekday: 30 5 * * *"


def _is_cron(line: str) -> bool:
    if _PLAIN_CRON.fullmatch(line):
        return True
    from croniter import croniter  # type: ignore[import-untyped]  # only here: it costs every DAG parse otherwise

    return len(line.split()) == 5 and bool(croniter.is_valid(line))


def _list(
    it: Stream | Keys | Query, at: Loc, allowed: set[str], engine: Any, chain: Sequence[Any], alias: str = ""
) -> Iterator[Found]:
    """What every list must agree on: its request, its paging, its paths."""
    paging = it.paging
    moves = {"size", *_MOVES.get(paging.kind, ())} if paging else set()
    yield from _request(it.request, (*at, "request"), engine, allowed | moves, alias)
    for loc, message, hint in _paging(paging, it.request, engine):
        yield (*at, *loc), message, hint
    words = ("total", "pages", "has_more", "next")
    told: list[tuple[Loc, str | None]] = [(("paging", w), getattr(paging, w)) for w in words] if paging else []
    for loc, message, hint in _paths([(("records",), it.records), *told], it.outcome, chain, engine):
        yield (*at, *loc), message, hint


def _fields(stream: Stream, time: TimeRule | None) -> Iterator[Found]:
    shape = KINDS[stream.kind]
    for name, rule in stream.fields.items():
        loc = ("fields", name)
        if name.startswith("extra."):
            field_type: str = "text"
        elif name not in shape:
            yield loc, f"is no field of {stream.kind}", did_you_mean(name, shape)
            continue
        else:
            field_type = shape[name]
        if (rule.from_ is None) == (rule.parent is None):
            yield loc, "needs either `from` or `parent`", ""
        if rule.parent is not None and stream.for_each is None:
            yield (*loc, "parent"), "there is no parent without `for_each`", ""
        if rule.steps and field_type not in ("text", "html"):
            yield (*loc, "steps"), f"a {field_type} takes no steps", ""
        formats, zone = formats_of(rule, stream.time, time)
        if field_type == "time" and not formats:
            yield loc, "is a time: how does this system write times?", "add time: {format: …, zone: …}"
        if field_type in _TIMED and not zone and any(needs_zone(form) for form in formats):
            yield loc, "its format has no offset: which zone is meant?", "add zone: Asia/Shanghai"


def _cursor(
    rule: CursorRule, at: Loc, request: Request, paging: Paging | None, *outer: TimeRule | None
) -> Iterator[Found]:
    asked = _asked(request)
    if rule.kind == "opaque":
        if paging is None or paging.kind != "cursor":
            yield at, "an opaque cursor needs `paging: {kind: cursor}`", ""
        return
    if rule.kind == "number" and rule.overlap is None:
        how = "0 where numbers are given in the order of commits; else as many as may be open at once"
        yield at, "needs `overlap`: a lower number may be committed after a higher one was read", how
    if rule.field is None:
        yield at, "needs `field`, the column that rises with every change", ""
    if rule.kind == "time":
        formats, zone = formats_of(rule, *outer)
        if not formats:
            yield at, "is a time: how does this system write times?", "add time: {format: …, zone: …}"
        elif not zone and any(needs_zone(form) for form in (*formats, *([rule.send] if rule.send else []))):
            yield at, "its format has no offset: which zone is meant?", "add zone: Asia/Shanghai"
    if rule.filter == "server" and "cursor" not in asked:
        how = "use {cursor}, or say filter: client where the system cannot filter"
        yield at, "the request does not use {cursor}: every pull would read everything", how
    if rule.filter == "client" and "cursor" in asked:
        yield (*at, "filter"), "is `client`, and yet the request uses {cursor}", ""
    if rule.order == "descending" and rule.filter != "client":
        yield (*at, "order"), "serves `filter: client` only", ""
    if rule.span is not None and "until" not in asked:
        yield (*at, "span"), "needs {until} in the request, the end of a stretch", ""
    if "until" in asked and rule.kind != "time":
        yield at, "{until} belongs to a cursor over times", ""
    if rule.start is not None and rule.kind != "time":
        yield (*at, "start"), "belongs to a cursor over times", ""


def _paging(paging: Paging | None, request: Request, engine: Any) -> Iterator[Found]:
    if paging is None:
        return
    if paging.kind == "link":
        if engine == "soap":
            yield ("paging",), "links belong to REST", ""
        if (paging.next is None) == (paging.next_header is None):
            yield ("paging",), "needs either `next` or `next_header`, where the next page's address is", ""
        return
    moves = _MOVES[paging.kind]
    if not set(moves) & _asked(request):
        yield ("paging",), f"the request does not use {{{moves[0]}}}: it would read one page for ever", ""
    if paging.kind == "cursor" and paging.next is None:
        yield ("paging",), "needs `next`, where the answer gives the next token", ""
    if paging.kind in ("page", "offset") and paging.next is not None:
        yield ("paging", "next"), "belongs to `kind: cursor` and `kind: link`", ""
    if paging.next_header is not None:
        yield ("paging", "next_header"), "belongs to `kind: link`", ""


def _withdrawn(
    stream: Stream, engine: Any, time: TimeRule | None, chain: Sequence[Any], parent: set[str], alias: str
) -> Iterator[Found]:
    for kind, word in ((Tombstones, "tombstones"), (Vanished, "vanished")):
        if sum(isinstance(rule, kind) for rule in stream.withdrawn) > 1:
            yield ("withdrawn",), f"only one of its rules can be `{word}`", ""
    for i, rule in enumerate(stream.withdrawn):
        at: Loc = ("withdrawn", i)
        if isinstance(rule, Tombstones):
            dead = rule.tombstones
            at = (*at, "tombstones")
            yield from _list(dead, at, {"cursor"} if dead.cursor else set(), engine, dead.decode or chain)
            if dead.cursor is not None:
                yield from _cursor(dead.cursor, (*at, "cursor"), dead.request, dead.paging, stream.time, time)
                if dead.cursor.kind == "opaque":
                    yield (*at, "cursor"), "must be a column's: opaque tokens are not kept for deletions", ""
        elif isinstance(rule, Vanished):
            at = (*at, "vanished")
            keys = rule.vanished.keys
            if keys is not None:
                yield from _list(keys, (*at, "keys"), parent, engine, keys.decode or chain, alias)
            elif stream.cursor is not None and (stream.cursor.kind == "opaque" or stream.cursor.span):
                yield at, "this list cannot be read as a whole: which list has all keys?", "add keys: {request: …}"


def _parent_fields(stream: Stream, streams: Mapping[str, Any]) -> set[str]:
    found = streams.get(stream.for_each.stream) if stream.for_each else None
    kind = found.get("kind") if isinstance(found, dict) else getattr(found, "kind", None)
    return {"key", *KINDS.get(kind, {})} if kind else {"key"}


# ---- an operation


def _operation(operation: Operation, engine: Any, decode: Sequence[Any]) -> Iterator[Found]:
    yield from check_exchange.operation(operation, engine)
    if engine in check_exchange.ENGINES:
        return
    allowed = {*operation.params, "idempotency_key"}
    yield from _request(operation.request, ("request",), engine, allowed)
    used = _asked(operation.request)
    for i, param in enumerate(operation.params):
        if param not in used:
            yield ("params", i), f"{param} is not used in the request", ""
    if operation.idempotency == "key" and "idempotency_key" not in used:
        yield ("idempotency",), "`key` needs {idempotency_key} in the request", ""
    named: list[tuple[Loc, str | None]] = [
        ((word,), getattr(operation, word)) for word in ("remote_id", "message", "answer")
    ]
    named += _condition(("success",), operation.success)
    chain = operation.decode or decode
    yield from _paths(named, operation.outcome, chain, engine)
    query = operation.query
    if (query is not None) != (operation.idempotency == "query_first"):
        yield ("idempotency",), "`query_first` and `query` need each other", ""
    if query is not None:
        yield from _query(query, allowed, engine, query.decode or decode)


def _query(query: Query, allowed: set[str], engine: Any, chain: Sequence[Any]) -> Iterator[Found]:
    at: Loc = ("query",)
    if query.records:
        yield from _list(query, at, allowed, engine, chain)
        if not query.where and not query.contains:
            yield at, "needs `where` or `contains`: how is our write told from others?", ""
        for word in ("where", "contains"):
            yield from _holes(getattr(query, word), (*at, word), allowed)
    else:
        yield from _request(query.request, (*at, "request"), engine, allowed)
        if not query.found:
            yield at, "needs `found`, or `records` with `where`: what shows that the write took effect?", ""
        named: list[tuple[Loc, str | None]] = [
            (("remote_id",), query.remote_id),
            *_condition(("found",), query.found),
        ]
        for loc, message, hint in _paths(named, query.outcome, chain, engine):
            yield (*at, *loc), message, hint
    if query.found and query.records:
        yield (*at, "found"), "is for one answer, `records` for a list: say one of them", ""


def _condition(at: Loc, text: str | None) -> list[tuple[Loc, str | None]]:
    if text is None or (condition := parse_condition(text)).about_http:
        return []
    return [(at, condition.path)]


# ---- a request


def _request(
    request: Request, loc: Loc, engine: Any, allowed: set[str], alias: str = "", *, rows: bool = False
) -> Iterator[Found]:
    if engine == "soap":
        if not request.op:
            yield loc, "needs `op`, an operation of the WSDL", ""
        for word in ("query", "headers"):
            if getattr(request, word):
                yield (*loc, word), "belongs to REST", ""
        if request.path and not request.path.startswith("/"):
            yield (*loc, "path"), "must begin with /", ""
    elif engine == "rest":
        if not request.path.startswith("/"):
            yield loc, "needs `path`, beginning with /", ""
        if request.op:
            yield (*loc, "op"), "belongs to SOAP", ""
        if request.body and request.method == "GET":
            yield (*loc, "body"), "a GET has no body", "say method: POST"
    for word in ("path", "query", "headers", "body"):
        yield from _holes(getattr(request, word), (*loc, word), allowed, alias, rows=rows)
        for at, hole in _unquoted(getattr(request, word), (*loc, word)):
            if hole in allowed or word != "body":  # in a body anything may stand, also a mapping of nothing
                yield at, "is a mapping, not a hole", in_quotes(hole)
    for value in request.body.values():
        if isinstance(value, dict) and "xml" in value:
            inner = value["xml"]
            if set(value) - {"xml", "declared"} or not isinstance(inner, dict) or len(inner) != 1:
                yield (*loc, "body"), "xml text is written {xml: {ROOT: {…}}, declared: GBK}", ""


def _holes(value: Any, at: Loc, allowed: set[str], alias: str = "", *, rows: bool = False) -> Iterator[Found]:
    for hole in sorted(holes(value)):
        free = hole.startswith("connection.") or (rows and hole.startswith("row."))
        free = free or (alias != "" and hole.startswith(f"{alias}.extra."))
        if hole not in allowed and not free:
            yield at, f"{{{hole}}} is unknown here", did_you_mean(hole, allowed)


def _unquoted(value: Any, at: Loc) -> Iterator[tuple[Loc, str]]:
    """What YAML took for a mapping and was meant as a hole, with its place."""
    if isinstance(value, dict):
        if len(at) > 2 and list(value.values()) == [None]:
            yield at, str(next(iter(value)))
        for name, inner in value.items():
            yield from _unquoted(inner, (*at, name))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _unquoted(inner, (*at, i))


def _asked(request: Request) -> set[str]:
    """The holes of a request, also those that stand there without quotes: that is a fault of its own."""
    sent = (request.path, request.query, request.headers, request.body)
    return holes(sent) | {hole for _, hole in _unquoted(sent, ("request", "sent"))}


# ---- paths into answers


def _paths(
    named: Sequence[tuple[Loc, str | None]], rules: Sequence[OutcomeRule], chain: Sequence[Any], engine: Any
) -> Iterator[Found]:
    """Paths must be of the language the answer is in: a wrong one finds nothing, and nothing looks like no rows."""
    last = chain[-1] if chain else ("soap" if engine == "soap" else "json")
    looked = [(loc, path) for loc, path in named if path]
    # What stands around a text that was taken out can be asked for too, in its own language.
    around = {path.startswith("/") for step in chain if (path := _inner_path(step))}
    for i, rule in enumerate(rules):
        condition = parse_condition(rule.when)
        looked += [] if condition.about_http else [(("outcome", i, "when"), condition.path)]
        looked += [(("outcome", i, "message"), rule.message)] if rule.message else []
    for loc, path in looked:
        if loc[-1] not in ("records", "record") and path.startswith("/") in around:
            continue
        if _is_json(last):
            if path.startswith("/"):
                yield loc, f"{path} is a path into XML, and the answer is JSON", "write it with dots: data.rows"
            continue
        try:
            paths.slashed(path)
        except ValueError as error:
            yield loc, str(error), ""


def _inner_path(step: Any) -> str | None:
    """Where a step takes a text out of a document; None of one that does not, or takes the only one."""
    if isinstance(step, dict):
        path = step.get("text") or step.get("soap_string")
        return str(path) if path else None
    return getattr(step, "text", None) or getattr(step, "soap_string", None)


def _is_json(step: Any) -> bool:
    return step == "json" or isinstance(step, JsonStep) or (isinstance(step, dict) and "json" in step)
