"""A real system's answers onto a tape, without its people and secrets.

What is taken out is in ``personal`` and ``redact``. A tape is played once before it is handed over: what cannot be
read again, or became something else without its people, is no tape.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from adapters import outcome as outcomes
from adapters.engine import Carry
from adapters.look.personal import FIELDS, StandIns
from adapters.look.unstored import Enough, Look
from adapters.tape.player import asked_of, engine, outcome, play
from adapters.tape.redact import Redaction
from adapters.tape.tape import ADDRESS, Exchange, Outcome, Tape
from adapters.vocabulary import Descriptor, JsonStep, SoapStringStep, Stream, TextStep, XmlStep
from adapters.walk import Call, Get
from adapters.wire import Reply
from weigov.errors import ConfigError
from weigov.ports import Connection, SourceSystem

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PROLOG = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]+)", re.IGNORECASE)
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]+)\"|([^\s;]+))", re.IGNORECASE)
_CHINESE = {"gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030"}
_OF_SECRETS = re.compile(r"(?i)key|secret|token|pass|pwd|iv$|pin")
#: Headers an engine looks at, beside those the descriptor names.
_HEADERS = ("content-type", "date", "link", "retry-after")


def record(
    system: SourceSystem, descriptor: Descriptor, connection: Connection, now: datetime, *,
    streams: Sequence[str] = (), pages: int | None = None,
) -> Tape:  # fmt: skip
    """A tape of ``streams`` (all of them when none is named), at most ``pages`` lists of each.

    Nothing is stored, nothing acknowledged. Raises ConfigError for a stream there is none of, and when what is left
    after redaction does not come to as many records as the system gave.
    """
    unknown = sorted(set(streams) - set(descriptor.streams))
    if unknown:
        raise ConfigError(
            f"{system.name} has no stream {', '.join(unknown)}; it has {', '.join(sorted(descriptor.streams))}"
        )
    address = ADDRESS + urlsplit(connection.base_url).path.rstrip("/")
    tape = Tape(descriptor.system, address, now, _in_order(descriptor, streams or descriptor.streams), pages)
    live = engine(system)
    recorder = live.between = Recorder(tape, descriptor, connection, live.means, live.granted)
    look = Look(system, now)
    seen = {stream: outcome(look, stream)[0] for stream in tape.streams}
    if recorder.unread:
        raise ConfigError(f"{system.name} {recorder.unread}: nothing was written")
    tape.outcomes = play(tape, descriptor).outcomes
    for stream, before in seen.items():
        _same(f"{system.name} {stream}", before, tape.outcomes[stream])
    return tape


def _same(what: str, live: Outcome, played: Outcome) -> None:
    counts = [(len(one.records), len(one.rejected), one.ended.partition(":")[0]) for one in (live, played)]
    if counts[0] != counts[1]:
        was, became = (f"{good} records, {bad} rejected{', ' * bool(end)}{end}" for good, bad, end in counts)
        raise ConfigError(f"{what}: came to {was}, but from the tape to {became}: nothing was written")


def _in_order(descriptor: Descriptor, wanted: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Parents before what is read by them."""
    return sorted(wanted, key=lambda name: (descriptor.streams[name].for_each is not None, name))


class Recorder:
    """Stands between an engine and its wire, and keeps what passes."""

    def __init__(
        self, tape: Tape, descriptor: Descriptor, connection: Connection, means: Callable[[Call, Reply], str],
        granted: Callable[[], Iterable[str]] = tuple,
    ) -> None:  # fmt: skip
        """``means`` tells what an answer means, in the words of ``outcome``; ``granted``, what log-ins gave."""
        self.unread = ""  # why an answer could not be looked through
        self._tape = tape
        self._means, self._granted = means, granted
        self._descriptor = descriptor
        parts = urlsplit(connection.base_url)
        invalid = urlsplit(ADDRESS).netloc
        self._stand_ins = StandIns(
            hidden=[
                connection.login,
                connection.password,
                f"{connection.login}:{connection.password}",
                *_secrets(connection.extra),
            ],
            replaced={f"{parts.scheme}://{parts.netloc}": ADDRESS, parts.netloc: invalid},
        )
        # A column that is a person's in one stream is one in the others, where they do not say otherwise.
        people = {column for stream in descriptor.streams.values() for column in _columns(stream, personal=True)}
        self._redactions = {
            name: Redaction(
                self._stand_ins, people - set(_columns(stream, personal=False)), set(_kept(stream)),
                packed=_unpacking(descriptor, stream),
            )
            for name, stream in descriptor.streams.items()
        }  # fmt: skip
        self._lists: dict[str, int] = {}

    def __call__(self, it: Call, get: Get, carry: Carry) -> Reply:
        stream, _, more = it.name.partition(" ")
        if not more and self._tape.pages is not None:
            if self._lists.get(stream, 0) >= self._tape.pages:
                raise Enough
            self._lists[stream] = self._lists.get(stream, 0) + 1
        reply = carry()
        self._stand_ins.hide(self._granted())
        if self._means(it, reply) != "relogin":  # the call is about to be made again, and a tape knows no log-ins
            self._tape.exchanges.append(self._exchange(stream, it, get, reply))
        return reply

    def _exchange(self, stream: str, it: Call, get: Get, reply: Reply) -> Exchange:
        redaction = self._redactions[stream]
        rule = self._descriptor.streams[stream]
        chain = it.chain or self._descriptor.decode
        encoding = encoding_of(reply.body, reply.content_type, chain)
        boundary = _BOUNDARY.search(reply.content_type) if "multipart/" in reply.content_type.lower() else None
        if boundary is not None:
            answer = redaction.parts(reply.body, (boundary[1] or boundary[2]).encode(), encoding)
        else:
            answer = redaction.body(reply.body, encoding)
            if not redaction.reads(reply.body, encoding):
                self.unread = self.unread or (
                    f"{it.name}: an answer is not the {encoding} it is said to be, and may hold people unseen: "
                    "name its charset in `decode`"
                )
        asked = asked_of(
            Call(it.name, it.request, (), (), url=self._stand_ins.anywhere(it.url)) if it.url else it,
            _redacted(get, redaction, rule),
        )
        wanted = {*_HEADERS, *_named_headers(rule, it)}
        headers = {
            name: self._stand_ins.anywhere(value) for name, value in reply.headers.items() if name.lower() in wanted
        }
        return Exchange(it.name, asked, reply.status, headers, answer, encoding)


def encoding_of(body: bytes, content_type: str, chain: Sequence[Any]) -> str:
    """The charset an answer is written in; utf-8 when it is one nobody knows."""
    override = ""
    for step in chain:
        if step == "soap_string" or isinstance(step, (SoapStringStep, TextStep)):
            break  # what comes after it is a text already
        override = getattr(step, "xml", "") or getattr(step, "json_", "") or override
    marked = next((name for mark, name in _BOMS if body.startswith(mark)), "")
    prolog, header = _PROLOG.match(body), _CHARSET.search(content_type)
    name = override or marked or (prolog[1].decode() if prolog else "") or (header[1] if header else "") or "utf-8"
    name = _CHINESE.get(name.lower(), name.lower())
    try:
        codecs.lookup(name)
    except LookupError:
        return "utf-8"
    return name


def _unpacking(descriptor: Descriptor, stream: Stream) -> Callable[[bytes], str] | None:
    """How to tell the charset of what a stream packs into base64 or gzip; None when it packs nothing."""
    calls = [stream, stream.detail, stream.attachments]
    chains = [descriptor.decode, *(call.decode for call in calls if call is not None)]
    packed = next((chain for chain in chains if "base64" in chain or "gzip" in chain), None)
    if packed is None:
        return None
    readers = [step for step in packed if isinstance(step, (XmlStep, JsonStep))]
    return lambda inner: encoding_of(inner, "", readers)


def _redacted(get: Get, redaction: Redaction, stream: Stream) -> Get:
    """The same values as they stand on the tape: a request must find there what its answers will make of it."""

    def redacted(name: str) -> Any:
        value = get(name)
        if not isinstance(value, str):
            return value
        alias, _, rest = name.partition(".")
        if name == "key":
            return redaction.value(value, stream.key.rpartition(".")[2])
        if alias == "row":
            return redaction.value(value, *rest.split("."))
        return redaction.person(value) if rest in FIELDS else redaction.value(value)

    return redacted


def _columns(stream: Stream, *, personal: bool) -> Iterator[tuple[str, ...]]:
    """The columns that become fields of persons, or those that become others."""
    for name, rule in stream.fields.items():
        if (name in FIELDS) is personal and rule.from_:
            yield tuple(part for part in rule.from_.split(".") if not part.isdecimal())


def _kept(stream: Stream) -> Iterator[str]:
    """The columns an engine needs as they are."""
    named = [stream.key, stream.cursor.field if stream.cursor else None]
    named += [stream.paging.next, stream.paging.total, stream.paging.has_more] if stream.paging else []
    named += [getattr(rule, "field", None) for rule in stream.withdrawn]
    for path in named:
        if path:
            yield re.split(r"[./]", path)[-1]


def _named_headers(stream: Stream, it: Call) -> Iterator[str]:
    paging = stream.paging
    for name in (paging.total_header, paging.pages_header, paging.next_header) if paging else ():
        if name:
            yield name.lower()
    for rule in it.rules:
        path = outcomes.parse(rule.when).path
        if path.startswith("http.header."):
            yield path[len("http.header.") :].lower()


def _secrets(extra: Mapping[str, Any]) -> Iterator[str]:
    """What of a connection's other parts opens doors: keys and such, but not the names of files."""
    for name, value in extra.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif isinstance(value, str) and not name.endswith("_file") and _OF_SECRETS.search(name):
            yield value
