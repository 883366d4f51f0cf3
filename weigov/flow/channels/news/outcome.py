"""What became of a submitted article, as an event or a question tells it, and what follows from that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from weigov.flow.channels.news.removal import remove_published
from weigov.flow.context import Context
from weigov.ledger import attempts, outbox, receipts
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient, PublishStatus

#: Pauses between questions about what is open: freepublish/get and batchget have 100 calls a day, and the event
#: usually comes first.
POLL = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
#: An article of which WeChat says no more than that it is being published is a person's by then.
PUBLISHED_WITHIN = timedelta(hours=24)
#: What a publish_status means, for operators.
PLAIN: dict[str, str] = {
    "original_check_failed": "WeChat: the check for originality failed",
    "failed": "WeChat: publishing failed",
    "refused": "WeChat refused the article after its own review",
    "deleted_by_user": "taken down by the account's own staff",
    "banned": "taken down by WeChat",
}


def confirm(connection: Connection, appid: str, row: Delivery, status: PublishStatus, *, now: datetime) -> None:
    """Write down what became of a submitted article, and what follows from it."""
    if status.state in ("publishing", "unknown"):
        return
    if status.state != "published":
        outbox.settle(connection, row, "rejected", now=now, reason=PLAIN[status.state])
        return
    receipts.note(
        connection,
        appid=appid,
        kind="article",
        remote_id=status.article_id,
        status=status.state,
        url=status.urls[0] if status.urls else "",
        now=now,
        delivery_id=row.id,
    )
    outbox.settle(connection, row, "confirmed", now=now)
    # Read again under the row's lock: a withdrawal may have come since ``row`` was read.
    if outbox.get(connection, row.id).retire == "withdrawn":
        remove_published(connection, row.site, row.flow, row.record, now=now)
    else:
        remove_published(connection, row.site, row.flow, row.record, before_revision=row.revision, now=now)


def poll(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Ask what became of an accepted article."""
    with ctx.ledger.read() as connection:
        publish_id = attempts.done(connection, row.id)["submit"]
    status = client.get_publish(publish_id)
    with ctx.ledger.begin() as connection:
        row = outbox.get(connection, row.id)
        if row.state != "accepted":
            return row.state
        confirm(connection, client.account.appid, row, status, now=ctx.now())
        row = outbox.get(connection, row.id)
        age = ctx.now() - row.changed_at
        if row.state == "accepted" and age >= PUBLISHED_WITHIN:
            reason = f"WeChat says {status.state} after a day"
            outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
            return "in_doubt"
        if row.state == "accepted":
            outbox.look_again(connection, row, at=ctx.now() + pause(age))
        return row.state


def pause(age: timedelta) -> timedelta:
    """How long until the next question about something that has been open for ``age``."""
    return next((pause for pause in POLL if age < pause), POLL[-1])


def join(ctx: Context, appid: str, row: Delivery, msg_data_id: str = "") -> None:
    """An event may have come before the answer of the call that caused it.

    ``msg_data_id`` is kept for the figures. Where a worker dies before that, they find the article by its address.
    """
    with ctx.ledger.begin() as connection:
        if msg_data_id:
            receipts.note(connection, appid, "message", msg_data_id, delivery_id=row.id, now=ctx.now())
        row = outbox.get(connection, row.id)
        publish_id = attempts.done(connection, row.id)["submit"]
        early = receipts.find(connection, appid, "publish", publish_id)
        if early is not None and row.state == "accepted":
            receipts.match(connection, early.id, row.id)
            confirm(connection, appid, row, kept_status(early), now=ctx.now())


def kept_status(receipt: Any) -> PublishStatus:
    """A kept PUBLISHJOBFINISH as the value freepublish/get would give."""
    return msgspec.json.decode(receipt.payload.encode(), type=PublishStatus)
