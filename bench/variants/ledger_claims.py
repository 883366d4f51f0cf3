"""Claims from a long queue: ``spec['n']`` deliveries wait, and ``spec['claims']`` times twenty of them are taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text

from bench.variants import Count, Step
from bench.variants.ledger import TARGET, opened
from weigov.flow.context import LEASE_S
from weigov.flow.deliver import CLAIM
from weigov.ledger import claims
from weigov.ledger.engine import Ledger
from weigov.ledger.tables import delivery

_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n) SELECT i FROM n)",
    "postgresql": "(SELECT generate_series(1, CAST(:n AS int)) AS i)",
}


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    ledger = opened(spec)
    _fill(ledger, spec["n"])

    def work() -> Count:
        for _ in range(spec["claims"]):
            with ledger.begin() as connection:
                claimed = claims.claim(
                    connection, target=TARGET, limit=CLAIM, owner="bench", lease_s=LEASE_S, now=datetime.now(UTC)
                )
            if len(claimed) != CLAIM:
                raise RuntimeError(f"{len(claimed)} claimed of {CLAIM}")
        return lambda: _held(ledger)

    yield "first", work
    ledger.close()


def _fill(ledger: Ledger, n: int) -> None:
    with ledger.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO delivery (site, flow, record, revision, effect, target, subject, channel, client_key,"
                " payload, digest, state, flight_key, in_flight, priority, due_at, created_at, changed_at)"
                " SELECT 'bench', 'case_progress', 'cases/progress/' || i, 1, 'send', :target, 's' || i, 'template',"
                " 'k' || i, '{}', 'd', 'ready', :target || '|s' || i, false, 50, :now, :now, :now"
                f" FROM {_NUMBERS[ledger.dialect]} AS numbers"
            ).bindparams(n=n, target=TARGET, now=datetime(2026, 1, 1, tzinfo=UTC))
        )
    with ledger.begin() as connection:
        connection.execute(text("ANALYZE"))


def _held(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(delivery)).scalar_one()
