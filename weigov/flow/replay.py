"""replay: a person has what was rejected tried again.

An article is composed again from its record as it is now, for a mended mapping or an edit is why one tries again; it
is a delivery and a review of its own. A message, a menu, a removal and a write-back go again as they were:
whoever else was told of the same change is not told again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from weigov.errors import ReviewRejected
from weigov.flow import collect
from weigov.flow.channels import template
from weigov.flow.context import Context
from weigov.ledger import attempts, decisions, outbox, revisions, streams
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import TO_CITIZENS
from weigov.ledger.streams import StreamRef


def replay(ctx: Context, delivery_id: int, *, person: str, reason: str) -> str:
    """Try one rejected delivery again; what it is now: ready, waiting_review, or pending (to be composed).

    Raises ReviewRejected when it was not rejected, or is no longer the newest of its record.
    """
    with ctx.ledger.begin() as connection:
        try:
            row = outbox.get(connection, delivery_id)
        except LookupError:
            raise ReviewRejected(f"there is no delivery {delivery_id}") from None
        if row.site != ctx.site.site or row.state != "rejected":
            was = row.state if row.site == ctx.site.site else f"of another site, {row.site}"
            raise ReviewRejected(f"delivery {delivery_id} was not rejected, it is {was}: there is nothing to replay")
        # A later digest is no newer one: what this one holds goes by a replay or not at all.
        is_digest = row.channel == "mass" and row.effect in ("preview", "send")
        if not (is_digest or outbox.is_newest(connection, row)) or _changed_since(ctx, connection, row):
            raise ReviewRejected(
                f"delivery {delivery_id} is old: a newer change of {row.record} has its own delivery"
            )
        if row.expires_at is not None and row.expires_at <= ctx.now():
            raise ReviewRejected(f"delivery {delivery_id} would come too late: its valid_for is over")
        article = row.channel == "news" and row.effect == "publish"
        if article:
            # Under the stream's lock, as every revision is made. It is taken before anything is written.
            ref = _stream(ctx, row)
            streams.lock_stream(connection, ref, now=ctx.now())
            key = row.record.removeprefix(ref.record_ref(""))
            reads = collect.reads(ctx.site, ctx.site.flows[row.flow])
            if not revisions.compose_again(connection, ref, key, reads, cause="replay", now=ctx.now()):
                raise ReviewRejected(f"delivery {delivery_id}: {row.record} is withdrawn upstream")
        due_at = _due_at(ctx, connection, row)
        if article:
            to = "pending"
        else:
            to = outbox.replay(connection, row, now=ctx.now(), due_at=due_at, wanted=is_digest)
        decisions.note(
            connection,
            row.site,
            "replay",
            delivery=row.id,
            was=row.state,
            now=to,
            person=person,
            reason=reason,
            at=ctx.now(),
        )
    return to


def _due_at(ctx: Context, connection: Connection, row: Delivery) -> datetime:
    """A message that WeChat took bears the same key again: not while it would be taken for a repetition."""
    took = row.channel == "template" and "send" in attempts.done(connection, row.id)
    if not took or row.first_intent_at is None:
        return ctx.now()
    return max(ctx.now(), row.first_intent_at + template.KEY_FOR)


def _changed_since(ctx: Context, connection: Connection, row: Delivery) -> bool:
    """Whether a message is about what is so no longer, also where the newer change has no delivery."""
    flow = ctx.site.flows.get(row.flow)
    if row.channel not in TO_CITIZENS or flow is None or flow.from_ is None:
        return False
    ref = StreamRef(row.site, flow.from_.system, flow.from_.stream)
    return revisions.has_newer_change(
        connection, ref, row.record.removeprefix(ref.record_ref("")), row.flow, row.revision
    )


def _stream(ctx: Context, row: Delivery) -> StreamRef:
    flow = ctx.site.flows.get(row.flow)
    if flow is None or flow.from_ is None:
        raise ReviewRejected(f"delivery {row.id}: flow {row.flow} is broken or gone: see `weigov lint`")
    return StreamRef(row.site, flow.from_.system, flow.from_.stream)
