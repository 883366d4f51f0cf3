"""What every test may ask for.

``ledger_url``
    An empty database of the test's own: the test runs twice, on SQLite and on PostgreSQL. Without a PostgreSQL the
    second is skipped with its reason; under ``CI=true`` that is a failure, for there it would hide half the promises.
``postgres_url``
    The same, PostgreSQL only.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.postgres import HINT, NoPostgres, postgres_server, run_sql


@pytest.fixture(scope="session")
def _postgres() -> Iterator[URL | str]:
    """The server, or the reason there is none: found once a session."""
    server = postgres_server()
    try:
        url = server.__enter__()
    except NoPostgres as reason:
        yield str(reason)
        return
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@contextmanager
def _database(server: URL | str) -> Iterator[str]:
    if isinstance(server, str):
        reason = f"PostgreSQL is missing: {server} ({HINT})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"weigov_test_{uuid.uuid4().hex[:12]}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        # FORCE: a test that kills a process leaves its connection behind.
        run_sql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


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
