"""Request templates: plain YAML values with ``{name}`` in them. Filling in is all it does; there are no expressions.

A value that is nothing but ``{name}`` takes the value as it is (a number stays one). Where that value is None the
entry is left out, so that one template serves the first pull, which has no cursor, and all later ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from lxml import etree

_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_GONE = object()


def holes(value: Any) -> set[str]:
    """The names ``value`` asks for, at any depth."""
    if isinstance(value, str):
        return set(_HOLE.findall(value))
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in holes(inner)}
    if isinstance(value, (list, tuple)):
        return {name for inner in value for name in holes(inner)}
    return set()


def fill(template: Mapping[str, Any], get: Callable[[str], Any]) -> dict[str, Any]:
    """``template`` with every hole filled by ``get(name)``; entries whose hole is None are left out."""
    filled = {}
    for name, value in template.items():
        inner = _fill(value, get)
        if inner is not _GONE:
            filled[name] = inner
    return filled


def fill_path(template: str, get: Callable[[str], Any]) -> str:
    """A URL path with every hole filled and percent-encoded: a value can never become another path segment.

    Raises ValueError where values make a segment ``.`` or ``..``: those climb however they are written.
    """

    def filled(match: re.Match[str]) -> str:
        value = get(match[1])
        return quote("" if value is None else str(value), safe="")

    segments = []
    for segment in template.split("/"):
        made = _HOLE.sub(filled, segment)
        if made != segment and made in (".", ".."):
            raise ValueError("a value is . or .., which would lead to another path")
        segments.append(made)
    return "/".join(segments)


def xml_text(root: str, content: Any, declared: str) -> str:
    """``content`` as the text of an XML document, the kind old services take inside a string parameter.

    Mappings become elements, lists repeat their element. ``declared`` is what the prolog claims; the text itself
    travels in the envelope's encoding.
    """
    element = etree.Element(root)
    _grow(element, content)
    body: str = etree.tostring(element, encoding="unicode")
    return f'<?xml version="1.0" encoding="{declared}"?>{body}' if declared else body


def _fill(value: Any, get: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        whole = _HOLE.fullmatch(value)
        if whole:
            inner = get(whole[1])
            return _GONE if inner is None else inner
        asked = {name: get(name) for name in holes(value)}
        if any(inner is None for inner in asked.values()):
            return _GONE
        return _HOLE.sub(lambda match: str(asked[match[1]]), value) if asked else value
    if isinstance(value, Mapping):
        if "xml" in value:
            ((root, content),) = value["xml"].items()
            return xml_text(root, _fill(content, get), str(value.get("declared", "")))
        return fill(value, get)
    if isinstance(value, (list, tuple)):
        return [inner for one in value if (inner := _fill(one, get)) is not _GONE]
    return value


def _grow(element: Any, content: Any) -> None:
    if isinstance(content, Mapping):
        for name, inner in content.items():
            for one in inner if isinstance(inner, list) else [inner]:
                _grow(etree.SubElement(element, name), one)
    elif content is not None and content is not _GONE:
        element.text = content if isinstance(content, str) else str(content)
