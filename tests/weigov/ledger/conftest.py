"""A migrated, empty ledger for each test, on both databases, and a sealer for it.

Making a database takes longer than most tests here, so one of each kind serves the session and is emptied in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import URL

from tests.conftest import _database
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import audit_log, metadata

#: 08:00 in Beijing.
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="session")
def _sqlite_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")


@pytest.fixture(scope="session")
def _postgresql_ledger(_postgres: URL | str) -> Iterator[Ledger]:
    with _database(_postgres) as url:
        yield from _migrated(url)


def _migrated(url: str) -> Iterator[Ledger]:
    migrate(url)
    ledger = Ledger(url)
    yield ledger
    ledger.close()


def empty(ledger: Ledger) -> None:
    """Forget everything."""
    with ledger.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is audit_log:  # it lets nobody delete
                audit_log.drop(connection)
                audit_log.create(connection)
            else:
                connection.execute(table.delete())


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    ledger: Ledger = request.getfixturevalue(f"_{request.param}_ledger")
    yield ledger
    empty(ledger)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"k1": b"1" * 32}, current="k1")


@pytest.fixture
def now() -> datetime:
    return NOW
