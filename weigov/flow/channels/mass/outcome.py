"""What became of a mass message: by its event, by asking, or only by a person."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from weigov.flow.channels.mass.removal import settle_delete
from weigov.flow.channels.news import find_draft
from weigov.flow.channels.news.uploads import find_pictures
from weigov.flow.context import Context
from weigov.ledger import attempts, budget, outbox, receipts
from weigov.ledger.outbox import Delivery
from weigov.ledger.receipts import Receipt
from weigov.wechat.client import AccountClient
from weigov.wechat.mass import Result, Sent

#: Pauses between questions about what was accepted, by its age: the event, which knows the addresses, comes first.
POLL = (timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
#: So long after WeChat says "sent" or "failed" its event may still say where the articles are, or why.
EVENT_WITHIN = timedelta(minutes=2)
#: An accepted message that is neither sent nor failed by then is a person's.
SENT_WITHIN = timedelta(hours=24)
#: A key is honoured so long.
KEY_FOR = timedelta(hours=24)
_STILL = (
    "WeChat is still sending, or waits for the account's administrator, who has 30 minutes to confirm on the phone "
    "等待管理员在手机上确认"
)


def join(ctx: Context, appid: str, row: Delivery, sent: Sent, *, repeated: bool) -> None:
    """Keep what the figures know it by; and take the event that came before the answer of its call."""
    with ctx.ledger.begin() as connection:
        if repeated and not sent.msg_data_id:
            budget.was_sent_before(connection, row.id)
        if sent.msg_data_id:
            receipts.note(connection, appid, "message", sent.msg_data_id, delivery_id=row.id, now=ctx.now())
        early = receipts.find(connection, appid, "mass", sent.msg_id)
        if early is not None:
            join_early(connection, appid, outbox.get(connection, row.id), early, now=ctx.now())


def join_early(connection: Connection, appid: str, row: Delivery, early: Receipt, *, now: datetime) -> None:
    """An event that nobody had claimed is this message's."""
    receipts.match(connection, early.id, row.id)
    conclude(connection, appid, row, msgspec.json.decode(early.payload.encode(), type=Result), now=now)


def conclude(connection: Connection, appid: str, row: Delivery, result: Result, *, now: datetime) -> None:
    """Write down what the event says: how it ended, unless that is known, and where its articles are."""
    if result.state == "sent":
        for place, url in result.urls.items():
            name = f"{result.msg_id}_{place}"
            receipts.note(connection, appid, "article", name, status="sent", url=url, delivery_id=row.id, now=now)
    if row.state in ("accepted", "in_doubt") and result.state == "sent":
        outbox.settle(connection, row, "confirmed", now=now)
    elif row.state in ("accepted", "in_doubt") and result.state == "failed":
        outbox.settle(connection, row, "rejected", now=now, reason=result.reason)


def poll(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Ask what became of an accepted message."""
    with ctx.ledger.read() as connection:
        msg_id = attempts.done(connection, row.id)[budget.STEP]
    state = client.mass.state(msg_id)
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        row = outbox.get(connection, row.id)
        if row.state != "accepted":
            return row.state
        age = now - row.changed_at
        heard = f"WeChat says {state}; its event says more"
        if state in ("sent", "deleted", "failed") and row.reason != heard:
            outbox.look_again(connection, row, at=now + EVENT_WITHIN, reason=heard)
        elif state in ("sent", "deleted"):
            outbox.settle(connection, row, "confirmed", now=now, reason="no event said where its articles are")
            if state == "deleted":
                gone = outbox.get(connection, row.id)
                outbox.move(connection, gone, "removed", now=now, reason="deleted in WeChat's console")
        elif state == "failed":
            reason = "WeChat: the message was not sent; its event, which says why, did not come"
            outbox.settle(connection, row, "rejected", now=now, reason=reason)
        elif age >= SENT_WITHIN:
            reason = f"WeChat says {state} after a day"
            outbox.settle(connection, row, "in_doubt", now=now, reason=reason)
        else:
            wait = next((pause for pause in POLL if age < pause), POLL[-1])
            outbox.look_again(connection, row, at=now + wait, reason=_STILL if state == "sending" else "")
        return outbox.get(connection, row.id).state


def settle_unknown(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Learn what became of a call that was never answered; the state the delivery is in afterwards."""
    if row.step == "delete":
        return settle_delete(ctx, client, row)
    if row.step == budget.STEP:
        return _settle_send(ctx, row)
    found = None
    if row.step == "draft":
        found = find_draft(client, row) or None
    elif row.step.startswith("cover"):
        place = int(row.step.partition(":")[2])
        sha256 = str(row.payload["articles"][place - 1]["cover"])
        found = find_pictures(ctx, client, [sha256]).get(sha256)
    # A picture uploaded twice does no harm, nor does a preview that somebody of ours sees twice.
    with ctx.ledger.begin() as connection:
        if found is not None:
            attempts.adopt(connection, row, row.step, found, now=ctx.now())
        due_at = ctx.now() if found is not None else ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="proved afterwards")
    return "ready"


def _settle_send(ctx: Context, row: Delivery) -> str:
    """Within the key's window deliver repeats it; after that nobody may."""
    now = ctx.now()
    since = row.first_intent_at or row.changed_at
    with ctx.ledger.begin() as connection:
        if now - since >= KEY_FOR:
            reason = "no answer within the 24 hours in which WeChat knows our key: look in WeChat's console"
            outbox.settle(connection, row, "in_doubt", now=now, reason=reason)
            return "in_doubt"
        outbox.look_again(connection, row, at=min(now + timedelta(minutes=1), since + KEY_FOR))
    return "unknown"
