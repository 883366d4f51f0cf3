"""The columns of the system a flow reads, as mirrored, and how far they can be relied on.

Articles and columns are collected apart, and either may come first. Whether an article of a column that nobody has
heard of lies under the one a flow takes is not "no": it is unknown until the columns were read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from weigov.errors import WeigovError
from weigov.flow.context import Context
from weigov.flow.where import Tree, unknown_column
from weigov.ledger import mirror, streams
from weigov.ledger.streams import StreamRef
from weigov.records import Record
from weigov.site.models import Flow, Where


class ColumnUnknown(WeigovError):
    """A record's column is not known yet: whether the flow takes the record is decided when the columns were read."""


@dataclass(frozen=True, slots=True)
class Columns:
    """column → parent, and since when a whole reading of them began; None: they were not read whole, or are just now.

    A flow that asks for no column has none here, and nothing stays open for it.
    """

    parents: Tree
    read_since: datetime | None

    def need(self, where: Mapping[str, Where], record: Record, *, since: datetime) -> None:
        """Raises ColumnUnknown when a column hides whether ``where`` takes the record, noticed at ``since``."""
        column = unknown_column(where, record, self.parents)
        if column and (self.read_since is None or self.read_since < since):
            raise ColumnUnknown(f"{record.key}: column {column!r} is not known yet")


def columns_of(ctx: Context, flow: Flow) -> Columns:
    """The columns of the system ``flow`` reads."""
    assert flow.from_ is not None
    parents: dict[str, str] = {}
    begun: list[datetime | None] = []
    with ctx.ledger.read() as connection:
        for system, name in ctx.site.column_streams(flow):
            ref = StreamRef(ctx.site.site, system, name)
            begun.append(streams.whole_reading_begun_at(connection, ref))
            parents |= {item.key: str(item.get("parent") or "") for item in mirror.records(connection, ref)}
    known = [moment for moment in begun if moment is not None]
    return Columns(parents, min(known) if known and len(known) == len(begun) else None)
