"""Which inline style a citizen's phone gets: an allow-list of properties, each with the values it may have.

Print measures (pt, cm) are left out: what was set for A4 is no size on a phone, and WeChat's own text size is what a
reader chose. Positions, widths, fonts, urls, functions, variables and anything with an escape never pass.
Source: rulebook §3, "HTML that survives".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_LENGTH = r"(?:0|\d{1,2}(?:\.\d{1,2})?(?:px|em)|\d{1,3}%)"
_COLOR = r"(?:#[0-9a-f]{3,8}|[a-z]{3,24}|rgba?\([\d.%\s,]{5,40}\))"
_LINE = r"(?:none|solid|dashed|dotted|double)"
_BORDER = rf"(?:{_LENGTH}|{_LINE}|{_COLOR})(?:\s+(?:{_LENGTH}|{_LINE}|{_COLOR})){{0,2}}"

_PATTERNS = {
    "color": _COLOR,
    "background-color": _COLOR,
    "font-weight": r"normal|bold|bolder|lighter|[1-9]00",
    "font-style": r"normal|italic|oblique",
    "font-size": r"(?:1\d|2\d|3[0-2])(?:\.\d{1,2})?px|(?:0?\.[6-9]\d?|1(?:\.\d{1,2})?|2)em|[6-9]\d%|1\d\d%",
    "text-align": r"left|right|center|justify|start|end",
    "text-decoration": r"none|underline|line-through",
    "text-indent": r"[0-4](?:\.\d{1,2})?em|0",
    "line-height": r"[12](?:\.\d{1,2})?(?:em)?|[12]\d\d%",
    "letter-spacing": r"0|\d(?:\.\d{1,2})?px",
    "vertical-align": r"top|middle|bottom|baseline|sub|super",
    "white-space": r"normal|nowrap|pre-wrap|pre-line",
    "word-break": r"normal|break-all|break-word",
    "display": r"block|inline|inline-block",
    "list-style-type": r"none|disc|circle|square|decimal|(?:lower|upper)-(?:alpha|roman)|cjk-ideographic",
    "border-collapse": r"collapse|separate",
    "border-radius": _LENGTH,
    "overflow-x": r"auto",
    "max-width": r"100%",
}
for _side in ("", "-top", "-right", "-bottom", "-left"):
    _PATTERNS[f"border{_side}"] = _BORDER
    _PATTERNS[f"padding{_side}"] = rf"{_LENGTH}(?:\s+{_LENGTH}){{0,3}}"
    _PATTERNS[f"margin{_side}"] = rf"(?:{_LENGTH}|auto)(?:\s+(?:{_LENGTH}|auto)){{0,3}}"
for _part, _value in (("color", _COLOR), ("style", _LINE), ("width", _LENGTH)):
    _PATTERNS[f"border-{_part}"] = _value

_ALLOWED = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}
_PRINT_INDENT = re.compile(r"[1-9]\d{0,2}(?:\.\d+)?pt")
# Worth telling a reviewer about: what could have shown something else than the text says. In small letters, which a
# pattern finds six times as fast as letters of either size.
_TRICK = re.compile(r"url|expression|javascript|behavior|binding|@|\\|var\s*\(|fixed|absolute")


_SIDES = ("border", "border-top", "border-right", "border-bottom", "border-left")
_DRAWN = re.compile(r"solid|dotted|dashed|double")

#: Styles repeat, an editor's paragraph after paragraph; one longer than these does not, and would fill the memory.
_CACHED_CHARS = 1000


class Style(NamedTuple):
    """What became of a ``style`` attribute."""

    css: str
    tricks: int = 0  # dropped declarations that were more than looks
    hidden: bool = False  # the element is not shown at all
    lined: bool = False  # borders were drawn, even where they did not stay


NO_STYLE = Style("")


def clean_style(style: str) -> Style:
    """The declarations of ``style`` that may stay. Cleaning twice equals once."""
    return _cached(style) if len(style) <= _CACHED_CHARS else _cleaned(style)


def _cleaned(style: str) -> Style:
    kept: dict[str, str] = {}
    tricks, hidden, lined = 0, False, False
    judge = _judged if len(style) <= _CACHED_CHARS else _judge
    for name, declared, trick, hides, draws in filter(None, map(judge, style.split(";"))):
        if declared:
            kept[name] = declared
        tricks += trick
        hidden = hidden or hides
        lined = lined or draws
    return Style(";".join(kept.values()), tricks, hidden, lined)


def _judge(declaration: str) -> tuple[str, str, bool, bool, bool] | None:
    """(name, what is kept of it or '', trick, hidden, lined) of one declaration; None when it says nothing."""
    name, colon, value = declaration.partition(":")
    if not colon:
        return None
    name, value = name.strip().lower(), " ".join(value.lower().replace("!important", "").split())
    hides = (name, value) in (("display", "none"), ("visibility", "hidden"), ("mso-hide", "all"))
    draws = name in _SIDES and _DRAWN.search(value) is not None
    if name == "background":
        name = "background-color"
    if name == "text-indent" and _PRINT_INDENT.fullmatch(value):
        value = "2em"  # a print measure stands for the two characters a Chinese paragraph begins with
    pattern = _ALLOWED.get(name)
    if pattern is not None and pattern.fullmatch(value):
        return name, f"{name}:{value}", False, hides, draws
    trick = _TRICK.search(declaration.lower()) is not None
    return (name, "", trick, hides, draws) if trick or hides or draws else None


#: Styles differ by a measure here and there; most of their declarations were seen before.
_judged = lru_cache(maxsize=8192)(_judge)
_cached = lru_cache(maxsize=8192)(_cleaned)


def is_color(value: str) -> bool:
    return re.fullmatch(_COLOR, value.strip().lower()) is not None
