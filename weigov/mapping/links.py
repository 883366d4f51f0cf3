"""The addresses an article leads to: what a reader may press or type, where its links were made text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import urldefrag

#: Of one article. A list of a thousand is a register; its first tell enough.
MAX_LINKS = 50
_LONGEST = 2048
_HREF = re.compile(r'<a href="([^"]*)"')
_TAGS = re.compile(r"<[^>]*>")
#: An address in running text ends before a blank or the first letter that is not ASCII.
_PRINTED = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_AFTER = ".,;:!?'\")]}>"


def links_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Every http(s) address of an article, a digest or a menu as it is frozen, each once, without its fragment."""
    found: dict[str, None] = {}
    for url in _every(payload):
        whole = urldefrag(url.strip()).url
        if whole.lower().startswith(("http://", "https://")) and len(whole) <= _LONGEST and whole.isprintable():
            found.setdefault(whole)
        if len(found) >= MAX_LINKS:
            break
    return tuple(found)


def _every(payload: Mapping[str, Any]) -> Iterator[str]:
    for article in payload.get("articles") or (payload,):
        yield str(article.get("source_url") or "")
        html = str(article.get("content") or "")
        yield from (unescape(href) for href in _HREF.findall(html))
        for printed in _PRINTED.findall(unescape(_TAGS.sub(" ", html))):
            yield printed.rstrip(_AFTER)
    for button in payload.get("button") or ():
        for one in (button, *(button.get("sub_button") or ())):
            yield str(one.get("url") or "")
