"""Template messages: one call with our key, which WeChat honours for ten minutes.

An answer that never came is repeated with the same key inside eight minutes of the first intent; later only an event
can settle it. The openid is not in the payload: it is looked up, sealed, when the message leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from weigov.errors import RemoteError, RemoteRefused
from weigov.flow import abreast
from weigov.flow.context import Context
from weigov.flow.step import EVENT_WITHIN, Ended, call
from weigov.ledger import bindings, citizens, outbox, receipts
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient
from weigov.wechat.messages import Messages

#: WeChat's window is ten minutes; ours ends early enough for a call's own deadline and a clock that is off.
REPEAT_FOR = timedelta(minutes=8)
#: So long after its first call WeChat may take what bears the same key for a repetition, and send nothing.
KEY_FOR = timedelta(minutes=11)
GIVE_UP_WAITING = timedelta(minutes=30)
#: How long an event that says more is waited for, before WeChat is asked whether the receiver follows at all.
ASK_WHO_FOLLOWS = timedelta(minutes=2)


def paths(row: Delivery) -> dict[str, int]:
    """The calls that count against a quota."""
    return {"/cgi-bin/message/template/send": 1}


def may_repeat(ctx: Context, row: Delivery) -> bool:
    """Whether the same key is still honoured, and the message still wanted."""
    if row.retire == "withdrawn" or row.first_intent_at is None:
        return False
    return ctx.now() - row.first_intent_at < REPEAT_FOR


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Send it (again, with the same key, when it is unknown). Always ends with Ended or StopDrain."""
    if row.state == "unknown" and not may_repeat(ctx, row):
        raise Ended("unknown")  # those before it in the queue took too long
    with ctx.ledger.read() as connection:
        openid = bindings.openids(connection, ctx.sealer, client.account.appid, [row.subject]).get(row.subject, "")
    call(ctx, row, "send", lambda: client.send_template(**_message(row, openid, _fields(ctx, row))), last="accepted")


def send_all(
    ctx: Context, client: AccountClient, rows: Sequence[Delivery], more: Callable[[], Sequence[Delivery]]
) -> Iterator[abreast.Result]:
    """Send claimed messages side by side, and what ``more`` claims meanwhile; what each came to."""
    messages = client.messages(abreast.WIDTH)
    with closing(messages):
        side = _Side(ctx, client, messages)
        side.learn(rows)
        yield from abreast.send_all(ctx, rows, "send", side, lambda: side.learn(more()))


class _Side:
    """Messages as ``abreast`` sends them: each citizen's openid is looked up with the claim, and then forgotten."""

    def __init__(self, ctx: Context, client: AccountClient, messages: Messages[Delivery]) -> None:
        self._ctx, self._appid, self._messages = ctx, client.account.appid, messages
        self._openids: dict[str, str] = {}
        self._fields: dict[str, tuple[str, ...]] = {}
        self.answers = messages.answers

    @property
    def under_way(self) -> int:
        return self._messages.under_way

    def learn(self, rows: Sequence[Delivery]) -> Sequence[Delivery]:
        if rows:
            with self._ctx.ledger.read() as connection:
                subjects = [row.subject for row in rows]
                self._openids |= bindings.openids(connection, self._ctx.sealer, self._appid, subjects)
        return rows

    def send(self, row: Delivery) -> None:
        template = row.payload["template_id"]
        if template not in self._fields:
            self._fields[template] = _fields(self._ctx, row)
        openid = self._openids.pop(row.subject, "")
        self._messages.send(row, **_message(row, openid, self._fields[template]))


def settle_unknown(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """An event of this citizen that nobody else can claim is the answer, or that they do not follow the account;
    without either a person decides in the end."""
    now, appid = ctx.now(), client.account.appid
    since = _since(row)
    follows = row.state != "unknown" or now - since < ASK_WHO_FOLLOWS or _follows(ctx, client, row)
    with ctx.ledger.begin() as connection:
        candidates = [
            receipt
            for receipt in receipts.unmatched(connection, appid, "template", subject=row.subject)
            if receipt.at >= since
        ]
        uncertain = outbox.find(
            connection, target=row.target, channel="template", subject=row.subject, states=("unknown", "in_doubt")
        )
        rivals = [other for other in uncertain if _since(other) > since - EVENT_WITHIN]
        if len(candidates) == 1 and len(rivals) == 1:
            receipts.match(connection, candidates[0].id, row.id)
            outbox.settle(connection, row, "accepted", now=now, remote_id=candidates[0].remote_id)
            conclude(connection, appid, outbox.get(connection, row.id), candidates[0].status, now=now)
            return outbox.get(connection, row.id).state
        if not follows and not candidates and not citizens.left_since(connection, appid, row.subject, since):
            # Had they left after it arrived, their leaving would have been reported.
            citizens.note_gone(connection, appid, row.subject, "stranger", at=since.replace(microsecond=0))
            outbox.settle(connection, row, "rejected", now=now, reason="the citizen does not follow the account")
            return "rejected"
        if row.state == "in_doubt":
            return row.state
        if may_repeat(ctx, row):
            return "unknown"
        if now - since >= GIVE_UP_WAITING:
            outbox.settle(connection, row, "in_doubt", now=now, reason="no answer and no event; it may have arrived")
            return "in_doubt"
        outbox.look_again(connection, row, at=now + timedelta(minutes=1))
    return "unknown"


def conclude(connection: Connection, appid: str, row: Delivery, status: str, *, now: datetime) -> None:
    """What TEMPLATESENDJOBFINISH says: it arrived, or why not. Who has blocked the account is remembered."""
    plain = status.replace(" ", "").casefold()
    if plain == "success":
        outbox.settle(connection, row, "confirmed", now=now)
    else:
        reason = f"WeChat: {status}"
        if plain == "failed:userblock":
            at = _since(row).replace(microsecond=0)
            citizens.note_gone(connection, appid, row.subject, "blocked", at=at)
            reason = f"the citizen has blocked the account's messages: {status}"
        outbox.settle(connection, row, "rejected", now=now, reason=reason)


def _since(row: Delivery) -> datetime:
    """From when on an event may be about it."""
    return row.first_intent_at or row.created_at


def _follows(ctx: Context, client: AccountClient, row: Delivery) -> bool:
    """Whether the receiver follows the account now, as far as WeChat says; what cannot be asked is not known."""
    with ctx.ledger.read() as connection:
        openid = bindings.openids(connection, ctx.sealer, client.account.appid, [row.subject]).get(row.subject, "")
    try:
        return not openid or str(client.user_info(openid).get("subscribe", 1)) != "0"
    except RemoteRefused as error:
        return error.code != 40003  # no follower of this account, and never was one
    except RemoteError:
        return True


def _message(row: Delivery, openid: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """What ``AccountClient.send_template`` and ``Messages.send`` take."""
    payload = row.payload
    return {
        "openid": openid,
        "template_id": str(payload["template_id"]),
        "data": payload["data"],
        "url": str(payload["url"]),
        "client_msg_id": row.client_key,
        "fields": fields,
    }


def _fields(ctx: Context, row: Delivery) -> tuple[str, ...]:
    templates = ctx.site.accounts[row.target.removeprefix("account:")].templates.values()
    return next((t.fields for t in templates if t.id == row.payload["template_id"]), ())
