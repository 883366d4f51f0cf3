"""Who works on what: leasing due deliveries to a worker, and taking back what is over.

Not here: what comes of a delivery then (``outbox.settle`` and its like), or many sent in one commit (``sending``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from weigov.ledger.dialect import is_one_of, one_value, or_rollback
from weigov.ledger.outbox import COLUMNS, Delivery, changed, from_row
from weigov.ledger.states import UNSENT, State
from weigov.ledger.tables import IN_FLIGHT, Utc, attempt, delivery


def expire_unsent(connection: Connection, *, now: datetime) -> int:
    """Drop what nobody wants any more; how many."""
    return connection.execute(
        update(delivery)
        .where(delivery.c.state.in_(tuple(UNSENT)), delivery.c.expires_at <= now)
        .values(state="expired", reason="valid_for is over", changed_at=now)
    ).rowcount


def expire_leases(connection: Connection, *, now: datetime) -> tuple[list[Delivery], int]:
    """Take back what dead workers held: (returned to ready, as they were before; how many are unknown now).

    Claimed means nothing was sent for this step: ready again. Sending means the call may have been made: unknown,
    never ready.
    """
    over = delivery.c.lease_until <= now
    claimed = (IN_FLIGHT, delivery.c.state == "claimed", over)
    held = [from_row(row) for row in connection.execute(select(*COLUMNS).where(*claimed))]
    released = set[int]()
    if held:
        released.update(
            connection.execute(
                update(delivery)
                .where(delivery.c.id.in_([row.id for row in held]), *claimed)
                .values(state="ready", in_flight=False, lease_owner="", lease_until=None, changed_at=now)
                .returning(delivery.c.id)
            ).scalars()
        )
    sending = select(delivery.c.id).where(IN_FLIGHT, delivery.c.state == "sending", over)
    ids = [row.id for row in connection.execute(sending)]
    if ids:
        connection.execute(
            update(delivery)
            .where(delivery.c.id.in_(ids), delivery.c.state == "sending", over)
            .values(
                state="unknown",
                reason="the worker stopped before it had an answer",
                lease_owner="",
                lease_until=None,
                check_at=now,
                changed_at=now,
            )
        )
        connection.execute(
            update(attempt)
            .where(attempt.c.delivery_id.in_(ids), attempt.c.outcome == "open")
            .values(outcome="unknown", outcome_at=now, detail="the worker stopped")
        )
    return [row for row in held if row.id in released], len(ids)


def is_in(state: State) -> ColumnElement[bool]:
    """Spelled out, not bound: only then is the index of this state's rows one that will do."""
    return delivery.c.state == literal(state, literal_execute=True)


def held_up(counts: Callable[[Any], ColumnElement[bool]] = lambda other: true()) -> ColumnElement[bool]:
    """Whether a delivery must wait for another with its flight key: one in flight, or an older one of its record that
    is unsent and ``counts``.

    What else waits for the same citizen holds up nothing: where its flow is paused, it waits for days.
    """
    other = delivery.alias("other")
    alike = other.c.flight_key == delivery.c.flight_key
    older = and_(
        other.c.flow == delivery.c.flow,
        other.c.record == delivery.c.record,
        other.c.state.in_(tuple(sorted(UNSENT))),
        # Reckoned with, lest an index be asked: behind an IN, with statistics, SQLite 3.40 finds later ones too.
        other.c.id + 0 < delivery.c.id,
    )
    # Asked apart, each is found by an index of its own, however much a citizen was ever sent.
    flies = exists().where(alike, text("other.in_flight"))
    return or_(flies, exists().where(alike, older, counts(other)))


#: One claim of a target at a time: what two take at once may be the same citizens', each in another order.
_IN_TURN = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_NOW = bindparam("now", type_=Utc)
_HERE = delivery.c.target == bindparam("at_target")
_DUE_AGAIN = (
    update(delivery)
    .where(_HERE, is_in("deferred"), delivery.c.due_at <= _NOW)
    .values(state="ready", reason="", changed_at=_NOW)
)
_POINTLESS = (
    update(delivery)
    .where(_HERE, is_in("ready"), delivery.c.retire != "")
    .values(state=delivery.c.retire, changed_at=_NOW)
)


@cache
def _due(*, one_channel: bool) -> Select[Any]:
    """The first ``limit`` that may go, each with its flight key as the last column."""
    query = (
        select(*COLUMNS, delivery.c.flight_key)
        .where(_HERE, is_in("ready"), delivery.c.due_at <= _NOW, ~held_up())
        .where(or_(delivery.c.expires_at.is_(None), delivery.c.expires_at > _NOW))
        .order_by(delivery.c.priority, delivery.c.id)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(skip_locked=True, of=delivery)
    )
    return query.where(delivery.c.channel == bindparam("channel")) if one_channel else query


@cache
def _taken(dialect: str) -> Update:
    """Those of ``values`` that are ready are ``owner``'s."""
    return (
        or_rollback(update(delivery))
        .where(is_one_of(dialect, delivery.c.id), delivery.c.state == "ready")
        .values(
            state="claimed",
            in_flight=True,
            lease_owner=bindparam("owner"),
            lease_until=bindparam("until", type_=Utc),
            changed_at=_NOW,
        )
    )


@cache
def _turn(target: str) -> int:
    return int.from_bytes(hashlib.sha256(f"claim:{target}".encode()).digest()[:8], signed=True)


def claim(
    connection: Connection,
    *,
    target: str,
    limit: int,
    owner: str,
    lease_s: float,
    now: datetime,
    channel: str | None = None,
) -> list[Delivery]:
    """Lease up to ``limit`` due deliveries of ``target``, most urgent first; never two with one flight key.

    What is in flight keeps others with its flight key waiting, and what is unsent the later ones of its record.
    Flagged rows that came back unsent are dropped here. The lease must outlive the longest call. ``channel``: of this
    one only.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":  # SQLite has one writer anyway
        connection.execute(_IN_TURN, {"key": _turn(target)})
    asked: dict[str, Any] = {"at_target": target, "now": now}
    connection.execute(_DUE_AGAIN, asked)
    connection.execute(_POINTLESS, asked)
    asked |= {"limit": limit} if channel is None else {"limit": limit, "channel": channel}
    by_key: dict[str, Delivery] = {}
    for row in connection.execute(_due(one_channel=channel is not None), asked).all():
        # Of one citizen's messages all may be found. The most urgent goes first, then the oldest.
        by_key.setdefault(row[-1], from_row(row[:-1]))
    rows = list(by_key.values())
    if not rows:
        return []
    asked = {"values": one_value(dialect, [row.id for row in rows]), "now": now}
    asked |= {"owner": owner, "until": now + timedelta(seconds=lease_s)}
    if dialect == "sqlite":
        connection.execute(_taken(dialect), asked)  # nobody else writes since we looked
    else:
        try:
            with connection.begin_nested():
                connection.execute(_taken(dialect), asked)
        except IntegrityError:
            # An article in doubt turned out to be accepted since we looked, say; the constraint decided.
            return []
    return [changed(row, state="claimed", lease_owner=owner) for row in rows]


def drop_retired(connection: Connection, row: Delivery, *, owner: str, now: datetime) -> bool:
    """Whether it became pointless since it was claimed: then it goes back, and the next claim drops it."""
    return bool(
        connection.execute(
            update(delivery)
            .where(delivery.c.id == row.id, delivery.c.state == "claimed", delivery.c.lease_owner == owner)
            .where(delivery.c.retire != "")
            .values(state="ready", in_flight=False, lease_owner="", lease_until=None, changed_at=now)
        ).rowcount
    )


def release(connection: Connection, rows: Iterable[Delivery], *, now: datetime, owner: str) -> None:
    """Give claimed deliveries back untouched."""
    ids = [row.id for row in rows]
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_(ids), delivery.c.state == "claimed", delivery.c.lease_owner == owner)
        .values(state="ready", in_flight=False, lease_owner="", lease_until=None, changed_at=now)
    )
