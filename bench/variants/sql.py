"""The end of work the peers share: one table of articles in SQLite, as durable as our ledger (WAL, FULL)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.upstream.articles import COLUMNS

UPSERT = (
    f"INSERT INTO article ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[1:])}"
)


def connect(folder: str) -> sqlite3.Connection:
    """The floor's database, with an empty table."""
    database = sqlite3.connect(Path(folder) / "articles.db", isolation_level=None)
    _durable(database)
    database.execute(f"CREATE TABLE article ({', '.join(f'{name} TEXT' for name in COLUMNS)}, PRIMARY KEY (id))")
    return database


class CoreTable:
    """The same table by SQLAlchemy Core."""

    def __init__(self, folder: str) -> None:
        import sqlalchemy
        from sqlalchemy.dialects.sqlite import insert

        self._engine = sqlalchemy.create_engine(f"sqlite:///{Path(folder) / 'articles.db'}")
        sqlalchemy.event.listen(self._engine, "connect", lambda raw, record: _durable(raw))
        columns = [sqlalchemy.Column(name, sqlalchemy.Text, primary_key=name == "id") for name in COLUMNS]
        self._table = sqlalchemy.Table("article", sqlalchemy.MetaData(), *columns)
        self._table.metadata.create_all(self._engine)
        statement = insert(self._table)
        changed = {name: statement.excluded[name] for name in COLUMNS[1:]}
        self._upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
        self._count = sqlalchemy.select(sqlalchemy.func.count()).select_from(self._table)

    def upsert(self, rows: Iterable[dict[str, Any]]) -> None:
        """One transaction."""
        with self._engine.begin() as connection:
            connection.execute(self._upsert, list(rows))

    def count(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(self._count).scalar_one())


def _durable(raw: Any) -> None:
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
