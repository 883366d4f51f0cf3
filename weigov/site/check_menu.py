"""What must hold in a flow's ``menu:``, as far as it stands in the file (rulebook §2, "Menus").

Names are counted in bytes of UTF-8. Children that come from a stream are counted when the menu is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from weigov.site.check_map import check_link, check_url
from weigov.site.known import Finding, Known
from weigov.site.models import Flow, MenuChildren, MenuEntry, MenuLeaf
from weigov.yamlfile import Loc

MAX_TOP = 3
MAX_CHILDREN = 5
MAX_TOP_NAME_BYTES = 16
MAX_CHILD_NAME_BYTES = 60
MAX_KEY_BYTES = 128


def check_menu(flow: Flow, known: Known) -> Iterator[Finding]:
    if len(flow.menu) > MAX_TOP:
        yield ("menu",), f"has {len(flow.menu)} buttons; WeChat shows {MAX_TOP}", ""
    for n, entry in enumerate(flow.menu):
        yield from _entry(("menu", n), entry, known)


def _entry(at: Loc, entry: MenuEntry, known: Known) -> Iterator[Finding]:
    yield from _name(at, entry.name, MAX_TOP_NAME_BYTES)
    if entry.children is None:
        yield from _action(at, entry)
        return
    for word in ("url", "page", "key"):
        if getattr(entry, word) is not None:
            yield (*at, word), "does nothing beside children", ""
    if isinstance(entry.children, MenuChildren):
        yield from _stream((*at, "children"), entry.children, known)
        return
    if not 1 <= len(entry.children) <= MAX_CHILDREN:
        yield (*at, "children"), f"has {len(entry.children)} buttons; WeChat takes 1 to {MAX_CHILDREN}", ""
    for n, leaf in enumerate(entry.children):
        yield from _name((*at, "children", n), leaf.name, MAX_CHILD_NAME_BYTES)
        yield from _action((*at, "children", n), leaf)


def _name(at: Loc, name: str, max_bytes: int) -> Iterator[Finding]:
    if (size := len(name.encode())) > max_bytes:
        yield (*at, "name"), f"{name!r} has {size} bytes; WeChat takes {max_bytes}", "a 汉字 has three bytes"


def _action(at: Loc, leaf: MenuLeaf) -> Iterator[Finding]:
    given = [word for word in ("url", "page", "key") if getattr(leaf, word) is not None]
    if len(given) != 1:
        yield at, f"says {' and '.join(given) or 'nothing to do'}: it takes exactly one of url, page, key", ""
    if leaf.page is not None:
        yield (*at, "page"), f"there is no page {leaf.page!r}", "link to an address with url:"
    if leaf.url is not None:
        yield from check_url((*at, "url"), leaf.url)
        if "{" in leaf.url:
            yield (*at, "url"), "has a {name}, but a fixed button has no record", ""
    if leaf.key is not None and not 1 <= len(leaf.key.encode()) <= MAX_KEY_BYTES:
        yield (*at, "key"), f"has {len(leaf.key.encode())} bytes; WeChat takes 1 to {MAX_KEY_BYTES}", ""


def _stream(at: Loc, children: MenuChildren, known: Known) -> Iterator[Finding]:
    source = children.from_
    shape, findings = known.stream(source.system, source.stream, (*at, "from"))
    yield from findings
    if shape is not None and shape.kind != "column":
        yield (*at, "from", "stream"), f"{source.stream!r} holds records of kind {shape.kind}, not columns", ""
        return
    yield from check_link((*at, "link"), children.link, shape)
