"""plan and apply: what a changed flow would deliver, said before anything is.

A flow composes with the mapping that was applied last. When its YAML, a layout or a code list changes, ``plan`` says
how many published articles would come out different; ``apply`` takes the new mapping over and puts those before
compose again. Messages are never sent again because their mapping changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from weigov.errors import RecordRejected
from weigov.flow import collect, compose
from weigov.flow.columns import ColumnUnknown, columns_of
from weigov.flow.context import Context
from weigov.ledger import audit_log, mirror, outbox, revisions, streams
from weigov.ledger.revisions import Pending
from weigov.ledger.streams import StreamRef
from weigov.records import digest
from weigov.site.models import Flow


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen to one flow."""

    flow: str
    changed: bool  # the mapping differs from the applied one
    again: tuple[str, ...]  # keys of published records that would come out different
    rejected: tuple[str, ...]  # why some of those could no longer be mapped
    composed: compose.Composed  # what the pending revisions would lead to


def plan(ctx: Context, flow_name: str) -> Plan:
    """Say what ``apply`` and the next compose would do; nothing is written but the pictures that were looked at."""
    flow = ctx.site.flows[flow_name]
    wanted = ctx.site.mapping_digest(flow_name)
    with ctx.ledger.read() as connection:
        applied = revisions.applied_digest(connection, ctx.site.site, flow_name)
    changed = applied is not None and applied != wanted
    again, rejected = _different(ctx, flow, wanted) if changed else ((), ())
    composed = compose.preview(ctx, flow_name)
    return Plan(flow_name, changed, again, rejected, composed)


def held_flows(ctx: Context) -> list[str]:
    """The flows that compose nothing, because their mapping changed and was not applied."""
    with ctx.ledger.read() as connection:
        applied = {name: revisions.applied_digest(connection, ctx.site.site, name) for name in ctx.site.flows}
    return [name for name, digest in applied.items() if digest not in (None, ctx.site.mapping_digest(name))]


def apply(ctx: Context, flow_name: str, *, person: str, reason: str = "") -> int:
    """Take the flow's present mapping over; how many published records go before compose again."""
    flow = ctx.site.flows[flow_name]
    wanted = ctx.site.mapping_digest(flow_name)
    keys, _ = _different(ctx, flow, wanted)
    with ctx.ledger.begin() as connection:
        if flow.from_ and not flow.gather:
            ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
            streams.lock_stream(connection, ref, now=ctx.now())
            reads = collect.reads(ctx.site, flow)
            revisions.follow(connection, ref, reads, now=ctx.now())
            for key in keys:
                revisions.compose_again(connection, ref, key, reads, cause="mapping", now=ctx.now())
        revisions.apply_mapping(connection, ctx.site.site, flow_name, wanted, now=ctx.now())
        about = f"flow {flow_name}, mapping {wanted}, {len(keys)} records again"
        site, now = ctx.site.site, ctx.now()
        audit_log.append(connection, site, "apply", about=about, person=person, reason=reason, at=now)
    return len(keys)


def replay(ctx: Context, flow_name: str, key: str, *, person: str, reason: str = "") -> bool:
    """Put a quarantined record, as it is now, before compose again; False when it is not quarantined or is gone.

    Nothing else is composed again by this: it would be told, or published, a second time.
    """
    flow = ctx.site.flows[flow_name]
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    with ctx.ledger.begin() as connection:
        streams.lock_stream(connection, ref, now=ctx.now())
        reads = collect.reads(ctx.site, flow)
        if not any(
            row.key == key for row in revisions.quarantined(connection, ctx.site.site, flow_name, limit=1_000_000)
        ):
            return False
        if not revisions.compose_again(connection, ref, key, reads, cause="replay", now=ctx.now()):
            return False
        audit_log.append(
            connection,
            ref.site,
            "replay",
            about=f"flow {flow_name}, record {ref.record_ref(key)}",
            person=person,
            reason=reason,
            at=ctx.now(),
            was="quarantined",
            now="pending",
        )
    return True


def _different(ctx: Context, flow: Flow, mapping_digest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if flow.to.kind != "news" or flow.from_ is None or flow.gather:
        return (), ()
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    columns = columns_of(ctx, flow)
    with ctx.ledger.read() as connection:
        rows = outbox.find(
            connection, site=ref.site, flow=flow.flow, effect="publish", states=("confirmed",), limit=1_000_000
        )
    standing = {row.record: row for row in rows}
    again, rejected = [], []
    for name, row in standing.items():
        key = name.removeprefix(ref.record_ref(""))
        with ctx.ledger.read() as connection:
            found = mirror.get(connection, ref, key)
        if found is None or found[1].withdrawn:
            continue
        if row.payload.get("via") == "draft" and flow.to.via != "draft":
            continue  # it was made while the flow was on trial, and stays with its guests
        item = Pending(0, 0, found[0], key, "plan", "", found[1], ctx.now())
        try:
            decision = compose.decide(ctx, flow, item, columns, mapping_digest)
        except RecordRejected as error:
            rejected.append(str(error))
            continue
        except ColumnUnknown:
            continue
        if decision.state == "quarantined":
            rejected.append(f"{key}: {decision.reason}")
        elif any(
            digest(new.payload) != outbox.composed_digest(row) for new in decision.news if new.target == row.target
        ):
            again.append(key)
    return tuple(again), tuple(rejected)
