"""A ledger on SQLite waits for the disk. The tests' own does not (``tests/quick.py``), so this is looked at here."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine

from tests.quick import durable

FULL = 2


def test_what_sqlite_committed_is_on_the_disk(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    durable(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
