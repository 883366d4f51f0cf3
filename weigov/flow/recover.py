"""recover: after a failover or a restore the ledger may be behind what was sent; nobody can tell by how much.

What may have been sent and would be told twice is parked in doubt, all of it in one transaction, and is a person's to
settle. What does no harm when it is repeated (a menu, a deletion, a write the system takes twice) goes on by itself.
Deliveries can be stopped until then: ``drain`` asks ``decisions.stopped`` before it claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from weigov.errors import LedgerConflict
from weigov.flow.context import Context
from weigov.ledger import claims, decisions, outbox
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import State

#: What was under way, in the order it is parked: what holds a flight key first.
UNDER_WAY: tuple[State, ...] = ("claimed", "sending", "unknown", "accepted")
#: What an old copy of the ledger still believes unsent.
BELIEVED_UNSENT: tuple[State, ...] = ("ready", "deferred", "waiting_review")
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many went from which state into doubt, and how many were left to go on by themselves."""

    parked: Mapping[str, int]
    goes_on: int = 0


def stop(ctx: Context, *, person: str, reason: str) -> None:
    """No delivery and no write-back leaves from now on, until ``recover``. What is claimed already still goes."""
    with ctx.ledger.begin() as connection:
        decisions.note(connection, ctx.site.site, "stop", person=person, reason=reason, at=ctx.now())


def recover(ctx: Context, *, person: str, reason: str, restored: bool = False) -> Recovered:
    """Park what is unfinished in doubt and let deliveries go again.

    ``restored``: the ledger is an old copy, so that what it believes unsent may have been sent as well. Raises
    LedgerConflict, with nothing changed, when deliveries went on meanwhile.
    """
    parked: Counter[str] = Counter()
    goes_on = 0
    states = (*UNDER_WAY, *(BELIEVED_UNSENT if restored else ()))
    try:
        with ctx.ledger.begin() as connection:
            for state in states:
                for row in _in(ctx, connection, state):
                    if not _harmless(ctx, row):
                        outbox.park(connection, row, now=ctx.now(), reason=f"recovered: {reason}")
                        parked[state] += 1
                        continue
                    goes_on += 1
                    if state == "claimed":
                        claims.release(connection, [row], now=ctx.now(), owner=row.lease_owner)
                    elif state == "sending":
                        outbox.settle(connection, row, "unknown", now=ctx.now(), reason=f"recovered: {reason}")
            decisions.note(connection, ctx.site.site, "recover", person=person, reason=reason, at=ctx.now())
    except IntegrityError:
        raise LedgerConflict("deliveries went on meanwhile; `weigov recover --stop` first") from None
    return Recovered(dict(parked), goes_on)


def _in(ctx: Context, connection: Connection, state: State) -> Iterator[Delivery]:
    """Every delivery in ``state``, a page at a time: an old copy may hold a million that it believes unsent."""
    after = 0
    while rows := outbox.find(connection, site=ctx.site.site, states=(state,), after=after, limit=_PAGE):
        yield from rows
        after = rows[-1].id


def _harmless(ctx: Context, row: Delivery) -> bool:
    """Whether nobody notices when it is done twice."""
    if row.channel == "write":
        shape = ctx.site.shapes.get(row.target.removeprefix("system:"))
        operation = shape.operations.get(str(row.payload["operation"])) if shape else None
        return operation is not None and operation.idempotency in ("key", "overwrite")
    return row.channel == "menu" or row.effect in ("remove", "preview")
