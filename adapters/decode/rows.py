"""An XML element as a row: the hot path of every answer in XML.

Children become columns, by their local names; attributes ``@name``, those of a child without children of its own
``child@name``; a repeated child becomes a list; ``xsi:nil`` is None, and an empty element the empty text. Text beside
children, or of a row without any, is ``#text``. Attributes that belong to the protocol are left out (``xsi:type``,
``soapenc:arrayType``).
"""

from __future__ import annotations

from typing import Any

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
#: Attributes that say how a value was written, not what it is.
_OF_THE_PROTOCOL = (
    "{http://www.w3.org/2001/XMLSchema-instance}",
    "{http://schemas.xmlsoap.org/soap/encoding/}",
    "{http://schemas.xmlsoap.org/soap/envelope/}",
    "{http://www.w3.org/2003/05/soap-encoding}",
    "{http://www.w3.org/2003/05/soap-envelope}",
    "{urn:schemas-microsoft-com:",
)

_MAX_NAMES = 10_000
_LOCAL: dict[Any, str] = {}  # tag → local name, of the tags met: the loop below asks a million times


def row(element: Any, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The element as a dict. A nil element is an empty one: what is no row between rows has no key either.

    What it stands in (``above``) changes nothing of it.
    """
    return row_and_depth(element)[0]


def row_and_depth(element: Any) -> tuple[dict[str, Any], bool]:
    """The element as a dict, and whether any child of it has children of its own."""
    made: dict[str, Any] = {}
    deep = False
    if element.keys():
        if element.get(NIL) in ("true", "1"):
            return made, any(map(len, element))
        _attributes(element, "", made)
    for child in element:
        tag = child.tag
        try:
            name = _LOCAL[tag]
        except KeyError:
            name = local_name(tag)
        if len(child):
            deep = True
            value: Any = row(child)
        else:
            value = child.text or ""
            if child.keys():
                if child.get(NIL) in ("true", "1"):
                    value = None
                _attributes(child, name, made)
        if name in made:
            _repeated(made, name, value)
        else:
            made[name] = value
    text = element.text
    if text and not text.isspace():
        made["#text"] = text
    return made, deep


def local_name(tag: str) -> str:
    """The name without its namespace."""
    known = _LOCAL.get(tag)
    if known is not None:
        return known
    if len(_LOCAL) >= _MAX_NAMES:  # somebody makes names up
        _LOCAL.clear()
    return _LOCAL.setdefault(tag, tag.rpartition("}")[2])


def own_attributes(element: Any) -> dict[str, str]:
    """``@name`` → value, without what belongs to the protocol."""
    made: dict[str, str] = {}
    _attributes(element, "", made)
    return made


def _attributes(element: Any, owner: str, made: dict[str, Any]) -> None:
    for name, value in element.attrib.items():
        if name[:1] == "{" and name.startswith(_OF_THE_PROTOCOL):
            continue
        column = f"{owner}@{name.rpartition('}')[2]}"
        if owner and column in made:
            _repeated(made, column, value)
        else:
            made[column] = value


def _repeated(made: dict[str, Any], name: str, value: Any) -> None:
    there = made[name]
    made[name] = [*there, value] if isinstance(there, list) else [there, value]
