"""Which characters the bytes mean. ``gb2312`` and ``gbk`` always mean gb18030, which holds both and more.

A declared encoding is believed only where it can be true: the descriptor's word goes before the prolog's, and the
prolog's before the HTTP header's, which many servers fill in by default.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

from adapters.decode.answer import Undecodable

PROLOG_TEXT = re.compile(r"^\s*<\?xml[^>]*\?>")
UTF8 = ("", "utf-8", "ascii", "us-ascii")

_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030", "utf8": "utf-8"}
_PROLOG = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
#: Every byte is a character in it, so believing it would make nonsense of Chinese without a sign of it.
_UNASKED = ("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii")
_BOM = b"\xef\xbb\xbf"


def known(name: str) -> str:
    return _ALIASES.get(name.lower(), name.lower())


def of_content_type(content_type: str) -> str:
    """What an HTTP header says; '' when it says nothing, or only what servers say unasked."""
    match = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]+)", content_type, re.IGNORECASE)
    name = known(match[1]) if match else ""
    return "" if name in _UNASKED else name


def declared(head: bytes) -> str:
    """What an XML prolog says; '' when there is none."""
    match = _PROLOG.match(head[:200])
    return known(match[1].decode()) if match else ""


def to_utf8(data: bytes, name: str) -> tuple[bytes, bool]:
    """``data`` as UTF-8, and whether some of it could not be decoded."""
    if data.startswith(_BOM):
        data, name = data[3:], "utf-8"
    try:
        if name in UTF8:
            data.decode()
            return data, False
        return data.decode(name).encode(), False
    except UnicodeDecodeError:
        return data.decode(name or "utf-8", "replace").encode(), True
    except LookupError:
        raise _unknown(name) from None


def pieces_to_utf8(pieces: Iterable[bytes], name: str, damaged: Callable[[], None]) -> Iterator[bytes]:
    """The same, piece by piece: a character may be cut in two between them. An XML prolog is left out, since what
    it declares is no longer so."""
    try:
        decoder = codecs.getincrementaldecoder(name)("replace")
    except LookupError:
        raise _unknown(name) from None
    first = True
    for piece in pieces:
        if first and piece.startswith(_BOM):
            piece, decoder = piece[3:], codecs.getincrementaldecoder("utf-8")("replace")
        yield _encoded(decoder.decode(piece), first, damaged)
        first = False
    yield _encoded(decoder.decode(b"", True), first, damaged)


def holds(pieces: Iterable[bytes], name: str) -> bool:
    """Whether these bytes can be text in the encoding called ``name``."""
    try:
        decoder = codecs.getincrementaldecoder(name)()
        for piece in pieces:
            decoder.decode(piece)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _encoded(text: str, first: bool, damaged: Callable[[], None]) -> bytes:
    if "\ufffd" in text:
        damaged()
    return (PROLOG_TEXT.sub("", text, count=1) if first else text).encode()


def _unknown(name: str) -> Undecodable:
    return Undecodable(f"nobody knows the charset {name!r}")
