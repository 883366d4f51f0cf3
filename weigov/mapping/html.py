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

from weigov.mapping.reopened import too_much, without_formatting
from weigov.mapping.starts import LOST, Placed, Start, TooLong, forget, join, number, read, remembered
from weigov.mapping.style import clean_style
from weigov.mapping.tags import COUNTED, END, HEADINGS, INLINES, PARENTS, SPECIAL, TABLE_ROWS
from weigov.mapping.text import plain, without_unseen

MAX_DEPTH = 100  # elements written inside each other; deeper ones lose their tags, not their text
_LINKS_WITHIN = (
    10  # links within links whose address is printed; HTML has none, and each costs what it holds once more
)
SCROLL = '<section style="overflow-x:auto">'
SCROLLED = "table in a section"  # what a table with its wrapper is called while it is open
IMAGE_STYLE = "max-width:100%"

_IMAGE_SOURCES = ("data-src", "data-original", "_src")

_SCROLLED_END = "</table></section>"  # of both
_INLINE_NAMES = sorted({*INLINES.values(), "a"})
_INLINE_ENDS = frozenset(END[name] for name in _INLINE_NAMES)
_BLOCK_ENDS = frozenset(END.values()) - _INLINE_ENDS
_INLINE_TAG = re.compile(rf"</?(?:{'|'.join(_INLINE_NAMES)})[ >]")
_ADDRESS = "（"  # stands for the end tag of a link whose address is printed there
_WEIXIN = re.compile(r"https?://mp\.weixin\.qq\.com(?:[/?#][!#-;=?-\[\]_a-z{|}~]*)?", re.IGNORECASE)
_WHOLE = re.compile(r"https?://[A-Za-z0-9.-]+/[A-Za-z0-9./_~-]*")  # joined with a base, it stays what it is
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
    forget()
    writer = _Writer(resolve_image, base_url)
    if not too_much(html):
        converted = _written(html, writer)
        if not too_much(converted.html, len(writer.out)):
            return converted
    plainer = _Writer(resolve_image, base_url)
    plainer.resolved = writer.resolved  # each source is asked for once
    plainer.dropped["formatting"] += 1
    return _written(without_formatting(html), plainer)


def _written(html: str, writer: _Writer) -> Converted:
    parser = LexborHTMLParser(html, is_fragment=True)  # held until the text is made: the next page finds its memory
    writer.write(parser.root)
    return Converted("".join(writer.out).strip(_SPACE), dict(writer.dropped), tuple(writer.images))


def text_of(html: str) -> str:
    """The words of ``html``, one line a block, without tags."""
    converted = convert(html, lambda source: None).html
    lines = _TAGS.sub("", re.sub(r"<br>|</(?:p|section|li|h\d|tr|dt|dd|pre|blockquote|caption)>", "\n", converted))
    text = lines.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    return "\n".join(line for line in (" ".join(raw.split()) for raw in text.split("\n")) if line)


class _Writer:
    def __init__(self, resolve_image: Callable[[str], str | None], base_url: str) -> None:
        self.out: list[str] = []  # each piece is a text, escaped, or one tag
        self.dropped: Counter[str] = Counter()
        self.images: dict[str, str | None] = {}
        self._resolve_image = resolve_image
        self._base_url = base_url
        self.resolved: dict[str, str | None] = {}
        self._paragraph = -1  # where in ``out`` the open ``p`` begins; there is one at most
        self._addresses: list[tuple[str, int]] = []  # of the links that are open, with where in ``out`` these began
        self._tables = self._links = self._pres = 0

    def write(self, root: LexborNode | None) -> None:
        """Write ``root`` and what follows it.

        This loop is where the time goes: a page is a thousand rounds of it. So most start tags are read once and
        written at once, what is known beforehand is not asked for, and what is open is no object but what is needed
        when it ends: what comes after it, its end tag ('' when it lost its tags), its start tag, what its parent is
        called and how deep that is.
        """
        stack: list[tuple[LexborNode | None, str, str, str, int]] = []
        out = self.out
        put, push, pop = out.append, stack.append, stack.pop
        inside, depth = "", 0
        node = root
        while True:
            while node is not None:
                text = node.text_content
                if text is not None:
                    if text.isalnum():
                        put(text)
                    elif text < "!" or self._pres or "  " in text or not text.isprintable():
                        if inside not in TABLE_ROWS:  # a parser leaves nothing but spaces there
                            self._text(text)
                    elif "&" in text or "<" in text or ">" in text:
                        put(_escape(text))
                    else:  # it begins with no space, and has neither line ends nor unseen characters: as it is
                        put(text)
                    node = node.next
                    continue
                tag = node.tag or "-comment"
                attributes = node.attributes
                if attributes:
                    try:
                        start = remembered(tag, **attributes)
                    except TooLong:
                        start = read(tag, attributes)
                else:
                    start = remembered(tag)
                if start.plain and depth < MAX_DEPTH:  # a parser leaves none of these between the parts of a table
                    name, opening, end, block = start.placed
                elif inside in start.homes:  # never too deep: what it is a part of was not
                    name, opening, end, block = start.part
                else:
                    placed = self._place(node, tag, attributes, start, inside, depth)
                    if placed is None:
                        node = node.next
                        continue
                    name, opening, end, block = placed
                if name:
                    push((node.next, end, opening, inside, depth))
                    if block:
                        if self._paragraph >= 0:
                            self._no_paragraph()
                        if name == "p":
                            self._paragraph = len(out)
                    put(opening)
                    if name == SCROLLED:
                        inside, depth = "table", depth + 2
                    else:
                        inside, depth = name, depth + 1
                else:
                    after = node.next
                    if end or after is not None:
                        push((after, end, opening, inside, depth))
                node = node.first_child
            if not stack:
                return
            node, end, opening, inside, depth = pop()
            if end in _INLINE_ENDS:
                if out[-1] is opening:  # nothing is in it, and what was within it has ended
                    out.pop()
                else:
                    put(end)
                if end == "</a>":
                    self._links -= 1
            elif end == "</p>":
                if self._paragraph >= 0:  # it is this one, for it was the last to be opened
                    self._paragraph = -1
                    put(end)
                else:
                    put("</section>")
            elif end == _ADDRESS:
                self._print_address(*self._addresses.pop(), inside)
            elif end == _SCROLLED_END:
                out += (END["table"], END["section"])
                self._tables -= 1
            elif end:
                put(end)
                if end == "</pre>":
                    self._pres -= 1
                elif end == "</table>":
                    self._tables -= 1

    # ---- text

    def _text(self, text: str) -> None:
        if self._pres:
            text = self._without_unseen(text)
            if self.out and self.out[-1].startswith("<pre") and text.startswith("\n"):
                text = "\n" + text  # the first line end after <pre> does not count
        else:
            if text == "\n" and (not self.out or self.out[-1] in _BLOCK_ENDS or self._at_edge()):
                return  # between blocks, mostly
            if not text.isprintable():
                text = self._without_unseen(text)
                text = _SPACES.sub(" ", text)
            elif "  " in text:
                text = _SPACES.sub(" ", text)
            if text[:1] == " " and self._at_edge():
                text = text[1:]
        if text:
            self.out.append(_escape(text))

    def _at_edge(self) -> bool:
        """Whether a space here would not show: it would begin a block or follow another."""
        for piece in reversed(self.out):
            if piece[0] != "<":
                return piece[-1] == " "
            if not _INLINE_TAG.match(piece):
                return not piece.startswith("<img")
        return True

    def _without_unseen(self, text: str) -> str:
        text, unseen = without_unseen(text)
        if unseen:
            self.dropped["unseen character"] += unseen
        return text

    # ---- elements

    def _place(
        self, node: LexborNode, tag: str, attributes: Mapping[str, str | None], start: Start, inside: str, depth: int
    ) -> Placed | None:
        """What becomes of ``node`` where it stands; None when it is done with."""
        for noted in start.noted:
            self.dropped[noted] += 1
        if start.gone:
            return None
        at_home = inside in PARENTS.get(tag, ())
        if not at_home and inside in TABLE_ROWS:
            return None  # an empty form, say: a parser leaves nothing with text here
        if start.hidden:
            self.dropped["hidden"] += 1
            if at_home and tag in ("td", "th"):
                self.out += (f"<{tag}>", END[tag])  # the cells beside it stay where they are
            return None
        if at_home:
            return start.part
        if tag in SPECIAL:
            return self._special(node, tag, attributes, start.css, depth)
        if tag in COUNTED:
            self.dropped[tag] += 1
        if depth >= MAX_DEPTH:
            return LOST
        name, opening, _, _ = start.placed
        if name == "pre":
            self._pres += 1
        elif name in HEADINGS and inside in HEADINGS:
            return "section", "<section" + opening.removeprefix(f"<{name}"), END["section"], True
        return start.placed

    def _special(
        self, node: LexborNode, tag: str, attributes: Mapping[str, str | None], css: str, depth: int
    ) -> Placed | None:
        if tag == "br":
            self.out.append("<br>")
        elif tag == "hr":
            self._block("<hr>")
        elif tag == "img":
            self._image(attributes)
        elif tag == "a":
            return self._link(attributes, depth)
        else:
            return self._table(node, attributes, css, depth)
        return None

    def _block(self, opening: str) -> None:
        if self._paragraph >= 0:
            self._no_paragraph()
        self.out.append(opening)

    def _no_paragraph(self) -> None:
        """A p cannot hold blocks: the open one was a section all along."""
        self.out[self._paragraph] = "<section" + self.out[self._paragraph].removeprefix("<p")
        self._paragraph = -1

    # ---- links and pictures

    def _link(self, attributes: Mapping[str, str | None], depth: int) -> Placed:
        href = (attributes.get("href") or "").strip()
        if _WEIXIN.fullmatch(href) and not self._links and depth < MAX_DEPTH:
            self._links += 1
            return "a", f'<a href="{_escape(href, quote=True)}">', END["a"], False
        if href:
            self.dropped["link"] += 1
        if not self._links and len(self._addresses) < _LINKS_WITHIN and (address := _address(href, self._base_url)):
            self._addresses.append((address, len(self.out)))
            return "", "", _ADDRESS, False
        return LOST

    def _print_address(self, address: str, at: int, inside: str) -> None:
        written = "".join(self.out[at:])
        if not written.strip():
            return
        shown = "".join(_TAGS.sub("", written).split())
        address = _escape(address)
        bare = address.split("://", 1)[-1].rstrip("/")
        if bare not in shown and inside not in TABLE_ROWS:
            self.out.append(f"（{address}）")

    def _image(self, attributes: Mapping[str, str | None]) -> None:
        source = (attributes.get("src") or "").strip()
        if not source or source.startswith("data:"):  # a page that loads pictures late keeps the true one elsewhere
            source = next((late.strip() for name in _IMAGE_SOURCES if (late := attributes.get(name))), source)
        alternative = plain(" ".join((attributes.get("alt") or "").split()))
        if source not in self.resolved:
            self.resolved[source] = self._resolve_image(source) if _may_be_fetched(source) else None
        address = self.resolved[source]
        if address is None:
            self.dropped["image"] += 1
            if alternative:
                self._text(f"［图片：{alternative}］")
            return
        self.images[source] = address
        alt = f' alt="{_escape(alternative, quote=True)}"' if alternative else ""
        self.out.append(f'<img src="{_escape(address, quote=True)}"{alt} style="{IMAGE_STYLE}">')

    # ---- tables

    def _table(self, node: LexborNode, attributes: Mapping[str, str | None], css: str, depth: int) -> Placed:
        """A table in a wrapper that scrolls. One with a single cell only laid out the page: a section."""
        cells, bordered = _look_into(node)
        wrapped = self._tables > 0 or self.out[-1:] == [SCROLL]
        if cells < 2 or depth + (not wrapped) + 4 > MAX_DEPTH:
            return LOST
        if "border-collapse:" not in css:
            css = join("border-collapse:collapse", css)
        lines = ' border="1"' if bordered or number(attributes.get("border"), 1, 99) else ""
        if not wrapped:
            self._block(SCROLL)
        self._tables += 1
        opening = f'<table{lines} cellpadding="4" style="{css}">'
        return ("table", opening, END["table"], True) if wrapped else (SCROLLED, opening, _SCROLLED_END, True)


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


def _address(href: str, base_url: str) -> str:
    """What to print of a link that goes nowhere in WeChat; '' for one that only worked within its page."""
    if not href or href.startswith("#"):
        return ""
    if _WHOLE.fullmatch(href):
        return href
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
