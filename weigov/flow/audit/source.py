"""A stream as it is upstream now, against its mirror. Everything is asked for again, and nothing is acknowledged.

What is dated after the last whole collect is no difference: the next one brings it. A system that only offers what
nobody has read yet cannot be compared by more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from weigov.flow.audit.difference import Difference
from weigov.flow.context import Context
from weigov.ledger import drift, mirror, streams
from weigov.ledger.streams import StreamRef
from weigov.ports import PullState
from weigov.records import Record, digest_of_dump, dump

_DATED = ("published_at", "answered_at", "updated_at")


def compare(ctx: Context, system: str, stream: str, found: list[Difference]) -> list[str]:
    """Add every difference of one stream to ``found``; what could not be compared. Raises RemoteError."""
    ref = StreamRef(ctx.site.site, system, stream)
    where = f"{system}/{stream}"
    with ctx.ledger.read() as connection:
        collected = streams.whole_reading_begun_at(connection, ref)
        known = drift.mirrored(connection, ref)
    if collected is None:
        return [f"{where}: it was never collected whole, or is being collected now"]
    missed: list[str] = []
    todo = f"`weigov reset {system} {stream}`, then `weigov collect {system} {stream}`"
    for batch in ctx.system(system).pull(stream, _again(ctx, ref), ctx.now()):
        for record in batch.records:
            what = _differs(record, known.get(record.key))
            if what and not _newer(record, collected):
                found.append(Difference(where, record.key, what, todo))
        missed += [f"{where}: {batch.incomplete}"] if batch.incomplete else []
        for key in batch.gone:
            found.append(Difference(where, key, "is in the mirror, but no longer in the source", todo))
    return missed


def _differs(record: Record, mirrored: tuple[str, bool] | None) -> str:
    """In which way the mirror holds another record than the source; '' when it holds the same."""
    if mirrored is None:
        return "" if record.withdrawn else "is in the source, but not in the mirror"
    digest, withdrawn = mirrored
    if record.withdrawn != withdrawn:
        return f"is withdrawn in the {'source' if record.withdrawn else 'mirror'} only"
    same = withdrawn or digest_of_dump(dump(record), withdrawn) == digest
    return "" if same else "is another in the source than in the mirror"


def _newer(record: Record, collected: datetime) -> bool:
    moments = [moment for name in _DATED if isinstance(moment := record.get(name), datetime)]
    return bool(moments) and max(moments) >= collected


def _again(ctx: Context, ref: StreamRef) -> PullState:
    """As for the first collect, but that rows the mirror has are not asked for in detail."""

    def parents(name: str) -> Iterator[Record]:
        with ctx.ledger.read() as connection:
            return iter(list(mirror.records(connection, StreamRef(ref.site, ref.system, name))))

    def known(keys: list[str]) -> dict[str, str]:
        with ctx.ledger.read() as connection:
            return dict(mirror.known(connection, ref)(keys))

    def live() -> Iterator[str]:
        with ctx.ledger.read() as connection:
            yield from list(mirror.live_keys(connection, ref))

    return PullState(known=lambda keys: known(list(keys)), parents=parents, live=live)
