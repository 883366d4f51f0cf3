"""sync_back: receipts → write-backs to the system a record came from, enqueued once each and sent by the same rules.

Of an article only the newest revision speaks: a replaced one that is taken down must not erase the new one's link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection

from weigov.flow.channels import write
from weigov.flow.context import Context
from weigov.flow.deliver import Drained, drain
from weigov.flow.reconcile import settle_writes
from weigov.ledger import mirror, outbox, receipts
from weigov.ledger.mirror import StreamRef
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import State
from weigov.mapping.times import format_time
from weigov.site.models import Constant, Flow, Formatted


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
            with ctx.ledger.begin() as connection:
                enqueued += outbox.enqueue(connection, _writes(ctx, connection, flow), now=ctx.now())
    settled = settle_writes(ctx, system)
    source = ctx.system(system)
    drained = drain(ctx, f"system:{system}", lambda row: write.send(ctx, source, row))
    return SyncedBack(system, enqueued, drained, settled)


def _writes(ctx: Context, connection: Connection, flow: Flow) -> list[New]:
    assert flow.sync_back is not None and flow.from_ is not None
    states: tuple[State, ...] = tuple(s for s in flow.sync_back.on if s != "quarantined")
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    effect = "send" if flow.to.kind == "template" else "publish"
    made = []
    rows = outbox.to_report(connection, ctx.site.site, flow.flow, effect, states, flow.sync_back.operation)
    for row in rows:
        if effect == "publish" and not outbox.is_newest(connection, row):
            continue
        key = row.record.removeprefix(f"{ref.system}/{ref.stream}/")
        values = _values(connection, ctx, flow, ref, key, row)
        made.append(
            New(
                site=row.site,
                flow=row.flow,
                record=row.record,
                revision=row.revision,
                effect=f"write:{flow.sync_back.operation}:{row.state}",
                target=f"system:{ref.system}",
                subject=row.subject or row.target.removeprefix("account:"),
                channel="write",
                payload={"operation": flow.sync_back.operation, "values": values, "of": row.id},
                title=f"{flow.title} → {ref.system}",
                priority=60,
            )
        )
    return made


def _values(
    connection: Connection, ctx: Context, flow: Flow, ref: StreamRef, key: str, row: Delivery
) -> dict[str, str]:
    assert flow.sync_back is not None
    known: dict[str, Any] = {
        "key": key,
        "state": row.state,
        "account": row.target.removeprefix("account:"),
        "kind": flow.to.kind,
        "receipt.reason": row.reason,
        "receipt.at": row.changed_at.astimezone(ctx.site.zone).isoformat(timespec="seconds"),
    }
    if row.state in ("confirmed", "accepted"):
        for receipt in receipts.of_delivery(connection, row.id):
            if receipt.kind in ("article", "template"):
                known |= {"receipt.url": receipt.url, "receipt.id": receipt.remote_id}
    found = mirror.get(connection, ref, key)
    values = {}
    for name, source in flow.sync_back.with_.items():
        if isinstance(source, Constant):
            values[name] = source.value
        elif isinstance(source, Formatted):
            moment = row.changed_at if source.from_ == "receipt.at" else found and found[1].get(source.from_)
            values[name] = format_time(moment, source.format, ctx.site.zone) if isinstance(moment, date) else ""
        elif source in known or source.startswith("receipt."):
            values[name] = str(known.get(source) or "")
        else:
            value = found[1].get(source) if found else None
            values[name] = "" if value is None else str(value)
    return values
