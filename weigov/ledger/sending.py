"""Sending: the intent is committed before a call, its receipt after, one by one or many in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, literal, select, update

from weigov.ledger import attempts, outbox
from weigov.ledger.outbox import Delivery, changed
from weigov.ledger.states import in_flight
from weigov.ledger.tables import attempt, delivery

_RECEIVED = update(attempt).where(
    attempt.c.delivery_id == bindparam("of"), attempt.c.step == bindparam("at_step"), attempt.c.outcome == "open"
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
    """``begin`` of many claimed deliveries at once; those whose lease was lost meanwhile are left out."""
    taken = connection.execute(
        update(delivery)
        .where(
            delivery.c.id.in_([row.id for row in rows]),
            delivery.c.state == "claimed",
            delivery.c.lease_owner == owner,
        )
        .values(
            state="sending",
            reason="",
            step=step,
            in_flight=True,
            tries=delivery.c.tries + 1,
            first_intent_at=func.coalesce(delivery.c.first_intent_at, literal(now, delivery.c.first_intent_at.type)),
            lease_until=now + timedelta(seconds=lease_s),
            changed_at=now,
        )
        .returning(delivery.c.id)
    )
    ids = set(taken.scalars())
    if not ids:
        return []
    tried = connection.execute(
        select(attempt.c.delivery_id, func.max(attempt.c.n).label("n"))
        .where(attempt.c.delivery_id.in_(ids), attempt.c.step == step)
        .group_by(attempt.c.delivery_id)
    )
    last = {row.delivery_id: row.n for row in tried}
    begun = [row for row in rows if row.id in ids]
    connection.execute(
        attempt.insert(),
        [
            {
                "delivery_id": row.id,
                "step": step,
                "n": last.get(row.id, 0) + 1,
                "client_key": row.client_key,
                "outcome": "open",
                "intent_at": now,
            }
            for row in begun
        ],
    )
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
    """Keep the receipts of calls WeChat accepted, (delivery, remote id) each; the ids of those that were still ours.

    The others were moved meanwhile: each is for ``settle``.
    """
    ids = [row.id for row, _ in answered]
    kept = set(
        connection.execute(
            update(delivery)
            .where(delivery.c.id.in_(ids), delivery.c.state == "sending", delivery.c.lease_owner == owner)
            .values(
                state="accepted",
                reason="",
                in_flight=in_flight(answered[0][0].channel, "accepted"),
                lease_owner="",
                lease_until=None,
                check_at=check_at,
                changed_at=now,
            )
            .returning(delivery.c.id)
        ).scalars()
    )
    receipts = [{"of": row.id, "at_step": row.step, "known_as": name} for row, name in answered if row.id in kept]
    if receipts:
        connection.execute(_RECEIVED.values(outcome="ok", remote_id=bindparam("known_as"), outcome_at=now), receipts)
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
