"""An XML document while it arrives: a tree of the standard library's elements that grows as pieces are fed.

It is built on expat without a call into Python for any single element, which is what makes it quick. Nothing is ever
fetched or expanded: a document that declares entities of its own is refused where it declares them, before anything
of it is used. Comments and processing instructions are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers import expat

from adapters.decode.answer import Undecodable

OWN_ENTITY = "the answer uses an entity of its own, which is never followed"


_UNDEFINED = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


class Broken(Exception):
    """What came is no XML, or stops before its end."""


class Growing:
    """Feed it, look below ``top``, and take away what is done with. The last child of everything may still grow."""

    def __init__(self, encoding: str | None) -> None:
        """``encoding`` goes before what the document declares; None: that, or UTF-8, or UTF-16 by its mark."""
        builder = TreeBuilder()
        self.top: Element = builder.start("", {})  # stands above the root, so that it can be seen before it is closed
        encoding = "us-ascii" if encoding == "ascii" else encoding
        self._parser = XMLParser(target=builder, encoding=encoding)
        self._prolog: Any = _prolog(encoding)

    def feed(self, piece: bytes) -> None:
        """Raises Broken; Undecodable for an entity."""
        if self._prolog is not None:
            self._watch(piece)
        try:
            self._parser.feed(piece)
        except (ParseError, LookupError) as error:  # a LookupError is an encoding nobody knows
            raise _broken(error) from None

    def close(self) -> None:
        """The last piece was fed. Raises Broken where the root element is not closed."""
        try:
            self._parser.close()
        except ParseError as error:
            raise _broken(error) from None

    def _watch(self, piece: bytes) -> None:
        """Read what stands before the root element for itself: the tree's own parser would take entities in."""
        try:
            self._prolog.Parse(piece)
        except _Root:
            self._prolog = None
        except (expat.ExpatError, LookupError):
            self._prolog = None  # the other parser will say so


def refuse_entities(document: bytes, encoding: str | None) -> None:
    """For who reads a document otherwise: raises Undecodable where it declares entities of its own. What is wrong
    with it besides is left to its reader."""
    try:
        _prolog(encoding).Parse(document, True)
    except (_Root, expat.ExpatError, LookupError):
        return


class _Root(Exception):
    """The root element begins: no entity can be declared any more."""


def _prolog(encoding: str | None) -> Any:
    parser = expat.ParserCreate(encoding)
    parser.StartElementHandler = _at_root
    parser.EntityDeclHandler = _refuse
    return parser


def _at_root(name: str, attributes: Sequence[str]) -> None:
    raise _Root


def _refuse(*declared: Any) -> None:
    raise Undecodable(OWN_ENTITY)


def _broken(error: ParseError | LookupError) -> Exception:
    if getattr(error, "code", None) == _UNDEFINED:
        return Undecodable(OWN_ENTITY)
    return Broken()
