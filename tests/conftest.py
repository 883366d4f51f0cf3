"""What every test may ask for.

``ledger_url``
    An empty database of the test's own: the test runs twice, on SQLite and on PostgreSQL. Without a PostgreSQL the
    second is skipped with its reason; under ``CI=true`` that is a failure, for there it would hide half the promises.
``migrated_url``
    The same with the ledger's tables in it. Making them takes longer than most tests: they are made once a session
    and copied. ``migrated_sqlite_url`` and ``migrated_postgres_url``: the one or the other only.
``postgres_url``
    An empty one, PostgreSQL only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.postgres import HINT, postgres_server
from tests.quick import quickly
from tests.servers import copied, database, server_or_reason
from weigov.ledger.migrate import migrate


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as cores, for what a test does most is wait: for a process, an answer, a transaction."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.fixture(scope="session", autouse=True)
def _quickly() -> Iterator[None]:
    with quickly():
        yield


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


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'ledger.db'}"
    migrate(url)
    return url


@pytest.fixture(scope="session")
def _migrated_postgresql(_postgres: URL | str) -> Iterator[str]:
    with _database(_postgres) as url:
        migrate(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with copied(request.getfixturevalue(f"_migrated_{request.param}"), tmp_path) as url:
        yield url


@pytest.fixture
def migrated_sqlite_url(_migrated_sqlite: str, tmp_path: Path) -> Iterator[str]:
    with copied(_migrated_sqlite, tmp_path) as url:
        yield url


@pytest.fixture
def migrated_postgres_url(_migrated_postgresql: str, tmp_path: Path) -> Iterator[str]:
    with copied(_migrated_postgresql, tmp_path) as url:
        yield url
