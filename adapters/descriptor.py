"""A system descriptor: read, cross-checked, and turned into what the core may know of it.

``load_descriptor`` gathers every fault of a file before it raises. The words themselves are in ``vocabulary``.
Nothing here opens a connection or a WSDL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters import paths
from adapters.cursors import formats_of
from adapters.outcome import parse as parse_condition
from adapters.template import holes
from adapters.times import needs_zone
from adapters.vocabulary import (
    Descriptor,
    LoginTokenAuth,
    Operation,
    OutcomeRule,
    Paging,
    Request,
    Stream,
    TimeRule,
    XmlStep,
)
from weigov.errors import ConfigError, Fault
from weigov.ports import OperationShape, StreamShape, SystemShape
from weigov.records import KINDS
from weigov.yamlfile import Loc, YamlFile, did_you_mean

SYSTEMS = Path(__file__).parent / "systems"
UNPROVEN = "unproven"

_TIMED = ("time", "date")
M = TypeVar("M", bound=BaseModel)


def load_descriptor(path: Path) -> Descriptor:
    """Read one descriptor. Raises ConfigError with every fault in it, each with its line."""
    file = YamlFile(Path(path))
    raw = file.plain()
    faults: list[Fault] = []
    descriptor: Descriptor | None = None
    try:
        descriptor = Descriptor.model_validate(raw)
    except ValidationError as error:
        faults += file.faults(error, Descriptor)
    faults += [file.fault(*fault) for fault in _cross_check(descriptor or _salvage(raw), file.path)]
    if descriptor is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: fault.line or 0))
    descriptor._file = file.path
    return descriptor


def find_descriptor(name: str, systems: Path = SYSTEMS) -> Path:
    """The file of the system called ``name``: its path under ``systems`` joined by ``_``, ``unproven`` left out.

    Raises ConfigError naming the near ones.
    """
    known = {_name(path, systems): path for path in sorted(systems.rglob("*.yaml"))}
    if name not in known:
        raise ConfigError(f"no system descriptor is called {name!r} ({did_you_mean(name, known)})")
    return known[name]


def all_descriptors(systems: Path = SYSTEMS) -> Iterator[tuple[str, Path]]:
    """Every descriptor under ``systems``, by name."""
    for path in sorted(systems.rglob("*.yaml")):
        yield _name(path, systems), path


def shape(descriptor: Descriptor) -> SystemShape:
    """What a site's flows may rely on."""
    streams = {
        name: StreamShape(
            kind=stream.kind,
            schedule=stream.schedule,
            fields=frozenset(field for field in stream.fields if "." not in field)
            | (frozenset({"attachments"}) if stream.attachments else frozenset()),
            for_each=stream.for_each.stream if stream.for_each else None,
        )
        for name, stream in descriptor.streams.items()
    }
    operations = {
        name: OperationShape(frozenset(operation.params), operation.idempotency)
        for name, operation in descriptor.operations.items()
    }
    return SystemShape(descriptor.system, streams, operations, unproven=UNPROVEN in descriptor.file.parts)


def _name(path: Path, systems: Path) -> str:
    parts = [part for part in path.relative_to(systems).with_suffix("").parts if part != UNPROVEN]
    return "_".join(parts)


class _Sound:
    """What of a faulty descriptor is sound enough to be cross-checked."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.system = raw.get("system")
        self.engine = raw.get("engine")
        self.wsdl = raw.get("wsdl")
        self.auth = None
        self.time = _sound(TimeRule, raw.get("time"))
        self.decode = raw["decode"] if isinstance(raw.get("decode"), list) else ()
        self.streams = _sound_all(Stream, raw.get("streams"))
        self.operations = _sound_all(Operation, raw.get("operations"))
        self.all_streams = raw["streams"] if isinstance(raw.get("streams"), dict) else {}


def _salvage(raw: Mapping[str, Any]) -> _Sound:
    return _Sound(raw)


def _sound(model: type[M], raw: Any) -> M | None:
    try:
        return None if raw is None else model.model_validate(raw)
    except ValidationError:
        return None


def _sound_all(model: type[M], raw: Any) -> dict[str, M]:
    if not isinstance(raw, dict):
        return {}
    return {name: one for name, value in raw.items() if (one := _sound(model, value)) is not None}


_Found = tuple[Loc, str, str]


def _cross_check(it: Descriptor | _Sound, path: Path) -> Iterator[_Found]:
    if SYSTEMS in path.parents and it.system != _name(path, SYSTEMS):
        yield ("system",), f"must be {_name(path, SYSTEMS)!r}, as the file's place says", ""
    if it.engine == "soap":
        if not it.wsdl:
            yield ("engine",), "soap needs `wsdl`, a file beside this one", ""
        elif not (path.parent / it.wsdl).is_file():
            yield ("wsdl",), f"there is no {it.wsdl} beside this file", ""
    known_streams = it.all_streams if isinstance(it, _Sound) else it.streams
    # The system's own outcome rules serve every call, and calls may answer in different languages: not checked here.
    if isinstance(it.auth, LoginTokenAuth):
        yield from _request(it.auth.request, ("auth", "request"), it.engine, {"login", "password"})
    for name, stream in it.streams.items():
        for loc, message, hint in _stream(stream, it.engine, it.time, it.decode, known_streams):
            yield ("streams", name, *loc), message, hint
    for name, operation in it.operations.items():
        for loc, message, hint in _operation(operation, it.engine, it.decode):
            yield ("operations", name, *loc), message, hint


def _stream(
    stream: Stream, engine: Any, time: TimeRule | None, decode: Sequence[Any], streams: Mapping[str, Any]
) -> Iterator[_Found]:
    alias = stream.for_each.as_ if stream.for_each else ""
    parent = {f"{alias}.{field}" for field in _parent_fields(stream, streams)} if alias else set()
    allowed = parent | ({"cursor"} if stream.cursor else set())
    if stream.paging:
        allowed |= {"size", "next" if stream.paging.kind == "cursor" else "page"}
    yield from _request(stream.request, ("request",), engine, allowed, alias)
    for part in ("detail", "attachments"):
        call = getattr(stream, part)
        if call is not None:
            yield from _request(call.request, (part, "request"), engine, parent | {"key"}, alias, rows=True)
    if stream.for_each and stream.for_each.stream not in streams:
        yield ("for_each", "stream"), f"no stream is called {stream.for_each.stream!r}", did_you_mean(
            stream.for_each.stream, streams
        )  # fmt: skip
    yield from _fields(stream, time)
    yield from _cursor(stream, time)
    yield from _paging(stream.paging, stream.request)
    if len(stream.schedule.split()) != 5:
        yield ("schedule",), f"{stream.schedule!r} is no cron line (five parts)", ""
    chain = stream.decode or decode
    paging = stream.paging
    told = [(("paging", word), getattr(paging, word)) for word in ("total", "has_more", "next")] if paging else []
    yield from _paths([(("records",), stream.records), *told], stream.outcome, chain, engine)
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


def _fields(stream: Stream, time: TimeRule | None) -> Iterator[_Found]:
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


def _cursor(stream: Stream, time: TimeRule | None) -> Iterator[_Found]:
    rule = stream.cursor
    if rule is None:
        return
    if rule.kind == "opaque":
        if stream.paging is None or stream.paging.kind != "cursor":
            yield ("cursor",), "an opaque cursor needs `paging: {kind: cursor}`", ""
        return
    if rule.field is None:
        yield ("cursor",), "needs `field`, the column that rises with every change", ""
    formats, zone = formats_of(rule, stream.time, time)
    if not formats:
        yield ("cursor",), "is a time: how does this system write times?", "add time: {format: …, zone: …}"
    elif not zone and any(needs_zone(form) for form in (*formats, *([rule.send] if rule.send else []))):
        yield ("cursor",), "its format has no offset: which zone is meant?", "add zone: Asia/Shanghai"
    if "cursor" not in _asked(stream.request):
        yield ("cursor",), "the request does not use {cursor}: every pull would read everything", ""


def _paging(paging: Paging | None, request: Request) -> Iterator[_Found]:
    if paging is None:
        return
    hole = "page" if paging.kind == "page" else "next"
    if hole not in _asked(request):
        yield ("paging",), f"the request does not use {{{hole}}}: it would read one page for ever", ""
    if paging.kind == "cursor" and paging.next is None:
        yield ("paging",), "needs `next`, where the answer gives the next token", ""
    if paging.kind == "page" and paging.next is not None:
        yield ("paging", "next"), "belongs to `kind: cursor`", ""


def _operation(operation: Operation, engine: Any, decode: Sequence[Any]) -> Iterator[_Found]:
    allowed = {*operation.params, "idempotency_key"}
    yield from _request(operation.request, ("request",), engine, allowed)
    used = _asked(operation.request)
    for i, param in enumerate(operation.params):
        if param not in used:
            yield ("params", i), f"{param} is not used in the request", ""
    if operation.idempotency == "key" and "idempotency_key" not in used:
        yield ("idempotency",), "`key` needs {idempotency_key} in the request", ""
    named: list[tuple[Loc, str | None]] = [((word,), getattr(operation, word)) for word in ("remote_id", "message")]
    if operation.success and not (condition := parse_condition(operation.success)).about_http:
        named.append((("success",), condition.path))
    yield from _paths(named, operation.outcome, operation.decode or decode, engine)
    if operation.idempotency == "query_first":
        yield ("idempotency",), "`query_first` is not offered yet", "say none: an unanswered write goes to a person"


def _request(
    request: Request, loc: Loc, engine: Any, allowed: set[str], alias: str = "", *, rows: bool = False
) -> Iterator[_Found]:
    if engine == "soap":
        if not request.op:
            yield loc, "needs `op`, an operation of the WSDL", ""
        for word in ("path", "query", "headers"):
            if getattr(request, word):
                yield (*loc, word), "belongs to REST", ""
    elif engine == "rest":
        if not request.path.startswith("/"):
            yield loc, "needs `path`, beginning with /", ""
        if request.op:
            yield (*loc, "op"), "belongs to SOAP", ""
        if request.body and request.method == "GET":
            yield (*loc, "body"), "a GET has no body", "say method: POST"
    for word in ("path", "query", "headers", "body"):
        for hole in sorted(holes(getattr(request, word))):
            free = (rows and hole.startswith("row.")) or (alias and hole.startswith(f"{alias}.extra."))
            if hole in allowed or free:
                continue
            yield (*loc, word), f"{{{hole}}} is unknown here", did_you_mean(hole, allowed)
    for value in request.body.values():
        if isinstance(value, dict) and "xml" in value:
            inner = value["xml"]
            if set(value) - {"xml", "declared"} or not isinstance(inner, dict) or len(inner) != 1:
                yield (*loc, "body"), "xml text is written {xml: {ROOT: {…}}, declared: GBK}", ""


def _paths(
    named: Sequence[tuple[Loc, str | None]], rules: Sequence[OutcomeRule], chain: Sequence[Any], engine: Any
) -> Iterator[_Found]:
    """Paths must be of the language the answer is in: a wrong one finds nothing, and nothing looks like no rows."""
    last = chain[-1] if chain else ("soap" if engine == "soap" else "json")
    xml = last in ("xml", "soap") or isinstance(last, XmlStep) or (isinstance(last, dict) and "xml" in last)
    looked = [(loc, path) for loc, path in named if path]
    for i, rule in enumerate(rules):
        condition = parse_condition(rule.when)
        looked += [] if condition.about_http else [(("outcome", i, "when"), condition.path)]
        looked += [(("outcome", i, "message"), rule.message)] if rule.message else []
    for loc, path in looked:
        if not xml and path.startswith("/"):
            yield loc, f"{path} is a path into XML, and the answer is JSON", "write it with dots: data.rows"
        if xml:
            try:
                paths.slashed(path)
            except ValueError as error:
                yield loc, str(error), ""


def _asked(request: Request) -> set[str]:
    return holes(request.path) | holes(request.query) | holes(request.headers) | holes(request.body)


def _parent_fields(stream: Stream, streams: Mapping[str, Any]) -> set[str]:
    found = streams.get(stream.for_each.stream) if stream.for_each else None
    kind = found.get("kind") if isinstance(found, dict) else getattr(found, "kind", None)
    return {"key", *KINDS.get(kind, {})} if kind else {"key"}
