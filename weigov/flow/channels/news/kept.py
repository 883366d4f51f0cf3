"""What WeChat kept of a draft, against what was approved. Step: compare.

WeChat cleans what it is given and says nothing. So the draft is read back before it is published: what differs is
told to the operator, and where words are missing nothing is published until a person has looked at it (waiting_review
with a new digest, for what was approved is not what would be read).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from weigov.flow.channels.news.marking import images_of
from weigov.flow.context import Context
from weigov.flow.step import Ended, call
from weigov.ledger import attempts, outbox
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import State
from weigov.mapping.html import text_of
from weigov.wechat.client import AccountClient, Article

#: How words that are missing begin in the step's receipt; any other text is a difference that stops nothing.
LOST = "lost: "
_TELL = 600  # characters of what is told
_SHOW = 30  # characters of a passage
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SRC = re.compile(r"""\b(?:data-)?src\s*=\s*["']([^"']+)""", re.IGNORECASE)
_COUNTED = (("pictures", r"<img\b"), ("tables", r"<table\b"), ("links", r"<a\b[^>]*\bhref"))


def compare(
    ctx: Context,
    client: AccountClient,
    row: Delivery,
    media_id: str,
    sent: Sequence[Article],
    *,
    last: State | None = None,
) -> Delivery:
    """Read the draft back. Raises Ended when words are missing that nobody agreed to, and always with ``last``."""

    def look() -> str:
        kept = client.get_draft(media_id)
        return "" if kept is None else differences(sent, kept)  # gone: submitting it says so

    if "compare" not in done(ctx, row):
        row = call(ctx, row, "compare", look, last=last)
    found = done(ctx, row)["compare"]
    if found.startswith(LOST) and row.payload.get("kept") != found:
        with ctx.ledger.begin() as connection:
            state = outbox.hold(connection, row, {"kept": found}, now=ctx.now(), reason=found, owner=ctx.worker)
        raise Ended(state)
    return row


def done(ctx: Context, row: Delivery) -> dict[str, str]:
    """The delivery's certain steps and their receipts."""
    with ctx.ledger.read() as connection:
        return attempts.done(connection, row.id)


def differences(sent: Sequence[Article], kept: Sequence[Article]) -> str:
    """What is not as it was sent, in words; '' when nothing differs. Begins with LOST when words are missing."""
    lost: list[str] = []
    changed: list[str] = []
    if len(sent) != len(kept):
        lost.append(f"{len(kept)} of {len(sent)} articles are there")
    for number, (ours, theirs) in enumerate(zip(sent, kept, strict=False), start=1):
        where = f"article {number}: " if len(sent) > 1 else ""
        lost += [where + words for words in _lost(ours, theirs)]
        changed += [where + words for words in _changed(ours, theirs)]
    told = "; ".join([*lost, *changed])
    told = told if len(told) <= _TELL else told[: _TELL - 1] + "…"
    return LOST + told if lost else told


def _lost(ours: Article, theirs: Article) -> Iterator[str]:
    for name in ("title", "author", "digest"):
        wanted, found = _words(ours.get(name)), _words(theirs.get(name))
        if wanted and wanted != found:
            yield f"{name}: {_quoted(wanted)} became {_quoted(found)}"
    passages = [squeezed for line in _text(ours).split("\n") if (squeezed := "".join(line.split()))]
    whole = "".join(_text(theirs).split())
    missing = [passage for passage in passages if passage not in whole]
    if missing:
        yield f"text: {len(missing)} of {len(passages)} passages are missing, the first {_quoted(missing[0])}"
    elif len(whole) < (length := sum(map(len, passages))):
        yield f"text: {length - len(whole)} characters are missing"


def _changed(ours: Article, theirs: Article) -> Iterator[str]:
    before, after = (str(article.get("content") or "") for article in (ours, theirs))
    for name, pattern in _COUNTED:
        wanted, found = (len(re.findall(pattern, text, re.IGNORECASE)) for text in (before, after))
        if wanted != found:
            yield f"{name}: {found} of {wanted} are there"
    length, longer = (len("".join(_text(article).split())) for article in (ours, theirs))
    if longer > length:
        yield f"text: {longer - length} characters more than were sent"
    if ours.get("content_source_url") and ours["content_source_url"] != theirs.get("content_source_url"):
        yield "the address of the source (阅读原文) is not the one that was sent"
    mine, there = _pictures(ours), _pictures(theirs)
    if mine != there and sorted(mine) == sorted(there):
        yield "pictures: they stand in another order"
    cover, shown = (str(article.get("thumb_media_id") or "") for article in (ours, theirs))
    if cover and shown and cover != shown:
        yield "the cover is not the one that was sent"
    images = [[str(image.get("image_media_id", "")) for image in images_of(article)] for article in (ours, theirs)]
    if len(images[0]) != len(images[1]):
        yield f"pictures: {len(images[1])} of {len(images[0])} are there"
    elif all(images[0]) and images[0] != images[1]:
        same = sorted(images[0]) == sorted(images[1])
        yield "pictures: they stand in another order" if same else "pictures: not those that were sent"


def _pictures(article: Article) -> list[str]:
    """The pictures in a text, by the path of their address: WeChat writes scheme and query anew."""
    tags = _IMG.findall(str(article.get("content") or ""))
    found = (_SRC.search(tag) for tag in tags)
    return [urlsplit(html.unescape(one[1])).path for one in found if one]


def _text(article: Article) -> str:
    """The article's words, a line for each block; what only stands for a picture is no text."""
    content = str(article.get("content") or "")
    return content if article.get("article_type") == "newspic" else text_of(_IMG.sub("", content))


def _words(value: Any) -> str:
    return " ".join(html.unescape(str(value or "")).split())


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= _SHOW else text[:_SHOW] + '…'}”"
