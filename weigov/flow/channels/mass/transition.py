"""From preview to message: what follows when everybody of ``preview_to`` has seen a digest, or it is dropped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from weigov.flow.channels.news import REPLACEMENT
from weigov.flow.channels.news.removal import removal
from weigov.flow.context import Context
from weigov.ledger import attempts, gathered, outbox
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import State

#: What will never be sent any more.
_NEVER: tuple[State, ...] = ("superseded", "withdrawn", "expired", "refused", "given_up")


def follow_up(ctx: Context, connection: Connection, target: str) -> int:
    """Enqueue the message of every digest that was previewed to the end; how many. Safe to repeat.

    A worker may die between the last preview and this, so whoever comes next looks again.
    """
    return sum(
        _message_of(ctx, connection, outbox.get(connection, one))
        for one in gathered.without_message(connection, ctx.site.site, target)
    )


def discard_drafts(connection: Connection, rows: Iterable[Delivery], *, now: datetime) -> int:
    """Delete the drafts of previewed digests whose message will never be sent; how many are to go."""
    fates = {
        (row.record, row.revision): row.state
        for row in (outbox.get(connection, one.id) for one in rows)
        if row.effect == "send"
    }
    leftover = []
    for row in (outbox.get(connection, one.id) for one in rows):
        if row.effect != "preview" or row.state != "confirmed" or row.channel != "mass":
            continue
        never = fates.get((row.record, row.revision), row.retire or "")
        media_id = attempts.done(connection, row.id).get("draft", "")
        if never in _NEVER and media_id:
            leftover.append(removal(row, {"media_id": media_id}, REPLACEMENT))
    return outbox.enqueue(connection, leftover, now=now)


def _message_of(ctx: Context, connection: Connection, row: Delivery) -> int:
    if row.retire or row.flow not in ctx.site.flows:
        return 0
    flow, now = ctx.site.flows[row.flow], ctx.now()
    message = New(
        site=row.site,
        flow=row.flow,
        record=row.record,
        revision=row.revision,
        effect="send",
        target=row.target,
        subject="",
        channel="mass",
        payload=row.payload,
        title=row.title,
        priority=row.priority,
        approvals_needed=flow.review.needs if flow.review else 0,
        expires_at=row.expires_at,
    )
    if not outbox.enqueue(connection, [message], now=now):
        return 0
    (made,) = outbox.find(
        connection, site=row.site, flow=row.flow, record=row.record, target=row.target, effect="send",
        revision=row.revision,
    )  # fmt: skip
    gathered.pass_on(connection, of=row.id, to=made.id)
    return 1
