"""What a start tag becomes, by its name and attributes alone. ``html`` looks at where it stands.

Source: rulebook §3, "HTML that survives".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from weigov.mapping.style import NO_STYLE, clean_style, is_color
from weigov.mapping.tags import ASKED, BLOCKS, END, GONE, INLINES, PARENTS, TABLE_ROWS, UNCOUNTED

#: Pages say the same start tags over and over. So many are remembered, and one page's more; one longer than this does
#: not come again, and would fill the memory.
_REMEMBERED = 8192
_REMEMBERED_CHARS = 1000


class TooLong(Exception):
    """This start tag is not to be remembered: ``read`` it."""


#: How a tag is written: its name, '' when it loses its tags; its start tag; its end tag; whether it is a block.
Placed = tuple[str, str, str, bool]
LOST: Placed = ("", "", "", False)


@dataclass(slots=True, eq=False)
class Start:
    """A start tag, read."""

    placed: Placed = LOST  # unless it is at home
    plain: bool = False  # neither place nor contents make a difference, and there is nothing to count
    homes: tuple[str, ...] = ()  # where a part of a table or list is written as ``part``; () if there is more to do
    part: Placed = LOST
    css: str = ""
    gone: bool = False  # with all it holds
    hidden: bool = False
    noted: tuple[str, ...] = ()  # what was taken away, for the person who reviews


@cache  # that keeps no order of use is found in two thirds of the time
def remembered(tag: str, /, **attributes: str | None) -> Start:
    """``read``, but once. Raises TooLong, and that is not remembered."""
    if sum(map(len, attributes)) + sum(map(len, filter(None, attributes.values()))) > _REMEMBERED_CHARS:
        raise TooLong
    return read(tag, attributes)


def forget() -> None:
    """Between two pages: start again when there is much."""
    if remembered.cache_info().currsize > _REMEMBERED:
        remembered.cache_clear()


def read(tag: str, attributes: Mapping[str, str | None]) -> Start:
    if tag in GONE:
        return Start(gone=True, noted=() if tag in UNCOUNTED else (tag,))
    style = attributes.get("style")
    css, tricks, hidden, _ = clean_style(style) if style else NO_STYLE
    start = Start(css=css, hidden=hidden or "hidden" in attributes)
    if tricks or " on" in " " + " ".join(attributes):
        start.noted = ("css",) * tricks + tuple("handler" for name in attributes if name[:2] == "on")
    easy = not start.hidden and not start.noted
    if tag in PARENTS:
        start.part = tag, _part(tag, attributes, css), END[tag], True
        if easy:
            start.homes = PARENTS[tag]
    else:
        start.plain = easy and tag not in ASKED
    if tag in BLOCKS or (tag in PARENTS and tag not in TABLE_ROWS):
        name = BLOCKS.get(tag, "section")
        more = ""
        if name == "ol" and (first := number(attributes.get("start"), 2, 9999)):
            more = f' start="{first}"'
        if align := "center" if tag == "center" else attributes.get("align"):
            css = _aligned(css, align)
        start.placed = name, _opening(name + more, css), END[name], True
    elif tag in INLINES:
        name = INLINES[tag]
        if tag == "font":
            css = _colored(css, attributes.get("color"))
        if css or name != "span":
            start.placed = name, _opening(name, css), END[name], False
    return start


def _part(tag: str, attributes: Mapping[str, str | None], css: str) -> str:
    """The opening of a part of a table or list where it belongs."""
    more = ""
    if tag in ("td", "th"):
        for name in ("colspan", "rowspan"):
            if span := number(attributes.get(name), 2, 999):
                more += f' {name}="{span}"'
        color = (attributes.get("bgcolor") or "").strip().lower()
        if color and "background-color:" not in css and is_color(color):
            css = join(css, f"background-color:{color}")
    if align := attributes.get("align"):
        css = _aligned(css, align)
    return _opening(tag + more, css)


def _opening(tag: str, css: str) -> str:
    return f'<{tag} style="{css}">' if css else f"<{tag}>"


def _aligned(css: str, align: str) -> str:
    align = align.strip().lower()
    if align in ("left", "right", "center", "justify") and "text-align:" not in css:
        return join(css, f"text-align:{align}")
    return css


def _colored(css: str, color: str | None) -> str:
    color = (color or "").strip().lower()
    return join(css, f"color:{color}") if "color:" not in css and is_color(color) else css


def join(first: str, second: str) -> str:
    return f"{first};{second}" if first and second else first or second


def number(text: str | None, least: int, most: int) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most else None
