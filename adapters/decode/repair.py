"""Bytes that no parser takes, mended before parsing: each repair has a name, a source, and changes no other byte.

    surrogate_references   Axis 1 writes 𠮷 as ``&#xD842;&#xDFB7;``
    surrogate_escapes      JSON cut in the middle of an emoji ends with half of it, ``\\ud83d``

node-soap writes ``xsi:nil`` without declaring the prefix: it is declared for whoever does not, used or not, and that
has no name. Each can be done over pieces: what may go on in the next piece is held back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: The same for whoever reads of it: name → what was found, and whose fault it is.
REPAIRS = {
    "surrogate_references": "characters such as 𠮷 came as two halves (&#xD842;&#xDFB7;), as Axis 1 writes them",
    "surrogate_escapes": "texts were cut in the middle of a character (\\ud83d), and end with a question mark",
}

_HIGH, _LOW = (
    r"(?:x0*[dD][89abAB][0-9a-fA-F]{2}|0*(?:5529[6-9]|55[3-9]\d\d|56[0-2]\d\d|563[01]\d))",
    (r"(?:x0*[dD][c-fC-F][0-9a-fA-F]{2}|0*(?:563[2-9]\d|56[4-9]\d\d|57[0-2]\d\d|573[0-3]\d|5734[0-3]))"),
)
_PAIR = re.compile(f"&#({_HIGH});&#({_LOW});".encode())
_LONE = re.compile(f"&#(?:{_HIGH}|{_LOW});".encode())
_SURROGATE = re.compile(rb"&#(?:x0*[dD][89a-fA-F]|0*5[5-7])")
#: At a piece's end: a reference that is not closed yet, or a first half whose second may follow.
_OPEN = re.compile(f"(?:&#{_HIGH};)?(?:&[#0-9a-zA-Z]{{0,12}})?$".encode())
# A backslash that is itself escaped and a whole pair are passed over; the group is a half by itself.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_ROOT = re.compile(rb"<[A-Za-z_\x80-\xff][^\s/>]*")
_XSI = b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def repair_references(data: bytes) -> bytes:
    """Join surrogate pairs written as two character references, as Axis does; a lone half becomes U+FFFD."""
    if b"&" not in data or not _SURROGATE.search(data):  # which looks for one byte, and most answers have none
        return data

    def join(match: re.Match[bytes]) -> bytes:
        high, low = (int(h[1:], 16) if h[:1] == b"x" else int(h) for h in match.groups())
        return b"&#x%X;" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _LONE.sub(b"&#xFFFD;", _PAIR.sub(join, data))


def repair_escapes(data: bytes) -> bytes:
    """Put U+FFFD for the lone half of a surrogate pair, which a title cut in the middle of an emoji ends with."""
    return _ESCAPES.sub(lambda match: rb"\ufffd" if match.group(1) else match.group(), data)


def declare_xsi(head: bytes) -> bytes:
    """Declare the prefix at the root, where it is not: harmless to whoever declares it further in."""
    match = _ROOT.search(head)
    if match is None or b"xmlns:xsi" in head[match.end() : head.find(b">", match.end())]:
        return head
    return head[: match.end()] + _XSI + head[match.end() :]


def mended(pieces: Iterable[bytes], repairs: set[str]) -> Iterator[bytes]:
    """UTF-8 XML, piece by piece, fit for a parser. ``repairs`` gathers the names of what was needed."""
    held, first = b"", True
    for piece in pieces:
        data = held + piece
        if first and b">" not in data:
            held = data
            continue
        cut = _OPEN.search(data, max(0, len(data) - 40))
        at = cut.start() if cut else len(data)
        data, held = data[:at], data[at:]
        yield _whole(data, first, repairs)
        first = False
    if held:
        yield _whole(held, first, repairs)


def _whole(data: bytes, first: bool, repairs: set[str]) -> bytes:
    fixed = repair_references(data)
    if fixed is not data:
        repairs.add("surrogate_references")
    return declare_xsi(fixed) if first else fixed
