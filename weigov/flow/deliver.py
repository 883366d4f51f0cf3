"""deliver: outbox → WeChat, most urgent first, under quota and quiet hours, until nothing is due or time is up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from weigov.errors import LedgerConflict
from weigov.flow import abreast, citizen_events, heap, quotas, reach, reserved
from weigov.flow.channels import customer_service, mass, menu, news, subscribe, template
from weigov.flow.context import DRAIN_S, LEASE_S, Context
from weigov.flow.mistakes import MISTAKES, where
from weigov.flow.pause import LOOK_AGAIN
from weigov.flow.step import PERSON_NEEDED, Ended, StopDrain
from weigov.ledger import claims, decisions, deferrals, outbox, pauses, quota, standstill
from weigov.ledger.outbox import Delivery
from weigov.ledger.pauses import Pause
from weigov.wechat import rules
from weigov.wechat.client import AccountClient
from weigov.wechat.protocol import AccountStopped

#: How soon a delivery of a flow that is broken is looked at again.
_ASK_AGAIN = timedelta(minutes=10)
#: How many are claimed at once: what a dead worker leaves for its lease to run out.
CLAIM = 20
#: How many messages, which go side by side.
CLAIM_MESSAGES = 500
_CHANNELS = {
    "news": news, "mass": mass, "menu": menu,
    "template": template, "subscribe": subscribe, "customer_service": customer_service,
}  # fmt: skip


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
    citizen_events.drain(ctx, client.account.appid)  # who follows again is told again, and not only after a reconcile
    with ctx.ledger.read() as connection:
        unknown = outbox.find(
            connection, target=target, channel="template", states=("unknown",), check_before=ctx.now()
        )
        unknown_mass = outbox.find(connection, target=target, channel="mass", states=("unknown",))
        pause = pauses.paused(connection, ctx.site.site) if unknown or unknown_mass else {}
    again = [row for row in unknown_mass if mass.may_repeat(ctx, row)]
    again += [row for row in unknown if template.may_repeat(ctx, row)]
    # What did not arrive the first time would leave now: not where nothing of its flow may.
    again = [row for row in again if row.flow in ctx.site.flows and row.flow not in pause]
    try:
        quotas.ask(ctx, client, target)
    except AccountStopped as error:
        with ctx.ledger.begin() as connection:
            standstill.begin(connection, ctx.site.site, target, str(error), now=ctx.now())
        return Drained(target, stopped=str(error))
    return drain(
        ctx,
        target,
        lambda row: _send(ctx, client, row),
        first=again,
        gate=Gate(ctx, client),
        limit=limit,
        many=Many("template", partial(template.send_all, ctx, client)) if client.sends_abreast else None,
    )


@dataclass(frozen=True, slots=True)
class Many:
    """A channel whose deliveries may go side by side, and how: these, and what is claimed meanwhile."""

    channel: str
    send_all: Callable[[Sequence[Delivery], Callable[[], Sequence[Delivery]]], Iterator[abreast.Result]]


def drain(
    ctx: Context,
    target: str,
    send: Callable[[Delivery], None],
    *,
    first: list[Delivery] | None = None,
    gate: Gate | None = None,
    limit: int | None = None,
    many: Many | None = None,
) -> Drained:
    """Claim and send until nothing is due, or the limit or the time is reached.

    ``send`` always ends with Ended or StopDrain. ``gate`` drops from a claim what may not go now. ``many`` go side by
    side once one of them went well by itself.
    """
    with ctx.ledger.begin() as connection:
        if stopped := _stopped(ctx, connection):
            return Drained(target, stopped=stopped)
        expired = claims.expire_unsent(connection, now=ctx.now())
        reserved.take_back(ctx, connection)
    run = _Run(ctx, target, send, gate, many, first or [], limit if limit is not None else 1_000_000_000)
    with heap.set_aside():
        while run.goes_on() and (run.rows or run.claim()):
            while run.rows and not run.stopped:
                run.step()
            if run.stopped:
                run.stop()
                break
    if run.tried and not run.stopped:  # without a try nobody knows
        with ctx.ledger.begin() as connection:
            standstill.end(connection, ctx.site.site, target)
    return Drained(target, {state: n for state, n in sorted(run.states.items()) if n}, expired, run.stopped)


class _Run:
    """One drain under way."""

    def __init__(
        self, ctx: Context, target: str, send: Callable[[Delivery], None], gate: Gate | None, many: Many | None,
        rows: list[Delivery], left: int,
    ) -> None:  # fmt: skip
        self.ctx, self.target, self.left, self.rows = ctx, target, left, rows
        self._send, self._gate, self._many = send, gate, many
        self._well = False  # one of those that go side by side went well by itself
        self._stop_at = time.monotonic() + DRAIN_S
        self.states: Counter[str] = Counter()
        self.tried = 0
        self.stopped = ""
        self._halted = False  # by a person, who has it written down already

    def goes_on(self) -> bool:
        """Whether there is time and leave for more."""
        return not self.stopped and self.left > 0 and time.monotonic() < self._stop_at

    def claim(self) -> int:
        """Take what is due; how many there were, those that may not go now included."""
        claimed = self._claim(min(CLAIM, self.left))
        many = self._many
        if many and self._well and self.left > CLAIM and claimed and all(r.channel == many.channel for r in claimed):
            claimed += self._claim(min(CLAIM_MESSAGES, self.left - CLAIM), many.channel)
        return len(claimed)

    def _claim(self, limit: int, channel: str | None = None) -> list[Delivery]:
        ctx = self.ctx
        with ctx.ledger.begin() as connection:
            self.stopped = _stopped(ctx, connection)
            if self.stopped:
                self._halted = True
                return []
            claimed = claims.claim(
                connection, target=self.target, limit=limit, owner=ctx.worker, lease_s=LEASE_S, now=ctx.now(),
                channel=channel,
            )  # fmt: skip
            rows = self._gate.let_pass(connection, claimed) if self._gate else claimed
        turned_away = self._gate.take_turned_away() if self._gate else Counter[str]()
        self.states.update(turned_away)
        self.states["deferred"] += len(claimed) - len(rows) - turned_away.total()
        self.rows += rows
        return claimed

    def step(self) -> None:
        """Send the next, or all that may go side by side, and note what they came to."""
        many = self._many
        if many and self._well and len(self._together()) > 1:
            for row, result in many.send_all(self._hand_over(), self._more):
                self._note(row, result)
        else:
            row = self.rows.pop(0)
            self.left -= 1
            self.tried += 1
            self._note(row, self._alone(row))

    def _together(self) -> list[Delivery]:
        channel = self._many.channel if self._many else ""
        return [row for row in self.rows if row.channel == channel and row.state == "claimed"]

    def _hand_over(self) -> list[Delivery]:
        """Those that go side by side, taken from ``rows``."""
        together = self._together()
        ids = {row.id for row in together}
        self.rows = [row for row in self.rows if row.id not in ids]
        self.left -= len(together)
        self.tried += len(together)
        return together

    def _more(self) -> list[Delivery]:
        """Claim what may join those under way; nothing once something else is due or the time is up."""
        if self.rows or not self.goes_on() or not self.claim():
            return []
        return self._hand_over()

    def stop(self) -> None:
        """Nothing more can be sent now: give back what was claimed, and keep the reason."""
        ctx = self.ctx
        with ctx.ledger.begin() as connection:
            claims.release(connection, self.rows, now=ctx.now(), owner=ctx.worker)
            if self._gate:
                self._gate.give_back(connection, self.rows)
            if not self._halted:
                standstill.begin(connection, ctx.site.site, self.target, self.stopped, now=ctx.now())

    def _alone(self, row: Delivery) -> Exception:
        try:
            self._send(row)
        except (Ended, LedgerConflict, StopDrain, *MISTAKES) as result:
            return result
        raise AssertionError("a send ends with Ended or StopDrain")

    def _note(self, row: Delivery, result: Exception) -> None:
        if isinstance(result, Ended):
            self.states[result.state] += 1
            if self._many and row.channel == self._many.channel and result.state == "accepted":
                self._well = True
            if result.state == "deferred":
                self._hold_alike(row)
        elif isinstance(result, LedgerConflict):
            self.states["taken over"] += 1
        elif isinstance(result, abreast.NotBegun):
            self._give_back(row)
            with self.ctx.ledger.read() as connection:
                self.states["deferred"] += outbox.get(connection, row.id).state == "deferred"  # with one like it
        elif isinstance(result, StopDrain):
            self.stopped = self.stopped or str(result)
            self._give_back(row)
        else:
            self.states["could not be handled"] += 1
            with self.ctx.ledger.begin() as connection:
                if _set_aside(self.ctx, connection, row, result) and self._gate:
                    self._gate.give_back(connection, [row])  # else it would use up the day, one an hour

    def _hold_alike(self, row: Delivery) -> None:
        self.rows, held = _apart(self.rows, row)
        self.states["deferred"] += len(held)
        with self.ctx.ledger.begin() as connection:
            wait = _defer_alike(self.ctx, connection, row, held)
            if self._gate and wait <= PERSON_NEEDED:  # longer, and what was reserved is used up with the day
                self._gate.give_back(connection, [row, *held])

    def _give_back(self, row: Delivery) -> None:
        if self._gate:
            with self.ctx.ledger.begin() as connection:
                self._gate.give_back(connection, [row])


def _stopped(ctx: Context, connection: Connection) -> str:
    """Why nothing may leave at all, in one sentence; '' when it may. Asked in the transaction of each claim."""
    why = decisions.stopped(connection, ctx.site.site)
    return f"deliveries are {why}" if why else ""


def _set_aside(ctx: Context, connection: Connection, row: Delivery, error: Exception) -> bool:
    """It waits, with the reason, while the others go. In the midst of a call its lease makes it unknown instead:
    then False."""
    now, late = ctx.now(), outbox.get(connection, row.id)
    if late.state != "claimed":
        return False
    reason = deferrals.for_a_person(f"Weigov could not handle this delivery ({where(error)}): report it")
    outbox.defer(connection, late, until=now + PERSON_NEEDED, reason=reason, now=now, owner=ctx.worker)
    return True


def _apart(rows: list[Delivery], row: Delivery) -> tuple[list[Delivery], list[Delivery]]:
    """(the others, those of the same kind as ``row``)."""
    kind = (row.channel, row.effect, row.in_draft_box)
    alike = [other for other in rows if (other.channel, other.effect, other.in_draft_box) == kind]
    return [other for other in rows if other not in alike], alike


def _defer_alike(ctx: Context, connection: Connection, row: Delivery, held: list[Delivery]) -> timedelta:
    """What was claimed with ``row`` and is of its kind waits as long: asking would only be refused again."""
    now = ctx.now()
    late = outbox.get(connection, row.id)
    for other in held:
        outbox.defer(connection, other, until=late.due_at, reason=late.reason, now=now, owner=ctx.worker)
    return late.due_at - now


def _send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    _CHANNELS[row.channel].send(ctx, client, row)


class Gate:
    """What is claimed but may not go now: quiet hours, exhausted quotas. Reserves the calls of what may."""

    def __init__(self, ctx: Context, client: AccountClient) -> None:
        self._ctx = ctx
        self._appid = client.account.appid
        self._reserved: dict[int, tuple[dict[str, int], datetime]] = {}
        self._turned_away: Counter[str] = Counter()

    def take_turned_away(self) -> Counter[str]:
        """State → how many of the last claim may not go to their citizens now."""
        found, self._turned_away = self._turned_away, Counter()
        return found

    def let_pass(self, connection: Connection, rows: list[Delivery]) -> list[Delivery]:
        """Those of ``rows`` that may go; the others are deferred. Part of the claim's transaction."""
        pause = pauses.paused(connection, self._ctx.site.site) if rows else {}
        rows = [row for row in rows if self._is_time(connection, row, pause.get(row.flow))]
        rows = reach.let_pass(self._ctx, connection, self._appid, rows, self._turned_away)
        granted = self._reserve_together(connection, [row for row in rows if row.channel == "template"])
        return [row for row in rows if row.id in granted or self._has_quota(connection, row)]

    def give_back(self, connection: Connection, rows: list[Delivery]) -> None:
        """These were surely not sent: their calls may be somebody else's."""
        for row in rows:
            if row.id in self._reserved:
                wants, at = self._reserved.pop(row.id)
                quota.release(connection, self._appid, wants, reserved_at=at)

    def _reserve_together(self, connection: Connection, rows: list[Delivery]) -> set[int]:
        """Take the calls of all of ``rows`` at once where there are enough; else of none, and each is asked."""
        if len(rows) < 2:
            return set()
        wants = {row.id: template.paths(row) for row in rows}
        total: Counter[str] = Counter()
        for one in wants.values():
            total.update(one)
        now = self._ctx.now()
        if quota.reserve(connection, self._appid, total, rules.DAILY_LIMITS, now=now) is not None:
            return set()
        self._reserved |= {row_id: (one, now) for row_id, one in wants.items()}
        return set(wants)

    def _is_time(self, connection: Connection, row: Delivery, pause: Pause | None) -> bool:
        now = self._ctx.now()
        flow = self._ctx.site.flows.get(row.flow)
        if flow is None and row.effect != "remove":
            # Nobody knows its quiet hours, nor whether it is wanted at all. A removal is always wanted.
            reason = deferrals.for_a_person(f"flow {row.flow} is broken or gone: see weigov lint")
            outbox.defer(connection, row, until=now + _ASK_AGAIN, reason=reason, now=now, owner=self._ctx.worker)
            return False
        if pause is not None and row.effect != "remove":
            until = now + LOOK_AGAIN
            outbox.defer(connection, row, until=until, reason=pause.sentence, now=now, owner=self._ctx.worker)
            return False
        quiet = flow.quiet_hours.until(now, self._ctx.site.zone) if flow and flow.quiet_hours else None
        if quiet is not None and row.effect != "remove":
            outbox.defer(connection, row, until=quiet, reason="quiet hours", now=now, owner=self._ctx.worker)
            return False
        return True

    def _has_quota(self, connection: Connection, row: Delivery) -> bool:
        now = self._ctx.now()
        if row.channel == "mass" and (held := mass.held_by_budget(self._ctx, connection, row, self._appid)):
            until, reason = held
            outbox.defer(connection, row, until=until, reason=reason, now=now, owner=self._ctx.worker)
            return False
        wants = reserved.calls(self._ctx, connection, row)
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
        deferrals.defer_rest(
            connection,
            target=row.target,
            channel=row.channel,
            effect=row.effect,
            until=until,
            reason=reason,
            now=now,
            not_before=row.priority if kept else 0,
            in_draft_box=row.in_draft_box,
        )
        return False
