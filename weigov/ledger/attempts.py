"""What came of each call of a delivery: one row a call, open until its outcome is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select, update

from weigov.ledger.tables import attempt

if TYPE_CHECKING:
    from weigov.ledger.outbox import Delivery

#: How long after a failed try the next one is due; the last figure repeats.
BACKOFF_S = (30, 120, 600, 1800, 3600)


def end(
    connection: Connection, row: Delivery, outcome: str, *, now: datetime, remote_id: str = "", detail: str = ""
) -> None:
    """Write down how the open call of ``row.step`` ended: ok | refused | unsent | unknown."""
    connection.execute(
        update(attempt)
        .where(attempt.c.delivery_id == row.id, attempt.c.step == row.step, attempt.c.outcome == "open")
        .values(outcome=outcome, remote_id=remote_id, detail=detail, outcome_at=now)
    )


def adopt(connection: Connection, row: Delivery, step: str, remote_id: str, *, now: datetime) -> None:
    """An unknown step turned out to have happened: keep its receipt, also where this ledger never saw its call."""
    newest = (
        select(func.max(attempt.c.n)).where(attempt.c.delivery_id == row.id, attempt.c.step == step).scalar_subquery()
    )
    found = {"outcome": "ok", "remote_id": remote_id, "outcome_at": now, "detail": "found afterwards"}
    known = connection.execute(
        update(attempt)
        .where(attempt.c.delivery_id == row.id, attempt.c.step == step, attempt.c.n == newest)
        .values(**found)
    ).rowcount
    if not known:
        unseen = {"delivery_id": row.id, "step": step, "n": 1, "client_key": row.client_key, "intent_at": now}
        connection.execute(attempt.insert().values(**unseen, **found))


def forget(connection: Connection, row: Delivery) -> None:
    """What was certain of this delivery's steps counts no longer: it starts over from the first."""
    connection.execute(
        update(attempt).where(attempt.c.delivery_id == row.id, attempt.c.outcome == "ok").values(outcome="void")
    )


def done(connection: Connection, delivery_id: int) -> dict[str, str]:
    """step → remote id, of the steps that are certain."""
    query = select(attempt.c.step, attempt.c.remote_id).where(
        attempt.c.delivery_id == delivery_id, attempt.c.outcome == "ok"
    )
    return {row.step: row.remote_id for row in connection.execute(query.order_by(attempt.c.n))}


def pause(connection: Connection, row: Delivery) -> timedelta:
    """How long until a step is repeated whose call was never answered: once at once, then after a growing pause.

    Else what never works would use up the day's calls.
    """
    return timedelta(seconds=(0, *BACKOFF_S)[max(min(tried(connection, row), len(BACKOFF_S) + 1), 1) - 1])


def ended(connection: Connection, row: Delivery, step: str, outcome: str) -> int:
    """How many calls of ``step`` ended so; ``void``: WeChat took it, and a person had the delivery start over."""
    query = select(func.count()).where(
        attempt.c.delivery_id == row.id, attempt.c.step == step, attempt.c.outcome == outcome
    )
    return connection.execute(query).scalar_one()


def tried(connection: Connection, row: Delivery) -> int:
    """How often the step in hand was tried."""
    return connection.execute(
        select(func.count()).where(attempt.c.delivery_id == row.id, attempt.c.step == row.step)
    ).scalar_one()
