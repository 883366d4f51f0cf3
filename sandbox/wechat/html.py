"""What WeChat leaves of an article's HTML. Nobody is told: the draft simply holds the cleaned text.

No official list exists; these are the findings of those who tried (rulebook §3, "HTML that survives"). Written as a
filter on the token stream, so that what is not touched comes out exactly as it went in.
"""

import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

IMAGE_HOSTS = {"mmbiz.qpic.cn", "mmbiz.qlogo.cn"}
LINK_HOSTS = {"mp.weixin.qq.com"}

_DROPPED = {
    "script", "style", "iframe", "button", "textarea", "select", "object", "video", "audio", "title", "noscript",
    "applet", "frameset", "canvas", "template",
}  # fmt: skip
_DROPPED_VOID = {"link", "meta", "input", "embed", "base", "frame", "source", "track", "param"}
_UNWRAPPED = {"form", "article", "main", "header", "footer", "nav", "html", "head", "body"}
_STYLE_OUT = re.compile(
    r"\s*(?:position\s*:\s*(?:absolute|fixed)|--[\w-]+\s*:[^;]*|[\w-]+\s*:[^;]*(?:var\(|expression|javascript:)[^;]*)"
    r"\s*(?:;|$)",
    re.IGNORECASE,
)


def clean(html: str) -> str:
    filtering = _Filter()
    filtering.feed(html)
    filtering.close()
    return "".join(filtering.out)


def text_of(html: str) -> str:
    """The words of an article, spaces folded: what the digest is made of."""
    reading = _Reader()
    reading.feed(html)
    reading.close()
    return " ".join("".join(reading.out).split())


class _Filter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._inside: list[str] = []  # open elements that are dropped with all they hold

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=False)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=True)

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            if tag == self._inside[-1]:
                self._inside.pop()
        elif tag not in _DROPPED | _DROPPED_VOID | _UNWRAPPED:
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def _text(self, text: str) -> None:
        if not self._inside:
            self.out.append(text)

    def _start(self, tag: str, attrs: list[tuple[str, str | None]], *, closed: bool) -> None:
        if self._inside:
            if tag == self._inside[-1] and not closed:
                self._inside.append(tag)
            return
        if tag in _DROPPED:
            if not closed:
                self._inside.append(tag)
            return
        if tag in _DROPPED_VOID | _UNWRAPPED or (tag == "img" and not _is_ours(attrs)):
            return
        kept = [(name, value) for name, value in attrs if _survives(tag, name, value)]
        styled = [(name, _style(value) if name == "style" else value) for name, value in kept]
        if styled == attrs:
            self.out.append(self.get_starttag_text() or "")
            return
        shown = "".join(f' {n}="{escape(v)}"' if v is not None else f" {n}" for n, v in styled if v != "")
        self.out.append(f"<{tag}{shown}{'/' if closed else ''}>")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []

    def handle_data(self, data: str) -> None:
        self.out.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "br", "div", "li", "tr", "section"):
            self.out.append(" ")


def _host(url: str | None) -> str:
    try:
        parts = urlsplit((url or "").strip())
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""


def _is_ours(attrs: list[tuple[str, str | None]]) -> bool:
    return any(name in ("src", "data-src") and _host(value) in IMAGE_HOSTS for name, value in attrs)


def _survives(tag: str, name: str, value: str | None) -> bool:
    if name.startswith("on") or name == "id" or (name.startswith("data-") and name != "data-src"):
        return False
    if name == "href":
        return tag == "a" and _host(value) in LINK_HOSTS
    if name in ("src", "data-src"):
        return tag == "img" and _host(value) in IMAGE_HOSTS
    if name in ("srcdoc", "srcset", "action", "formaction", "background", "poster", "xlink:href"):
        return False
    return "javascript:" not in (value or "").lower()


def _style(value: str | None) -> str:
    return _STYLE_OUT.sub("", value or "").strip()
