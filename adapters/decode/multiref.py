"""rpc/encoded answers of Axis 1 and its kin: references resolved in place, Map, Vector and Array as what they mean.

``<item href="#id3"/>`` gets the content of ``<multiRef id="id3">`` (SOAP 1.1 §5, ``ref`` in SOAP 1.2), before rows
are taken. The whole answer is held in memory for it: a reference may lead anywhere. References that lead in a circle,
to nothing, or that would blow the answer up are refused.

``apachesoap:Map`` (``item/key/value``) becomes a dict; ``apachesoap:Vector`` and ``soapenc:Array`` become lists.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from lxml import etree

from adapters import paths
from adapters.decode.answer import Undecodable
from adapters.decode.rows import NIL, own_attributes, row

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ARRAY_TYPES = (
    "{http://schemas.xmlsoap.org/soap/encoding/}arrayType",
    "{http://www.w3.org/2003/05/soap-encoding}itemType",
)
_ENCODING = "{http://www.w3.org/2003/05/soap-encoding}"
_MAX_COPIES = 2_000_000  # elements; a few kilobytes can name each other into billions


def resolve(root: Any) -> None:
    """Put what is referred to where it is referred to, in the tree itself. Raises Undecodable."""
    by_id = {name: e for e in root.iter("*") if (name := e.get("id") or e.get(_ENCODING + "id"))}
    budget = [_MAX_COPIES]
    body = next((e for e in root.iterchildren("*") if paths.local_name(e.tag) == "Body"), root)
    referred = [e for e in body.iterchildren("*") if paths.local_name(e.tag) == "multiRef"]
    for element in list(body.iterchildren("*")):
        if element not in referred:
            _fill(element, by_id, (), budget)
    for element in referred:
        body.remove(element)


def _fill(top: Any, by_id: dict[str, Any], on_the_way: tuple[str, ...], budget: list[int]) -> None:
    for element in top.iter("*"):
        name = _refers_to(element)
        if name is None:
            continue
        if name in on_the_way:
            raise Undecodable("its references (href, id) lead in a circle")
        target = by_id.get(name)
        if target is None:
            raise Undecodable("it refers (href) to something that is not in it")
        budget[0] -= 1 + sum(1 for _ in target.iter())
        if budget[0] < 0:
            raise Undecodable("its references (href, id) multiply it beyond measure")
        copy = deepcopy(target)
        _fill(copy, by_id, (*on_the_way, name), budget)
        _become(element, copy)


def _become(element: Any, copy: Any) -> None:
    for name in ("href", _ENCODING + "ref"):
        element.attrib.pop(name, None)
    for name, value in copy.attrib.items():
        if name not in ("id", _ENCODING + "id"):
            element.set(name, value)
    element.text = copy.text
    # xsi:type names its prefix, which is declared on the copy alone: say it anew in words of its own.
    if (kind := _kind(copy)) is not None:
        element.set(_TYPE, kind)
    for child in list(copy):
        element.append(child)


def _refers_to(element: Any) -> str | None:
    href = element.get("href")
    if href is not None and href.startswith("#") and len(element) == 0:
        return str(href[1:])
    ref = element.get(_ENCODING + "ref")
    return None if ref is None else str(ref).removeprefix("#")


def _kind(element: Any) -> str | None:
    """The local name of an element's xsi:type."""
    named = element.get(_TYPE)
    return None if named is None else str(named).rpartition(":")[2]


def typed_row(element: Any, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """As ``rows.row``, with Map, Vector and Array as dicts and lists."""
    if element.get(NIL) in ("true", "1"):
        return {}
    found = _value(element)
    if isinstance(found, dict):
        return found
    return row(element) if isinstance(found, str) else {"item": found}


def _value(element: Any) -> Any:
    if element.get(NIL) in ("true", "1"):
        return None
    kind = _kind(element)
    if kind == "Map":
        return dict(_entry(item) for item in element)
    if kind in ("Vector", "Array") or any(name in element.attrib for name in _ARRAY_TYPES):
        return [_value(child) for child in element]
    if len(element) == 0:
        return element.text or ""
    made: dict[str, Any] = dict(own_attributes(element))
    repeated: set[str] = set()
    for child in element:
        name, value = paths.local_name(child.tag), _value(child)
        if name not in made:
            made[name] = value
        elif name in repeated:
            made[name].append(value)
        else:
            made[name] = [made[name], value]
            repeated.add(name)
    return made


def _entry(item: Any) -> tuple[str, Any]:
    parts = {paths.local_name(child.tag): child for child in item}
    if "key" not in parts or "value" not in parts:
        raise Undecodable("a Map in it has an item without key and value")
    return parts["key"].text or "", _value(parts["value"])


def resolved(root: Any) -> bytes:
    """The document with every reference resolved, as UTF-8."""
    resolve(root)
    found: bytes = etree.tostring(root, encoding="utf-8")
    return found
