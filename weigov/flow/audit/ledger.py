"""What contradicts itself in the ledger, or waits too long for a person. WeChat and the sources are not asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection

from weigov.flow.audit.difference import Difference
from weigov.flow.context import Context
from weigov.flow.sync_back import speaks
from weigov.ledger import drift, outbox
from weigov.ledger.drift import Article
from weigov.ledger.states import State
from weigov.ledger.streams import StreamRef
from weigov.site.models import MESSAGE_KINDS, Flow

#: What is younger is still on its way: every verb runs more often than that.
SETTLED = timedelta(hours=1)
#: How long a person may take to look at what is in doubt.
LOOKED_AT = timedelta(days=1)
#: A removal in one of these states has not happened yet, and somebody or something is at it.
REMOVING: tuple[State, ...] = ("ready", "deferred", "claimed", "sending", "unknown", "accepted", "in_doubt")
_ALL = 10_000_000


def differences(ctx: Context) -> Iterator[Difference]:
    """Every difference inside the ledger of one site."""
    with ctx.ledger.read() as connection:
        yield from _long_in_doubt(ctx, connection)
        for flow in ctx.site.flows.values():
            if flow.sync_back and not flow.gather:
                yield from _not_told(ctx, connection, flow)
        removing = being_removed(ctx, connection)
        for account in ctx.site.accounts:
            articles = drift.articles(connection, ctx.site.site, f"account:{account}")
            standing = [one for one in articles if one.state == "confirmed"]
            yield from _without_receipt(connection, account, standing)
            yield from _withdrawn(ctx, connection, account, [one for one in standing if one.id not in removing])


def being_removed(ctx: Context, connection: Connection) -> set[int]:
    """The deliveries whose article is being taken down."""
    rows = outbox.find(connection, site=ctx.site.site, effect="remove", states=REMOVING, limit=_ALL)
    return {int(row.payload["of"]) for row in rows}


def _long_in_doubt(ctx: Context, connection: Connection) -> Iterator[Difference]:
    for row in outbox.find(connection, site=ctx.site.site, states=("in_doubt",), limit=_ALL):
        if row.changed_at < ctx.now() - LOOKED_AT:
            what = f"in doubt since {row.changed_at.astimezone(ctx.site.zone):%F %H:%M}"
            where = row.target.partition(":")[2]
            yield Difference(where, row.record, what, "look there, then `weigov settle`", row.id, row.state)


def _not_told(ctx: Context, connection: Connection, flow: Flow) -> Iterator[Difference]:
    assert flow.sync_back is not None and flow.from_ is not None
    states: tuple[State, ...] = tuple(s for s in flow.sync_back.on if s != "quarantined")
    effect = "send" if flow.to.kind in MESSAGE_KINDS else "publish"
    rows = outbox.to_report(
        connection, ctx.site.site, flow.flow, effect, states, flow.sync_back.operation, after=0, limit=_ALL
    )
    for row in rows:
        if row.changed_at < ctx.now() - SETTLED and speaks(connection, row):
            what = f"its system was not told that it is {row.state}"
            todo = f"`weigov sync-back {flow.from_.system}`"
            yield Difference(flow.from_.system, row.record, what, todo, row.id, row.state)


def _without_receipt(connection: Connection, account: str, standing: list[Article]) -> Iterator[Difference]:
    for one in standing:
        if one.article_id or outbox.get(connection, one.id).payload.get("via") != "publish":
            continue
        what = "confirmed, but its article id is not known: nothing could take it down"
        yield Difference(account, one.record, what, "delete it by hand when it is withdrawn", one.id, one.state)


def _withdrawn(ctx: Context, connection: Connection, account: str, standing: list[Article]) -> Iterator[Difference]:
    gone: dict[str, set[str]] = {}
    for one in standing:
        flow = ctx.site.flows.get(one.flow)
        if flow is None or flow.from_ is None:
            continue
        ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
        if one.flow not in gone:
            gone[one.flow] = drift.withdrawn_before(connection, ref, ctx.now() - SETTLED)
        if one.record.removeprefix(ref.record_ref("")) in gone[one.flow]:
            what = "withdrawn in its system, but the article stands and nothing takes it down"
            todo = f"`weigov compose {one.flow}`; if that does nothing, delete it in WeChat's console"
            yield Difference(account, one.record, what, todo, one.id, one.state)
