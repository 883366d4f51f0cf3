"""reconcile: whatever is not certain → certain, by events, by asking and by comparison; else it is a person's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from weigov.errors import LedgerConflict, RateLimited, RemoteError, RemoteRefused
from weigov.flow import citizen_events, reserved
from weigov.flow.channels import customer_service, mass, menu, news, subscribe, template, write
from weigov.flow.context import Context
from weigov.flow.step import A_SHORT_WAIT_S, EVENT_WITHIN
from weigov.ledger import budget, inbox, outbox, quota, receipts, reports
from weigov.ledger.outbox import Delivery
from weigov.ledger.receipts import Receipt
from weigov.ledger.states import TO_CITIZENS, State
from weigov.wechat import rules
from weigov.wechat.callback import parse_payload
from weigov.wechat.client import AccountClient, publish_status
from weigov.wechat.mass import result as mass_result

#: Events that say what became of something we did, or whom messages reach.
JOB_EVENTS = ("publishjobfinish", "masssendjobfinish", "templatesendjobfinish", *citizen_events.EVENTS)
_PAGE = 200
#: How soon WeChat is asked again about what it refused to say anything about.
REFUSED_PAUSE = timedelta(minutes=30)
#: How long it may refuse before a person is asked.
REFUSED_FOR = timedelta(hours=24)
#: States an event may still settle, however late it comes.
_AWAITED = ("accepted", "in_doubt")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one reconcile learnt."""

    account: str
    events: int = 0
    states: Mapping[str, int] = field(default_factory=dict)  # where deliveries went
    stopped: str = ""


def reconcile(ctx: Context, account: str) -> Reconciled:
    """Settle what is open at one account. ``stopped`` says why nothing more could be asked."""
    client = ctx.account(account)
    target = f"account:{account}"
    with ctx.ledger.begin() as connection:
        reserved.take_back(ctx, connection)
    events = drain_events(ctx, client, target)
    citizen_events.forget(ctx, client.account.appid)
    states: Counter[str] = Counter()
    stopped: list[str] = []
    with ctx.ledger.begin() as connection:
        _join_late(connection, ctx, client, target)
        mass.follow_up(ctx, connection, target)
        news.remove_left_drafts(connection, ctx.site.site, target, now=ctx.now())
    try:
        open_ones = {row.id: row for row in _open(ctx, target, "unknown") + _perhaps_answered(ctx, client, target)}
        for row in open_ones.values():
            _count(states, row, _unless_refused(ctx, client, row, _settle, stopped))
        for row in _open(ctx, target, "accepted"):
            _count(states, row, _unless_refused(ctx, client, row, _look, stopped))
        states["removed"] += news.watch(ctx, client, target)
    except RemoteError as error:
        stopped.append(str(error))
    return Reconciled(account, events, dict(sorted((+states).items())), "; ".join(dict.fromkeys(stopped)))


def _unless_refused(
    ctx: Context,
    client: AccountClient,
    row: Delivery,
    look: Callable[[Context, AccountClient, Delivery], str],
    stopped: list[str],
) -> str:
    """WeChat does not answer about this one. It is asked again later, and keeps nobody else waiting; after a day of
    that it is a person's."""
    try:
        return look(ctx, client, row)
    except RemoteRefused as error:
        stopped.append(f"delivery {row.id}: {error}")
        with ctx.ledger.begin() as connection:
            late = outbox.get(connection, row.id)
            if late.state in ("unknown", "accepted") and ctx.now() - late.changed_at >= REFUSED_FOR:
                reason = f"WeChat refuses to say what became of it: {error}"
                outbox.settle(connection, late, "in_doubt", now=ctx.now(), reason=reason)
                return "in_doubt"
            outbox.look_again(connection, row, at=ctx.now() + REFUSED_PAUSE)
        return late.state


def settle_writes(ctx: Context, system: str) -> dict[str, int]:
    """The same for write-backs to one upstream."""
    with ctx.ledger.begin() as connection:
        reserved.take_back(ctx, connection)
    states: Counter[str] = Counter()
    for row in _open(ctx, f"system:{system}", "unknown"):
        states[write.settle_unknown(ctx, row)] += 1
    return dict(states)


def drain_events(ctx: Context, client: AccountClient, target: str) -> int:
    """Turn stored job events into receipts, joined to their deliveries where those are known already."""
    appid = client.account.appid
    handled = 0
    while True:
        with ctx.ledger.begin() as connection:
            waiting = inbox.waiting(connection, ctx.sealer, appid, _PAGE, events=JOB_EVENTS)
            for item in waiting:
                outcome = _take(connection, ctx, appid, target, item)
                inbox.handled(connection, item.id, outcome, now=ctx.now())
        handled += len(waiting)
        if len(waiting) < _PAGE:
            return handled


def _take(connection: Connection, ctx: Context, appid: str, target: str, item: inbox.Item) -> str:
    if item.event in citizen_events.EVENTS:
        return citizen_events.take(connection, ctx, item)
    fields = parse_payload(item.payload)
    if item.event == "publishjobfinish":
        status = publish_status(fields.get("PublishEventInfo") or {})
        payload = msgspec.json.encode(status).decode()
        receipt = receipts.note(
            connection,
            appid=appid,
            kind="publish",
            remote_id=status.publish_id,
            status=status.state,
            payload=payload,
            now=ctx.now(),
        )
        row = outbox.by_receipt(connection, target, "submit", status.publish_id)
        if row is None:
            return "kept"
        receipts.match(connection, receipt.id, row.id)
        if row.state == "confirmed" and status.state in ("deleted_by_user", "banned"):
            return (
                "removed" if news.take_down(connection, row.id, news.PLAIN[status.state], now=ctx.now()) else "kept"
            )
        if row.state not in _AWAITED:
            return f"already {row.state}"
        news.confirm(connection, appid, row, status, now=ctx.now())
        return "joined"
    if item.event == "masssendjobfinish":
        return _take_mass(connection, ctx, appid, target, fields)
    status_text = str(fields.get("Status", ""))
    msg_id = item.remote_id if item.remote_id not in ("", "0") else f"event {item.id}"
    receipt = receipts.note(
        connection,
        appid=appid,
        kind="template",
        remote_id=msg_id,
        status=status_text,
        subject=item.subject,
        now=ctx.now(),
    )
    row = outbox.by_receipt(connection, target, "send", msg_id) or _sole_candidate(connection, target, item)
    if row is None:
        return "kept"
    receipts.match(connection, receipt.id, row.id)
    if row.state in _AWAITED:
        template.conclude(connection, appid, row, status_text, now=ctx.now())
        return "joined"
    return f"already {row.state}"


def _take_mass(connection: Connection, ctx: Context, appid: str, target: str, fields: Mapping[str, Any]) -> str:
    """Somebody's mass message was sent or not: ours, one made in WeChat's console, or a publication in disguise."""
    told = mass_result(fields)
    payload = msgspec.json.encode(told).decode()
    receipt = receipts.note(connection, appid, "mass", told.msg_id, status=told.state, payload=payload, now=ctx.now())
    row = outbox.by_receipt(connection, target, budget.STEP, told.msg_id)
    if row is None:
        return "kept"
    mass.join_early(connection, appid, row, receipt, now=ctx.now())
    return "joined" if row.state in _AWAITED else f"already {row.state}"


def _join_late(connection: Connection, ctx: Context, client: AccountClient, target: str) -> None:
    """Events that came before the answer of their call."""
    appid, site, now = client.account.appid, ctx.site.site, ctx.now()
    subscribe.join_late(connection, ctx, appid)
    flows = reports.flow_names(connection, site)

    def early(kind: str, step: str, *states: State) -> Iterator[tuple[Receipt, Delivery]]:
        where: dict[str, Any] = {"site": site, "flows": flows, "target": target}
        for receipt_id, delivery_id in receipts.to_join(connection, appid, kind, **where, step=step, states=states):
            receipts.match(connection, receipt_id, delivery_id)
            yield receipts.get(connection, receipt_id), outbox.get(connection, delivery_id)

    for receipt, row in early("template", "send", "accepted"):
        template.conclude(connection, appid, row, receipt.status, now=now)
    for receipt, row in early("mass", budget.STEP, "accepted", "in_doubt", "confirmed"):
        mass.join_early(connection, appid, row, receipt, now=now)
    for receipt, row in early("publish", "submit", "accepted"):
        news.confirm(connection, appid, row, news.kept_status(receipt), now=now)


def _count(states: Counter[str], row: Delivery, state: str) -> None:
    """Only what moved is news."""
    if state != row.state:
        states[state] += 1


def _settle(ctx: Context, client: AccountClient, row: Delivery) -> str:
    try:
        if row.channel == "menu":
            return menu.settle_unknown(ctx, client, row)
        if row.channel == "template":
            return template.settle_unknown(ctx, client, row)
        if row.channel == "mass":
            return mass.settle_unknown(ctx, client, row)
        if row.channel == "subscribe":
            return subscribe.settle_unknown(ctx, row)
        if row.channel == "customer_service":
            return customer_service.settle_unknown(ctx, row)
        return news.settle_unknown(ctx, client, row)
    except LedgerConflict:
        return row.state


def _look(ctx: Context, client: AccountClient, row: Delivery) -> str:
    if row.channel == "subscribe":
        return subscribe.look(ctx, row)
    if row.channel == "template":
        too_late = row.changed_at + EVENT_WITHIN
        with ctx.ledger.begin() as connection:
            if ctx.now() < too_late:
                outbox.look_again(connection, row, at=too_late)
                return row.state
            reason = "WeChat took it, but no event said that it arrived"
            outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
        return "in_doubt"
    if row.channel == "mass":
        try:
            return mass.poll(ctx, client, row)
        except LedgerConflict:
            return row.state
    with ctx.ledger.begin() as connection:
        wants = {"/cgi-bin/freepublish/get": 1}
        short = quota.reserve(connection, client.account.appid, wants, rules.DAILY_LIMITS, now=ctx.now())
        if short is not None:
            outbox.look_again(connection, row, at=rules.next_beijing_day(ctx.now()))
            return row.state
    try:
        return news.poll(ctx, client, row)
    except LedgerConflict:
        return row.state
    except RateLimited as error:
        if (error.retry_after_s or 0) > A_SHORT_WAIT_S:  # else every run would ask in vain until midnight
            with ctx.ledger.begin() as connection:
                quota.exhaust(connection, client.account.appid, "/cgi-bin/freepublish/get", now=ctx.now())
        raise


def _open(ctx: Context, target: str, state: State) -> list[Delivery]:
    """What is to be looked at now. What readers may see comes first: of messages there may be a hundred thousand."""
    site, now = ctx.site.site, ctx.now()
    with ctx.ledger.read() as connection:
        if state == "unknown":
            found = outbox.find(connection, target=target, states=(state,), check_before=now)
        else:
            found = [
                row
                for flow in reports.flow_names(connection, site)
                for row in outbox.find(
                    connection, site=site, flow=flow, target=target, states=(state,), check_before=now
                )
            ]
    return sorted(found, key=lambda row: (row.channel in TO_CITIZENS, row.id))


def _perhaps_answered(ctx: Context, client: AccountClient, target: str) -> list[Delivery]:
    """Messages of unknown fate, to citizens of whom an event came that nobody claimed: no need to repeat."""
    with ctx.ledger.read() as connection:
        if not _any_unsure(ctx, connection, target):
            return []
        unclaimed = {r.subject for r in receipts.unmatched(connection, client.account.appid, "template") if r.subject}
        return [
            row
            for subject in sorted(unclaimed)
            for row in outbox.find(
                connection, target=target, channel="template", subject=subject, states=("unknown", "in_doubt")
            )
        ]


def _any_unsure(ctx: Context, connection: Connection, target: str) -> bool:
    """Whether there is a message nobody knows the fate of; else no event need be looked at, and others' are many."""
    site = ctx.site.site
    where: dict[str, Any] = {"site": site, "target": target, "channel": "template", "limit": 1}
    return bool(outbox.find(connection, **where, states=("unknown",))) or any(
        outbox.find(connection, **where, flow=flow, states=("in_doubt",))
        for flow in reports.flow_names(connection, site)
    )


def _sole_candidate(connection: Connection, target: str, item: inbox.Item) -> Delivery | None:
    """WeChat was seen to report MsgID 0 where a client_msg_id had been given: then the citizen must do."""
    if item.remote_id not in ("", "0"):
        return None
    rows = outbox.find(connection, target=target, subject=item.subject, channel="template", states=("accepted",))
    return rows[0] if len(rows) == 1 else None
