"""A migrated ledger of the test's own, on both databases, and a sealer for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate
from weigov.ledger.seal import Sealer

#: 08:00 in Beijing.
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    migrate(ledger_url)
    ledger = Ledger(ledger_url)
    yield ledger
    ledger.close()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"k1": b"1" * 32}, current="k1")


@pytest.fixture
def now() -> datetime:
    return NOW
