"""What those that write deliveries share: the database, the deliveries, and what shows that all of them are certain.

``spec['database']`` is a SQLAlchemy URL, or '' for SQLite in the run's folder. Both are opened and migrated as Weigov
opens its ledger: on SQLite in WAL with synchronous FULL.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate
from weigov.ledger.outbox import New
from weigov.ledger.tables import attempt, delivery

TARGET = "account:town"


def opened(spec: dict[str, Any]) -> Ledger:
    """The ledger of this run, empty and migrated."""
    url = spec["database"] or f"sqlite:///{Path(spec['folder']) / 'ledger.db'}"
    migrate(url)
    return Ledger(url)


def news(n: int) -> list[New]:
    """``n`` template messages, each to another citizen."""
    return [_new(number) for number in range(n)]


def _new(number: int) -> New:
    return New(
        site="bench", flow="case_progress", record=f"cases/progress/{number}", revision=1, effect="send",
        target=TARGET, subject=f"{number:032x}", channel="template",
        payload={
            "template_id": "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY", "url": "https://town.example/case?id=1",
            "data": {
                "thing1": {"value": "不动产登记"}, "phrase2": {"value": "已受理"}, "time3": {"value": "2026年3月5日"},
            },
        },
        title="case progress",
    )  # fmt: skip


def certain(ledger: Ledger) -> int:
    """How many deliveries are accepted, with the answer of their one call kept."""
    query = (
        select(func.count())
        .select_from(delivery.join(attempt, attempt.c.delivery_id == delivery.c.id))
        .where(delivery.c.state == "accepted", attempt.c.outcome == "ok", attempt.c.remote_id != "")
    )
    with ledger.read() as connection:
        return connection.execute(query).scalar_one()
