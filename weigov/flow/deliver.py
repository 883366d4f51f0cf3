"""deliver: outbox → WeChat, most urgent first, under quota and quiet hours, until nothing is due or time is up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from weigov.errors import LedgerConflict
from weigov.flow import quotas
from weigov.flow.channels import menu, news, template
from weigov.flow.context import DRAIN_S, LEASE_S, Context
from weigov.flow.mistakes import MISTAKES, where
from weigov.flow.step import PERSON_NEEDED, Ended, StopDrain
from weigov.ledger import decisions, outbox, quota, standstill
from weigov.ledger.outbox import Delivery
from weigov.wechat import rules
from weigov.wechat.client import AccountClient
from weigov.wechat.protocol import AccountStopped

#: How soon a delivery of a flow that is broken is looked at again.
_ASK_AGAIN = timedelta(minutes=10)
#: How many are claimed at once: what a dead worker leaves for its lease to run out.
CLAIM = 20


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did: how many came to each state, and why it stopped early."""

    target: str
    states: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0
    stopped: str = ""


def deliver(ctx: Context, account: str, *, limit: int | None = None) -> Drained:
    """Send what is due to one account.

    Safe to kill at any instruction and to run beside others. Never raises for one bad delivery: ``stopped`` says why
    nothing more could be sent.
    """
    client = ctx.account(account)
    target = f"account:{account}"
    with ctx.ledger.read() as connection:
        unknown = outbox.find(
            connection, target=target, channel="template", states=("unknown",), check_before=ctx.now()
        )
    again = [row for row in unknown if template.may_repeat(ctx, row)]
    try:
        quotas.ask(ctx, client, target)
    except AccountStopped as error:
        with ctx.ledger.begin() as connection:
            standstill.begin(connection, ctx.site.site, target, str(error), now=ctx.now())
        return Drained(target, stopped=str(error))
    return drain(ctx, target, lambda row: _send(ctx, client, row), first=again, gate=Gate(ctx, client), limit=limit)


def drain(
    ctx: Context,
    target: str,
    send: Callable[[Delivery], None],
    *,
    first: list[Delivery] | None = None,
    gate: Gate | None = None,
    limit: int | None = None,
) -> Drained:
    """Claim and send until nothing is due, or the limit or the time is reached.

    ``send`` always ends with Ended or StopDrain. ``gate`` drops from a claim what may not go now.
    """
    with ctx.ledger.begin() as connection:
        if stopped := _stopped(ctx, connection):
            return Drained(target, stopped=stopped)
        expired = outbox.expire_unsent(connection, now=ctx.now())
        outbox.expire_leases(connection, now=ctx.now())
    states: Counter[str] = Counter()
    tried = 0
    stop_at = time.monotonic() + DRAIN_S
    rows = first or []
    left = limit if limit is not None else 1_000_000_000
    while left > 0 and time.monotonic() < stop_at:
        if not rows:
            with ctx.ledger.begin() as connection:
                if stopped := _stopped(ctx, connection):
                    return Drained(target, _plain(states), expired, stopped)
                claimed = outbox.claim(
                    connection,
                    target=target,
                    limit=min(CLAIM, left),
                    owner=ctx.worker,
                    lease_s=LEASE_S,
                    now=ctx.now(),
                )
                rows = gate.let_pass(connection, claimed) if gate else claimed
            states["deferred"] += len(claimed) - len(rows)
            if not claimed:
                break
        while rows:
            row = rows.pop(0)
            left -= 1
            tried += 1
            try:
                send(row)
            except Ended as ended:
                states[ended.state] += 1
                if ended.state == "deferred":
                    rows, held = _apart(rows, row)
                    states["deferred"] += len(held)
                    with ctx.ledger.begin() as connection:
                        wait = _defer_alike(ctx, connection, row, held)
                        if gate and wait <= PERSON_NEEDED:  # longer, and what was reserved is used up with the day
                            gate.give_back(connection, [row, *held])
            except LedgerConflict:
                states["taken over"] += 1
            except MISTAKES as error:
                states["could not be handled"] += 1
                with ctx.ledger.begin() as connection:
                    _set_aside(ctx, connection, row, error)
            except StopDrain as stop:
                with ctx.ledger.begin() as connection:
                    outbox.release(connection, rows, now=ctx.now(), owner=ctx.worker)
                    if gate:
                        gate.give_back(connection, [row, *rows])
                    standstill.begin(connection, ctx.site.site, target, str(stop), now=ctx.now())
                return Drained(target, _plain(states), expired, str(stop))
    if tried:  # and nothing stopped it; without a try nobody knows
        with ctx.ledger.begin() as connection:
            standstill.end(connection, ctx.site.site, target)
    return Drained(target, _plain(states), expired)


def _stopped(ctx: Context, connection: Connection) -> str:
    """Why nothing may leave at all, in one sentence; '' when it may. Asked in the transaction of each claim."""
    why = decisions.stopped(connection, ctx.site.site)
    return f"deliveries are {why}" if why else ""


def _set_aside(ctx: Context, connection: Connection, row: Delivery, error: Exception) -> None:
    """It waits, with the reason, while the others go. In the midst of a call its lease makes it unknown instead."""
    now, late = ctx.now(), outbox.get(connection, row.id)
    if late.state == "claimed":
        reason = f"Weigov could not handle this delivery ({where(error)}): report it"
        outbox.defer(connection, late, until=now + PERSON_NEEDED, reason=reason, now=now, owner=ctx.worker)


def _apart(rows: list[Delivery], row: Delivery) -> tuple[list[Delivery], list[Delivery]]:
    """(the others, those of the same kind as ``row``)."""
    alike = [other for other in rows if (other.channel, other.effect) == (row.channel, row.effect)]
    return [other for other in rows if other not in alike], alike


def _defer_alike(ctx: Context, connection: Connection, row: Delivery, held: list[Delivery]) -> timedelta:
    """What was claimed with ``row`` and is of its kind waits as long: asking would only be refused again."""
    now = ctx.now()
    late = outbox.get(connection, row.id)
    for other in held:
        outbox.defer(connection, other, until=late.due_at, reason=late.reason, now=now, owner=ctx.worker)
    return late.due_at - now


def _send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    {"news": news, "template": template, "menu": menu}[row.channel].send(ctx, client, row)


class Gate:
    """What is claimed but may not go now: quiet hours, exhausted quotas. Reserves the calls of what may."""

    def __init__(self, ctx: Context, client: AccountClient) -> None:
        self._ctx = ctx
        self._appid = client.account.appid
        self._reserved: dict[int, tuple[dict[str, int], datetime]] = {}

    def let_pass(self, connection: Connection, rows: list[Delivery]) -> list[Delivery]:
        """Those of ``rows`` that may go; the others are deferred. Part of the claim's transaction."""
        return [row for row in rows if self._passes(connection, row)]

    def give_back(self, connection: Connection, rows: list[Delivery]) -> None:
        """These were surely not sent: their calls may be somebody else's."""
        for row in rows:
            if row.id in self._reserved:
                wants, at = self._reserved.pop(row.id)
                quota.release(connection, self._appid, wants, reserved_at=at)

    def _passes(self, connection: Connection, row: Delivery) -> bool:
        now = self._ctx.now()
        flow = self._ctx.site.flows.get(row.flow)
        if flow is None and row.effect != "remove":
            # Nobody knows its quiet hours, nor whether it is wanted at all. A removal is always wanted.
            reason = f"flow {row.flow} is broken or gone: see weigov lint"
            outbox.defer(connection, row, until=now + _ASK_AGAIN, reason=reason, now=now, owner=self._ctx.worker)
            return False
        quiet = flow.quiet_hours.until(now, self._ctx.site.zone) if flow and flow.quiet_hours else None
        if quiet is not None and row.effect != "remove":
            outbox.defer(connection, row, until=quiet, reason="quiet hours", now=now, owner=self._ctx.worker)
            return False
        wants = _paths(connection, row)
        kept = news.keep(self._ctx, row)
        short = quota.reserve(connection, self._appid, wants, rules.DAILY_LIMITS, now=now, keep=kept)
        if short is None:
            self._reserved[row.id] = (wants, now)
            return True
        until = rules.next_beijing_day(now) + timedelta(minutes=1)
        reason = f"today's calls of {short} are used up"
        if short in kept:
            reason += ", but for what is kept for withdrawals"
        outbox.defer(connection, row, until=until, reason=reason, now=now, owner=self._ctx.worker)
        outbox.defer_rest(
            connection,
            target=row.target,
            channel=row.channel,
            effect=row.effect,
            until=until,
            reason=reason,
            now=now,
            not_before=row.priority if kept else 0,
        )
        return False


def _paths(connection: Connection, row: Delivery) -> dict[str, int]:
    if row.channel == "news":
        return news.paths(row, outbox.steps_done(connection, row.id))
    return menu.paths(row) if row.channel == "menu" else template.paths(row)


def _plain(states: Counter[str]) -> dict[str, int]:
    return {state: n for state, n in sorted(states.items()) if n}
