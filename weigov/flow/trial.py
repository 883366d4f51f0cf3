"""trial: a new flow reaches its guests only, until somebody releases it. What happened before stays with the guests.

A message goes to those of its receivers who are guests, never to a guest instead of them: it may be about somebody's
case. An article of a flow on trial stays a draft.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from weigov.errors import ReviewRejected
from weigov.flow.context import Context
from weigov.ledger import decisions, trials
from weigov.ledger.bindings import openid_hash
from weigov.site.models import Flow


def begin(ctx: Context, connection: Connection, flow: Flow) -> str:
    """Note that a flow is on trial; why it may not compose, if so."""
    known = trials.of(connection, ctx.site.site, flow.flow)
    if flow.trial:
        if known is None:
            trials.begin(connection, ctx.site.site, flow.flow, now=ctx.now())
        return ""
    if known is None or known.released_at is not None:
        return ""
    return f"{flow.flow} is on trial, and its YAML no longer says so: `weigov release {flow.flow}`, or put trial back"


def holds(connection: Connection, site: str, flow: Flow, created_at: datetime) -> bool:
    """Whether what happened at ``created_at`` is for the guests only."""
    known = trials.of(connection, site, flow.flow)
    if known is None:
        return flow.trial is not None
    return known.released_at is None or created_at <= known.released_at


def release(ctx: Context, flow: str, *, person: str, reason: str) -> None:
    """What happens from now on is for everybody. Raises ReviewRejected when the flow is not on trial."""
    with ctx.ledger.begin() as connection:
        if not trials.release(connection, ctx.site.site, flow, now=ctx.now()):
            known = trials.of(connection, ctx.site.site, flow)
            why = (
                "was released already" if known else "is not on trial: it has not begun yet, or its YAML has no trial"
            )
            raise ReviewRejected(f"{flow} {why}")
        decisions.note(
            connection, ctx.site.site, "release", person=person, reason=reason, at=ctx.now(),
            was="trial", now="released", flow=flow,
        )  # fmt: skip


def add_guest(ctx: Context, account: str, name: str, openid: str) -> bool:
    """Call a citizen ``name``; False when somebody is called so already."""
    appid = ctx.account(account).account.appid
    with ctx.ledger.begin() as connection:
        return trials.add_guest(connection, appid, name, openid_hash(ctx.sealer, openid), now=ctx.now())
