"""What became of one record by one flow, as far as it is certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from weigov.errors import ConfigError
from weigov.flow.context import Context
from weigov.ledger import outbox
from weigov.ledger.states import State
from weigov.ledger.streams import StreamRef

#: Nothing more happens to a delivery in one of these by itself.
ENDS: frozenset[State] = frozenset(
    {"confirmed", "rejected", "refused", "superseded", "withdrawn", "expired", "in_doubt", "given_up", "removed"}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a record's newest revision: how many deliveries are in each state; (state, reason) of those that ended."""

    states: Mapping[str, int]
    ends: tuple[tuple[str, str], ...]

    @property
    def certain(self) -> bool:
        """There is a delivery, and each has ended."""
        return bool(self.states) and len(self.ends) == sum(self.states.values())


def outcome(ctx: Context, flow_name: str, key: str) -> Outcome:
    """Where the deliveries of the record ``key`` stand. Raises ConfigError for a flow that has no records."""
    flow = ctx.site.flows.get(flow_name)
    if flow is None or flow.from_ is None:
        raise ConfigError(f"there is no flow {flow_name} that delivers records")
    record = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(key)
    with ctx.ledger.read() as connection:
        rows = [
            row
            for row in outbox.find(connection, site=ctx.site.site, flow=flow_name, record=record, limit=1_000_000)
            if row.channel != "write" and row.effect != "remove"
        ]
    newest = max((row.revision for row in rows), default=0)
    rows = [row for row in rows if row.revision == newest]
    return Outcome(
        dict(Counter(row.state for row in rows)), tuple((row.state, row.reason) for row in rows if row.state in ENDS)
    )
