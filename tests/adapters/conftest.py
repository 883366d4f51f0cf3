"""``exchange_url``: an empty database of the test's own, three times: on SQLite, PostgreSQL and MySQL.
``served_url``: the same on the two that are servers.

A server that is missing is a skip that says so; under ``CI=true`` it is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.mysql import HINT, mysql_server
from tests.servers import database, server_or_reason


@pytest.fixture(scope="session")
def _mysql() -> Iterator[URL | str]:
    yield from server_or_reason(mysql_server())


@pytest.fixture
def mysql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    missing = f"MySQL is missing: {{}} ({HINT})"
    with database(request.getfixturevalue("_mysql"), missing, options="CHARACTER SET utf8mb4") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def exchange_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "exchange.db").touch()
        return f"sqlite:///{tmp_path / 'exchange.db'}"
    return str(request.getfixturevalue("mysql_url" if request.param == "mysql" else "postgres_url"))


@pytest.fixture(params=["postgresql", "mysql"])
def served_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("mysql_url" if request.param == "mysql" else "postgres_url"))
