"""The databases tests are given: real, empty, of their own, gone afterwards."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.conftest import _database
from tests.postgres import _private_cluster
from tests.servers import run_sql


def test_a_test_gets_an_empty_database_of_the_kind_it_asked_for(
    ledger_url: str, request: pytest.FixtureRequest
) -> None:
    engine = create_engine(ledger_url, poolclass=NullPool)
    assert engine.dialect.name in request.node.name
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (n int)"))


def test_a_database_is_dropped_even_when_somebody_is_still_connected(_postgres: URL | str) -> None:
    with _database(_postgres) as url:
        left_open = create_engine(url).connect()
    with pytest.raises(OperationalError, match="does not exist"):
        run_sql(make_url(url), "SELECT 1")
    left_open.invalidate()


def test_a_missing_postgres_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, outcome in (("true", pytest.fail.Exception), ("", pytest.skip.Exception)):
        monkeypatch.setenv("CI", value)
        with pytest.raises(outcome, match="PostgreSQL is missing: none here"), _database("none here"):
            pass


@pytest.mark.skipif(not os.path.isdir("/usr/lib/postgresql"), reason="no PostgreSQL binaries to start one with")
def test_a_private_cluster_starts_on_loopback_and_leaves_nothing() -> None:
    with _private_cluster() as url:
        run_sql(url, "CREATE DATABASE one")
    with pytest.raises(OperationalError, match="refused"):
        run_sql(url, "SELECT 1")
