"""What decoding yields: an answer with values and rows, or the plain reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]

_HTML = (b"<!doctype html", b"<html", b"\xef\xbb\xbf<!doctype html", b"\xef\xbb\xbf<html")


class Undecodable(ValueError):
    """The bytes are not what the descriptor says. The message says what they are instead, in a few words."""


class Answer(Protocol):
    """A decoded answer. Of a long one the rows are read as they are asked for."""

    damaged: bool  #: some characters could not be decoded and show as U+FFFD; final once the rows were read
    repairs: set[str]  #: what had to be mended before it could be read, by name (``repair``); final as above

    def value(self, path: str) -> Any:
        """What stands at ``path``; None when nothing does. Final once the rows were read; what was named as a
        condition is final from the start."""
        ...

    def rows(self) -> Iterable[Row]:
        """The rows the answer was asked for. Raises Undecodable, of a long answer also in the midst of them."""
        ...


class OuterAnswer:
    """What the outer layers of a chain said where there is nothing inside them to read on."""

    def __init__(self, outer: Mapping[str, Any], why: str) -> None:
        self.damaged = False
        self.repairs: set[str] = set()
        self._outer, self._why = outer, why

    def value(self, path: str) -> Any:
        return self._outer.get(path)

    def rows(self) -> Iterable[Row]:
        raise Undecodable(self._why)


def refuse_html(head: bytes) -> None:
    """Raises Undecodable for a page made for people: a log-in, a proxy's error."""
    if head.lstrip().lower().startswith(_HTML):
        raise Undecodable("an HTML page came where data was expected (a log-in page, a proxy's error?)")


def what(data: bytes, expected: str, reason: str = "it is cut short or broken") -> str:
    """A few words on what came instead of ``expected``. A parser's own message may quote what citizens wrote."""
    start = data[:512].lstrip().lower()
    if not start:
        return f"the answer is empty, not {expected}"
    if expected == "JSON" and start[:1] not in b'{["' and not start[:1].isdigit():
        return "something that is no JSON came"
    return f"the answer is no whole {expected}: {reason}"
