"""Fan-outs: the deliveries of a message to many, batch by batch, each batch and how far it went in one commit.

Memory holds one batch, however many there are. Whoever dies is followed by the next compose, which goes on where the
last commit stood.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection

from weigov.flow import audience, messages
from weigov.flow.context import DRAIN_S, Context
from weigov.ledger import fan_outs, outbox, told
from weigov.ledger.fan_outs import FanOut
from weigov.ledger.outbox import New
from weigov.ledger.told import Older
from weigov.site.models import Flow

#: How many receivers are looked at in one commit.
BATCH = 1000


def expand(ctx: Context, flow: Flow) -> int:
    """Make the deliveries of this flow's fan-outs, oldest first, until all are made or the time is up; how many."""
    with ctx.ledger.read() as connection:
        waiting = fan_outs.under_way(connection, ctx.site.site, flow.flow)
    made = 0
    stop_at = time.monotonic() + DRAIN_S
    for fan_out_id in waiting:
        while time.monotonic() < stop_at:
            with ctx.ledger.begin() as connection:
                one = fan_outs.lock(connection, fan_out_id)
                if one is None:
                    break
                made += _batch(ctx, connection, flow, one)
    return made


def notes(ctx: Context, flow: Flow) -> tuple[str, ...]:
    """How far each that is not finished has come, for whoever watches."""
    with ctx.ledger.read() as connection:
        found = [fan_outs.lock(connection, one) for one in fan_outs.under_way(connection, ctx.site.site, flow.flow)]
    return tuple(f"{one.record}: {one.made} of {one.total} deliveries made" for one in found if one)


def _batch(ctx: Context, connection: Connection, flow: Flow, one: FanOut) -> int:
    if one.receivers == "corrected":
        return _correct(ctx, connection, one)
    account = one.target.removeprefix("account:")
    subjects = audience.after(ctx, connection, flow, account, one.receivers, one.cursor, BATCH)
    message = one.message["message"]
    made = outbox.enqueue(connection, [_delivery(ctx, one, subject, message) for subject in subjects], now=ctx.now())
    cursor = subjects[-1] if subjects else one.cursor
    fan_outs.advance(connection, one, made=made, cursor=cursor, now=ctx.now(), done=len(subjects) < BATCH)
    return made


def _correct(ctx: Context, connection: Connection, one: FanOut) -> int:
    """The next of those who were to get an older text."""
    whose = {
        "site": ctx.site.site, "flow": one.flow, "record": one.record, "target": one.target,
    }  # fmt: skip
    found = told.older(connection, **whose, before_revision=one.revision, after=int(one.cursor or 0), limit=BATCH)
    histories = told.histories(connection, {old.subject for old in found}, **whose, before_revision=one.revision)
    news = [new for subject, olds in histories.items() if (new := _heard_next(ctx, one, subject, olds)) is not None]
    made = outbox.enqueue(connection, news, now=ctx.now())
    cursor = str(found[-1].id) if found else one.cursor
    over, then = len(found) < BATCH, one.message.get("then")
    if over and then:
        fan_outs.advance(
            connection, one, made=made, cursor=then["cursor"], receivers=then["receivers"], now=ctx.now()
        )
    else:
        fan_outs.advance(connection, one, made=made, cursor=cursor, now=ctx.now(), done=over)
    return made


def _heard_next(ctx: Context, one: FanOut, subject: str, olds: Sequence[Older]) -> New | None:
    """What one citizen is told after ``olds``, the older deliveries of this record to them, oldest first.

    Who has an older text, or may have it, gets the correction; whose older text was superseded, or withdrawn and
    put back, before it left gets the new one as if it were the first; anybody else gets nothing.
    """
    message = one.message["message"]
    has = next((old for old in reversed(olds) if old.state in told.PERHAPS), None)
    if has is not None:
        payload = one.message["correction"] | {"corrects": has.id, "instead": message, "says": one.message["says"]}
        return _delivery(ctx, one, subject, payload)
    if message is not None and olds[-1].state in ("superseded", "withdrawn"):
        return _delivery(ctx, one, subject, message)
    return None


def _delivery(ctx: Context, one: FanOut, subject: str, payload: dict[str, object]) -> New:
    return messages.delivery(
        ctx.site.site, one.flow, one.record, one.revision, one.target, subject, one.message, payload
    )
