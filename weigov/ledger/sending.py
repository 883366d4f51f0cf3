"""Sending: the intent is committed before a call, its receipt after, one by one or many in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, String, Update, bindparam, func, literal, select, update

from weigov.ledger import attempts, outbox
from weigov.ledger.dialect import pairs, pairs_value
from weigov.ledger.outbox import Delivery, changed
from weigov.ledger.states import in_flight
from weigov.ledger.tables import Utc, attempt, delivery

_THESE = delivery.c.id.in_(bindparam("these", expanding=True))
_BEGUN = (
    update(delivery)
    .where(_THESE, delivery.c.state == "claimed", delivery.c.lease_owner == bindparam("owner"))
    .where(delivery.c.retire == "")
    .values(
        state="sending",
        reason="",
        step=bindparam("at_step"),
        in_flight=True,
        tries=delivery.c.tries + 1,
        first_intent_at=func.coalesce(delivery.c.first_intent_at, bindparam("now", type_=Utc)),
        lease_until=bindparam("until", type_=Utc),
        changed_at=bindparam("now", type_=Utc),
    )
    .returning(delivery.c.id)
)
_INTENDED = attempt.insert().from_select(
    ["delivery_id", "step", "n", "client_key", "outcome", "intent_at"],
    select(
        delivery.c.id,
        bindparam("at_step", type_=String),
        select(func.coalesce(func.max(attempt.c.n), 0) + 1)
        .where(attempt.c.delivery_id == delivery.c.id, attempt.c.step == bindparam("at_step"))
        .scalar_subquery(),
        delivery.c.client_key,
        literal("open"),
        bindparam("now", type_=Utc),
    ).where(_THESE),
)
_ACCEPTED = (
    update(delivery)
    .where(_THESE, delivery.c.state == "sending", delivery.c.lease_owner == bindparam("owner"))
    .values(
        state="accepted",
        reason="",
        in_flight=bindparam("holds"),
        lease_owner="",
        lease_until=None,
        check_at=bindparam("at", type_=Utc),
        changed_at=bindparam("now", type_=Utc),
    )
    .returning(delivery.c.id)
)


@cache
def _received(dialect: str) -> Update:
    """The receipts of many calls of one step, ``pairs`` of delivery and remote id, in one statement."""
    of, known_as = pairs(dialect)
    return (
        update(attempt)
        .where(attempt.c.delivery_id == of, attempt.c.step == bindparam("at_step"), attempt.c.outcome == "open")
        .values(outcome="ok", remote_id=known_as, outcome_at=bindparam("now", type_=Utc))
    )


def begin(
    connection: Connection,
    row: Delivery,
    step: str,
    *,
    owner: str,
    lease_s: float,
    now: datetime,
) -> Delivery:
    """Commit the intent to make this step's call: claimed (or unknown, to repeat with its key) → sending.

    Raises LedgerConflict when the lease was lost meanwhile: then the call must not be made.
    """
    fence = owner if row.state == "claimed" else None
    first = row.first_intent_at or now
    outbox.move(
        connection,
        row,
        "sending",
        now=now,
        owner=fence,
        step=step,
        tries=row.tries + 1,
        first_intent_at=first,
        lease_owner=owner,
        lease_until=now + timedelta(seconds=lease_s),
    )
    n = connection.execute(
        select(func.coalesce(func.max(attempt.c.n), 0) + 1).where(
            attempt.c.delivery_id == row.id, attempt.c.step == step
        )
    ).scalar_one()
    connection.execute(
        attempt.insert().values(
            delivery_id=row.id, step=step, n=n, client_key=row.client_key, outcome="open", intent_at=now
        )
    )
    return changed(row, state="sending", step=step, tries=row.tries + 1, first_intent_at=first, lease_owner=owner)


def begin_many(
    connection: Connection, rows: Sequence[Delivery], step: str, *, owner: str, lease_s: float, now: datetime
) -> list[Delivery]:
    """``begin`` of many claimed deliveries at once; left out are those whose lease was lost or that became
    pointless meanwhile."""
    asked = {"these": [row.id for row in rows], "owner": owner, "at_step": step, "now": now}
    ids = set(connection.execute(_BEGUN, asked | {"until": now + timedelta(seconds=lease_s)}).scalars().all())
    if not ids:
        return []
    connection.execute(_INTENDED, {"these": list(ids), "at_step": step, "now": now})
    begun = [row for row in rows if row.id in ids]
    return [
        changed(row, state="sending", step=step, tries=row.tries + 1, first_intent_at=row.first_intent_at or now)
        for row in begun
    ]


def accept_many(
    connection: Connection,
    answered: Sequence[tuple[Delivery, str]],
    *,
    owner: str,
    now: datetime,
    check_at: datetime,
) -> set[int]:
    """Keep the receipts of calls of one step that WeChat accepted, (delivery, remote id) each; the ids of those that
    were still ours.

    The others were moved meanwhile: each is for ``settle``.
    """
    asked = {"these": [row.id for row, _ in answered], "owner": owner, "now": now, "at": check_at}
    holds = in_flight(answered[0][0].channel, "accepted")
    kept = set(connection.execute(_ACCEPTED, asked | {"holds": holds}).scalars().all())
    receipts = [(row.id, remote_id) for row, remote_id in answered if row.id in kept]
    if receipts:
        dialect = connection.dialect.name
        told = pairs_value(dialect, receipts) | {"at_step": answered[0][0].step, "now": now}
        connection.execute(_received(dialect), told)
    return kept


def take_back(connection: Connection, row: Delivery, *, owner: str, now: datetime) -> None:
    """A call that was meant and never begun: ready again, as if nobody had looked."""
    attempts.end(connection, row, "unsent", now=now, detail="not begun")
    outbox.move(connection, row, "ready", now=now, owner=owner, due_at=row.due_at, first_intent_at=None)


def end_step(
    connection: Connection, row: Delivery, *, remote_id: str, owner: str, lease_s: float, now: datetime
) -> Delivery:
    """This step is certain: its receipt is kept and the worker goes on to the next (sending → claimed)."""
    attempts.end(connection, row, "ok", now=now, remote_id=remote_id)
    outbox.move(connection, row, "claimed", now=now, owner=owner, lease_until=now + timedelta(seconds=lease_s))
    return changed(row, state="claimed")


def unsent(connection: Connection, row: Delivery, *, now: datetime, reason: str, owner: str) -> None:
    """Certainly nothing happened: back to ready, due after a growing pause."""
    attempts.end(connection, row, "unsent", now=now, detail=reason)
    failed = max(attempts.tried(connection, row), 1)  # none was begun where only a question went unanswered
    due_at = now + timedelta(seconds=attempts.BACKOFF_S[min(failed, len(attempts.BACKOFF_S)) - 1])
    outbox.move(connection, row, "ready", now=now, owner=owner, reason=reason, due_at=due_at, first_intent_at=None)
