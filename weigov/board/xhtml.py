"""HTML → XHTML that is well-formed whatever it is made of: for a picture, which forgives nothing.

Written tag by tag from an allow-list, with what is open on a stack of our own, as ``mapping.html`` does. That one
wrote what is frozen; here it is read as if somebody else had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser

from weigov.mapping.style import clean_style
from weigov.mapping.tags import BLOCKS, GONE, INLINES, PARENTS

#: What XML 1.0 may hold; the rest cannot even be written as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLOB = re.compile(r"weigov-blob:([0-9a-f]{64})")
_NUMBER = re.compile(r"[0-9]{1,3}")
_NUMBERS = ("border", "cellpadding", "colspan", "rowspan", "start")
_WRITTEN = frozenset({*BLOCKS.values(), *INLINES.values(), *PARENTS, "table"})
_VOID = frozenset({"br", "hr"})
_MAX_DEPTH = 120  # a frozen article has at most 100, and its wrappers
#: Shown where a picture is not.
NO_PICTURE = "［图片 picture］"


def text(value: str) -> str:
    """``value`` as text of an XML document, or as an attribute's value."""
    return escape(_NOT_XML.sub("", value))


def xhtml(html: str, pictures: Mapping[str, str]) -> tuple[str, str]:
    """``html`` as a fragment of XHTML, and its words, a line for each block.

    ``pictures``: SHA-256 of a frozen picture → the address it has here. Every other picture becomes words.
    """
    writer = _Writer(pictures)
    writer.feed(html)
    writer.close()
    return writer.whole(), "".join(writer.words)


class _Writer(HTMLParser):
    def __init__(self, pictures: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._pictures = pictures
        self._out: list[str] = []
        self._open: list[str] = []
        self._gone = ""  # the element that is left out with all it holds, while it is open
        self._nested = 0

    def whole(self) -> str:
        while self._open:
            self._out.append(f"</{self._open.pop()}>")
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._gone:
            self._nested += tag == self._gone
            return
        if tag in ("script", "style", "template", "iframe", "title"):  # in these, what follows is no text of ours
            self._gone, self._nested = tag, 1
            return
        values = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._out.append(f"<{tag}/>")
            self.words.append("\n")
        elif tag == "img":
            self._picture(values)
        elif tag in _WRITTEN and tag not in GONE and len(self._open) < _MAX_DEPTH:
            self._out.append(f"<{tag}{_attributes(values)}>")
            self._open.append(tag)
            self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and tag != "img":
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._gone:
            self._nested -= tag == self._gone
            if not self._nested:
                self._gone = ""
        elif tag in self._open:
            while (last := self._open.pop()) != tag:
                self._out.append(f"</{last}>")
            self._out.append(f"</{tag}>")
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._gone:
            self._out.append(text(data))
            self.words.append(data)

    def _break(self, tag: str) -> None:
        """A line ends with a block; cells stand beside each other, as far apart as narrow columns need to wrap."""
        if tag in ("td", "th"):
            self.words.append(" " * 4)
        elif tag not in INLINES and "td" not in self._open and "th" not in self._open:
            self.words.append("\n")

    def _picture(self, values: Mapping[str, str]) -> None:
        found = _BLOB.fullmatch(values.get("src", ""))
        address = self._pictures.get(found[1], "") if found else ""
        alt = text(values.get("alt", ""))
        self._out.append(f'<img src="{text(address)}" alt="{alt}"/>' if address else alt or NO_PICTURE)


def _attributes(values: Mapping[str, str]) -> str:
    kept = {name: values[name] for name in _NUMBERS if _NUMBER.fullmatch(values.get(name, ""))}
    if css := clean_style(values.get("style", "")).css:
        kept["style"] = css
    return "".join(f' {name}="{text(value)}"' for name, value in kept.items())
