"""Whom a message may reach now: who left or blocked is told nothing, and nobody is told too much in one day.

All of it is decided with the claim, in its transaction. What is known of a citizen comes from WeChat's events and
refusals, and is overtaken by any later sign of life. Sources: the official pages on events and template messages.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import citizens, claims, grants, inbox, outbox, quota, told, windows
from weigov.ledger.citizens import Gone
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import TO_CITIZENS
from weigov.wechat import rules
from weigov.wechat.callback import Message, read_message

#: What a citizen does that says whether messages reach them.
EVENTS = ("subscribe", "unsubscribe")
#: What only somebody does who follows the account: whatever was known before is known no longer.
SIGNS = (
    "subscribe", "scan", "click", "view", "view_miniprogram", "scancode_push", "scancode_waitmsg", "pic_sysphoto",
    "pic_photo_or_album", "pic_weixin", "location_select", "location",
)  # fmt: skip
#: errcode of a refused message → what it says of the receiver.
NOT_AGREED = 43101
#: A customer-service message was not passed on: too late, or as many as are allowed were sent.
WINDOW_CLOSED = (45015, 45047)
REFUSALS: dict[int, Gone] = {
    43004: "stranger", 50005: "stranger", 40003: "unknown", 43019: "barred", 48002: "blocked", NOT_AGREED: "refuses",
}  # fmt: skip
#: How the reason of a message begins that was refused because of its receiver: ours, an event's, and WeChat's codes.
_OF_THE_RECEIVER = ("not sent: ", "the citizen ", "taken back")
_CODES_OF_THE_RECEIVER = re.compile(rf"(?:.*: )?(?:{'|'.join(map(str, (*REFUSALS, *WINDOW_CLOSED)))}) ")

_SAID: dict[str, str] = {
    "left": "no longer follows the account",
    "stranger": "does not follow the account",
    "blocked": "has blocked the account's messages",
    "unknown": "is no follower WeChat knows at this account",
    "refuses": "does not take this kind of message",
    "barred": "is on the account's blacklist",
}
#: How soon it is looked at again whether an old text arrived.
_LOOK_AGAIN = timedelta(minutes=30)


def lies_with_receiver(reason: str) -> bool:
    """Whether a message was refused because of its receiver: nobody else can mend that."""
    return reason.startswith(_OF_THE_RECEIVER) or _CODES_OF_THE_RECEIVER.match(reason) is not None


def take(connection: Connection, item: inbox.Item) -> str:
    """Learn from one event of ``EVENTS``; what came of it."""
    event = read_message(item.payload)
    if item.event == "unsubscribe":
        citizens.note_gone(connection, item.appid, item.subject, "left", at=_when(event, item))
        return "left"
    citizens.note_here(connection, item.appid, item.subject, at=_when(event, item))
    return "follows"


def learn(ctx: Context, row: Delivery, code: int | str | None) -> None:
    """WeChat refused a message: where that was because of its receiver, no further one is tried."""
    if row.channel == "subscribe":
        with ctx.ledger.begin() as connection:
            grants.refused(connection, row.id, used_up=code == NOT_AGREED, now=ctx.now())
            if (
                code == NOT_AGREED and row.first_intent_at is not None
            ):  # what we knew of it, for good or once, is over
                appid = ctx.account(row.target.removeprefix("account:")).account.appid
                template_id, until = str(row.payload["template_id"]), row.first_intent_at
                grants.void(connection, appid, row.subject, template_id, until=until, now=ctx.now())
    if code in WINDOW_CLOSED and row.channel == "customer_service" and row.first_intent_at is not None:
        appid = ctx.account(row.target.removeprefix("account:")).account.appid
        with ctx.ledger.begin() as connection:
            windows.close(connection, appid, row.subject, at=row.first_intent_at)
        return
    why = REFUSALS.get(code) if isinstance(code, int) else None
    if row.channel == "subscribe" and code == NOT_AGREED:
        return  # that is about one notice, not about all that is sent
    if why is None or row.channel not in TO_CITIZENS or row.first_intent_at is None:
        return
    appid = ctx.account(row.target.removeprefix("account:")).account.appid
    # In whole seconds, as WeChat's events are: one who came back in the same second is here.
    with ctx.ledger.begin() as connection:
        citizens.note_gone(connection, appid, row.subject, why, at=row.first_intent_at.replace(microsecond=0))


def let_pass(
    ctx: Context, connection: Connection, appid: str, rows: list[Delivery], turned_away: Counter[str]
) -> list[Delivery]:
    """Those of the claimed ``rows`` that may go to their citizens now; what became of the others is counted."""
    messages = [row for row in rows if row.channel in TO_CITIZENS]
    if not messages:
        return rows
    kept = _reachable(ctx, connection, appid, messages, turned_away)
    kept = _still_to_correct(ctx, connection, kept, turned_away)
    kept = _few_enough(ctx, connection, kept, turned_away)
    kept = [row for row in kept if _is_welcome(ctx, connection, appid, row, turned_away)]
    going = {row.id: row for row in kept}
    return [going.get(row.id, row) for row in rows if row.id in going or row.channel not in TO_CITIZENS]


def _reachable(
    ctx: Context, connection: Connection, appid: str, rows: list[Delivery], turned_away: Counter[str]
) -> list[Delivery]:
    away = citizens.away(connection, appid, (row.subject for row in rows))
    for subject, at in citizens.last_signs(connection, appid, away, SIGNS).items():
        if at > away[subject].since:
            citizens.note_here(connection, appid, subject, at=at)
            del away[subject]
    for row in rows:
        if row.subject in away:
            known = away[row.subject]
            reason = f"not sent: the citizen {_SAID[known.why]} (known since {known.since:%F %H:%M} UTC)"
            outbox.move(connection, row, "rejected", now=ctx.now(), owner=ctx.worker, reason=reason)
            turned_away["rejected"] += 1
    return [row for row in rows if row.subject not in away]


def _still_to_correct(
    ctx: Context, connection: Connection, rows: list[Delivery], turned_away: Counter[str]
) -> list[Delivery]:
    """A correction goes to who surely has an older text. Who never got one gets the new one as if it were the first,
    or nothing; while nobody knows, it waits."""
    kept = []
    now = ctx.now()
    for row in rows:
        if "corrects" not in row.payload:
            kept.append(row)
            continue
        corrected = old = outbox.get(connection, int(row.payload["corrects"]))
        if old.state not in told.PERHAPS:  # it was itself a correction, perhaps: then they have what came before it
            old = told.before(connection, old) or old
        if old.state in ("accepted", "confirmed"):
            says = row.payload["says"]
            if not says or says != old.payload.get("says", old.digest) or corrected.state == "given_up":
                kept.append(row)
                continue
            _drop(ctx, connection, row, "the text is again the one the citizen has")
        elif old.state in ("superseded", "withdrawn", "expired") and row.payload["instead"]:
            kept.append(told.say_instead(connection, row, row.payload["instead"], now=now))
            continue
        elif old.state in ("in_doubt", "unknown", "sending", "claimed", "ready", "deferred", "waiting_review"):
            reason = f"waits until it is certain whether the old text (delivery {old.id}) arrived"
            outbox.defer(connection, row, until=now + _LOOK_AGAIN, reason=reason, now=now, owner=ctx.worker)
            turned_away["deferred"] += 1
            continue
        else:
            _drop(ctx, connection, row, "the old text never arrived: there is nothing to correct")
        turned_away["superseded"] += 1
    return kept


def _drop(ctx: Context, connection: Connection, row: Delivery, reason: str) -> None:
    claims.release(connection, [row], now=ctx.now(), owner=ctx.worker)
    outbox.move(connection, outbox.get(connection, row.id), "superseded", now=ctx.now(), reason=reason)


def _few_enough(
    ctx: Context, connection: Connection, rows: list[Delivery], turned_away: Counter[str]
) -> list[Delivery]:
    """Defer what would be more than a citizen is to be told in one Beijing day. Urgent flows are not counted."""
    if not rows:
        return rows
    target = rows[0].target
    a_day = ctx.site.accounts[target.removeprefix("account:")].messages_a_day
    wanted = [row for row in rows if (flow := ctx.site.flows.get(row.flow)) is None or not flow.urgent]
    if a_day is None or not wanted:
        return rows
    now = ctx.now()
    until = rules.next_beijing_day(now) + timedelta(minutes=1)
    urgent = [name for name, flow in ctx.site.flows.items() if flow.urgent]
    today = told.since(
        connection, target, {row.subject for row in wanted}, moment=quota.beijing_midnight(now), besides=urgent
    )
    out = set()
    for row in wanted:
        if today.get(row.subject, 0) >= a_day:
            reason = f"the citizen was told {a_day} times today, as many as per_citizen allows"
            outbox.defer(connection, row, until=until, reason=reason, now=now, owner=ctx.worker)
            turned_away["deferred"] += 1
            out.add(row.id)
    return [row for row in rows if row.id not in out]


def _is_welcome(ctx: Context, connection: Connection, appid: str, row: Delivery, turned_away: Counter[str]) -> bool:
    """A notice takes one agreement of the citizen's; an answer goes only while they may be answered."""
    if row.channel == "subscribe":
        if grants.take(connection, appid, row.subject, str(row.payload["template_id"]), row.id):
            return True
        reason = "not sent: the citizen has not agreed to this notice, or what they agreed to is used up"
        outbox.move(connection, row, "rejected", now=ctx.now(), owner=ctx.worker, reason=reason)
        turned_away["rejected"] += 1
        return False
    if row.channel != "customer_service":
        return True
    left = windows.left(connection, appid, row.target, row.subject, now=ctx.now())
    if left is not None and left > 0:
        return True
    reason = "the citizen was answered as often as WeChat allows" if left is not None else "the citizen was not there"
    claims.release(connection, [row], now=ctx.now(), owner=ctx.worker)
    late = outbox.get(connection, row.id)
    outbox.move(connection, late, "expired", now=ctx.now(), reason=f"not sent: {reason} in time")
    turned_away["expired"] += 1
    return False


def _when(event: Message, item: inbox.Item) -> datetime:
    """When it happened: WeChat's word for it, but never later than we were told."""
    return min(event.created_at, item.received_at)
