"""Write-backs to the system a record came from, by the same rules as anything sent to WeChat.

What an answer that never came means is the operation's ``idempotency``: key and overwrite repeat, query_first and
none wait for a person.
"""

from __future__ import annotations

from weigov.flow.context import Context
from weigov.flow.step import call
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery
from weigov.ports import SourceSystem


def send(ctx: Context, system: SourceSystem, row: Delivery) -> None:
    """Call the operation once. Always ends with Ended or StopDrain."""

    def action() -> str:
        values = row.payload["values"]
        return system.write(str(row.payload["operation"]), values, key=row.client_key).remote_id

    call(ctx, row, "write", action, last="confirmed")


def settle_unknown(ctx: Context, row: Delivery) -> str:
    """Repeat what may be repeated; leave the rest to a person."""
    system = row.target.removeprefix("system:")
    operation = ctx.site.shapes[system].operations[str(row.payload["operation"])]
    with ctx.ledger.begin() as connection:
        if operation.idempotency in ("key", "overwrite"):
            due_at = ctx.now() + outbox.pause(connection, row)
            outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="repeated: it does no harm")
            return "ready"
        reason = f"no answer from {system}, and {row.payload['operation']} cannot be repeated safely"
        outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
    return "in_doubt"
