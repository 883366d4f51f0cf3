"""collect: system → mirror, one cursor a stream and partition, committed together with what it read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any

from weigov.errors import LedgerConflict, RemoteError, WeigovError
from weigov.flow import heap
from weigov.flow.context import Context
from weigov.ledger import intake, mirror, revisions, streams, withdrawals
from weigov.ledger.intake import Stored
from weigov.ledger.revisions import FlowReads
from weigov.ledger.streams import StreamRef
from weigov.ports import Batch, PullState, SourceSystem, Window
from weigov.records import Record
from weigov.site.models import Flow
from weigov.site.site import Site

#: How many rows, and how long, batches wait for others to be committed with.
_ROWS, _HELD_S = 1000, 1.0

#: By how much an upstream's clock may be behind ours.
_CLOCKS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Collected:
    """What one collect did. ``incomplete`` says why it stopped short; the cursor did not move past that.

    ``notes`` are what an engineer should look at though it stopped nothing.
    """

    system: str
    stream: str
    stored: Stored = field(default_factory=Stored)
    incomplete: str = ""
    notes: tuple[str, ...] = ()


def collect(
    ctx: Context, system: str, stream: str, *, window: Window | None = None, accept_vanished: bool = False
) -> Collected:
    """Pull what changed in one stream into the mirror.

    With ``window`` that stretch of time is read again instead, and no cursor moves: what changed is delivered, and so
    is what came since the last whole collect; what the mirror never saw and is older is noted as in a first collect.
    The same holds after a reset, and while a stream was never read whole: what is dated after its beginning is new.
    ``accept_vanished``: a person looked, whatever is no longer listed is gone.

    Safe to kill and to repeat: each batch is committed with its cursor. Raises RemoteError when the system cannot be
    read at all (what was read before stays), LedgerConflict when somebody else collects the same stream.
    """
    ref = StreamRef(ctx.site.site, system, stream)
    flows = readers(ctx, system, stream)
    seen_until = started = ctx.now()
    with ctx.ledger.begin() as connection:
        lock = streams.lock_stream(connection, ref, now=started)
        for flow in flows:
            if not revisions.begin_flow(connection, ref, flow, ctx.site.mapping_digest(flow.flow), now=started):
                revisions.follow(connection, ref, flow, now=started)
    source = ctx.system(system)
    total, version = Stored(), lock.version
    incomplete: list[str] = []
    notes: list[str] = []
    first = lock.first or window is not None
    known_since = lock.completed_at - _CLOCKS if lock.completed_at else lock.begun_at
    if first and known_since is not None:
        flows = [_since(flow, known_since) for flow in flows]
    try:
        with heap.set_aside():
            for batches in together(source.pull(stream, _past(ctx, ref, window, accept_vanished), ctx.now())):
                with ctx.ledger.begin() as connection:
                    held = streams.lock_stream(connection, ref, now=ctx.now(), expect=version)
                    seen_until = ctx.now()
                    for batch in batches:
                        total += intake.store(connection, ref, batch, flows, first=first, now=seen_until)
                        total += withdrawals.withdraw(connection, ref, batch.gone, flows, now=seen_until)
                    version = held.version
                for batch in batches:
                    if batch.token is not None:
                        incomplete += _acknowledge(source, stream, batch.token)
                    if batch.incomplete:
                        incomplete.append(batch.incomplete)
                    notes += batch.notes
    except Exception as error:
        # A mistake of ours must not look like a stream at rest; its message may quote what people wrote.
        known = isinstance(error, WeigovError)
        problem = str(error) if known else f"stumbled over its answers ({type(error).__name__}): a mistake of ours"
        if not isinstance(error, LedgerConflict):
            with ctx.ledger.begin() as connection:
                streams.finish(connection, ref, problem=problem, notes=notes, now=ctx.now())
        raise
    problem = "; ".join(dict.fromkeys(incomplete))
    with ctx.ledger.begin() as connection:
        streams.finish(connection, ref, problem=problem, notes=notes, whole=window is None, now=ctx.now())
        revisions.has_seen(connection, ref, flows, until=seen_until)
    return Collected(system, stream, total, problem, tuple(notes))


def _since(flow: FlowReads, moment: datetime) -> FlowReads:
    """The flow, taking what is dated from ``moment`` on as new although the mirror never saw it."""
    if flow.begin == "all" or (isinstance(flow.begin, datetime) and flow.begin <= moment):
        return flow
    return replace(flow, begin=moment)


def together(batches: Iterator[Batch]) -> Iterator[list[Batch]]:
    """Batches to be committed together: for ten rows a commit costs as much as for a thousand.

    What moves a cursor, is to be acknowledged or has been held for a while waits for nothing; what came before an
    error comes before it here too.
    """
    held: list[Batch] = []
    rows, until = 0, 0.0
    try:
        for batch in batches:
            until = until if held else monotonic() + _HELD_S
            held.append(batch)
            rows += len(batch.records)
            if rows >= _ROWS or batch.cursor is not None or batch.token is not None or monotonic() > until:
                yield held
                held, rows = [], 0
    except RemoteError:
        if held:
            yield held
        raise
    if held:
        yield held


def _acknowledge(source: SourceSystem, stream: str, token: Any) -> list[str]:
    """Tell the system that a batch is stored; why not, where that fails. Then it comes again: no reason to stop."""
    try:
        source.acknowledge(stream, token)
    except RemoteError as error:
        return [f"what was stored could not be acknowledged: {error}"]
    return []


def reset(ctx: Context, system: str, stream: str) -> int:
    """Let the next collect read the whole stream again; how many cursors were forgotten. Delivers nothing."""
    with ctx.ledger.begin() as connection:
        ref = StreamRef(ctx.site.site, system, stream)
        streams.lock_stream(connection, ref, now=ctx.now())
        return streams.reset(connection, ref, now=ctx.now())


def _past(ctx: Context, ref: StreamRef, window: Window | None, accept_vanished: bool) -> PullState:
    """What the engine may ask of the ledger while it pulls. Nothing is held open while it waits for an upstream."""
    with ctx.ledger.read() as connection:
        cursors = streams.cursors(connection, ref)

    def known(keys: list[str]) -> dict[str, str]:
        with ctx.ledger.read() as connection:
            return dict(mirror.known(connection, ref)(keys))

    def parents(name: str) -> Iterator[Record]:
        with ctx.ledger.read() as connection:
            return iter(list(mirror.records(connection, StreamRef(ref.site, ref.system, name))))

    def live() -> Iterator[str]:
        with ctx.ledger.read() as connection:
            yield from mirror.live_keys(connection, ref)

    return PullState(
        cursors,
        known=lambda keys: known(list(keys)),
        parents=parents,
        live=live,
        window=window,
        accept_vanished=accept_vanished,
    )


def readers(ctx: Context, system: str, stream: str) -> list[FlowReads]:
    """The flows that read this stream, as the mirror must know them. What is gathered makes no revisions."""
    return [
        reads(ctx.site, flow)
        for flow in ctx.site.flows.values()
        if flow.from_ and not flow.gather and (flow.from_.system, flow.from_.stream) == (system, stream)
    ]


def reads(site: Site, flow: Flow) -> FlowReads:
    """Which fields of its stream make a revision for ``flow``, and where it began."""
    begin = flow.begin if isinstance(flow.begin, str) else datetime.combine(flow.begin, time.min, site.zone)
    return FlowReads(flow.flow, site.reads(flow.flow), begin)
