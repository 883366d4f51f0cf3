"""An article or a picture message as it is frozen: what people approve, and what leaves, for each account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from weigov.errors import RecordRejected
from weigov.flow import links
from weigov.flow.context import Context
from weigov.flow.images import Freezer
from weigov.flow.messages import refuse_blocked
from weigov.mapping import apply
from weigov.mapping.html import text_of
from weigov.records import Record
from weigov.site.models import Flow

PayloadAt = Callable[[str], dict[str, Any]]


def frozen(ctx: Context, flow: Flow, record: Record, freezer: Freezer) -> PayloadAt:
    """account → the payload there, for accounts' covers may differ. Raises RecordRejected, RemoteUnavailable."""
    return (_pictures if flow.to.as_ == "newspic" else _article)(ctx, flow, record, freezer)


def _article(ctx: Context, flow: Flow, record: Record, freezer: Freezer) -> PayloadAt:
    article = apply.map_article(flow, record, apply.context(ctx.site, freezer.resolve))
    if not article.source_url:
        raise RecordRejected(record.key, "source_url is empty: an article must lead back to its source; map one")
    words = {"title": article.title, "author": article.author, "digest": article.digest}
    refuse_blocked(ctx, record.key, words | {"content": text_of(article.html)})
    links.refuse_dead(ctx, record.key, {"content": article.html, "source_url": article.source_url})

    def at(account: str) -> dict[str, Any]:
        cover = freezer.cover(article.cover_url, article.title, ctx.site.accounts[account].cover_color or "")
        return {
            **words,
            "content": article.html,
            "source_url": article.source_url,
            "cover": cover.sha256,
            "images": freezer.shas,
            "dropped": dict(Counter(article.dropped) + freezer.dropped),
            **cover.crops,
        }

    return at


def _pictures(ctx: Context, flow: Flow, record: Record, freezer: Freezer) -> PayloadAt:
    story = apply.map_pictures(flow, record, apply.context(ctx.site))
    refuse_blocked(ctx, record.key, {"title": story.title, "content": story.text})
    links.refuse_dead(ctx, record.key, {"content": story.text, "source_url": story.source_url})
    images = freezer.stories(story.images)
    if not images:
        raise RecordRejected(record.key, "images: none of its pictures could be had")
    payload = {
        "as": "newspic",
        "title": story.title,
        "content": story.text,
        "source_url": story.source_url,
        "images": images,
        "dropped": dict(freezer.dropped),
    }
    return lambda account: payload
