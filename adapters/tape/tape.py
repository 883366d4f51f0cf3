"""Tapes: the answers a real system gave, without its people and secrets, and the records they became.

A tape stands in for the system: a descriptor can be changed, and a mapping written, where the system cannot be
reached, and both are tested by running them against it again. One JSON document a line, to be read by people:

    {"tape": 1, "system": ..., "address": ..., "recorded_at": ..., "streams": [...], "pages": ...}
    {"call": "articles", "asked": {"path": ..., "query": {...}}, "status": 200, "headers": {...}, "answer": "..."}
    {"stream": "articles", "key": "1", "record": {...}}

Log-ins are not on it, and nothing in it is signed or sealed: it is recorded behind ``auth``. A call is recognised by
what the descriptor fills in, not by the order of things; the same call twice is answered in the order it was.
"""

from __future__ import annotations

import base64
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weigov.errors import ConfigError

VERSION = 1
#: What stands for the system's own address; ``invalid`` is nobody's.
ADDRESS = "http://system.invalid"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer."""

    call: str  # the stream, and ``detail`` or ``attachments``
    asked: Mapping[str, Any]
    status: int
    headers: Mapping[str, str]
    answer: bytes = field(repr=False)
    encoding: str = "utf-8"  # of the answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one stream came to: its records and rejections by key, in their saved form, and how it ended."""

    records: Mapping[str, Any] = field(repr=False)
    rejected: Mapping[str, str]
    ended: str = ""  # the error that ended it, if one did


@dataclass(slots=True)
class Tape:
    """A whole tape."""

    system: str  # the descriptor's name
    address: str
    recorded_at: datetime
    streams: Sequence[str]
    pages: int | None = None  # how many of each stream at most
    exchanges: list[Exchange] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


def save(tape: Tape, path: Path) -> None:
    """Write it whole, or not at all. Nobody else may read it: whoever passes it on has looked at it before."""
    made = path.with_name(path.name + ".new")
    try:
        made.unlink(missing_ok=True)
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in _lines(tape))
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def load(path: Path) -> Tape:
    """Raises ConfigError for what is no tape, with the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no tape: it is not UTF-8") from None
    tape: Tape | None = None
    found: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = defaultdict(lambda: ({}, {}, []))
    for n, line in enumerate(lines, 1):
        try:
            it = json.loads(line)
            if tape is None:
                tape = _head(it)
            elif "call" in it:
                tape.exchanges.append(_exchange(it))
            else:
                _outcome(it, found[it["stream"]])
        except (ValueError, KeyError, TypeError, LookupError):
            raise ConfigError(f"{path}:{n}: is no line of a tape") from None
    if tape is None:
        raise ConfigError(f"{path}: is no tape: it is empty")
    tape.outcomes = {
        stream: Outcome(found[stream][0], found[stream][1], "".join(found[stream][2])) for stream in tape.streams
    }
    return tape


def _lines(tape: Tape) -> Iterator[str]:
    yield _json(
        tape=VERSION, system=tape.system, address=tape.address,
        recorded_at=tape.recorded_at.astimezone(UTC).isoformat(), streams=list(tape.streams), pages=tape.pages,
    )  # fmt: skip
    for one in tape.exchanges:
        what = {"call": one.call, "asked": one.asked, "status": one.status, "headers": dict(one.headers)}
        yield _json(**what, **_answer(one))
    for stream, outcome in tape.outcomes.items():
        for key, record in outcome.records.items():
            yield _json(stream=stream, key=key, record=record)
        for key, reason in outcome.rejected.items():
            yield _json(stream=stream, rejected=key, reason=reason)
        if outcome.ended:
            yield _json(stream=stream, ended=outcome.ended)


def _json(**parts: Any) -> str:
    return json.dumps(parts, ensure_ascii=False)


def _answer(one: Exchange) -> dict[str, str]:
    """An answer as text where it is one: a tape is read before it is passed on."""
    try:
        text = one.answer.decode(one.encoding)
        text.encode("utf-8")
        if text.encode(one.encoding) == one.answer:
            return {"encoding": one.encoding, "answer": text} if one.encoding != "utf-8" else {"answer": text}
    except (UnicodeError, LookupError):
        pass
    return {"base64": base64.b64encode(one.answer).decode()}


def _head(it: Any) -> Tape:
    if it["tape"] != VERSION:
        raise ValueError
    return Tape(
        str(it["system"]), str(it["address"]), datetime.fromisoformat(it["recorded_at"]), list(it["streams"]),
        it.get("pages"),
    )  # fmt: skip


def _exchange(it: Any) -> Exchange:
    encoding = it.get("encoding", "utf-8")
    answer = base64.b64decode(it["base64"]) if "base64" in it else it["answer"].encode(encoding)
    return Exchange(it["call"], dict(it["asked"]), int(it["status"]), dict(it["headers"]), answer, encoding)


def _outcome(it: Any, found: tuple[dict[str, Any], dict[str, str], list[str]]) -> None:
    records, rejected, ended = found
    if "record" in it:
        records[it["key"]] = it["record"]
    elif "rejected" in it:
        rejected[it["rejected"]] = it["reason"]
    else:
        ended.append(it["ended"])
