"""What every run asks is found by an index: it takes no longer because more was ever sent, by us or by others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from weigov.ledger import claims, outbox, receipts, waiting
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate

NOW = datetime.fromisoformat("2026-03-10T10:00:00+08:00")
CITY = "account:city"
EARLY: dict[str, Any] = {
    "site": "demo",
    "flows": ["notices"],
    "target": CITY,
    "step": "send",
    "states": ("accepted",),
}
ASKED: dict[str, tuple[Callable[[Connection], Any], str]] = {
    "what is unknown": (
        lambda c: outbox.find(c, target=CITY, states=("unknown",), check_before=NOW), "uq_delivery_in_flight",
    ),
    "whose lease is over": (lambda c: claims.expire_leases(c, now=NOW), "uq_delivery_in_flight"),
    "whose event it is": (lambda c: outbox.by_receipt(c, CITY, "send", "1"), "ix_attempt_remote"),
    "what goes next": (lambda c: waiting.first_at(c, CITY, limit=9), "ix_delivery_ready"),
    "which event came early": (lambda c: receipts.to_join(c, "wx", "template", **EARLY), "ix_delivery_flow_state"),
}  # fmt: skip


@pytest.fixture
def sqlite(tmp_path: Path) -> Ledger:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    return Ledger(url)


@pytest.mark.parametrize("question", ASKED)
def test_it_is_found_by_an_index(sqlite: Ledger, question: str) -> None:
    ask, index = ASKED[question]
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with sqlite.begin() as connection:
        event.listen(connection, "before_cursor_execute", note)
        ask(connection)
        event.remove(connection, "before_cursor_execute", note)
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            steps = [str(row.detail) for row in plan]
            through = [step for step in steps if "delivery" in step or "receipt" in step or "attempt" in step]
            assert any(index in step for step in through), steps
            assert not any("SCAN" in step and "INDEX" not in step for step in through), steps
