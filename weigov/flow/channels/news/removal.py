"""Taking down: a withdrawn article, an old version once its new one stands. Step: delete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from weigov.errors import LedgerConflict, RemoteRefused
from weigov.flow.context import Context
from weigov.flow.step import Ended, call
from weigov.ledger import attempts, deferrals, outbox, published, receipts
from weigov.ledger.outbox import Delivery, New
from weigov.wechat.client import AccountClient

#: Priorities of removals. A withdrawn article must not stay readable; of a replaced one the new version stands.
WITHDRAWAL, REPLACEMENT = 10, 20
DELETE = "/cgi-bin/freepublish/delete"
#: How far back reconcile looks for drafts that were left over.
LEFT = timedelta(days=30)


def keep(ctx: Context, row: Delivery) -> dict[str, int]:
    """The calls that ``row`` has to leave for withdrawals, of WeChat's ten deletions a day."""
    if row.effect != "remove" or row.priority <= WITHDRAWAL:
        return {}
    account = ctx.site.accounts[row.target.removeprefix("account:")]
    return {DELETE: account.budget.deletions_kept_for_withdrawals}


def remove_published(
    connection: Connection, site: str, flow: str, record: str, *, now: datetime, before_revision: int | None = None
) -> int:
    """Enqueue the removal of what is published of a record (of older revisions only, when told); how many."""
    news = []
    rows = outbox.find(connection, site=site, flow=flow, record=record, effect="publish", states=("confirmed",))
    for row in rows:
        if before_revision is not None and row.revision >= before_revision:
            continue
        if row.payload.get("via") == "draft":
            where: dict[str, Any] = {"media_id": attempts.done(connection, row.id)["draft"]}
        else:
            where = {"article_id": _article_id(connection, row)}
        news.append(removal(row, where, WITHDRAWAL if before_revision is None else REPLACEMENT))
    if before_revision is None:
        # The old version of an edited article may still wait to be removed: now it is withdrawn like the new one.
        deferrals.hasten(
            connection, site=site, flow=flow, record=record, effect="remove", priority=WITHDRAWAL, now=now
        )
    return outbox.enqueue(connection, news, now=now)


def remove_left_drafts(connection: Connection, site: str, target: str, *, now: datetime) -> int:
    """Enqueue the deletion of drafts whose delivery came to nothing: nobody is to publish them by hand; how many."""
    left = published.left_drafts(connection, site, target, since=now - LEFT)
    news = [removal(outbox.get(connection, of), {"media_id": media_id}, REPLACEMENT) for of, media_id in left]
    return outbox.enqueue(connection, news, now=now)


def removal(row: Delivery, where: Mapping[str, Any], priority: int) -> New:
    """What takes away the draft or the article of ``row`` that ``where`` names."""
    return New(
        site=row.site,
        flow=row.flow,
        record=row.record,
        revision=row.revision,
        effect="remove",
        target=row.target,
        subject="",
        channel="news",
        payload={"of": row.id, **where},
        title=row.title,
        priority=priority,
    )


def remove(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Take the draft or the article down. Always ends with Ended or StopDrain."""

    def delete() -> str:
        if "media_id" in row.payload:
            client.delete_draft(str(row.payload["media_id"]))
        else:
            try:
                client.delete_published(str(row.payload["article_id"]))
            except RemoteRefused as error:
                if error.code != 53600:  # gone already is what we want
                    raise
        return str(row.payload.get("article_id", ""))

    try:
        call(ctx, row, "delete", delete, last="confirmed")
    except Ended as ended:
        if ended.state == "confirmed":
            with ctx.ledger.begin() as connection:
                mark_removed(connection, row, now=ctx.now())
        raise


def mark_removed(connection: Connection, removal: Delivery, *, now: datetime) -> None:
    """The article a removal was about is gone."""
    of = outbox.get(connection, int(removal.payload["of"]))
    if of.state == "confirmed":
        outbox.move(connection, of, "removed", now=now)


def _article_id(connection: Connection, row: Delivery) -> str:
    for receipt in receipts.of_delivery(connection, row.id):
        if receipt.kind == "article":
            return str(receipt.remote_id)
    raise LedgerConflict(f"delivery {row.id} is confirmed but has no article id")
