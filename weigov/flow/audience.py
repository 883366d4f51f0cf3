"""Who gets a message: the citizens bound to a record, or all that are bound, as openid hashes.

Nobody bound: nobody told, and counted. A flow on trial reaches those of them who are its guests.
"""

from __future__ import annotations

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import bindings, fan_outs, grants, trials
from weigov.records import Record
from weigov.site.models import MANY, Flow

#: audience → the field that says whose record it is.
IDENTITY_FIELD = {"bound_applicant": "applicant", "bound_asker": "asker"}


def receivers(
    ctx: Context, connection: Connection, flow: Flow, account: str, record: Record, *, only_guests: bool
) -> tuple[str, ...] | None:
    """The openid hashes of those who get it, within ``account``; None when they are many, to be asked for by
    ``after``."""
    many = flow.to.audience in MANY
    if not only_guests:
        return None if many else tuple(subjects(ctx, connection, flow, account, record))
    appid = ctx.account(account).account.appid
    guests = trials.guests(connection, appid, flow.trial.guests if flow.trial else ()).values()
    if many:
        return tuple(g for g in dict.fromkeys(guests) if _is_one(ctx, connection, flow, account, g))
    bound = subjects(ctx, connection, flow, account, record)
    return tuple(subject for subject in bound if subject in set(guests))


def subjects(ctx: Context, connection: Connection, flow: Flow, account: str, record: Record) -> list[str]:
    """The openid hashes, within ``account``, of those bound to this record or to its person."""
    assert flow.from_ is not None and flow.to.audience is not None
    appid = ctx.account(account).account.appid
    system = flow.from_.system
    found = bindings.subjects(connection, ctx.sealer, appid, system, "case", record.key)
    identity = record.get(IDENTITY_FIELD[str(flow.to.audience)])
    if identity:
        found += bindings.subjects(connection, ctx.sealer, appid, system, "identity", str(identity))
    return list(dict.fromkeys(found))


def after(
    ctx: Context, connection: Connection, flow: Flow, account: str, many: str, cursor: str, limit: int
) -> list[str]:
    """The next ``limit`` of an audience of many, in the order of their hashes, behind ``cursor``."""
    appid = ctx.account(account).account.appid
    if many == "subscribers":
        return fan_outs.subscribers_after(connection, appid, _notice(ctx, flow, account), cursor, limit)
    return fan_outs.bound_after(connection, appid, cursor, limit)


def count(ctx: Context, connection: Connection, flow: Flow, account: str) -> int:
    """How many an audience of many are now."""
    appid = ctx.account(account).account.appid
    if flow.to.audience == "subscribers":
        return fan_outs.count_subscribers(connection, appid, _notice(ctx, flow, account))
    return fan_outs.count_bound(connection, appid)


def _is_one(ctx: Context, connection: Connection, flow: Flow, account: str, subject: str) -> bool:
    """Whether this citizen is one of the many."""
    appid = ctx.account(account).account.appid
    if flow.to.audience == "subscribers":
        return grants.has_any(connection, appid, _notice(ctx, flow, account), subject)
    return fan_outs.is_bound(connection, appid, subject)


def _notice(ctx: Context, flow: Flow, account: str) -> str:
    return ctx.site.accounts[account].templates[str(flow.to.template)].id
