"""Subscribe notices: one call that takes up one agreement of the citizen's, and no key.

An answer that never came is never asked for again: WeChat might tell the citizen twice and take a second agreement.
The event that says what became of it carries the citizen and the template, not our delivery: the oldest that waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from weigov.flow.channels.template import GIVE_UP_WAITING
from weigov.flow.context import Context
from weigov.flow.step import EVENT_WITHIN, call
from weigov.ledger import bindings, citizens, grants, inbox, outbox, receipts
from weigov.ledger.outbox import Delivery
from weigov.ledger.receipts import Receipt
from weigov.wechat.callback import listed, read_message
from weigov.wechat.client import AccountClient

POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
EVENTS = (POPUP, CHANGE, SENT)
#: So much may the clocks of two machines differ.
_CLOCKS_APART = timedelta(seconds=5)


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Send it, once. Always ends with Ended or StopDrain."""
    appid = client.account.appid
    with ctx.ledger.read() as connection:
        known = bindings.openids(connection, ctx.sealer, appid, [row.subject])
        openid = known.get(row.subject) or citizens.openids(connection, ctx.sealer, appid, [row.subject]).get(
            row.subject, ""
        )
    payload = row.payload
    templates = ctx.site.accounts[row.target.removeprefix("account:")].templates.values()
    fields = next((t.fields for t in templates if t.id == payload["template_id"]), ())

    def ask() -> str:
        client.send_notice(openid, str(payload["template_id"]), payload["data"], str(payload["url"]), fields=fields)
        return ""

    call(ctx, row, "send", ask, last="accepted")


def take(connection: Connection, ctx: Context, item: inbox.Item) -> str:
    """Learn from one event of ``EVENTS``; what came of it."""
    event = read_message(item.payload)
    if event.openid and item.subject:
        citizens.keep_openid(connection, ctx.sealer, item.appid, item.subject, event.openid)
    if item.event == SENT:
        return _take_sent(connection, ctx, item, listed(event.raw, "SubscribeMsgSentEvent"))
    tag = "SubscribeMsgPopupEvent" if item.event == POPUP else "SubscribeMsgChangeEvent"
    long_term = {t.id: t.long_term for account in ctx.site.accounts.values() for t in account.templates.values()}
    outcome = "nothing"
    for n, one in enumerate(listed(event.raw, tag)):
        template_id, answer = str(one.get("TemplateId", "")), str(one.get("SubscribeStatusString", ""))
        if answer == "accept" and (item.event == POPUP or long_term.get(template_id)):
            grants.note(
                connection, item.appid, item.subject, template_id, source=f"inbox {item.id} {n}",
                long_term=long_term.get(template_id, False), at=item.received_at,
            )  # fmt: skip
            outcome = "agreed"
        elif answer == "reject" and item.event == CHANGE:
            grants.void(connection, item.appid, item.subject, template_id, now=ctx.now())
            outcome = "taken back"
    return outcome


def join_late(connection: Connection, ctx: Context, appid: str) -> None:
    """Events that came before the answer of their call."""
    if not any(flow.to.kind == "subscribe" for flow in ctx.site.flows.values()):
        return  # then all of them are about what others sent
    for receipt in receipts.unmatched(connection, appid, "subscribe"):
        _join(connection, ctx, receipt)


def settle_unknown(ctx: Context, row: Delivery) -> str:
    """Only its event can tell; without one a person decides in the end."""
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        late = outbox.get(connection, row.id)
        if late.state != "unknown":
            return late.state
        too_late = (row.first_intent_at or row.created_at) + GIVE_UP_WAITING
        if now >= too_late:
            outbox.settle(connection, row, "in_doubt", now=now, reason="no answer and no event; it may have arrived")
            return "in_doubt"
        outbox.look_again(connection, row, at=too_late)  # its event settles it whenever it comes
    return "unknown"


def look(ctx: Context, row: Delivery) -> str:
    """WeChat took it; when no event has said more in time, nothing will."""
    too_late = row.changed_at + EVENT_WITHIN
    with ctx.ledger.begin() as connection:
        if ctx.now() < too_late:
            outbox.look_again(connection, row, at=too_late)
            return row.state
        reason = "WeChat took it, but no event said that it arrived"
        outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
    return "in_doubt"


def _take_sent(connection: Connection, ctx: Context, item: inbox.Item, sent: list[Mapping[str, Any]]) -> str:
    outcome = "nothing"
    for n, one in enumerate(sent):
        msg_id = str(one.get("MsgID", "")) or f"event {item.id} {n}"
        code = str(one.get("ErrorCode", ""))
        receipt = receipts.note(
            connection, item.appid, "subscribe", msg_id, status=f"{code} {one.get('ErrorStatus', '')}"[:64],
            subject=item.subject, payload=str(one.get("TemplateId", "")), now=item.received_at,
        )  # fmt: skip
        outcome = _join(connection, ctx, receipt) if receipt.delivery_id is None else "known"
    return outcome


def _join(connection: Connection, ctx: Context, receipt: Receipt) -> str:
    """Match an event with the oldest delivery that waits for one like it; with one in doubt only if no other does.

    Others may send by the same template: an event from before our call, or long after it, is about theirs. When it
    came is what the gateway's clock says, when we called what the worker's does.
    """
    waiting = [
        one
        for one in outbox.find(
            connection, channel="subscribe", subject=receipt.subject, states=("accepted", "unknown", "in_doubt")
        )
        if one.payload.get("template_id") == receipt.payload
        and one.first_intent_at is not None
        and one.first_intent_at - _CLOCKS_APART <= receipt.at < one.first_intent_at + EVENT_WITHIN
    ]
    row = min(waiting, key=lambda one: (one.state == "in_doubt", one.id), default=None)
    if row is None:
        return "kept"
    now = ctx.now()
    receipts.match(connection, receipt.id, row.id)
    code, _, words = receipt.status.partition(" ")
    if row.state != "accepted":
        outbox.settle(connection, row, "accepted", now=now, remote_id=receipt.remote_id)
        row = outbox.get(connection, row.id)
    if code == "0":
        outbox.settle(connection, row, "confirmed", now=now)
    else:
        outbox.settle(connection, row, "rejected", now=now, reason=f"WeChat: {code} {words}".strip())
    return "joined"
