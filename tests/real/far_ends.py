"""What the two far ends show, for comparison: WordPress to anybody who asks, WeChat to anybody who reads.

Neither our ledger nor our conversion of HTML is asked. Text is compared without blanks, punctuation and printed
addresses: the words a reader reads, in their order.
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from ops.clients import Sandbox
from tests.real.wordpress import WordPress

IMAGE_HOST = "http://mmbiz.qpic.cn/"
TITLE_MAX = 32
_SILENT = frozenset({"script", "style", "iframe"})
_ADDRESS = re.compile(r"https?://[!-~]+")
_LOST_IMAGE = re.compile(r"［图片：[^］]*］")
_FOOT = re.compile(r"(?:发布时间：[\d年月日 :]+\s*)?原文见“阅读原文”\s*$")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Shown:
    """One post or article as it can be read."""

    title: str
    digest: str  # of its words
    pictures: int
    foreign: tuple[str, ...] = ()  # addresses of pictures that are not WeChat's own


@dataclass(frozen=True)
class Site:
    """WordPress's public posts by link; ``total`` is what WordPress itself says, ``locked`` need a password."""

    total: int
    locked: int
    posts: dict[str, Shown]


@dataclass(frozen=True)
class Account:
    """WeChat's articles by the link they lead back to: those that stand, and how often each was published."""

    standing: dict[str, Shown]
    published: dict[str, int]
    twice: list[str]  # links that stand more than once
    titles: frozenset[str]  # all there ever were, drafts too


def wordpress(site: WordPress) -> Site:
    rows: list[dict[str, Any]] = []
    total, page = 1, 1
    while len(rows) < total:
        query = {"per_page": 100, "page": page, "orderby": "id", "order": "asc", "status": "publish"}
        answer = site.rest("GET", "posts", public=True, params=query)
        total, page = int(answer.headers["X-WP-Total"]), page + 1
        rows += answer.json()
    readable = [row for row in rows if not row["content"]["protected"]]
    return Site(total, total - len(readable), {row["link"]: _post(row) for row in readable})


def wechat(sandbox: Sandbox, appid: str) -> Account:
    standing: dict[str, Shown] = {}
    published: dict[str, int] = {}
    twice: list[str] = []
    found = sandbox.get("/wechat/articles", appid=appid, content=True)["published"]
    for article in found:
        link = article["content_source_url"].partition("#")[0]
        published[link] = published.get(link, 0) + 1
        if article["is_deleted"]:
            continue
        if link in standing:
            twice.append(link)
        standing[link] = _article(article)
    drafts = sandbox.get("/wechat/state", appid=appid)["drafts"]
    titles = [article["title"] for article in found] + [title for draft in drafts for title in draft["titles"]]
    return Account(standing, published, twice, frozenset(titles))


def _post(row: dict[str, Any]) -> Shown:
    read = _read(row["content"]["rendered"])
    title = " ".join(html.unescape(row["title"]["rendered"]).split())
    if len(title) > TITLE_MAX:
        title = " ".join(_read(row["excerpt"]["rendered"]).text.split())
    # The one picture that is gone upstream cannot be shown by anybody.
    return Shown(title, _digest(read.text), sum("gone" not in source for source in read.sources))


def _article(article: dict[str, Any]) -> Shown:
    read = _read(article["content"])
    assert _FOOT.search(read.text), f"{article['title']}: no foot"
    text = _LOST_IMAGE.sub("", _FOOT.sub("", read.text))
    foreign = tuple(source for source in read.sources if not source.startswith(IMAGE_HOST))
    return Shown(article["title"], _digest(text), len(read.sources), foreign)


def _digest(text: str) -> str:
    return hashlib.sha256(_NO_WORD.sub("", _ADDRESS.sub("", text)).encode()).hexdigest()


def _read(markup: str) -> _Reader:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self._parts: list[str] = []
        self._silent = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._parts.append("\n")  # where one block ends, an address in it does too
        self._silent += tag in _SILENT
        if tag == "img":
            self.sources.append(dict(attrs).get("src") or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(data)
