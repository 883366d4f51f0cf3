"""Taking an article of a sent message back: WeChat deletes it on every phone. Step: delete."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from weigov.errors import OutcomeUnknown, RemoteRefused
from weigov.flow.channels.news import WITHDRAWAL
from weigov.flow.context import Context
from weigov.flow.step import Ended, call
from weigov.ledger import attempts, budget, gathered, outbox
from weigov.ledger.gathered import Taken
from weigov.ledger.outbox import Delivery, New
from weigov.wechat.client import AccountClient

#: What message/mass/delete answers when there is nothing to delete: it never was, or is gone.
_NOTHING_THERE = (40059, 40060)
#: How often a deletion without an answer is repeated before a person looks.
_REPEATS = 3


def take_back(connection: Connection, item: Taken, *, now: datetime) -> int:
    """Enqueue the removal of one article of a sent digest, unless it was; how many are new."""
    row = outbox.get(connection, item.delivery_id)
    if row.channel != "mass":
        return 0
    removal = New(
        site=row.site,
        flow=row.flow,
        record=item.record,
        revision=item.revision,
        effect="remove",
        target=row.target,
        subject="",
        channel="mass",
        payload={
            "of": row.id,
            "msg_id": attempts.done(connection, row.id)[budget.STEP],
            "article_idx": item.place,
        },
        title=str(row.payload["articles"][item.place - 1]["title"]) if row.payload else item.record,
        priority=WITHDRAWAL,
    )
    return outbox.enqueue(connection, [removal], now=now)


def remove(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Take the article back. Always ends with Ended or StopDrain."""
    with ctx.ledger.read() as connection:
        repeated = attempts.tried(connection, outbox.changed(row, step="delete")) > 0

    def delete() -> str:
        try:
            client.mass.delete(str(row.payload["msg_id"]), int(row.payload["article_idx"]))
        except RemoteRefused as error:
            if repeated and error.code in _NOTHING_THERE:
                # The call before, which nobody answered, may have done it, or there never was such a thing.
                raise OutcomeUnknown(error.system, error.operation, "nothing is there to delete (any more)") from None
            raise
        return f"{row.payload['msg_id']}_{row.payload['article_idx']}"

    try:
        call(ctx, row, "delete", delete, last="confirmed")
    except Ended as ended:
        if ended.state == "confirmed":
            with ctx.ledger.begin() as connection:
                removed_articles(connection, row, now=ctx.now())
        raise


def settle_delete(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Nothing tells whether one article of a message is gone: ask for it again, then let a person look."""
    all_gone = client.mass.state(str(row.payload["msg_id"])) == "deleted"
    with ctx.ledger.begin() as connection:
        if all_gone:
            outbox.settle(connection, row, "confirmed", now=ctx.now())
            removed_articles(connection, row, now=ctx.now())
            return "confirmed"
        if attempts.tried(connection, row) >= _REPEATS:
            reason = "no answer says whether the article is gone: look at its address"
            outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
            return "in_doubt"
        due_at = ctx.now() + timedelta(minutes=1)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="it may be there still")
    return "ready"


def removed_articles(connection: Connection, removal: Delivery, *, now: datetime) -> None:
    """When every article of a message is gone, so is the message."""
    of = outbox.get(connection, int(removal.payload["of"]))
    gone = taken_back(connection, of)
    if of.state == "confirmed" and {item.place for item in gathered.of_delivery(connection, of.id)} <= gone:
        outbox.move(connection, of, "removed", now=now)


def taken_back(connection: Connection, of: Delivery) -> set[int]:
    """The places of the articles of a message that are gone."""
    return {
        int(row.payload["article_idx"])
        for row in outbox.find(
            connection, site=of.site, flow=of.flow, target=of.target, channel="mass", effect="remove",
            states=("confirmed",), limit=100_000,
        )
        if row.payload and int(row.payload["of"]) == of.id
    }  # fmt: skip
