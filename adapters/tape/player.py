"""An engine that speaks to a tape instead of a system, and what came of it compared with what came of it then.

No log-in takes place and nothing is signed: the tape was recorded behind ``auth``. Nothing is waited for either.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from adapters import open_system
from adapters.engine import Carry, Engine
from adapters.look.unstored import Enough, Look
from adapters.tape.tape import Exchange, Outcome, Tape
from adapters.template import fill, fill_path
from adapters.vocabulary import Descriptor
from adapters.walk import Call, Get
from adapters.wire import Reply
from weigov.errors import ConfigError, RemoteRefused, WeigovError
from weigov.ports import Connection
from weigov.records import Record, dump, encode


@dataclass(slots=True)
class Played:
    """What came of every stream of a tape."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict, repr=False)


def play(tape: Tape, descriptor: Descriptor) -> Played:
    """Run ``descriptor`` against ``tape``. Raises ConfigError when it cannot be run at all."""
    open_to_all = Descriptor.model_fields["auth"].get_default(call_default_factory=True)
    unlocked = descriptor.model_copy(update={"auth": open_to_all})
    system = open_system(tape.system, unlocked, Connection("tape", base_url=tape.address), sleep=lambda s: None)
    try:
        engine(system).between = Player(tape)
        look = Look(system, tape.recorded_at)
        played = Played()
        for stream in tape.streams:
            if stream not in descriptor.streams:
                played.outcomes[stream] = Outcome({}, {}, f"{tape.system} has no stream {stream} any more")
                continue
            played.outcomes[stream], played.records[stream] = outcome(look, stream)
        return played
    finally:
        system.close()


def engine(system: Any) -> Engine:
    """``system``, when answers pass through it. Raises ConfigError for exchange tables and files."""
    if not isinstance(system, Engine):
        raise ConfigError(f"{system.name}: tapes hold the answers of REST and SOAP systems, and this is neither")
    return system


def outcome(look: Look, stream: str) -> tuple[Outcome, list[Record]]:
    """Pull a stream to its end, or until it fails."""
    records: list[Record] = []
    rejected: dict[str, str] = {}
    ended = ""
    try:
        for batch in look.batches(stream):
            records += batch.records
            rejected |= {one.key: one.reason for one in batch.rejected}
    except WeigovError as error:
        # Kinds an adapter keeps to itself may be called otherwise tomorrow, and tapes are kept.
        kind = next(one for one in type(error).__mro__ if one.__module__ == WeigovError.__module__)
        ended = f"{kind.__name__}: {error}"
    return Outcome({record.key: saved(record) for record in records}, rejected, ended), records


def saved(record: Record) -> dict[str, Any]:
    """A record as a tape keeps it: its canonical form, and what is not part of that."""
    made: dict[str, Any] = json.loads(dump(record))
    if record.withdrawn:
        made["withdrawn"] = True
    if record.partition:
        made["partition"] = record.partition
    return made


def differences(then: Mapping[str, Outcome], now: Mapping[str, Outcome]) -> Iterator[str]:
    """Line by line, what is not as it was."""
    for stream, before in then.items():
        after = now[stream]
        yield from _changed(stream, before.records, after.records)
        yield from _changed(f"{stream} rejected", before.rejected, after.rejected)
        if before.ended != after.ended:
            yield from (f"{stream}: ended otherwise", f"- {before.ended or 'well'}", f"+ {after.ended or 'well'}")


def _changed(what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in then:
        if key not in now:
            yield f"- {what} {key}"
    for key in now:
        if key not in then:
            yield f"+ {what} {key}"
        elif key in then and then[key] != now[key]:
            before, after = _flat(then[key]), _flat(now[key])
            for name in sorted(before.keys() | after.keys()):
                if before.get(name) != after.get(name):
                    yield f"{what} {key} {name}".rstrip()
                    yield f"- {_shown(before.get(name))}"
                    yield f"+ {_shown(after.get(name))}"


def _flat(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"": value}
    flat: dict[str, Any] = {name: one for name, one in value.items() if name not in ("fields", "extra")}
    extra = {f"extra.{name}": one for name, one in value.get("extra", {}).items()}
    return {**flat, **value.get("fields", {}), **extra}


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


class Player:
    """Answers an engine's calls from a tape. The same call twice is answered as then, the last answer for ever."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._left: dict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in tape.exchanges:
            self._left[_identity(exchange.call, exchange.asked)].append(exchange)
        self._asked: dict[str, int] = defaultdict(int)

    def __call__(self, it: Call, get: Get, carry: Carry) -> Reply:
        """Raises Enough where recording stopped, RemoteRefused for a call that is not on the tape."""
        try:
            asked = asked_of(it, get)
        except ValueError as error:
            raise RemoteRefused(self._tape.system, it.name, f"is not asked: {error}") from None
        waiting = self._left.get(_identity(it.name, asked))
        if not waiting:
            if self._tape.pages is not None and self._asked[it.name] >= self._tape.pages:
                raise Enough
            raise RemoteRefused(
                self._tape.system, it.name, f"is not on the tape as {_told(asked)}: record it anew"
            )  # fmt: skip
        self._asked[it.name] += 1
        exchange = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return Reply(exchange.status, CaseInsensitiveDict(exchange.headers), exchange.answer)


def asked_of(it: Call, get: Get) -> dict[str, Any]:
    """What identifies a call: what its descriptor fills in, as JSON. Log-ins and signatures are added later."""
    if it.url:
        parts = urlsplit(it.url)
        return {"path": parts.path, "search": parts.query}
    request = it.request
    asked = {
        "method": request.method if request.method != "GET" else "",
        "path": fill_path(request.path, get),
        "op": request.op,
        "query": fill(request.query, get),
        "body": fill(request.body, get),
    }
    made: dict[str, Any] = json.loads(encode({name: part for name, part in asked.items() if part}))
    return made


def _identity(call: str, asked: Mapping[str, Any]) -> str:
    return json.dumps([call, asked], sort_keys=True)


def _told(asked: Mapping[str, Any]) -> str:
    """A call for a message: what is asked, no more than fits a line."""
    text = " ".join(
        part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in asked.values()
    )  # fmt: skip
    return text if len(text) <= 160 else text[:160] + "…"
