"""What must hold in a flow's ``menu:`` and ``conditional:``, as far as it stands in the file (rulebook §2, "Menus").

Names are counted in bytes of UTF-8. Children that come from a stream are counted when the menu is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from weigov.site.check_map import check_link, check_url
from weigov.site.known import Finding, Known
from weigov.site.menu_models import ACTIONS, KEYED, ConditionalMenu, MenuChildren, MenuEntry, MenuLeaf
from weigov.site.models import Flow
from weigov.yamlfile import Loc

MAX_TOP = 3
MAX_CHILDREN = 5
MAX_TOP_NAME_BYTES = 16
MAX_CHILD_NAME_BYTES = 60
MAX_KEY_BYTES = 128
MAX_TAG_CHARACTERS = 30
#: Hosts a conditional menu may lead to, WeChat's own articles aside.
MAX_OUTSIDE_HOSTS = 3


def check_menu(flow: Flow, known: Known) -> Iterator[Finding]:
    yield from _menu(("menu",), flow.menu, known)
    for n, one in enumerate(flow.conditional):
        yield from _conditional(n, one, flow.conditional[:n], known)


def _menu(at: Loc, entries: Sequence[MenuEntry], known: Known) -> Iterator[Finding]:
    if len(entries) > MAX_TOP:
        yield at, f"has {len(entries)} buttons; WeChat shows {MAX_TOP}", ""
    for n, entry in enumerate(entries):
        yield from _entry((*at, n), entry, known)


def _conditional(n: int, one: ConditionalMenu, before: Sequence[ConditionalMenu], known: Known) -> Iterator[Finding]:
    at: Loc = ("conditional", n)
    if not one.for_.model_fields_set:
        yield (*at, "for"), "names nobody", "one of tag, platform, or both"
    if one.for_.tag is not None and len(one.for_.tag) > MAX_TAG_CHARACTERS:
        yield (*at, "for", "tag"), f"has {len(one.for_.tag)} characters; WeChat takes {MAX_TAG_CHARACTERS}", ""
    hidden = next((m for m, other in enumerate(before) if other.for_.covers(one.for_)), None)
    if hidden is not None and one.for_.model_fields_set:
        hint = "the first that matches is shown: put the narrower one first"
        yield (*at, "for"), f"is never shown: conditional.{hidden} matches everyone it matches", hint
    yield from _menu((*at, "menu"), one.menu, known)
    hosts = _outside(one.menu)
    if len(hosts) > MAX_OUTSIDE_HOSTS:
        what = f"leads to {len(hosts)} outside hosts ({', '.join(hosts)})"
        yield (*at, "menu"), f"{what}; WeChat takes {MAX_OUTSIDE_HOSTS} in a conditional menu", ""


def _outside(entries: Sequence[MenuEntry]) -> list[str]:
    leaves: list[MenuLeaf] = []
    for entry in entries:
        leaves += [entry, *(entry.children if isinstance(entry.children, tuple) else ())]
    hosts = {_host(leaf.url) for leaf in leaves if leaf.url is not None}
    return sorted(hosts - {"", "mp.weixin.qq.com"})


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""  # said where it stands


def _entry(at: Loc, entry: MenuEntry, known: Known) -> Iterator[Finding]:
    yield from _name(at, entry.name, MAX_TOP_NAME_BYTES)
    if entry.children is None:
        yield from _action(at, entry)
        return
    for word in entry.actions():
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
    given = leaf.actions()
    if len(given) != 1:
        words = ", ".join(ACTIONS)
        yield at, f"says {' and '.join(given) or 'nothing to do'}: it takes exactly one of {words}", ""
    if leaf.page is not None:
        yield (*at, "page"), f"there is no page {leaf.page!r}", "link to an address with url:"
    if leaf.url is not None:
        yield from _address((*at, "url"), leaf.url)
    for word in ("key", *KEYED):
        key = getattr(leaf, word)
        if key is not None and not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
            yield (*at, word), f"has {len(key.encode())} bytes; WeChat takes 1 to {MAX_KEY_BYTES}", ""
    for word in ("media_id", "view_limited", "article_id", "article_view_limited"):
        if getattr(leaf, word) is not None and not getattr(leaf, word).strip():
            yield (*at, word), "is empty", "the id as WeChat gave it"
    if leaf.miniprogram is not None:
        if leaf.miniprogram.appid != leaf.miniprogram.appid.lower():
            yield (*at, "miniprogram", "appid"), "must be written small", f"write {leaf.miniprogram.appid.lower()}"
        yield from _address((*at, "miniprogram", "url"), leaf.miniprogram.url)


def _address(at: Loc, url: str) -> Iterator[Finding]:
    yield from check_url(at, url)
    if "{" in url:
        yield at, "has a {name}, but a fixed button has no record", ""


def _stream(at: Loc, children: MenuChildren, known: Known) -> Iterator[Finding]:
    source = children.from_
    shape, findings = known.stream(source.system, source.stream, (*at, "from"))
    yield from findings
    if shape is not None and shape.kind != "column":
        yield (*at, "from", "stream"), f"{source.stream!r} holds records of kind {shape.kind}, not columns", ""
        return
    yield from check_link((*at, "link"), children.link, shape)
