"""The menu: one call that overwrites, so an answer that never came is simply repeated."""

from __future__ import annotations

from weigov.flow.context import Context
from weigov.flow.step import call
from weigov.ledger import attempts, outbox
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient


def paths(row: Delivery) -> dict[str, int]:
    """The calls that count against a quota."""
    return {"/cgi-bin/menu/create": 1}


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Make this the menu. Always ends with Ended or StopDrain."""

    def action() -> str:
        client.create_menu(row.payload["button"])
        return ""

    call(ctx, row, "menu", action, last="confirmed")


def settle_unknown(ctx: Context, row: Delivery) -> str:
    """Overwriting again does no harm."""
    with ctx.ledger.begin() as connection:
        due_at = ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="repeated: it overwrites")
    return "ready"
