"""What became of a call that was never answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from weigov.flow.channels.news.marking import draft_of, published_of
from weigov.flow.channels.news.outcome import confirm, pause
from weigov.flow.channels.news.removal import mark_removed
from weigov.flow.channels.news.uploads import find_pictures
from weigov.flow.context import Context
from weigov.ledger import attempts, media, outbox, receipts
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient, PublishStatus

#: A draft that is still there this long after submitting was never submitted.
SUBMIT_SETTLES = timedelta(minutes=5)
#: After that nothing more will be learnt about a submit nobody answered.
GIVE_UP_LOOKING = timedelta(minutes=30)


def settle_unknown(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Learn what became of a call that was never answered; the state the delivery is in afterwards."""
    if row.step == "delete":
        return _settle_delete(ctx, client, row)
    if row.step in ("image", "compare"):
        return _proved(ctx, row, None)  # a second copy of a picture does no harm, nor does a second look
    if row.step == "cover":
        sha256 = str(row.payload["cover"])
        return _proved(ctx, row, find_pictures(ctx, client, [sha256]).get(sha256))
    if row.step == "picture":
        return _settle_pictures(ctx, client, row)
    if row.step == "draft":
        found = draft_of(client, row)
        return _proved(ctx, row, found.id if found else None)
    return _settle_submit(ctx, client, row)


def known_as_others(ctx: Context, client: AccountClient, row: Delivery) -> Callable[[str], bool]:
    """Whether an article_id is known to be another delivery's."""

    def is_others(article_id: str) -> bool:
        with ctx.ledger.read() as connection:
            known = receipts.find(connection, client.account.appid, "article", article_id)
        return known is not None and known.delivery_id not in (None, row.id)

    return is_others


def _settle_delete(ctx: Context, client: AccountClient, row: Delivery) -> str:
    if "media_id" in row.payload:
        gone = client.get_draft(str(row.payload["media_id"])) is None
    else:
        articles = client.get_article(str(row.payload["article_id"]))
        gone = articles is None or all(article.get("is_deleted") for article in articles)
    with ctx.ledger.begin() as connection:
        if gone:
            outbox.settle(connection, row, "confirmed", now=ctx.now())
            mark_removed(connection, row, now=ctx.now())
            return "confirmed"
        due_at = ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="it is still there")
    return "ready"


def _settle_pictures(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Of several pictures one was under way: those that are found are not uploaded again."""
    appid = client.account.appid
    found = find_pictures(ctx, client, row.payload["images"])
    with ctx.ledger.begin() as connection:
        for sha256, media_id in found.items():
            if media.known(connection, appid, "cover", sha256) is None:
                media.remember(connection, appid, "cover", sha256, remote_id=media_id, now=ctx.now())
    return _proved(ctx, row, None)


def _proved(ctx: Context, row: Delivery, remote_id: str | None) -> str:
    """The step happened (keep its receipt) or certainly did not: either way the delivery goes on from there."""
    with ctx.ledger.begin() as connection:
        if remote_id is not None:
            attempts.adopt(connection, row, row.step, remote_id, now=ctx.now())
        due_at = ctx.now() if remote_id is not None else ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="proved afterwards")
    return "ready"


def _settle_submit(ctx: Context, client: AccountClient, row: Delivery) -> str:
    now = ctx.now()
    found = published_of(client, row, known_as_others(ctx, client, row))
    if found is not None:
        url = str(found.articles[0].get("url", "")) if found.articles else ""
        status = PublishStatus("", "published", article_id=found.id, urls=(url,))
        with ctx.ledger.begin() as connection:
            confirm(connection, client.account.appid, row, status, now=now)
        return "confirmed"
    with ctx.ledger.read() as connection:
        media_id = attempts.done(connection, row.id).get("draft", "")
    age = now - row.changed_at
    if age >= SUBMIT_SETTLES and client.get_draft(media_id) is not None:
        with ctx.ledger.begin() as connection:
            due_at = now + attempts.pause(connection, row)
            outbox.move(
                connection, row, "ready", now=now, due_at=due_at, reason="proved absent: the draft is still there"
            )
        return "ready"
    with ctx.ledger.begin() as connection:
        if age >= GIVE_UP_LOOKING:
            outbox.settle(connection, row, "in_doubt", now=now, reason="no answer, no event, no such article")
            return "in_doubt"
        outbox.look_again(connection, row, at=now + pause(age))
    return "unknown"
