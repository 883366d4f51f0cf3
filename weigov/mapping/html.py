"""Upstream HTML → what survives in a WeChat article and is safe there.

lexbor parses as a browser would; what leaves is written anew, tag by tag, from an allow-list, with an explicit stack
(text nested a hundred thousand deep is still text). Converting twice equals converting once: what is written parses
back to itself, so the nesting a parser would change is never written (a ``p`` that turns out to hold blocks becomes a
``section``; list and table parts only stand where they belong).

All text a reader would have seen is kept. Nothing active is: no scripts, handlers, forms, frames, links but to
WeChat's own articles; another link becomes its text and, where that differs, its address. What was taken away is
counted by name, for the person who reviews.

Source: rulebook §3, "HTML that survives".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from weigov.mapping.style import clean_style, is_color
from weigov.mapping.tags import (
    BLOCKS,
    COUNTED,
    GONE,
    HEADINGS,
    INLINES,
    PARENTS,
    SPECIAL,
    TABLE_ROWS,
    UNCOUNTED,
)
from weigov.mapping.text import plain, without_unseen

MAX_DEPTH = 100  # elements written inside each other; deeper ones lose their tags, not their text
_LINKS_WITHIN = (
    10  # links within links whose address is printed; HTML has none, and each costs what it holds once more
)
SCROLL = '<section style="overflow-x:auto">'
IMAGE_STYLE = "max-width:100%"

_IMAGE_SOURCES = ("data-src", "data-original", "_src")

_WEIXIN = re.compile(r"https?://mp\.weixin\.qq\.com(?:[/?#][!#-;=?-\[\]_a-z{|}~]*)?", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]*>")
_SPACES = re.compile(r"[ \t\n\f\r]+")
_SPACE = " \t\n\f\r"


@dataclass(frozen=True, slots=True)
class Converted:
    """``html`` is WeChat-safe. ``dropped`` counts by name what was taken away; ``images`` are the sources kept."""

    html: str
    dropped: Mapping[str, int]
    images: tuple[str, ...]


def convert(html: str, resolve_image: Callable[[str], str | None], base_url: str = "") -> Converted:
    """``html`` as WeChat keeps it.

    ``resolve_image`` is asked once for each source, as it stands in the HTML (http, https, relative, or ``data:``),
    and gives the address to write, or None to leave the picture out; its alternative text is then written instead.
    ``base_url`` completes relative links where their address is printed.
    """
    writer = _Writer(resolve_image, base_url)
    writer.write(LexborHTMLParser(html, is_fragment=True).root)
    return Converted("".join(writer.out).strip(_SPACE), dict(writer.dropped), tuple(writer.images))


def text_of(html: str) -> str:
    """The words of ``html``, one line a block, without tags."""
    converted = convert(html, lambda source: None).html
    lines = _TAGS.sub("", re.sub(r"<br>|</(?:p|section|li|h\d|tr|dt|dd|pre|blockquote|caption)>", "\n", converted))
    text = lines.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    return "\n".join(line for line in (" ".join(raw.split()) for raw in text.split("\n")) if line)


class _Frame:
    """An element being written: what follows it, what it is called in what we write, and what ends it."""

    __slots__ = ("after", "at", "block", "depth", "end", "link", "tag")

    def __init__(
        self, after: LexborNode | None, tag: str, end: str, at: int, *, block: bool, depth: int, link: str = ""
    ) -> None:
        self.after = after
        self.tag = tag  # '' for none; an element without tags of its own has its parent's
        self.end = end
        self.at = at  # where in ``out`` it begins
        self.block = block
        self.depth = depth
        self.link = link


class _Writer:
    def __init__(self, resolve_image: Callable[[str], str | None], base_url: str) -> None:
        self.out: list[str] = []
        self.dropped: Counter[str] = Counter()
        self.images: dict[str, str | None] = {}
        self._resolve_image = resolve_image
        self._base_url = base_url
        self._resolved: dict[str, str | None] = {}
        self._paragraph: _Frame | None = None  # the open ``p``; there is one at most
        self._tables = self._links = self._pres = self._addresses = 0
        self._trim = True  # a space here would not show

    def write(self, root: LexborNode | None) -> None:
        stack: list[_Frame] = []
        node = root
        while node is not None or stack:
            if node is None:
                frame = stack.pop()
                self._close(frame)
                node = frame.after
                continue
            tag = node.tag
            if tag == "-text":
                if not stack or stack[-1].tag not in TABLE_ROWS:
                    self._text(node.text_content or "")
                node = node.next
            elif tag is None or tag[0] == "-":
                node = node.next
            else:
                frame_or_none = self._open(node, tag, stack[-1] if stack else None)
                if frame_or_none is None:
                    node = node.next
                else:
                    stack.append(frame_or_none)
                    node = node.first_child

    # ---- text

    def _text(self, text: str) -> None:
        text, unseen = without_unseen(text)
        if unseen:
            self.dropped["unseen character"] += unseen
        if self._pres:
            if self.out and self.out[-1].startswith("<pre") and text.startswith("\n"):
                text = "\n" + text  # the first line end after <pre> does not count
            self._trim = False
        else:
            text = _SPACES.sub(" ", text)
            if self._trim:
                text = text.lstrip(" ")
            if text:
                self._trim = text[-1] == " "
        if text:
            self.out.append(_escape(text))

    # ---- elements

    def _open(self, node: LexborNode, tag: str, parent: _Frame | None) -> _Frame | None:
        """Begin ``node``; None when it is written, or left out, as a whole."""
        inside = parent.tag if parent else ""
        depth = parent.depth if parent else 0
        if tag in GONE:
            if tag not in UNCOUNTED:
                self.dropped[tag] += 1
            return None
        attributes = node.attributes
        css, hidden = self._looks(attributes) if attributes else ("", False)
        wanted = PARENTS.get(tag)
        at_home = wanted is not None and inside in wanted
        if inside in TABLE_ROWS and not at_home:
            return None  # an empty form, say: a parser leaves nothing with text here
        if hidden:
            self.dropped["hidden"] += 1
            if at_home and tag in ("td", "th"):
                self._put(f"<{tag}></{tag}>", trims=True)  # the cells beside it stay where they are
            return None
        if at_home:
            return self._part(node, tag, attributes, css, depth)
        if tag in SPECIAL:
            return self._special(node, tag, attributes, css, inside, depth)
        if tag in COUNTED:
            self.dropped[tag] += 1
        if wanted is None:
            name = BLOCKS.get(tag)
        else:  # a part away from home
            name = None if tag in TABLE_ROWS else "section"
        if name is None:
            return self._inline(node, tag, attributes, css, inside, depth)
        if name in HEADINGS and inside in HEADINGS:
            name = "section"
        more = ""
        if "align" in attributes or tag == "center":
            css = _aligned(css, "center" if tag == "center" else attributes["align"])
        if name == "ol" and (start := _number(attributes.get("start"), 2, 9999)):
            more = f' start="{start}"'
        return self._begin(node, name, css, more, depth, inside)

    def _looks(self, attributes: Mapping[str, str | None]) -> tuple[str, bool]:
        """What stays of an element's style, and whether it is not shown at all; counts what was more than looks."""
        for attribute in attributes:
            if attribute[:2] == "on":
                self.dropped["handler"] += 1
        css, tricks, hidden, _ = clean_style(attributes.get("style") or "")
        if tricks:
            self.dropped["css"] += tricks
        return css, hidden or "hidden" in attributes

    def _special(
        self, node: LexborNode, tag: str, attributes: Mapping[str, str | None], css: str, inside: str, depth: int
    ) -> _Frame | None:
        if tag == "br":
            self._put("<br>", trims=True)
        elif tag == "hr":
            self._block("<hr>")
        elif tag == "img":
            self._image(attributes)
        elif tag == "a":
            return self._link(node, attributes, inside, depth)
        else:
            return self._table(node, attributes, css, inside, depth)
        return None

    def _begin(
        self, node: LexborNode, name: str, css: str, more: str, depth: int, inside: str, *, at_home: bool = False
    ) -> _Frame:
        """A block element, unless it is too deep: then its text only."""
        if depth >= MAX_DEPTH and not at_home:
            self._trim = False
            return _Frame(node.next, inside, "", len(self.out), block=False, depth=depth)
        frame = _Frame(node.next, name, f"</{name}>", len(self.out), block=True, depth=depth + 1)
        self._block(f'<{name}{more} style="{css}">' if css else f"<{name}{more}>")
        if name == "p":
            self._paragraph = frame
        elif name == "pre":
            self._pres += 1
        return frame

    def _block(self, start: str) -> None:
        paragraph = self._paragraph
        if paragraph is not None:  # a p cannot hold blocks: it was a section all along
            self.out[paragraph.at] = "<section" + self.out[paragraph.at].removeprefix("<p")
            paragraph.tag, paragraph.end = "section", "</section>"
            self._paragraph = None
        self._put(start, trims=True)

    def _put(self, markup: str, *, trims: bool) -> None:
        self.out.append(markup)
        self._trim = trims

    def _close(self, frame: _Frame) -> None:
        if frame.link:
            self._addresses -= 1
            self._print_address(frame)
        if not frame.end:
            return
        if frame is self._paragraph:
            self._paragraph = None
        if frame.tag == "table":
            self._tables -= 1
        elif frame.tag == "pre":
            self._pres -= 1
        elif frame.tag == "a":
            self._links -= 1
        if not frame.block and frame.at == len(self.out) - 1:
            self.out.pop()  # an inline element with nothing in it
            return
        self.out.append(frame.end)
        if frame.block:
            self._trim = True

    def _inline(
        self, node: LexborNode, tag: str, attributes: Mapping[str, str | None], css: str, inside: str, depth: int
    ) -> _Frame:
        name = INLINES.get(tag)
        if tag == "font" and is_color(attributes.get("color") or "") and "color:" not in css:
            css = _join(css, f"color:{(attributes.get('color') or '').strip().lower()}")
        if name is None or depth >= MAX_DEPTH or (name == "span" and not css):
            return _Frame(node.next, inside, "", len(self.out), block=False, depth=depth)
        frame = _Frame(node.next, name, f"</{name}>", len(self.out), block=False, depth=depth + 1)
        self.out.append(f'<{name} style="{css}">' if css else f"<{name}>")
        return frame

    # ---- links and pictures

    def _link(self, node: LexborNode, attributes: Mapping[str, str | None], inside: str, depth: int) -> _Frame:
        href = (attributes.get("href") or "").strip()
        if _WEIXIN.fullmatch(href) and not self._links and depth < MAX_DEPTH:
            self._links += 1
            frame = _Frame(node.next, "a", "</a>", len(self.out), block=False, depth=depth + 1)
            self.out.append(f'<a href="{_escape(href, quote=True)}">')
            return frame
        if href:
            self.dropped["link"] += 1
        address = "" if self._links or self._addresses >= _LINKS_WITHIN else _address(href, self._base_url)
        self._addresses += bool(address)
        return _Frame(node.next, inside, "", len(self.out), block=False, depth=depth, link=address)

    def _print_address(self, frame: _Frame) -> None:
        written = "".join(self.out[frame.at :])
        if not written.strip():
            return
        shown = re.sub(r"\s+", "", _TAGS.sub("", written))
        address = _escape(frame.link)
        bare = address.split("://", 1)[-1].rstrip("/")
        if bare not in shown and frame.tag not in TABLE_ROWS:
            self.out.append(f"（{address}）")
            self._trim = False

    def _image(self, attributes: Mapping[str, str | None]) -> None:
        source = (attributes.get("src") or "").strip()
        if not source or source.startswith("data:"):  # a page that loads pictures late keeps the true one elsewhere
            source = next((late.strip() for name in _IMAGE_SOURCES if (late := attributes.get(name))), source)
        alternative = plain(" ".join((attributes.get("alt") or "").split()))
        if source not in self._resolved:
            self._resolved[source] = self._resolve_image(source) if _may_be_fetched(source) else None
        address = self._resolved[source]
        if address is None:
            self.dropped["image"] += 1
            if alternative:
                self._text(f"［图片：{alternative}］")
            return
        self.images[source] = address
        alt = f' alt="{_escape(alternative, quote=True)}"' if alternative else ""
        self._put(f'<img src="{_escape(address, quote=True)}"{alt} style="{IMAGE_STYLE}">', trims=False)

    # ---- tables

    def _table(
        self, node: LexborNode, attributes: Mapping[str, str | None], css: str, inside: str, depth: int
    ) -> _Frame:
        """A table in a wrapper that scrolls. One with a single cell only laid out the page: a section."""
        cells, bordered = _look_into(node)
        wrapped = self._tables > 0 or self.out[-1:] == [SCROLL]
        depth += not wrapped
        if cells < 2 or depth + 4 > MAX_DEPTH:
            return _Frame(node.next, inside, "", len(self.out), block=False, depth=depth - (not wrapped))
        if "border-collapse:" not in css:
            css = _join("border-collapse:collapse", css)
        lines = ' border="1"' if bordered or _number(attributes.get("border"), 1, 99) else ""
        if not wrapped:
            self._block(SCROLL)
        frame = self._begin(node, "table", css, f'{lines} cellpadding="4"', depth, inside)
        if not wrapped:
            frame.end = "</table></section>"
        self._tables += 1
        return frame

    def _part(self, node: LexborNode, tag: str, attributes: Mapping[str, str | None], css: str, depth: int) -> _Frame:
        more = ""
        if attributes and tag in ("td", "th"):
            for name in ("colspan", "rowspan"):
                if span := _number(attributes.get(name), 2, 999):
                    more += f' {name}="{span}"'
            color = (attributes.get("bgcolor") or "").strip().lower()
            if color and is_color(color) and "background-color:" not in css:
                css = _join(css, f"background-color:{color}")
        return self._begin(node, tag, _aligned(css, attributes.get("align")), more, depth, "", at_home=True)


def _look_into(table: LexborNode) -> tuple[int, bool]:
    """How many cells ``table`` shows (2 stands for more), and whether they are drawn with lines."""
    cells, bordered = 0, False
    group = table.first_child
    while group is not None:
        row = group.first_child if group.tag in ("tbody", "thead", "tfoot") and not _hidden(group) else None
        while row is not None:
            cell = row.first_child if row.tag == "tr" and not _hidden(row) else None
            while cell is not None:
                if cell.tag in ("td", "th"):
                    cells += 1
                    bordered = bordered or clean_style(cell.attributes.get("style") or "").lined
                    if cells > 1:
                        return cells, bordered
                cell = cell.next
            row = row.next
        group = group.next
    return cells, bordered


def _hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or clean_style(attributes.get("style") or "").hidden


def _aligned(css: str, align: str | None) -> str:
    align = (align or "").strip().lower()
    if align in ("left", "right", "center", "justify") and "text-align:" not in css:
        return _join(css, f"text-align:{align}")
    return css


def _join(first: str, second: str) -> str:
    return f"{first};{second}" if first and second else first or second


def _number(text: str | None, least: int, most: int) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most else None


def _address(href: str, base_url: str) -> str:
    """What to print of a link that goes nowhere in WeChat; '' for one that only worked within its page."""
    if not href or href.startswith("#"):
        return ""
    try:
        whole = urljoin(base_url, href) if base_url else href
        scheme = urlsplit(whole).scheme.lower()
    except ValueError:
        return ""
    if scheme in ("mailto", "tel"):
        return plain(whole.partition(":")[2].partition("?")[0].strip())
    return plain("".join(whole.split())) if scheme in ("http", "https") else ""


def _may_be_fetched(source: str) -> bool:
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", source)
    return bool(source) and (scheme is None or scheme.group(1).lower() in ("http", "https", "data"))


def _escape(text: str, *, quote: bool = False) -> str:
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text.replace('"', "&quot;") if quote else text
