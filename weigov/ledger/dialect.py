"""The one statement SQLite and Postgres spell differently: an insert that may meet an existing row.

Both dialects take rows in batches of one statement each; every row of a call must name the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignore(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert ``rows``, leaving alone whatever a unique key already holds; how many were new."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing()
    # RETURNING makes SQLAlchemy send many rows in one statement, and counts them on both databases.
    returned = connection.execute(statement.returning(*table.primary_key), [dict(row) for row in rows])
    return len(returned.all())


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert ``rows``; where ``key`` is there already, overwrite ``update``. The last of equals wins."""
    if not rows:
        return
    # Postgres refuses to touch one row twice in a statement.
    last = {tuple(row[name] for name in key): dict(row) for row in rows}
    statement = _insert(connection, table)
    statement = statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in update}
    )
    connection.execute(statement.returning(*table.primary_key), list(last.values())).all()


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
