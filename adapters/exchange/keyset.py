"""Reading a table in pieces by "after the last one": order, the condition for what follows, and ties. Pure.

OFFSET would skip rows as soon as one before it is taken away, which is what acknowledging does. Empty values sort
last in every database, since each has its own mind where to put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Columns = Sequence[sa.Column[Any]]


def order(columns: Columns) -> list[Any]:
    """ORDER BY."""
    terms: list[Any] = []
    for column in columns:
        if column.nullable:
            terms.append(sa.case((column.is_(None), 1), else_=0))
        terms.append(column)
    return terms


def after(columns: Columns, values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The rows that come after the one with ``values``."""
    clause: sa.ColumnElement[bool] = sa.false()
    for column, value in reversed(list(zip(columns, values, strict=True))):
        greater = _greater(column, value)
        equal = column.is_(None) if value is None else column == value
        clause = greater if isinstance(clause, sa.False_) else sa.or_(greater, sa.and_(equal, clause))
    if values[0] is not None and not columns[0].nullable:
        return sa.and_(columns[0] >= values[0], clause)  # says nothing new, but an index understands it
    return clause


def whole_groups(rows: Sequence[T], marks: Sequence[Sequence[Any]], size: int) -> Sequence[T] | None:
    """Of up to ``size`` + 1 rows the first that can be told from what follows; None when all of them are tied.

    Rows that are equal in every column of the order cannot be parted: "after the last one" would skip the others.
    """
    if len(rows) <= size:
        return rows
    beyond = folded(marks[size])
    kept = size
    while kept and folded(marks[kept - 1]) == beyond:
        kept -= 1
    return rows[:kept] if kept else None


def _greater(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    if value is None:
        return sa.false()
    return sa.or_(column > value, column.is_(None)) if column.nullable else column > value


def folded(values: Sequence[Any]) -> tuple[Any, ...]:
    """Values as a database may compare them: many collations hold A and a, and trailing blanks, for the same."""
    return tuple(value.rstrip().casefold() if isinstance(value, str) else value for value in values)
