"""One call for one step of a delivery: intent committed before it, outcome after, and nothing repeated in between.

What each error means for a send is decided here, once:

    RecordRejected      the rules were broken, nothing was sent            rejected
    RateLimited         surely unsent, and it said how long                deferred, with everything of its kind
    AccountStopped      surely unsent, until a person acts                 ready later: the drain stops, or its kind
    RemoteUnavailable   surely unsent                                      ready later; the drain stops
    RemoteRefused       it said no                                         rejected
    OutcomeUnknown      it may have happened                               unknown: for reconcile
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from weigov.errors import (
    LedgerConflict,
    OutcomeUnknown,
    RateLimited,
    RecordRejected,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
)
from weigov.flow import reach
from weigov.flow.context import CALL_DEADLINE_S, LEASE_S, Context
from weigov.ledger import attempts, claims, deferrals, outbox, quota, sending
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import TO_CITIZENS, State
from weigov.wechat.protocol import AccountStopped

#: How soon reconcile first looks at an unknown outcome, and at an accepted one that has had no event.
FIRST_LOOK = timedelta(seconds=30)
#: Without an event by then an accepted message is nobody's certainty; nothing is asked about it before, and an event
#: is about nothing sent so long ago.
EVENT_WITHIN = timedelta(hours=48)
#: How long deliveries of a kind wait that a person must first make possible (a permission, a category).
PERSON_NEEDED = timedelta(hours=1)
#: A longer wait than this is a limit of the day, not of the minute.
A_SHORT_WAIT_S = 600


_T = TypeVar("_T")


class StopDrain(Exception):
    """Nothing more can be sent to this target now; the message is for the operator."""


class Ended(Exception):
    """This delivery came to an end, or a rest, in the state given."""

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__(state)


def call(ctx: Context, row: Delivery, step: str, action: Callable[[], str], *, last: State | None = None) -> Delivery:
    """Make the step's call; the delivery as it stands afterwards, claimed for its next step.

    ``last`` is the state an answered last step leads to. Raises Ended when the delivery has come to rest (always for
    a last step), StopDrain when nothing else may be tried at this target, LedgerConflict when somebody else has it.
    """
    repeating, begun_at = row.state == "unknown", ctx.now()
    with ctx.ledger.begin() as connection:
        pointless = not repeating and claims.drop_retired(connection, row, owner=ctx.worker, now=begun_at)
        if not pointless:
            row = sending.begin(connection, row, step, owner=ctx.worker, lease_s=LEASE_S, now=begun_at)
    if pointless:
        raise Ended("ready")
    if stood_still(ctx, begun_at):
        raise _not_made(ctx, row, repeating)
    try:
        remote_id = action()
    except (RemoteError, RecordRejected) as error:
        if not repeating or isinstance(error, OutcomeUnknown):
            raise failed(ctx, row, error) from None
        # Only this repetition was surely without effect: of the call before it nobody knows any more than it did.
        if isinstance(error, RemoteRefused):
            reach.learn(ctx, row, error.code)
        reason = f"repeated in vain: {_say(error)}"
        state = _write_down(ctx, row, "unknown", reason=reason, check_at=ctx.now() + FIRST_LOOK)
        raise (StopDrain(str(error)) if _stops_all(error) else Ended(state)) from None
    if last is not None:
        raise answered(ctx, row, last, remote_id)
    try:
        with ctx.ledger.begin() as connection:
            return sending.end_step(
                connection, row, remote_id=remote_id, owner=ctx.worker, lease_s=LEASE_S, now=ctx.now()
            )
    except LedgerConflict:
        with ctx.ledger.begin() as connection:
            late = outbox.get(connection, row.id)
            if not _still_open(late, row):
                raise Ended(late.state) from None
            # The call outlived its lease and is unknown by now; its answer settles it all the same.
            attempts.adopt(connection, late, step, remote_id, now=ctx.now())
            outbox.move(connection, late, "ready", now=ctx.now())
        raise Ended("ready") from None


def stood_still(ctx: Context, begun_at: datetime) -> bool:
    """Whether so long went by since the intent that a call made now might outlive its lease: a machine that was
    suspended in between. Others may have the delivery, and a key may be forgotten."""
    return ctx.now() - begun_at > timedelta(seconds=LEASE_S - CALL_DEADLINE_S)


def ask(ctx: Context, row: Delivery, question: Callable[[], _T]) -> _T:
    """Learn something before a call is made for a claimed delivery.

    Raises Ended or StopDrain, as ``call`` does, when it cannot be learnt: nothing was sent.
    """
    try:
        return question()
    except (RemoteError, RecordRejected) as error:
        raise _without_effect(ctx, row, error) from None


def hold(ctx: Context, row: Delivery, reason: str) -> Ended:
    """A claimed delivery must not go before a person did something: it waits, and is looked at again."""
    with ctx.ledger.begin() as connection:
        until, reason = ctx.now() + PERSON_NEEDED, deferrals.for_a_person(reason)
        outbox.defer(connection, row, until=until, reason=reason, now=ctx.now(), owner=ctx.worker)
    return Ended("deferred")


def answered(ctx: Context, row: Delivery, last: State, remote_id: str) -> Ended:
    """Write down the answer to a last step, also where the call outlived its lease."""
    wait = EVENT_WITHIN if row.channel in TO_CITIZENS else FIRST_LOOK
    check_at = ctx.now() + wait if last == "accepted" else None
    return Ended(_write_down(ctx, row, last, remote_id=remote_id, check_at=check_at))


def failed(ctx: Context, row: Delivery, error: RemoteError | RecordRejected) -> Ended | StopDrain:
    """Write down how a call failed that was made once, and what follows for this delivery and those like it."""
    if isinstance(error, OutcomeUnknown):
        return Ended(_write_down(ctx, row, "unknown", reason=_say(error), check_at=ctx.now() + FIRST_LOOK))
    return _without_effect(ctx, row, error)


def ends_all_alike(error: RemoteError | RecordRejected) -> bool:
    """Whether the next call of this kind would fail in the same way, so that none should be begun."""
    return isinstance(error, AccountStopped | RateLimited | RemoteUnavailable)


def _not_made(ctx: Context, row: Delivery, repeating: bool) -> Ended:
    """Take the intent back; of a call before it nobody knows any more than they did."""
    if repeating:
        return Ended(_write_down(ctx, row, "unknown", reason=row.reason, check_at=ctx.now() + FIRST_LOOK))
    with ctx.ledger.begin() as connection:
        sending.take_back(connection, row, owner=ctx.worker, now=ctx.now())
    return Ended("ready")


def _without_effect(ctx: Context, row: Delivery, error: RemoteError | RecordRejected) -> Ended | StopDrain:
    """Write down that nothing happened, and what follows for this delivery and those like it."""
    if isinstance(error, RemoteRefused | RecordRejected):
        reach.learn(ctx, row, error.code if isinstance(error, RemoteRefused) else None)
        return Ended(_write_down(ctx, row, "rejected", reason=_say(error)))
    if isinstance(error, RateLimited):
        until = ctx.now() + timedelta(seconds=error.retry_after_s or 60)
        _exhausted(ctx, row, error)
        return Ended(_hold_kind(ctx, row, until, _say(error)))
    if isinstance(error, AccountStopped) and not error.whole_account:
        reason = deferrals.for_a_person(_say(error))
        return Ended(_hold_kind(ctx, row, ctx.now() + PERSON_NEEDED, reason))
    _unsent(ctx, row, _say(error))
    return StopDrain(str(error))


def _stops_all(error: RemoteError | RecordRejected) -> bool:
    """Whether nothing else can be sent either: not reached at all, or the whole account stopped."""
    if isinstance(error, AccountStopped):
        return error.whole_account
    return isinstance(error, RemoteUnavailable) and not isinstance(error, RateLimited)


def _write_down(
    ctx: Context,
    row: Delivery,
    to: State,
    *,
    reason: str = "",
    remote_id: str = "",
    check_at: datetime | None = None,
) -> State:
    """Keep the outcome. ``confirmed`` passes through accepted, so that every confirmed row was once accepted."""
    first: State = "accepted" if to == "confirmed" else to
    with ctx.ledger.begin() as connection:
        try:
            outbox.settle(
                connection,
                row,
                first,
                now=ctx.now(),
                reason=reason,
                remote_id=remote_id,
                owner=ctx.worker,
                check_at=check_at,
            )
        except LedgerConflict:
            late = outbox.get(connection, row.id)
            if not _still_open(late, row) or to == "unknown":
                return late.state
            # The call outlived its lease; its answer is as good as ever.
            outbox.settle(
                connection, late, first, now=ctx.now(), reason=reason, remote_id=remote_id, check_at=check_at
            )
        if to == "confirmed":
            outbox.move(connection, outbox.get(connection, row.id), "confirmed", now=ctx.now())
    return to


def _still_open(late: Delivery, row: Delivery) -> bool:
    """Whether the row still waits for the outcome of exactly this call."""
    return late.state == "unknown" and late.step == row.step and late.tries == row.tries


def _unsent(ctx: Context, row: Delivery, reason: str) -> None:
    with ctx.ledger.begin() as connection:
        sending.unsent(connection, row, now=ctx.now(), reason=reason, owner=ctx.worker)


def _exhausted(ctx: Context, row: Delivery, error: RateLimited) -> None:
    """A limit of the day is used up, by whomever: later claims need not find that out by calling."""
    if row.target.startswith("account:") and (error.retry_after_s or 0) > A_SHORT_WAIT_S:
        appid = ctx.account(row.target.removeprefix("account:")).account.appid
        with ctx.ledger.begin() as connection:
            quota.exhaust(connection, appid, f"/cgi-bin/{error.operation}", now=ctx.now())


def _hold_kind(ctx: Context, row: Delivery, until: datetime, reason: str) -> State:
    """This delivery and everything ready of its kind waits until then."""
    with ctx.ledger.begin() as connection:
        outbox.defer(connection, row, until=until, reason=reason, now=ctx.now(), owner=ctx.worker)
        deferrals.defer_rest(
            connection,
            target=row.target,
            channel=row.channel,
            effect=row.effect,
            until=until,
            reason=reason,
            now=ctx.now(),
            in_draft_box=row.in_draft_box,
        )
    return "deferred"


def _say(error: RemoteError | RecordRejected) -> str:
    return "; ".join(error.reasons) if isinstance(error, RecordRejected) else str(error)
