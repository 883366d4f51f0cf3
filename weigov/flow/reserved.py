"""The calls of an account that are reserved with a claim, and given back when they were surely not made."""

from __future__ import annotations

from sqlalchemy import Connection

from weigov.errors import ConfigError
from weigov.flow.channels import customer_service, mass, menu, news, template
from weigov.flow.context import Context
from weigov.ledger import attempts, claims, quota
from weigov.ledger.outbox import Delivery


def calls(ctx: Context, connection: Connection, row: Delivery) -> dict[str, int]:
    """path → the calls against a quota that this delivery still needs."""
    if row.channel == "mass":
        return mass.paths(ctx, row, attempts.done(connection, row.id))
    if row.channel == "news":
        return news.paths(row, attempts.done(connection, row.id))
    if row.channel == "subscribe":
        return {}  # no limit of it is published
    if row.channel == "customer_service":
        return customer_service.paths(row)
    return menu.paths(row) if row.channel == "menu" else template.paths(row)


def take_back(ctx: Context, connection: Connection) -> None:
    """Take back what dead workers held, and the calls of what they had claimed and not begun.

    Else a worker that is killed with every claim would use up the ten deletions of a day without having made one.
    """
    released, _ = claims.expire_leases(connection, now=ctx.now())
    for row in released:
        account = row.target.removeprefix("account:")
        if account not in ctx.site.accounts or (row.channel == "menu" and attempts.done(connection, row.id)):
            continue  # an upstream's, another site's, or a menu of which some calls were made
        try:
            appid = ctx.account(account).account.appid
        except ConfigError:
            continue
        quota.release(connection, appid, calls(ctx, connection, row), reserved_at=row.changed_at)
