"""Where something stands inside a decoded answer or a row: two small path languages, and nothing else.

Dotted, for JSON answers and for every row (rows of XML answers become dicts of the same shape): ``data.rows``,
``categories.0`` (of a text: itself); ``.`` is the whole. Slashed, for XML answers: ``//Case`` anywhere,
``/Reply/Head/Code`` from the root, ``//Case/@id`` an attribute; namespaces are ignored, since no two gateways agree
on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Getter = Callable[[Any], Any]


def dotted(path: str) -> Getter:
    """A function that follows ``path`` into dicts and lists; None where it leads nowhere."""
    if path in (".", ""):
        return lambda node: node
    parts = path.split(".")
    if len(parts) == 1 and not path.isdecimal():
        name = parts[0]
        return lambda node: node.get(name) if type(node) is dict else None

    def follow(node: Any) -> Any:
        for part in parts:
            if type(node) is dict:
                node = node.get(part)
            elif isinstance(node, list) and part.isdecimal():
                node = node[int(part)] if int(part) < len(node) else None
            elif part == "0" and isinstance(node, str):
                continue  # XML cannot tell a list of one from one
            else:
                return None
        return node

    return follow


@dataclass(frozen=True, slots=True)
class Slashed:
    """A parsed slashed path: names from the outside in, an attribute at the end or none."""

    names: tuple[str, ...]
    anchored: bool
    attribute: str = ""

    def matches(self, element: Any) -> bool:
        """Whether ``element`` stands where the path says."""
        if local_name(element.tag) != self.names[-1]:
            return False
        for name in self.names[-2::-1]:
            element = element.getparent()
            if element is None or local_name(element.tag) != name:
                return False
        return element.getparent() is None if self.anchored else True

    def leads_to(self, names: Sequence[str]) -> bool:
        """The same, of an element with these local names from the root down to itself."""
        mine = self.names
        if self.anchored and len(names) != len(mine):
            return False
        return len(names) >= len(mine) and tuple(names[-len(mine) :]) == mine


def slashed(path: str) -> Slashed:
    """Parse ``//a/b``, ``/Root/a`` or ``//a/@x``. Raises ValueError saying what is wrong."""
    anchored = not path.startswith("//")
    rest = path[1:] if anchored else path[2:]
    if not path.startswith("/") or not rest:
        raise ValueError(f"{path!r} is no path into XML (write //Name or /Root/Name)")
    parts = rest.split("/")
    attribute = parts.pop()[1:] if parts[-1].startswith("@") else ""
    if not parts or not all(p and all(c.isalnum() or c in "_-." for c in p) for p in parts):
        raise ValueError(f"{path!r} is no path into XML (only names, joined by /, and one @attribute at the end)")
    return Slashed(tuple(parts), anchored, attribute)


def local_name(tag: Any) -> str:
    """The name without its namespace; '' for comments and processing instructions."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
