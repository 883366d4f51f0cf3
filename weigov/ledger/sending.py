"""Sending: the intent is committed before a call, its receipt after, one by one or many in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Insert, String, Update, bindparam, func, insert, literal, select, update

from weigov.ledger import attempts, outbox
from weigov.ledger.dialect import is_one_of, one_value, or_rollback, pairs, pairs_value
from weigov.ledger.outbox import Delivery, changed
from weigov.ledger.states import in_flight
from weigov.ledger.tables import Utc, attempt, delivery

# Many rows in one statement each, which is the same however many they are.


@cache
def _begun(dialect: str) -> Update:
    """Of ``values`` those still claimed by ``owner`` and wanted; what is in flight stays so."""
    return (
        or_rollback(update(delivery))
        .where(is_one_of(dialect, delivery.c.id), delivery.c.state == "claimed")
        .where(delivery.c.lease_owner == bindparam("owner"), delivery.c.retire == "")
        .values(
            state="sending",
            reason="",
            step=bindparam("at_step"),
            tries=delivery.c.tries + 1,
            first_intent_at=func.coalesce(delivery.c.first_intent_at, bindparam("now", type_=Utc)),
            lease_until=bindparam("until", type_=Utc),
            changed_at=bindparam("now", type_=Utc),
        )
        .returning(delivery.c.id)
    )


@cache
def _intended(dialect: str) -> Insert:
    """The next attempt of each of ``values``."""
    tried = select(func.coalesce(func.max(attempt.c.n), 0) + 1).where(
        attempt.c.delivery_id == delivery.c.id, attempt.c.step == bindparam("at_step")
    )
    return or_rollback(insert(attempt)).from_select(
        ["delivery_id", "step", "n", "client_key", "outcome", "intent_at"],
        select(
            delivery.c.id,
            bindparam("at_step", type_=String),
            tried.scalar_subquery(),
            delivery.c.client_key,
            literal("open"),
            bindparam("now", type_=Utc),
        ).where(is_one_of(dialect, delivery.c.id)),
    )


@cache
def _accepted(dialect: str) -> Update:
    """Of ``values`` those that ``owner`` is still sending."""
    return (
        or_rollback(update(delivery))
        .where(is_one_of(dialect, delivery.c.id), delivery.c.state == "sending")
        .where(delivery.c.lease_owner == bindparam("owner"))
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
        or_rollback(update(attempt))
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
    dialect = connection.dialect.name
    asked = {"values": one_value(dialect, [row.id for row in rows]), "at_step": step, "now": now}
    owned = {"owner": owner, "until": now + timedelta(seconds=lease_s)}
    ids = set(connection.execute(_begun(dialect), asked | owned).scalars().all())
    if not ids:
        return []
    asked["values"] = one_value(dialect, list(ids))
    connection.execute(_intended(dialect), asked)
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
    dialect = connection.dialect.name
    ids = one_value(dialect, [row.id for row, _ in answered])
    holds = in_flight(answered[0][0].channel, "accepted")
    asked = {"values": ids, "owner": owner, "holds": holds, "now": now, "at": check_at}
    kept = set(connection.execute(_accepted(dialect), asked).scalars().all())
    receipts = [(row.id, remote_id) for row, remote_id in answered if row.id in kept]
    if receipts:
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
