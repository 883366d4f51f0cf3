"""sync_back: receipts and figures → write-backs to the system a record came from, enqueued once each and sent by the
same rules.

What is to be told is read and enqueued a page at a time, so that a hundred thousand reports take no more memory than
a few hundred. Of an article only the newest revision speaks: a replaced one that is taken down must not erase the new
one's link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from weigov.flow import figures_back
from weigov.flow.channels import mass, write
from weigov.flow.context import Context
from weigov.flow.deliver import Drained, drain
from weigov.flow.filling import filled
from weigov.flow.reconcile import settle_writes
from weigov.ledger import gathered, outbox, receipts, revisions
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import State
from weigov.ledger.streams import StreamRef
from weigov.site.models import MESSAGE_KINDS, Flow


@dataclass(frozen=True, slots=True)
class SyncedBack:
    """What one sync_back did."""

    system: str
    enqueued: int = 0
    drained: Drained = field(default_factory=lambda: Drained(""))
    settled: Mapping[str, int] = field(default_factory=dict)


def sync_back(ctx: Context, system: str) -> SyncedBack:
    """Tell one upstream what became of its records. Safe to kill and to repeat."""
    enqueued = 0
    for flow in ctx.site.flows.values():
        if flow.sync_back and flow.from_ and flow.from_.system == system:
            enqueued += _enqueue(ctx, flow, _of_digests if flow.gather else _of_deliveries)
            if "quarantined" in flow.sync_back.on:
                enqueued += _enqueue(ctx, flow, _of_quarantine)
            enqueued += figures_back.enqueue(ctx, flow)
    settled = settle_writes(ctx, system)
    source = ctx.system(system)
    drained = drain(ctx, f"system:{system}", lambda row: write.send(ctx, source, row))
    return SyncedBack(system, enqueued, drained, settled)


#: Reports in one transaction.
PAGE = 200

#: A page of what is to be told, behind an id: (what is told, the last id looked at or None when that was all).
_Page = Callable[[Context, Connection, Flow, int], tuple[list[New], int | None]]


def _enqueue(ctx: Context, flow: Flow, page: _Page) -> int:
    enqueued, after = 0, 0
    while True:
        with ctx.ledger.begin() as connection:
            made, last = page(ctx, connection, flow, after)
            enqueued += outbox.enqueue(connection, made, now=ctx.now())
        if last is None:
            return enqueued
        after = last


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one revision of a record, as its system is told."""

    record: str
    revision: int
    state: str
    account: str
    subject: str  # the citizen, or the account: what makes the write-back unique besides the revision
    reason: str
    at: datetime
    of: int | None  # the delivery, where there is one
    place: int = 0  # in a digest, from 1


def _of_deliveries(ctx: Context, connection: Connection, flow: Flow, after: int) -> tuple[list[New], int | None]:
    assert flow.sync_back is not None
    states: tuple[State, ...] = tuple(s for s in flow.sync_back.on if s != "quarantined")
    effect = "send" if flow.to.kind in MESSAGE_KINDS else "publish"
    rows = outbox.to_report(
        connection, ctx.site.site, flow.flow, effect, states, flow.sync_back.operation, after=after, limit=PAGE
    )
    made = [
        _write(
            ctx,
            connection,
            flow,
            _Fate(
                record=row.record,
                revision=row.revision,
                state=row.state,
                account=row.target.removeprefix("account:"),
                subject=row.subject or row.target,
                reason=row.reason,
                at=row.changed_at,
                of=row.id,
            ),
        )
        for row in rows
        if speaks(connection, row)
    ]
    return made, rows[-1].id if len(rows) == PAGE else None


def _of_digests(ctx: Context, connection: Connection, flow: Flow, after: int) -> tuple[list[New], int | None]:
    """What became of each article of the digests: its own record's system is told."""
    assert flow.sync_back is not None
    found = []
    most = PAGE // 8  # articles in a digest
    rows = outbox.find(connection, site=ctx.site.site, flow=flow.flow, effect="send", after=after, limit=most)
    for row in rows:
        gone = mass.taken_back(connection, row)
        for item in gathered.of_delivery(connection, row.id):
            state = "removed" if item.place in gone else row.state
            if state in flow.sync_back.on:
                fate = _Fate(
                    record=item.record,
                    revision=item.revision,
                    state=state,
                    account=row.target.removeprefix("account:"),
                    subject=row.target,
                    reason=row.reason,
                    at=row.changed_at,
                    of=row.id,
                    place=item.place,
                )
                found.append(_write(ctx, connection, flow, fate))
    return found, rows[-1].id if len(rows) == most else None


def speaks(connection: Connection, row: Delivery) -> bool:
    """Whether the system is told of this delivery: of an article only the newest speaks, and no correction does."""
    if row.effect == "send":
        return "corrects" not in row.payload
    return outbox.is_newest(connection, row)


def _of_quarantine(ctx: Context, connection: Connection, flow: Flow, after: int) -> tuple[list[New], int | None]:
    """What could not be mapped has no delivery to speak for it."""
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    rows = revisions.quarantined(connection, ctx.site.site, flow.flow, after=after, limit=PAGE)
    made = [
        _write(
            ctx,
            connection,
            flow,
            _Fate(
                record=ref.record_ref(row.key),
                revision=row.n,
                state="quarantined",
                account="",
                subject="quarantine",
                reason=row.reason,
                at=row.created_at,
                of=None,
            ),
        )
        for row in rows
    ]
    return made, rows[-1].id if len(rows) == PAGE else None


def _write(ctx: Context, connection: Connection, flow: Flow, fate: _Fate) -> New:
    assert flow.sync_back is not None and flow.from_ is not None
    operation = flow.sync_back.operation
    return New(
        site=ctx.site.site,
        flow=flow.flow,
        record=fate.record,
        revision=fate.revision,
        effect=f"write:{operation}:{fate.state}",
        target=f"system:{flow.from_.system}",
        subject=fate.subject,
        channel="write",
        payload={"operation": operation, "values": _values(ctx, connection, flow, fate), "of": fate.of},
        title=f"{flow.title} → {flow.from_.system}",
        priority=60,
    )


def _values(ctx: Context, connection: Connection, flow: Flow, fate: _Fate) -> dict[str, str]:
    """The operation's parameters, as the flow's ``with`` fills them; what is absent is empty."""
    assert flow.sync_back is not None and flow.from_ is not None
    known: dict[str, Any] = {
        "state": fate.state,
        "account": fate.account,
        "kind": flow.to.kind,
        "receipt.reason": fate.reason,
        "receipt.at": fate.at,
    }
    if fate.of is not None and fate.state in ("confirmed", "accepted"):
        for receipt in receipts.of_delivery(connection, fate.of):
            mine = not fate.place or receipt.remote_id.endswith(f"_{fate.place}")
            if receipt.kind in ("article", "template", "subscribe") and mine:
                known |= {"receipt.url": receipt.url, "receipt.id": receipt.remote_id}
    return filled(ctx, connection, flow, fate.record, flow.sync_back.with_, known)
