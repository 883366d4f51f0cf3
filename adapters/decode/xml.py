"""XML answers: read once, front to back, keeping only rows (as dicts) and the values that were asked for.

A short answer is read whole before anything of it is used. Of a long one rows are made as they are asked for; what
the outcome rules look at is known before the first of them, for which the file is read twice where it stands behind.
Entities are never followed, namespaces ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from adapters import paths, spool
from adapters.decode import charset, packed
from adapters.decode.answer import Row, Undecodable, what
from adapters.decode.repair import mended
from adapters.decode.rows import row

MakeRow = Callable[[Any], dict[str, Any] | None]
"""An element as a row; None where it is none."""

_SHELLS = 64  # rows that were taken may stand in the tree before they are looked for and removed
_FAULT_PATHS = ("//Fault/faultcode", "//Fault/faultstring", "//Fault/Code/Value", "//Fault/Reason/Text")
_BEHIND_THE_ROOT = rb"\s*(?:<!--(?:[^-]|-(?!->))*-->\s*|<\?[^>]*\?>\s*)*$"


class XmlAnswer:
    """``values`` are the paths that may be asked for, ``conditions`` those of them that must be known first.

    Raises Undecodable, also while ``rows`` are read.
    """

    def __init__(
        self, body: spool.Body, encoding: str, records: str, values: Iterable[str] = (),
        conditions: Iterable[str] = (), *, make_row: MakeRow = row, outer: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.damaged = False
        self.repairs: set[str] = set()
        self._body, self._encoding, self._make_row = body, encoding, make_row
        self._records = slashed(records) if records.startswith("/") else None
        self._wanted: dict[str, list[tuple[str, paths.Slashed]]] = {}
        for path in {*values, *conditions, *_FAULT_PATHS}:
            if path.startswith("/"):
                place = slashed(path)
                self._wanted.setdefault(place.names[-1], []).append((path, place))
        self._conditions = {path for path in conditions if path.startswith("/")}
        self._values: dict[str, Any] = {}
        self._outer = outer or {}
        self._elsewhere = False  # an element called like a row stands where no rows are looked for
        self._whole: list[Row] | None = None
        self._begun: Iterator[Row] | None = None
        if isinstance(body, bytes):
            self._whole = list(self._scan())
            self._body = b""
        else:
            self._begin(body)

    def value(self, path: str) -> Any:
        found = self._values.get(path)
        return self._outer.get(path) if found is None else found

    def rows(self) -> Iterable[Row]:
        if self._whole is not None:
            return self._whole
        begun, self._begun = self._begun, None
        return begun if begun is not None else self._scan()

    @property
    def fault(self) -> tuple[str, str] | None:
        """A SOAP fault's code and text."""
        code = self._values.get(_FAULT_PATHS[0]) or self._values.get(_FAULT_PATHS[2])
        text = self._values.get(_FAULT_PATHS[1]) or self._values.get(_FAULT_PATHS[3])
        return None if code is None and text is None else ((code or "").rpartition(":")[2], text or "")

    def _begin(self, body: spool.Body) -> None:
        """Read up to the first row; and once to the end, where a condition stands behind the rows."""
        _refuse_the_truncated(body)
        rows = self._scan()
        first = next(rows, None)
        self._begun = iter(()) if first is None else _after(first, rows)
        if first is not None and not self._conditions <= set(self._values):
            for _ in self._scan(rows=False):
                pass

    def _scan(self, *, rows: bool = True) -> Iterator[Row]:
        """One reading of the whole. Values are taken on the way."""
        place, make_row, name = self._records, self._make_row, self._records.names[-1] if self._records else ""
        tags = {f"{{*}}{last}" for last in (*self._wanted, *([name] if name else []))}
        pieces, encoding = self._utf8()
        parser = etree.XMLPullParser(
            events=("end",), tag=tuple(tags), encoding=encoding, remove_comments=True, remove_pis=True,
            resolve_entities=False, no_network=True, huge_tree=True,
        )  # fmt: skip
        found = read = 0
        try:
            for piece in pieces:
                parser.feed(piece)
                read += len(piece)
                if not found and read > packed.MAX_BYTES:  # what is no row stays in memory
                    raise Undecodable(f"there is no row in its first {packed.MAX_BYTES >> 20} MiB")
                events: Any = parser.read_events()
                for _, element in events:
                    if place is not None and place.matches(element):
                        found += 1
                        if rows and (made := make_row(element)) is not None:
                            yield made
                        element.clear()
                        if not found % _SHELLS:
                            _forget_before(element, name)
                    else:
                        self._take(element, name)
            parser.close()
        except etree.XMLSyntaxError as error:
            raise Undecodable(_why(error, self._body)) from None
        if not found and self._elsewhere and place is not None:
            raise Undecodable(f"there are elements called {name}, but none where `records` says")

    def _utf8(self) -> tuple[Iterable[bytes], str | None]:
        """The body's pieces as a parser takes them, and the encoding to tell it; None: it finds out."""
        encoding = self._encoding
        if isinstance(self._body, bytes):
            data = self._body
            if encoding not in charset.UTF8:
                data, self.damaged = charset.to_utf8(data, encoding)
                data = charset.PROLOG_TEXT.sub("", data.decode(), count=1).encode()
                encoding = "utf-8"
            whole = b"".join(mended([data], self.repairs))
            return spool.pieces(whole), encoding or None
        pieces: Iterable[bytes] = self._body.pieces()
        if encoding not in charset.UTF8:
            pieces = charset.pieces_to_utf8(pieces, encoding, self._damage)
            encoding = "utf-8"
        return mended(pieces, self.repairs), encoding or None

    def _damage(self) -> None:
        self.damaged = True

    def _take(self, element: Any, row_name: str) -> None:
        last = paths.local_name(element.tag)
        if last == row_name and not self._is_empty_list(element):
            self._elsewhere = True
        for path, place in self._wanted.get(last, ()):
            known = path in self._values
            if (known and path not in self._conditions) or not place.matches(element):
                continue
            value = element.get(place.attribute) if place.attribute else element.text or ""
            if not known:
                self._values[path] = value
            elif value != self._values[path] and not self._in_a_row(element):
                raise Undecodable(f"{path} stands in several places and says different things: name the whole path")

    def _is_empty_list(self, element: Any) -> bool:
        """Axis calls an array's elements as the array itself: one without any stands around where rows would."""
        names = self._records.names if self._records else ()
        if len(names) < 2 or names[-1] != names[-2] or len(element) or element.text:
            return False
        return paths.Slashed(names[:-1], self._records.anchored).matches(element) if self._records else False

    def _in_a_row(self, element: Any) -> bool:
        place = self._records
        return place is not None and any(place.matches(above) for above in element.iterancestors())


def slashed(path: str) -> paths.Slashed:
    """Raises Undecodable."""
    try:
        return paths.slashed(path)
    except ValueError as error:
        raise Undecodable(str(error)) from None


def _after(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _forget_before(element: Any, name: str) -> None:
    """Give back the memory of the rows before this one, which are empty shells by now."""
    before = element.getprevious()
    while before is not None and paths.local_name(before.tag) == name:
        element.getparent().remove(before)
        before = element.getprevious()


def _refuse_the_truncated(body: spool.Body) -> None:
    """Raises Undecodable where the end of the root element is missing: before any row is used."""
    start, end = re.sub(rb"<!--.*?-->", b"", spool.head(body, 4096), flags=re.DOTALL), spool.tail(body, 4096)
    root = re.search(rb"<([A-Za-z_\x80-\xff][^\s/>]*)", start)
    if b"\x00" in start or root is None or b"<!" in start[: root.start()]:
        return  # two bytes a character, or a preface longer than this looks: the parser will tell
    if not re.search(rb"</" + re.escape(root[1]) + rb"\s*>" + _BEHIND_THE_ROOT, end):
        raise Undecodable(what(start, "XML"))


def _why(error: Any, body: spool.Body) -> str:
    if error.code == etree.ErrorTypes.ERR_INVALID_ENCODING:
        reason = "its bytes are not in the encoding it declares (name the one it uses, as in {xml: gbk})"
        return what(spool.head(body, 512), "XML", reason)
    return what(spool.head(body, 512), "XML")
