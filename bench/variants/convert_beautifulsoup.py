"""Beautiful Soup with lxml, cleaning as an integrator would by hand: allow-lists of tags, attributes and styles.

It does what ours does in kind: unwanted elements go with what they hold, other tags are unwrapped or renamed, styles
are kept by property and value, links to elsewhere become text with their address, pictures get their new address. It
does less in depth: no nesting limit, no tables that scroll, no report of what was dropped, no unseen characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Comment, Tag

from bench.pages import resolve
from bench.variants import Count, Step
from bench.variants.convert import BASE_URL, whole, work

_GONE = ["script", "style", "iframe", "object", "embed", "template", "link", "meta", "base", "head", "title", "xml"]
_RENAMED = {"div": "section", "article": "section", "font": "span", "strike": "s"}
_KEPT = frozenset(
    "section p blockquote pre h1 h2 h3 h4 h5 h6 ul ol li dl dt dd b strong i em u s del ins sub sup small code span a"
    " img br hr table caption thead tbody tfoot tr td th".split()
)
_ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_STYLES = {
    "color": re.compile(r"#[0-9a-f]{3,8}|[a-z]{3,24}"),
    "background-color": re.compile(r"#[0-9a-f]{3,8}|[a-z]{3,24}"),
    "text-align": re.compile(r"left|right|center|justify"),
    "text-indent": re.compile(r"[0-4](?:\.\d+)?em|0"),
    "line-height": re.compile(r"[12](?:\.\d+)?(?:em)?"),
    "font-weight": re.compile(r"normal|bold|[1-9]00"),
    "border-collapse": re.compile(r"collapse|separate"),
}


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    for name, bodies in work(spec):
        yield name, partial(_clean_all, bodies)


def _clean_all(bodies: list[str]) -> Count:
    made = [_clean(body) for body in bodies]
    return lambda: whole(made)


def _clean(body: str) -> str:
    soup = BeautifulSoup(body, "lxml")
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for unwanted in soup.find_all(_GONE):
        unwanted.decompose()
    for tag in soup.find_all(True):
        _clean_tag(tag)
    return str(soup)


def _clean_tag(tag: Tag) -> None:
    tag.name = _RENAMED.get(tag.name, tag.name)
    css = _style(str(tag.get("style", "")))
    href = str(tag.get("href", ""))
    if tag.name == "a" and not href.startswith("https://mp.weixin.qq.com/"):
        tag.append(f"（{urljoin(BASE_URL, href)}）")
        tag.unwrap()
        return
    if tag.name not in _KEPT or (tag.name == "span" and not css):
        tag.unwrap()
        return
    allowed = _ATTRIBUTES.get(tag.name, set())
    for name in list(tag.attrs):
        if name not in allowed:
            del tag[name]
    if tag.name == "img":
        tag["src"] = resolve(str(tag.get("src", ""))) or ""
    if css:
        tag["style"] = css


def _style(style: str) -> str:
    kept = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if name in _STYLES and _STYLES[name].fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept)
