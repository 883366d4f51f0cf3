"""pause: a person stops one flow for a while. Nothing of it is sent; collecting, composing and reviewing go on.

What it has in the outbox waits as deferred, with the reason. A withdrawal is composed and goes all the same: keeping
readable what its author took back is never what a pause is for. ``valid_for`` goes on counting.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from weigov.errors import ConfigError, ReviewRejected
from weigov.flow.context import Context
from weigov.ledger import audit_log, deferrals, pauses

#: How long what is deferred by a pause waits before it is looked at again; ``resume`` wakes it at once.
LOOK_AGAIN = timedelta(days=1)


def pause(ctx: Context, flow: str, *, person: str, reason: str) -> None:
    """Stop ``flow``. Raises ReviewRejected when it is paused already, or nobody or no reason is named."""
    _asked(ctx, flow, person, reason)
    with ctx.ledger.begin() as connection:
        if not pauses.begin(connection, ctx.site.site, flow, person=person, reason=reason, now=ctx.now()):
            raise ReviewRejected(f"{flow} is paused already")
        _note(ctx, connection, "pause", flow, person, reason)


def resume(ctx: Context, flow: str, *, person: str, reason: str) -> int:
    """Let ``flow`` go on; how many deliveries that it held are judged anew. Raises ReviewRejected likewise."""
    _asked(ctx, flow, person, reason)
    with ctx.ledger.begin() as connection:
        if not pauses.end(connection, ctx.site.site, flow):
            raise ReviewRejected(f"{flow} is not paused")
        woken = deferrals.wake_flow(connection, site=ctx.site.site, flow=flow, now=ctx.now())
        _note(ctx, connection, "resume", flow, person, reason)
    return woken


def _asked(ctx: Context, flow: str, person: str, reason: str) -> None:
    if flow not in ctx.site.flows:
        raise ConfigError(f"there is no sound flow {flow}; there are {', '.join(sorted(ctx.site.flows))}")
    if not person.strip() or not reason.strip():
        raise ReviewRejected("a decision needs a name and a reason")


def _note(ctx: Context, connection: Connection, what: str, flow: str, person: str, reason: str) -> None:
    audit_log.append(
        connection,
        ctx.site.site,
        what,
        about=f"flow {flow}",
        person=person,
        reason=reason,
        at=ctx.now(),
    )
