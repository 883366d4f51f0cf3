"""The migrations create exactly what ``tables`` says, and Weigov works with no other shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from weigov.errors import ConfigError
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import current, head, migrate, require_current
from weigov.ledger.tables import metadata

_SHAPE = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE tbl_name != 'alembic_version'",
    "postgresql": """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version'
        UNION ALL SELECT tablename, indexname, indexdef, NULL, NULL, NULL
        FROM pg_indexes WHERE schemaname = 'public' AND tablename != 'alembic_version'
        UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL, NULL
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid != 'alembic_version'::regclass
    """,
}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """One of the test's own: these tests change its shape."""
    migrate(ledger_url)
    ledger = Ledger(ledger_url)
    yield ledger
    ledger.close()


def shape(connection: Connection) -> list[str]:
    """Every table, column, default, index and constraint; the order of clauses inside a table does not matter."""
    rows = connection.execute(text(_SHAPE[connection.dialect.name]))
    facts = []
    for row in rows:
        for line in " ".join(str(value) for value in row).replace("\t", "").replace('"', "").splitlines():
            # A table that SQLite had to make anew has its defaults in parentheses.
            facts.append(re.sub(r"DEFAULT \(([^()]*)\)", r"DEFAULT \1", line.strip().rstrip(",")))
    return sorted(facts)


def test_migrating_creates_exactly_the_tables_of_this_version(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrated = shape(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert shape(connection) == migrated
        assert len(migrated) > 100


def test_a_fresh_ledger_is_refused_until_it_is_migrated(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    assert current(ledger_url) is None
    with pytest.raises(ConfigError, match="run `weigov migrate`"):
        require_current(ledger)
    assert migrate(ledger_url) == head()
    require_current(ledger)
    ledger.close()


def test_migrating_twice_changes_nothing(ledger: Ledger, ledger_url: str) -> None:
    with ledger.read() as connection:
        before = shape(connection)
    migrate(ledger_url)
    with ledger.read() as connection:
        assert shape(connection) == before
    assert current(ledger_url) == head()


_DELIVERY = """
    INSERT INTO delivery (id, site, flow, record, revision, effect, target, subject, channel, client_key, digest,
                          state, flight_key, priority, due_at, created_at, changed_at)
    VALUES (:id, 's', 'f', 'r', 1, 'send', 'account:a', '', 'template', 'k', 'd', 'sending',
            'f', 0, '2026-11-23', '2026-11-23', '2026-11-23')
"""
_ATTEMPT = """
    INSERT INTO attempt (delivery_id, step, n, client_key, outcome, intent_at)
    VALUES (:of, 'send', 1, 'k', 'open', '2026-11-23')
"""


def test_what_an_older_ledger_holds_is_kept(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = command.upgrade
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", lambda config, to: upgrade(config, "0012"))
        migrate(ledger_url)
    ledger = Ledger(ledger_url)
    with ledger.begin() as connection:
        connection.execute(text(_DELIVERY), {"id": 1})
        connection.execute(text(_ATTEMPT), {"of": 1})
    assert migrate(ledger_url) == head() == current(ledger_url)
    with ledger.begin() as connection:
        joined = "SELECT record, attempt.step FROM delivery JOIN attempt ON delivery.id = delivery_id"
        assert connection.execute(text(joined)).all() == [("r", "send")]
        for statement, values in ((_DELIVERY, {"id": 2}), (_ATTEMPT, {"of": 99})):  # the same identity; of nobody
            with pytest.raises(IntegrityError), connection.begin_nested():
                connection.execute(text(statement), values)
    ledger.close()


def test_a_ledger_of_a_newer_weigov_is_left_alone(ledger: Ledger, ledger_url: str) -> None:
    with ledger.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (lambda: require_current(ledger), lambda: migrate(ledger_url)):
        with pytest.raises(ConfigError, match=r"9999.*upgrade Weigov"):
            refuse()


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg2://nobody:hunter2@127.0.0.1:1/weigov", "sqlite:////proc/weigov/ledger.db"],
)
def test_a_database_out_of_reach_is_one_line_without_its_password(url: str) -> None:
    for attempt in (current, migrate):
        with pytest.raises(ConfigError, match="the ledger") as caught:
            attempt(url)
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_the_migrations_are_installed_with_the_package() -> None:
    assert (Path(__file__).parents[3] / "weigov/ledger/migrations/env.py").exists()
    assert head().isdigit()
