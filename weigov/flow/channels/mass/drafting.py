"""One draft of several frozen articles, and whether it still is what was shown."""

from __future__ import annotations

from typing import Any

from weigov.errors import RecordRejected
from weigov.flow.channels import news
from weigov.flow.context import Context
from weigov.flow.step import call
from weigov.ledger import attempts
from weigov.ledger.outbox import Delivery
from weigov.mapping.steps import plain_text
from weigov.wechat.client import AccountClient


def drafted(ctx: Context, client: AccountClient, row: Delivery) -> tuple[str, Delivery]:
    """The media_id of the digest's draft, made step by step where it is not there yet."""
    with ctx.ledger.read() as connection:
        done = attempts.done(connection, row.id)
    if "draft" not in done:
        written: list[dict[str, Any]] = []
        for place, of in enumerate(row.payload["articles"], start=1):
            content, row = news.with_images(ctx, client, row, of)
            step = f"cover:{place}"
            cover, row = news.uploaded(ctx, client, row, step, str(of["cover"]), done.get(step, ""))
            written.append(news.article(row, content, cover.remote_id, of))
        row = call(ctx, row, "draft", lambda: client.add_draft(written))
        with ctx.ledger.read() as connection:
            done = attempts.done(connection, row.id)
    return done["draft"], row


def look_at(client: AccountClient, row: Delivery, media_id: str) -> None:
    """Raises RecordRejected when the draft is gone, or holds other words than were frozen. Nothing was sent then."""
    kept = client.get_draft(media_id) if media_id else None
    if kept is None:
        raise RecordRejected("draft", "the draft that was previewed is gone from WeChat's draft box: replay it")
    wanted = [(str(of["title"]), _words(of["content"])) for of in row.payload["articles"]]
    found = [(str(one.get("title", "")), _words(one.get("content"))) for one in kept]
    if wanted != found:
        raise RecordRejected("draft", "the draft was changed in WeChat after it was previewed: replay it")


def _words(content: Any) -> str:
    return "".join(plain_text(str(content or "")).split())
