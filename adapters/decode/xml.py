"""XML answers: read once, front to back, keeping only rows (as dicts) and the values that were asked for.

A short answer is read whole before anything of it is used. Of a long one rows are made as they are asked for; what
the outcome rules look at is known before the first of them, for which the file is read twice where it stands behind.
Entities are never followed, namespaces ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from adapters import paths, spool
from adapters.decode import charset, packed
from adapters.decode.alike import Alike
from adapters.decode.answer import Row, Undecodable, what
from adapters.decode.growing import Broken, Growing
from adapters.decode.repair import mended
from adapters.decode.rows import local_name, row, row_and_depth

Tags = tuple[str, ...]
MakeRow = Callable[[Element, Tags], dict[str, Any] | None]
"""An element as a row, with the tags of what it stands in from the root on; None where it is none."""

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
        self._name = self._records.names[-1] if self._records else ""
        self._watched = frozenset((*self._wanted, self._name))
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
        pieces, encoding = self._utf8()
        tree = Growing(encoding)
        found = read = 0
        made: list[Row] | None = [] if rows else None
        plain = rows and self._records is not None and self._make_row is row and encoding in (None, "utf-8")
        alike = Alike(self._name) if plain else None
        held = b""
        try:
            for piece in pieces:
                read += len(piece)
                data = held + piece if held else piece
                if alike is None or made is None or not alike.tags_are_tags(piece, encoding is not None):
                    alike, held = None, b""
                    tree.feed(data)
                    found += self._go_through(tree.top, (), made, closed=False)
                else:
                    more, held = self._go_on(tree, data, made, alike)
                    found += more
                if not found and read > packed.MAX_BYTES:  # what is no row may be one that never ends
                    raise Undecodable(f"there is no row in its first {packed.MAX_BYTES >> 20} MiB")
                if made:
                    yield from made
                    made.clear()
            tree.feed(held)
            tree.close()
            found += self._go_through(tree.top, (), made, closed=True)
        except Broken:
            raise Undecodable(self._why(encoding or "utf-8")) from None
        except RecursionError:
            raise Undecodable("its elements are nested too deep") from None
        yield from made or ()
        if not found and self._elsewhere:
            raise Undecodable(f"there are elements called {self._name}, but none where `records` says")

    def _go_on(self, tree: Growing, data: bytes, made: list[Row], alike: Alike) -> tuple[int, bytes]:
        """Read ``data``, giving the parser one of each run of rows that are written alike; how many rows it held, and
        the beginning of one that must wait for its end."""
        at, found = 0, 0
        while alike.pays:
            if alike.follows:
                before = len(made)
                at = alike.rows(data, at, made)
                found += len(made) - before
                if alike.cut_off(data, at):
                    return found, data[at:]
            alike.follows = False
            end = alike.behind(data, at)
            if not end:
                break
            tree.feed(data[at:end])
            found += self._go_through(tree.top, (), made, closed=False)
            at = end
            if ended := self._take_ended(tree.top, alike.names, made):
                found += ended
                alike.follows = True
            else:
                alike.missed()
        tree.feed(data[at:])
        return found + self._go_through(tree.top, (), made, closed=False), b""

    def _take_ended(self, parent: Element, names: Sequence[str], made: list[Row]) -> int:
        """Make a row of the last element below ``parent``, which was just closed, where it is one of just these
        columns; 1, or 0 where it is not."""
        above: Tags = ()
        if self._records is None or len(set(names)) < len(names) or not self._watched.isdisjoint(names):
            return 0
        while len(parent):
            last = parent[-1]
            if local_name(last.tag) == self._name:
                if not self._records.leads_to((*map(local_name, above), self._name)):
                    return 0
                if any(map(len, last)) or [local_name(child.tag) for child in last] != [*names]:
                    return 0
                self._take_row(last, above, made)
                del parent[-1]
                return 1
            parent, above = last, (*above, last.tag)
        return 0

    def _go_through(
        self, parent: Element, above: Tags, made: list[Row] | None, *, closed: bool, in_row: bool = False
    ) -> int:  # fmt: skip
        """Make rows of what is complete below ``parent``, take values from it, let go of it; how many rows it held.

        ``above`` are the tags from the root down to ``parent``. Unless that is ``closed``, its last child may still
        grow. With ``made`` None no rows are wanted.
        """
        rows_here = self._records is not None and self._records.leads_to((*map(local_name, above), self._name))
        found = 0
        for element in parent if closed else parent[:-1]:
            if rows_here and local_name(element.tag) == self._name:
                found += 1 + self._take_row(element, above, made)
                if in_row:
                    element.clear()  # it is a row of its own: the one around it only says that it was there
            else:
                tags = (*above, element.tag)
                found += self._go_through(element, tags, made, closed=True, in_row=in_row)
                self._take(element, tags, in_row)
        if not closed:
            del parent[:-1]
            for last in parent:
                if not rows_here or local_name(last.tag) != self._name:
                    found += self._go_through(last, (*above, last.tag), made, closed=False)
        return found

    def _take_row(self, element: Element, above: Tags, made: list[Row] | None) -> int:
        """One row, after the rows and the values inside it; how many rows those were."""
        one, deep, within = None, True, 0
        if made is not None:
            if self._make_row is row:
                one, deep = row_and_depth(element)
            else:
                one = self._make_row(element, above)
        if deep or not one or not self._watched.isdisjoint(one):  # else its names say enough, as of most rows
            within = self._go_through(element, (*above, element.tag), made, closed=True, in_row=True)
            if within and one is not None:
                one = self._make_row(element, above)
        if made is not None and one is not None:
            made.append(one)
        return within

    def _utf8(self) -> tuple[Iterable[bytes], str | None]:
        """The body's pieces as a parser takes them, and the encoding to tell it; None: it finds out."""
        encoding = self._encoding
        if isinstance(self._body, bytes):
            data = self._body
            if encoding not in charset.UTF8:
                data, self.damaged = charset.to_utf8(data, encoding)
                data = charset.PROLOG_TEXT.sub("", data.decode(), count=1).encode()
                encoding = "utf-8"
            return mended(spool.pieces(data), self.repairs), encoding or None
        pieces: Iterable[bytes] = self._body.pieces()
        if encoding not in charset.UTF8:
            pieces = charset.pieces_to_utf8(pieces, encoding, self._damage)
            encoding = "utf-8"
        return mended(pieces, self.repairs), encoding or None

    def _damage(self) -> None:
        self.damaged = True

    def _take(self, element: Element, tags: Tags, in_row: bool) -> None:
        """Note the values an element holds that is no row."""
        last = local_name(element.tag)
        if last not in self._watched:
            return
        names = [*map(local_name, tags)]
        if last == self._name and not self._is_empty_list(element, names):
            self._elsewhere = True
        for path, place in self._wanted.get(last, ()):
            known = path in self._values
            if (known and path not in self._conditions) or not place.leads_to(names):
                continue
            value = element.get(place.attribute) if place.attribute else element.text or ""
            if not known:
                self._values[path] = value
            elif value != self._values[path] and not in_row:
                raise Undecodable(f"{path} stands in several places and says different things: name the whole path")

    def _is_empty_list(self, element: Element, names: list[str]) -> bool:
        """Axis calls an array's elements as the array itself: one without any stands around where rows would."""
        if self._records is None or len(element) or element.text:
            return False
        around = self._records.names[:-1]
        return around[-1:] == (self._name,) and paths.Slashed(around, self._records.anchored).leads_to(names)

    def _why(self, encoding: str) -> str:
        """What to say of a body that is no XML."""
        if not isinstance(self._body, bytes) or self._body:
            if self._encoding in charset.UTF8 and not charset.holds(spool.pieces(self._body), encoding):
                reason = "its bytes are not in the encoding it declares (name the one it uses, as in {xml: gbk})"
                return what(spool.head(self._body, 512), "XML", reason)
        return what(spool.head(self._body, 512), "XML")


def slashed(path: str) -> paths.Slashed:
    """Raises Undecodable."""
    try:
        return paths.slashed(path)
    except ValueError as error:
        raise Undecodable(str(error)) from None


def _after(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _refuse_the_truncated(body: spool.Body) -> None:
    """Raises Undecodable where the end of the root element is missing: before any row is used."""
    start, end = re.sub(rb"<!--.*?-->", b"", spool.head(body, 4096), flags=re.DOTALL), spool.tail(body, 4096)
    root = re.search(rb"<([A-Za-z_\x80-\xff][^\s/>]*)", start)
    if b"\x00" in start or root is None or b"<!" in start[: root.start()]:
        return  # two bytes a character, or a preface longer than this looks: the parser will tell
    if not re.search(rb"</" + re.escape(root[1]) + rb"\s*>" + _BEHIND_THE_ROOT, end):
        raise Undecodable(what(start, "XML"))
