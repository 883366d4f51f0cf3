"""JSON answers. Whole numbers of any length stay exact, others keep their digits as text: 1.50 stays 1.50.

A short answer is decoded whole. A long one is looked over once: where its rows begin and end, whether every bracket
is closed, and everything around the rows, from which values are answered; then rows are decoded in slices. Both ways
the same decoder makes the same values.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from adapters import paths, spool
from adapters.decode import charset, packed
from adapters.decode.answer import Row, Undecodable, what
from adapters.decode.repair import repair_escapes

_NUMBERS = msgspec.json.Decoder(float_hook=str)
_SLICE = 1 << 18
_DEEPEST = 1000  # brackets in brackets: what nests deeper is made to be expensive
#: Up to the next bracket, strings passed over. Possessive: it never looks back into a string.
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+([{}\[\]])', re.DOTALL)
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*$', re.DOTALL)


class JsonAnswer:
    """Raises Undecodable; of a long answer also while ``rows`` are read."""

    def __init__(
        self, body: spool.Body, encoding: str, records: str, *, outer: Mapping[str, Any] | None = None
    ) -> None:  # fmt: skip
        self.damaged = False
        self.repairs: set[str] = set()
        self._records, self._outer = records, outer or {}
        self._list: _Span | None = None
        if not isinstance(body, bytes) and encoding not in charset.UTF8:
            body = self._in_utf8(body, encoding)
            encoding = "utf-8"
        if isinstance(body, bytes):
            skeleton = body
        else:
            skeleton, self._list = _look_over(body, records)
        self._root = self._decoded(skeleton, encoding)
        self._body = None if isinstance(body, bytes) else body

    def value(self, path: str) -> Any:
        within = "" if self._records in (".", "") else f"{self._records}."
        number, _, rest = path.removeprefix(within).partition(".")
        if self._list is not None and path.startswith(within) and number.isdecimal():
            row = next(islice(self.rows(), int(number), None), None)  # one of the rows that are not kept
            return paths.dotted(rest)(row)
        found = paths.dotted(path)(self._root)
        return self._outer.get(path) if found is None else found

    def rows(self) -> Iterable[Row]:
        if self._list is not None and self._body is not None:
            return self._sliced(self._body, self._list)
        around, _, last = self._records.rpartition(".")
        found = paths.dotted(self._records)(self._root)
        if found is None:
            holder = paths.dotted(around or ".")(self._root)
            if isinstance(holder, Mapping) and last in holder:
                return ()  # null: how some say that there are none
            raise Undecodable(f"there is nothing at {self._records}")
        if isinstance(found, Mapping):
            return (found,)
        if not isinstance(found, list) or (found and not any(isinstance(row, Mapping) for row in found)):
            raise Undecodable(self._no_list())
        # What is no row between rows has no key either: the listing says so, and takes the others.
        return [row if type(row) is dict else {} for row in found]

    def _sliced(self, body: spool.Spooled, span: _Span) -> Iterator[Row]:
        rows, any_row = 0, False
        for part in _slices(body, span):
            for row in self._decoded(b"[" + part + b"]", "utf-8"):
                rows += 1
                if type(row) is not dict:
                    row = {}
                else:
                    any_row = True
                yield row
        if rows and not any_row:
            raise Undecodable(self._no_list())

    def _decode(self, text: bytes) -> Any:
        try:
            try:
                return _NUMBERS.decode(text)
            except msgspec.DecodeError:
                repaired = repair_escapes(text)
                found = _NUMBERS.decode(repaired)
                self.repairs.add("surrogate_escapes")
                return found
        except (msgspec.DecodeError, RecursionError):
            raise Undecodable(what(text, "JSON")) from None

    def _decoded(self, data: bytes, encoding: str) -> Any:
        """``data`` decoded. The decoder checks UTF-8 as it goes: only what is none is looked at before."""
        if encoding in charset.UTF8 and not data.startswith(BOM_UTF8):
            try:
                return self._decode(data)
            except UnicodeDecodeError:
                pass
        text, torn = charset.to_utf8(data, encoding)
        self.damaged |= torn
        return self._decode(text)

    def _in_utf8(self, body: spool.Spooled, encoding: str) -> spool.Spooled:
        def damage() -> None:
            self.damaged = True

        again = spool.Spooled()
        for piece in charset.pieces_to_utf8(body.pieces(), encoding, damage):
            again.write(piece)
        return again

    def _no_list(self) -> str:
        return f"there is no list of rows at {self._records}"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where the rows are: from behind the list's opening bracket to its closing one."""

    start: int
    end: int


def _look_over(body: spool.Spooled, records: str) -> tuple[bytes, _Span | None]:
    """Everything but the rows, and where the rows are; the whole and None where they are in no list of their own.

    Raises Undecodable where a bracket is not closed.
    """
    wanted = [] if records in (".", "") else [part.encode() for part in records.split(".")]
    if any(part.isdigit() for part in wanted):
        return _held(body), None
    depth, matched, at, start = 0, 0, 0, -1
    span: _Span | None = None
    opened = bytearray()  # the brackets that are open
    for text, offset in _brackets(body):
        bracket = text[-1:]
        at = offset + len(text)
        if bracket in b"{[":
            if start < 0 and span is None and depth == matched and matched <= len(wanted):
                if depth == 0 or (opened[-1:] == b"{" and _key(text) == wanted[matched - 1]):
                    if bracket == b"[" and matched == len(wanted):
                        start = at
                    elif bracket == b"{" and matched < len(wanted):
                        matched += 1
            opened += bracket
            depth += 1
            if depth > _DEEPEST:
                raise Undecodable(f"its JSON is nested more than {_DEEPEST} deep")
            continue
        if not opened or opened.pop() != (0x7B if bracket == b"}" else 0x5B):
            raise Undecodable(what(spool.head(body, 512), "JSON"))
        depth -= 1
        if start >= 0 and span is None and depth == matched:
            span = _Span(start, at - 1)
        if start < 0:
            matched = min(matched, depth)  # that one held no rows: its brothers are not looked into
    if depth or not at:
        raise Undecodable(what(spool.head(body, 512), "JSON"))
    if span is None:
        return _held(body), None
    return body.read(0, span.start) + body.read(span.end, body.size - span.end), span


def _held(body: spool.Spooled) -> bytes:
    if body.size > packed.MAX_BYTES:
        raise Undecodable(f"it is longer than {packed.MAX_BYTES >> 20} MiB, and where `records` says is no list")
    return body.whole()


def _key(text: bytes) -> bytes | None:
    """The key a bracket stands behind."""
    match = _KEY.search(text[:-1])
    return match[1] if match else None


def _brackets(body: spool.Spooled) -> Iterator[tuple[bytes, int]]:
    """Each bracket outside strings with the text before it, and where that text begins."""
    offset, length = 0, _SLICE
    while offset < body.size:
        data, at = body.read(offset, length), 0
        while match := _TO_BRACKET.match(data, at):
            yield match[0], offset + at
            at = match.end()
        if not at and offset + len(data) >= body.size:
            return
        # A string longer than this is looked at again from its start, so twice as much of it each time.
        length = _SLICE if at else length * 2
        offset += at


def _slices(body: spool.Spooled, span: _Span) -> Iterator[bytes]:
    """The list's inside, cut between rows, without the commas there."""
    at, length = span.start, _SLICE
    while at < span.end:
        data = body.read(at, min(length, span.end - at))
        here = cut = depth = 0
        while match := _TO_BRACKET.match(data, here):
            here = match.end()
            depth += 1 if match[1] in b"{[" else -1
            if depth == 0:
                cut = here
        if at + len(data) >= span.end:
            cut = len(data)  # with what is no object behind the last one
        if cut and (part := _without_comma(data[:cut])):
            yield part
        length = _SLICE if cut else length * 2
        at += cut


def _without_comma(part: bytes) -> bytes:
    """What stands between two cuts begins with the comma behind the last row."""
    part = part.strip()
    return part[1:] if part[:1] == b"," else part
