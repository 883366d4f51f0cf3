"""Answers, from bytes to values and rows: the decode chain. Pure; no network, no schema.

A chain is read left to right: ``soap_string`` takes the text an operation returned out of its envelope, ``xml`` and
``json`` read what is there then, ``soap`` reads the envelope itself. Declared encodings are believed only where they
can be true: a prolog inside a string is a label from another life, and ``gb2312`` and ``gbk`` always mean gb18030.

Rules from ``upstream.md`` B4 and ``real-systems.md`` (surrogate references, inner prologs, GBK).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from lxml import etree

from adapters import paths, vocabulary

Row = Mapping[str, Any]

_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030", "utf8": "utf-8"}
_PROLOG = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_PROLOG_TEXT = re.compile(r"^\s*<\?xml[^>]*\?>")
_HIGH, _LOW = (
    r"(?:x0*[dD][89abAB][0-9a-fA-F]{2}|0*(?:5529[6-9]|55[3-9]\d\d|56[0-2]\d\d|563[01]\d))",
    (r"(?:x0*[dD][c-fC-F][0-9a-fA-F]{2}|0*(?:563[2-9]\d|56[4-9]\d\d|57[0-2]\d\d|573[0-3]\d|5734[0-3]))"),
)
_PAIR = re.compile(f"&#({_HIGH});&#({_LOW});".encode())
# A backslash that is itself escaped and a whole pair are passed over; the group is a half by itself.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_LONE = re.compile(f"&#(?:{_HIGH}|{_LOW});".encode())
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_FAULT_PATHS = ("//Fault/faultcode", "//Fault/faultstring", "//Fault/Code/Value", "//Fault/Reason/Text")
_NUMBERS = msgspec.json.Decoder(float_hook=str)  # 1.50 stays 1.50; whole numbers of any length are exact anyway


_HTML = (b"<!doctype html", b"<html", b"\xef\xbb\xbf<!doctype html", b"\xef\xbb\xbf<html")


class Undecodable(ValueError):
    """The bytes are not what the descriptor says. The message says what they are instead, in a few words."""


class Answer(Protocol):
    """A decoded answer."""

    damaged: bool  #: some characters could not be decoded and show as U+FFFD

    def value(self, path: str) -> Any:
        """What stands at ``path``; None when nothing does."""
        ...

    def rows(self) -> Sequence[Row]:
        """The rows the answer was asked for."""
        ...


def read(
    body: bytes, chain: Sequence[Any], *, content_type: str = "", records: str = ".", values: Iterable[str] = ()
) -> Answer:
    """Decode ``body`` along ``chain``. ``values`` are the paths that will be asked for besides ``records``.

    Raises Undecodable.
    """
    if body[:512].lstrip().lower().startswith(_HTML):
        raise Undecodable("an HTML page came where data was expected (a log-in page, a proxy's error?)")
    data, charset = body, _charset(content_type)
    for step in chain:
        name, override = _step(step)
        if name == "soap_string":
            fault, text = _soap_string(data, values)
            if fault is not None:
                return fault
            data, charset = _PROLOG_TEXT.sub("", text, count=1).encode(), "utf-8"
            override = ""
        elif name in ("xml", "soap"):
            # After soap_string the text is already Unicode, whatever its prolog or the descriptor calls it.
            encoding = charset if data is not body else override or _declared(data) or charset
            return XmlAnswer(data, encoding, records, values)
        else:
            return JsonAnswer(data, override if data is body and override else charset, records)
    raise Undecodable("nothing in the decode chain reads it (end it with xml or json)")


def repair_references(data: bytes) -> bytes:
    """Join surrogate pairs written as two character references, as Axis does; a lone half becomes U+FFFD."""
    if b"&#" not in data:
        return data

    def join(match: re.Match[bytes]) -> bytes:
        high, low = (int(h[1:], 16) if h[:1] == b"x" else int(h) for h in match.groups())
        return b"&#x%X;" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _LONE.sub(b"&#xFFFD;", _PAIR.sub(join, data))


def repair_escapes(data: bytes) -> bytes:
    """Put U+FFFD for the lone half of a surrogate pair, which a title cut in the middle of an emoji ends with."""
    return _ESCAPES.sub(lambda match: rb"\ufffd" if match.group(1) else match.group(), data)


class JsonAnswer:
    def __init__(self, data: bytes, charset: str, records: str) -> None:
        text, self.damaged = _unicode(data, charset or "utf-8")
        try:
            try:
                self._root = _NUMBERS.decode(text)
            except msgspec.DecodeError:
                self._root = _NUMBERS.decode(repair_escapes(text))
        except (msgspec.DecodeError, RecursionError):
            raise Undecodable(_what(data, "JSON")) from None
        self._records = records

    def value(self, path: str) -> Any:
        return paths.dotted(path)(self._root)

    def rows(self) -> Sequence[Row]:
        around, _, last = self._records.rpartition(".")
        found = self.value(self._records)
        if found is None:
            holder = self.value(around or ".")
            if isinstance(holder, Mapping) and last in holder:
                return ()  # null: how some say that there are none
            raise Undecodable(f"there is nothing at {self._records}")
        if isinstance(found, Mapping):
            return (found,)
        if not isinstance(found, list) or (found and not any(isinstance(row, Mapping) for row in found)):
            raise Undecodable(f"there is no list of rows at {self._records}")
        # What is no row between rows has no key either: the listing says so, and takes the others.
        return [row if isinstance(row, Mapping) else {} for row in found]


class XmlAnswer:
    """Reads once, front to back, keeping only rows (as dicts) and the values that were asked for."""

    def __init__(self, data: bytes, charset: str, records: str, values: Iterable[str]) -> None:
        self.damaged = False
        if charset and charset not in ("utf-8", "ascii", "us-ascii"):
            text, self.damaged = _unicode(data, charset)
            data = _PROLOG_TEXT.sub("", text.decode(), count=1).encode()
            charset = "utf-8"
        wanted = {path: _slashed(path) for path in (*values, *_FAULT_PATHS) if path.startswith("/")}
        row_path = _slashed(records) if records.startswith("/") else None
        tags = {f"{{*}}{path.names[-1]}" for path in (*wanted.values(), *([row_path] if row_path else []))}
        parser = etree.XMLPullParser(
            events=("end",), tag=tuple(tags), encoding=charset or None, remove_comments=True, remove_pis=True,
            resolve_entities=False, no_network=True, huge_tree=True,
        )  # fmt: skip
        self._values: dict[str, str | None] = {}
        self._rows: list[Row] = []
        data = repair_references(data)
        try:
            for at in range(0, len(data), 1 << 20):
                parser.feed(data[at : at + (1 << 20)])
                self._take(parser, row_path, wanted)
            parser.close()
            self._take(parser, row_path, wanted)
        except etree.XMLSyntaxError:
            raise Undecodable(_what(data, "XML")) from None

    def value(self, path: str) -> Any:
        return self._values.get(path)

    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def fault(self) -> tuple[str, str] | None:
        """A SOAP fault's code and text."""
        code = self._values.get(_FAULT_PATHS[0]) or self._values.get(_FAULT_PATHS[2])
        text = self._values.get(_FAULT_PATHS[1]) or self._values.get(_FAULT_PATHS[3])
        return None if code is None and text is None else ((code or "").rpartition(":")[2], text or "")

    def _take(self, parser: Any, row_path: paths.Slashed | None, wanted: Mapping[str, paths.Slashed]) -> None:
        for _, element in parser.read_events():
            if row_path is not None and row_path.matches(element):
                self._rows.append(_row(element))
                element.clear()
                before = element.getprevious()
                while before is not None and paths.local_name(before.tag) == row_path.names[-1]:
                    element.getparent().remove(before)
                    before = element.getprevious()
                continue
            for path, place in wanted.items():
                if path not in self._values and place.matches(element):
                    self._values[path] = element.get(place.attribute) if place.attribute else element.text or ""


def _row(element: Any) -> dict[str, Any]:
    row: dict[str, Any] = {f"@{paths.local_name(name)}": value for name, value in element.attrib.items()}
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            raise Undecodable("the answer uses an entity of its own, which is never followed")
        name = tag.rpartition("}")[2]
        if len(child):
            value: Any = _row(child)
        elif child.attrib and child.get(_NIL) in ("true", "1"):
            value = None
        else:
            value = child.text or ""
        if name in row:
            there = row[name]
            row[name] = [*there, value] if isinstance(there, list) else [there, value]
        else:
            row[name] = value
    return row


def _soap_string(data: bytes, values: Iterable[str]) -> tuple[XmlAnswer | None, str]:
    """The text the operation returned; or the envelope itself where it is a fault."""
    data = repair_references(data)
    charset = _declared(data)
    if charset:
        text, _ = _unicode(data, charset)
        data = _PROLOG_TEXT.sub("", text.decode(), count=1).encode()
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise Undecodable(_what(data, "SOAP envelope")) from None
    body = next((one for one in root.iterchildren() if paths.local_name(one.tag) == "Body"), None)
    if body is None or len(body) == 0:
        raise Undecodable(_what(data, "SOAP envelope", "it has no body"))
    if paths.local_name(body[0].tag) == "Fault":
        return XmlAnswer(data, "", ".", values), ""
    result = body[0]
    while len(result):
        result = result[0]
    if result is body[0] or result.text is None:
        raise Undecodable("the operation returned no string")
    return None, result.text


def _step(step: Any) -> tuple[str, str]:
    if isinstance(step, vocabulary.XmlStep):
        return "xml", _known(step.xml)
    if isinstance(step, vocabulary.JsonStep):
        return "json", _known(step.json_)
    return str(step), ""


def _slashed(path: str) -> paths.Slashed:
    try:
        return paths.slashed(path)
    except ValueError as error:
        raise Undecodable(str(error)) from None


def _known(charset: str) -> str:
    return _ALIASES.get(charset.lower(), charset.lower())


def _charset(content_type: str) -> str:
    match = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]+)", content_type, re.IGNORECASE)
    return _known(match[1]) if match else ""


def _declared(data: bytes) -> str:
    match = _PROLOG.match(data[:200])
    return _known(match[1].decode()) if match else ""


def _unicode(data: bytes, charset: str) -> tuple[bytes, bool]:
    """``data`` as UTF-8, and whether some of it could not be decoded."""
    if data.startswith(b"\xef\xbb\xbf"):
        data, charset = data[3:], "utf-8"
    try:
        if charset == "utf-8":
            data.decode()
            return data, False
        return data.decode(charset).encode(), False
    except UnicodeDecodeError:
        return data.decode(charset, "replace").encode(), True
    except LookupError:
        raise Undecodable(f"nobody knows the charset {charset!r}") from None


def _what(data: bytes, expected: str, reason: str = "it is cut short or broken") -> str:
    """A few words on what came instead of ``expected``."""
    start = data[:512].lstrip().lower()
    if not start:
        return f"the answer is empty, not {expected}"
    if expected == "JSON" and start[:1] not in b'{["' and not start[:1].isdigit():
        return "something that is no JSON came"
    # The parser's own message may quote what citizens wrote.
    return f"the answer is no whole {expected}: {reason}"
