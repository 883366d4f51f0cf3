"""The same rows by plain SQLAlchemy Core, with a commit for each change of state: how a queue is usually written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from bench.variants import Count, Step
from bench.variants.ledger import TARGET, certain, news, opened
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import New
from weigov.ledger.tables import attempt, delivery
from weigov.records import digest, encode


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    ledger = opened(spec)
    waiting = news(spec["n"])

    def work() -> Count:
        for new in waiting:
            _enqueue(ledger, new)
        while (row := _next(ledger)) is not None:
            _deliver(ledger, row)
        return lambda: certain(ledger)

    yield "first", work
    ledger.close()


def _enqueue(ledger: Ledger, new: New) -> None:
    now = datetime.now(UTC)
    with ledger.begin() as connection:
        connection.execute(
            insert(delivery).values(
                site=new.site, flow=new.flow, record=new.record, revision=new.revision, effect=new.effect,
                target=new.target, subject=new.subject, channel=new.channel, client_key=new.client_key,
                title=new.title, payload=encode(new.payload).decode(), digest=digest(new.payload), state="ready",
                flight_key=new.flight_key, priority=new.priority, due_at=now, created_at=now, changed_at=now,
            )
        )  # fmt: skip


def _next(ledger: Ledger) -> Any:
    query = (
        select(delivery.c.id, delivery.c.client_key, delivery.c.payload)
        .where(delivery.c.target == TARGET, delivery.c.state == "ready")
        .order_by(delivery.c.priority, delivery.c.id)
        .limit(1)
    )
    with ledger.read() as connection:
        return connection.execute(query).one_or_none()


def _deliver(ledger: Ledger, row: Any) -> None:
    now = datetime.now(UTC)
    mine = delivery.c.id == row.id
    lease = {"lease_owner": "bench", "lease_until": now + timedelta(seconds=90)}
    with ledger.begin() as connection:
        connection.execute(update(delivery).where(mine).values(state="claimed", in_flight=True, **lease))
    with ledger.begin() as connection:
        connection.execute(update(delivery).where(mine).values(state="sending", step="send", tries=1))
        connection.execute(
            insert(attempt).values(
                delivery_id=row.id, step="send", n=1, client_key=row.client_key, outcome="open", intent_at=now
            )
        )
    with ledger.begin() as connection:
        connection.execute(
            update(attempt)
            .where(attempt.c.delivery_id == row.id, attempt.c.outcome == "open")
            .values(outcome="ok", remote_id=f"m{row.id}", outcome_at=now)
        )
        connection.execute(
            update(delivery)
            .where(mine)
            .values(state="accepted", lease_owner="", lease_until=None, changed_at=now)
        )  # fmt: skip
