"""``exchange_url``: an empty database of the test's own, three times: on SQLite, PostgreSQL and MySQL.
``served_url``: the same on the two that are servers.

A server that is missing is a skip that says so; under ``CI=true`` it is a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.mysql import HINT, NoMySQL, mysql_server, run_sql


@pytest.fixture(scope="session")
def _mysql() -> Iterator[URL | str]:
    """The server, or the reason there is none: found once a session."""
    server = mysql_server()
    try:
        url = server.__enter__()
    except NoMySQL as reason:
        yield str(reason)
        return
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def mysql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("_mysql")
    if isinstance(server, str):
        reason = f"MySQL is missing: {server} ({HINT})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"weigov_test_{uuid.uuid4().hex[:12]}"
    run_sql(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(server, f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def exchange_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "exchange.db").touch()
        return f"sqlite:///{tmp_path / 'exchange.db'}"
    return str(request.getfixturevalue("mysql_url" if request.param == "mysql" else "postgres_url"))


@pytest.fixture(params=["postgresql", "mysql"])
def served_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("mysql_url" if request.param == "mysql" else "postgres_url"))
