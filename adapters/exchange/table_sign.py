"""The sign that a row was read, set only where the row still is what was read.

With a version column that is a condition of the UPDATE. Without one the rows are looked at once more under a lock and
compared cell by cell; among rows that nothing tells apart, one that was not read keeps all of them unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from adapters.exchange.database import fitted
from adapters.exchange.keyset import folded
from adapters.exchange.table_shape import Cells, Mark, TableShape
from adapters.vocabulary import Sign

_CHUNK = 200  # rows in one statement


def set_signs(connection: sa.Connection, table: TableShape, sign: Sign, token: Sequence[Mark]) -> None:
    """Sign the rows of ``token`` as read or, where the descriptor has a sign for it, as failed."""
    column = table.opened[sign.column]
    read = {(folded(mark.identity), mark.version) for mark in token}
    for stored, value in ((True, sign.read), (False, sign.failed)):
        marks = [mark for mark in token if mark.stored is stored]
        for at in range(0, len(marks), _CHUNK):
            chunk = marks[at : at + _CHUNK]
            still = _of_version(table, chunk) if table.version is not None else _same(connection, table, chunk, read)
            update = sa.update(table.opened.table).where(*table.unread(), still)
            connection.execute(update.values({column: fitted(column, value)}))


def _of_version(table: TableShape, marks: Sequence[Mark]) -> sa.ColumnElement[bool]:
    version = table.version
    assert version is not None
    groups: dict[Any, list[Cells]] = {}
    for mark in marks:
        groups.setdefault(mark.version, []).append(mark.identity)
    return sa.or_(*(
        sa.and_(version.is_(None) if value is None else version == value, table.among(identities))
        for value, identities in groups.items()
    ))  # fmt: skip


def _same(
    connection: sa.Connection, table: TableShape, marks: Sequence[Mark], read: set[tuple[Any, Any]]
) -> sa.ColumnElement[bool]:
    wanted = table.among([mark.identity for mark in marks])
    query = sa.select(*table.columns.values()).where(*table.unread(), wanted)
    there: dict[Any, list[Cells]] = {}
    changed = set()
    for raw in connection.execute(query.with_for_update()):
        mark = table.mark(tuple(raw), True)
        who = folded(mark.identity)
        there.setdefault(who, []).append(mark.identity)
        if (who, mark.version) not in read:
            changed.add(who)
    return table.among([identity for who, same in there.items() if who not in changed for identity in same])
