"""Whether a digest may leave as it was composed: its articles must stand as they did."""

from __future__ import annotations

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import gathered, mirror
from weigov.ledger.outbox import Delivery
from weigov.ledger.streams import StreamRef


def record_of(flow: str) -> str:
    """What a digest is a delivery of: the flow's own, like a menu."""
    return f"gather/{flow}"


def stale(ctx: Context, connection: Connection, row: Delivery) -> str:
    """Why a digest may not leave as it is: an article in it was edited, withdrawn or taken down; '' when it may."""
    flow = ctx.site.flows.get(row.flow)
    if flow is None or flow.from_ is None:
        return ""
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    standing = {one.id for one in gathered.published(connection, ref, row.target)}
    for item in gathered.of_delivery(connection, row.id):
        found = mirror.get(connection, ref, item.record.removeprefix(ref.record_ref("")))
        if found is None or found[1].withdrawn:
            return f"{item.record} was withdrawn"
        if item.of_id not in standing:
            return f"{item.record} was edited or taken down"
    return ""
