"""What citizens did that says whom messages may reach: came, left, agreed to a notice, took it back, got one."""

from __future__ import annotations

from sqlalchemy import Connection

from weigov.flow import reach
from weigov.flow.channels import subscribe
from weigov.flow.context import Context
from weigov.ledger import forgetting, inbox

EVENTS = (*reach.EVENTS, *subscribe.EVENTS)
_PAGE = 200


def drain(ctx: Context, appid: str) -> int:
    """Learn from the stored events; how many there were. Done before each deliver: an agreement counts at once."""
    handled = 0
    while True:
        with ctx.ledger.begin() as connection:
            waiting = inbox.waiting(connection, ctx.sealer, appid, _PAGE, events=EVENTS)
            for item in waiting:
                inbox.handled(connection, item.id, take(connection, ctx, item), now=ctx.now())
        handled += len(waiting)
        if len(waiting) < _PAGE:
            return handled


def take(connection: Connection, ctx: Context, item: inbox.Item) -> str:
    """Learn from one event of ``EVENTS``; what came of it."""
    return reach.take(connection, item) if item.event in reach.EVENTS else subscribe.take(connection, ctx, item)


def forget(ctx: Context, appid: str) -> None:
    """Delete what is kept of those who left the account long ago."""
    while True:
        with ctx.ledger.begin() as connection:
            if not forgetting.forget(connection, appid, now=ctx.now()):
                return
