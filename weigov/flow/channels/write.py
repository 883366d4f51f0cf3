"""Write-backs to the system a record came from, by the same rules as anything sent to WeChat.

What an answer that never came means is the operation's ``idempotency``: key and overwrite repeat, query_first asks
after a settling time whether the write shows, none waits for a person.
"""

from __future__ import annotations

from datetime import timedelta

from weigov.errors import RemoteError, RemoteUnavailable
from weigov.flow.context import Context
from weigov.flow.step import call
from weigov.ledger import attempts, outbox
from weigov.ledger.outbox import Delivery
from weigov.ports import SourceSystem

#: How soon a system that could not be asked is asked again, and when a person takes over.
ASK_AGAIN = timedelta(minutes=5)
GIVE_UP = timedelta(days=1)


def send(ctx: Context, system: SourceSystem, row: Delivery) -> None:
    """Call the operation once. Always ends with Ended or StopDrain."""

    def action() -> str:
        values = row.payload["values"]
        return system.write(str(row.payload["operation"]), values, key=row.client_key).remote_id

    call(ctx, row, "write", action, last="confirmed")


def settle_unknown(ctx: Context, row: Delivery) -> str:
    """Repeat what may be repeated, look up what can be looked up; leave the rest to a person."""
    system = row.target.removeprefix("system:")
    operation = ctx.site.shapes[system].operations[str(row.payload["operation"])]
    if operation.idempotency == "query_first":
        return _look_up(ctx, row, system, timedelta(seconds=operation.settle_s))
    with ctx.ledger.begin() as connection:
        if operation.idempotency in ("key", "overwrite"):
            due_at = ctx.now() + attempts.pause(connection, row)
            outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="repeated: it does no harm")
            return "ready"
        reason = f"no answer from {system}, and {row.payload['operation']} cannot be repeated safely"
        outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
    return "in_doubt"


def _look_up(ctx: Context, row: Delivery, system: str, settle: timedelta) -> str:
    """Ask whether it took effect, once that would show; only a clear no lets it be sent again."""
    if ctx.now() < row.changed_at + settle:
        with ctx.ledger.begin() as connection:
            outbox.look_again(connection, row, at=row.changed_at + settle)
        return row.state
    operation = str(row.payload["operation"])
    try:
        found = ctx.system(system).find(operation, row.payload["values"], key=row.client_key)
    except RemoteUnavailable as error:
        with ctx.ledger.begin() as connection:
            outbox.look_again(connection, row, at=ctx.now() + ASK_AGAIN)
        if ctx.now() < row.changed_at + GIVE_UP:
            return row.state
        return _in_doubt(ctx, row, f"no answer from {system}, and it could not be asked since: {error}")
    except RemoteError as error:
        return _in_doubt(ctx, row, f"no answer from {system}, and asking was refused: {error}")
    with ctx.ledger.begin() as connection:
        if found is None:
            reason = "the system has no such entry: it surely took no effect"
            outbox.move(connection, row, "ready", now=ctx.now(), due_at=ctx.now(), reason=reason)
            return "ready"
        outbox.settle(connection, row, "accepted", now=ctx.now(), remote_id=found.remote_id)
        outbox.move(connection, outbox.get(connection, row.id), "confirmed", now=ctx.now())
    return "confirmed"


def _in_doubt(ctx: Context, row: Delivery, reason: str) -> str:
    with ctx.ledger.begin() as connection:
        outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
    return "in_doubt"
