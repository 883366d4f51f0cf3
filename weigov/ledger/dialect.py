"""What SQLite and Postgres spell differently: an insert that may meet an existing row, and many values at once.

Both dialects take rows in batches of one statement each; every row of a call must name the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    String,
    Table,
    Update,
    any_,
    bindparam,
    column,
    func,
    select,
)  # fmt: skip
from sqlalchemy.dialects import postgresql, sqlite

from weigov.records import encode

Changing = TypeVar("Changing", Insert, Update)


def or_rollback(statement: Changing) -> Changing:
    """``statement``, whose broken constraint ends the whole transaction, as on Postgres it always does.

    SQLite then keeps no copy of the pages a statement changes, which for many rows is half of what they cost.
    Not within a savepoint: there would be none to go back to.
    """
    return statement.prefix_with("OR ROLLBACK", dialect="sqlite")


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


def insert_many(
    connection: Connection,
    table: Table,
    common: Mapping[str, Any],
    names: Sequence[str],
    rows: Sequence[tuple[str | bytes, ...]],
) -> None:
    """Insert ``rows``: texts in the order of the columns ``names``, beside what all of them have in ``common``.

    A text may come as its UTF-8 bytes; then it does so in every row.
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        texts = [[one.decode() if isinstance(one, bytes) else one for one in row] for row in rows]
        connection.execute(table.insert(), [{**common, **dict(zip(names, row, strict=True))} for row in texts])
        return
    # Over SQLite, Core's work on every single parameter costs more than the insert itself, and so does the driver's
    # on what is the same in every row.
    same = _quoted(connection, [_converted(connection, table, name, value) for name, value in common.items()])
    holes = ["CAST(? AS TEXT)" if isinstance(one, bytes) else "?" for one in rows[0]]
    text = f"INSERT INTO {table.name} ({', '.join((*common, *names))}) VALUES ({', '.join((*same, *holes))})"
    connection.exec_driver_sql(text, list(rows))


def _quoted(connection: Connection, values: Sequence[Any]) -> Sequence[str]:
    """``values`` as SQLite itself writes them in a statement."""
    holes = ", ".join("quote(?)" for _ in values)
    return connection.exec_driver_sql(f"SELECT {holes}", tuple(values)).one()


def _converted(connection: Connection, table: Table, name: str, value: Any) -> Any:
    """``value`` as Core would give it to the driver."""
    convert = table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return value if convert is None else convert(value)


@lru_cache(maxsize=64)
def is_one_of(dialect: str, one: ColumnElement[Any]) -> ColumnElement[bool]:
    """``one IN values`` with a single parameter, called ``values``: compiled once, however many there are.

    Execute it with ``values=one_value(dialect, values)``.
    """
    if dialect == "sqlite":
        return one.in_(select(func.json_each(bindparam("values", type_=String)).table_valued("value").c.value))
    return one == any_(bindparam("values", type_=ARRAY(one.type)))


def one_value(dialect: str, values: Sequence[str] | Sequence[int]) -> Any:
    """``values`` as the parameter of ``is_one_of``."""
    return encode(values).decode() if dialect == "sqlite" else list(values)


def pairs(dialect: str) -> tuple[ColumnElement[int], ColumnElement[str]]:
    """(number, text) of as many pairs as ``pairs_value`` is given, as a table to join in one constant statement."""
    if dialect == "sqlite":
        found = func.json_each(bindparam("pairs", type_=String)).table_valued("value", name="pair").c.value
        return func.json_extract(found, "$[0]", type_=BigInteger), func.json_extract(found, "$[1]", type_=String)
    numbers, texts = bindparam("numbers", type_=ARRAY(BigInteger)), bindparam("texts", type_=ARRAY(String))
    both = func.unnest(numbers, texts).table_valued(column("n", BigInteger), column("t", String), name="pair")
    both = both.render_derived()
    return both.c.n, both.c.t


def pairs_value(dialect: str, rows: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The parameters of ``pairs``."""
    if dialect == "sqlite":
        return {"pairs": encode(rows).decode()}
    return {"numbers": [number for number, _ in rows], "texts": [text for _, text in rows]}


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
