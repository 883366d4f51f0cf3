"""What every test may ask for.

``ledger_url``
    An empty database of the test's own: the test runs twice, on SQLite and on PostgreSQL. Without a PostgreSQL the
    second is skipped with its reason; under ``CI=true`` that is a failure, for there it would hide half the promises.
``postgres_url``
    The same, PostgreSQL only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.postgres import HINT, postgres_server
from tests.servers import database, server_or_reason


@pytest.fixture(scope="session")
def _postgres() -> Iterator[URL | str]:
    yield from server_or_reason(postgres_server())


def _database(server: URL | str) -> AbstractContextManager[str]:
    return database(
        server,
        f"PostgreSQL is missing: {{}} ({HINT})",
        options="TEMPLATE template0 ENCODING 'UTF8'",
        drop_options="WITH (FORCE)",  # a test that kills a process leaves its connection behind
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with _database(request.getfixturevalue("_postgres")) as url:
        yield url


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with _database(request.getfixturevalue("_postgres")) as url:
        yield url
