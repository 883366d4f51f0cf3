"""Why did this citizen get nothing: by case number, record key, delivery id or title; never by an openid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from weigov.board import item
from weigov.errors import ConfigError
from weigov.flow import audience
from weigov.flow.context import Context
from weigov.ledger import board, mirror, pauses
from weigov.ledger.board import Row, Wanted
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import binding
from weigov.records import Record
from weigov.site.models import Flow


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the answer: the words' ``key`` and its values."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfFlow:
    """What one flow made of the record."""

    flow: str
    title: str
    sentences: tuple[Sentence, ...]
    deliveries: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class OfRecord:
    """A record that has this key."""

    name: str
    changed_at: datetime
    withdrawn: bool
    flows: tuple[OfFlow, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is called so."""

    records: tuple[OfRecord, ...]
    deliveries: tuple[Row, ...]  # by id or title

    @property
    def nothing(self) -> bool:
        """Whether nobody knows it."""
        return not self.records and not self.deliveries


def why(ctx: Context, words: str) -> Answer:
    """Look for ``words`` everywhere they could mean something."""
    words = words.strip()[:256]
    if not words:
        return Answer((), ())
    key = words.rpartition("/")[2]
    with ctx.ledger.read() as connection:
        records = []
        for system, shape in ctx.site.shapes.items():
            for stream in shape.streams:
                ref = StreamRef(ctx.site.site, system, stream)
                if "/" in words and words != ref.record_ref(key):
                    continue
                found = mirror.get(connection, ref, key)
                if found is not None:
                    records.append(_of_record(ctx, connection, ref, *found))
        names = list(dict.fromkeys([*ctx.site.flows, *board.flow_names(connection, ctx.site.site)]))
        deliveries: list[Row] = []
        if words.isdecimal() and len(words) < 16:
            deliveries += _by_id(connection, ctx.site.site, int(words))
        if not records and not deliveries:
            deliveries += _by_title(ctx, connection, names, words)
    return Answer(tuple(records), tuple(deliveries))


def _of_record(ctx: Context, connection: Connection, ref: StreamRef, record_id: int, record: Record) -> OfRecord:
    name = ref.record_ref(record.key)
    rows = board.by_record(connection, ref.site, name)
    known = item.record_of(ctx, connection, name)
    assert known is not None
    readers = [flow for flow in ctx.site.flows.values() if flow.from_ and _reads(flow, ref)]
    flows = tuple(_of_flow(ctx, connection, flow, record_id, record, rows, known[2]) for flow in readers)
    return OfRecord(name, known[2], record.withdrawn, flows)


def _reads(flow: Flow, ref: StreamRef) -> bool:
    return flow.from_ is not None and (flow.from_.system, flow.from_.stream) == (ref.system, ref.stream)


def _of_flow(
    ctx: Context,
    connection: Connection,
    flow: Flow,
    record_id: int,
    record: Record,
    rows: list[Row],
    changed: datetime,
) -> OfFlow:
    mine = [row for row in rows if row.flow == flow.flow and row.channel != "write"]
    sentences = [
        *_of_pause(ctx, connection, flow),
        *_of_revision(connection, flow, record_id, mine),
        *_of_bindings(ctx, connection, flow, record, changed),
    ]
    return OfFlow(flow.flow, flow.title, tuple(sentences), tuple(mine))


def _of_pause(ctx: Context, connection: Connection, flow: Flow) -> Iterator[Sentence]:
    pause = pauses.paused(connection, ctx.site.site).get(flow.flow)
    if pause is not None:
        yield Sentence("why.paused", {"why": pause.sentence})


def _of_revision(connection: Connection, flow: Flow, record_id: int, mine: list[Row]) -> Iterator[Sentence]:
    """What the newest change came to."""
    newest = next(iter(item.revisions_of(connection, record_id, flow.flow, limit=1)), None)
    if newest is None:
        yield Sentence("why.no_revision")
    elif newest.state == "baseline":
        yield Sentence("why.baseline")
    elif newest.state == "pending":
        yield Sentence("why.pending")
    elif newest.state == "quarantined":
        yield Sentence("why.quarantined", {"why": newest.reason})
    elif newest.state == "superseded":
        yield Sentence("why.superseded")
    elif newest.state == "skipped":
        yield (
            Sentence("why.unbound") if newest.reason == "unbound" else Sentence("why.skipped", {"why": newest.reason})
        )
    for row in mine:
        if newest is not None and row.revision == newest.n and row.state == "confirmed":
            yield Sentence("why.sent", {"at": row.changed_at})


def _of_bindings(
    ctx: Context, connection: Connection, flow: Flow, record: Record, changed: datetime
) -> Iterator[Sentence]:
    """Who is bound now, and whether that was too late for the newest change."""
    if not flow.to.audience:
        return
    for account in flow.to.accounts:
        try:
            hashes = audience.subjects(ctx, connection, flow, account, record)
            appid = ctx.account(account).account.appid
        except ConfigError:
            continue
        yield Sentence("why.bound", {"n": len(hashes), "account": account})
        if hashes:
            query = select(func.min(binding.c.created_at)).where(
                binding.c.appid == appid, binding.c.openid_hash.in_(hashes)
            )
            first = connection.execute(query).scalar_one()
            if first is not None and first > changed:
                yield Sentence("why.bound_later")


def _by_id(connection: Connection, site: str, delivery_id: int) -> list[Row]:
    page = board.listed(connection, site, (), Wanted(before=delivery_id + 1), limit=1)
    return [row for row in page.rows if row.id == delivery_id]


def _by_title(ctx: Context, connection: Connection, names: list[str], words: str) -> list[Row]:
    """Articles first, for messages are all called alike; the newest ten thousand or so of each flow's states."""
    found: list[Row] = []
    for flow in names:
        known = ctx.site.flows.get(flow)
        if known is not None and known.to.audience:
            continue
        found += board.listed(connection, ctx.site.site, names, Wanted(flow=flow, words=words), limit=20).rows
    return sorted((row for row in found if row.channel != "write"), key=lambda row: -row.id)[:20]
