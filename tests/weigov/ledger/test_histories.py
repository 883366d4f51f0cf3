"""No history of deaths, lost answers and decisions sends anything twice, out of order, or loses it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.weigov.ledger.histories import Histories, watch
from weigov.ledger.engine import Ledger


def test_every_history_keeps_the_promises(migrated_url: str) -> None:
    ledger = Ledger(migrated_url)
    watch(ledger)
    fast = ledger.dialect == "sqlite"
    run_state_machine_as_test(
        type("HistoriesHere", (Histories,), {"ledger": ledger}),
        settings=settings(
            max_examples=50 if fast else 12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,  # `make test` gives one answer; change this to look for more
            suppress_health_check=list(HealthCheck),
        ),
    )
    ledger.close()
