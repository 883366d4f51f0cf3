"""Whether HTML holds anything active, judged by parsers that Weigov does not convert with.

What passes has only the tags and attributes of an article, http(s) addresses, and styles without functions, addresses
or positions. The standard library's parser reads what is written, lxml (libxml2) what it makes of it: neither mends
HTML as lexbor does, so a trick on one of the three shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

from lxml import html as lxml_html

TAGS = frozenset(
    "section p blockquote pre h1 h2 h3 h4 h5 h6 ul ol li dl dt dd b strong i em u s del ins sub sup small code span"
    " a img br hr table caption thead tbody tfoot tr td th".split()
)
VOID = frozenset({"img", "br", "hr"})
ATTRIBUTES = frozenset({"style", "href", "src", "alt", "border", "cellpadding", "colspan", "rowspan", "start"})

_SCHEME = re.compile(r"https?://[^\s\x00-\x1f\"'<>\\]*", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_CSS_ACTIVE = re.compile(
    r"url|expression|script|behaviou?r|binding|import|charset|var\(|attr\(|calc\(|image|filter|content|animation"
    r"|position|fixed|absolute|sticky|z-index|opacity|transform|[@\\<>{}]"
)
_FUNCTION = re.compile(r"([a-z-]+)\(")


def active_parts(html: str) -> list[str]:
    """What in ``html`` is not harmless, in words; [] when all is."""
    return [*_written(html), *_understood(html)]


def visible_text(html: str) -> str:
    """All text of ``html``, as the standard library reads it: characters between tags, references resolved."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.text)


def depth(html: str) -> int:
    """How many elements stand within each other at most."""
    reader = _Reader()
    reader.feed(html)
    return reader.deepest


def _written(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    open_tags = [f"<{tag}> is never closed" for tag in reader.open]
    return reader.faults + open_tags


def _understood(html: str) -> list[str]:
    if not html.strip():
        return []
    parser = lxml_html.HTMLParser(huge_tree=True, encoding="utf-8")
    root = lxml_html.document_fromstring(f"<div>{html}</div>".encode(), parser=parser)
    faults: list[str] = []
    for element in root.iter():
        if not isinstance(element.tag, str):
            faults.append(f"lxml sees {element!r}")
        elif element.tag not in ("html", "body", "div"):
            faults += _faults_of(element.tag, element.attrib.items(), "lxml sees ")
    return faults


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.deepest = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults += _faults_of(tag, attrs, "")
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:40]}")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"a declaration: {decl[:40]}")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"a section: {data[:40]}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"an instruction: {data[:40]}")


def _faults_of(tag: str, attributes: Iterable[tuple[str, str | None]], who: str) -> list[str]:
    faults = [] if tag in TAGS else [f"{who}<{tag}>"]
    for name, value in attributes:
        value = value or ""
        if name not in ATTRIBUTES:
            faults.append(f"{who}{name} of <{tag}>")
        elif name in ("href", "src"):
            if not _SCHEME.fullmatch(value):
                faults.append(f"{who}{name}={value[:60]!r}")
        elif name == "style":
            faults += [f"{who}style {value[:60]!r} has {found}" for found in _active_css(value)]
    return faults


def _active_css(style: str) -> list[str]:
    plain = _CSS_ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), style)
    plain = _CSS_COMMENT.sub("", plain).lower()
    both = f"{style.lower()} {plain}"  # comments may hide a word, and may be none for an old engine
    functions = [name for name in _FUNCTION.findall(both) if name not in ("rgb", "rgba")]
    return [found[0] for found in _CSS_ACTIVE.finditer(both)] + functions
