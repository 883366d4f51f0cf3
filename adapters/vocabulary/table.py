"""The words of an exchange table (前置库): what is read, how a row is told that it was read, what may be written.

Closed as everything here: tables and columns are names, conditions are equalities; there is no place for SQL. What
the words do is in ``adapters.exchange.table`` and ``adapters.exchange.table_writes``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from adapters.vocabulary.base import Closed, Duration, Formats, Zone, listed

_NAME = r"[^\W\d][\w$#]*"
Column = Annotated[str, StringConstraints(pattern=f"^{_NAME}$", max_length=128)]
TableName = Annotated[str, StringConstraints(pattern=rf"^({_NAME}\.)?{_NAME}$", max_length=257)]
Scalar = str | int | None


def _scalars(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(_scalars), Field(min_length=1)]
Columns = Annotated[tuple[Column, ...], BeforeValidator(listed)]


class Sign(Closed):
    """The column by which a row says whether it was read. Only this column is ever written while reading."""

    column: Column
    unread: Scalars = ("0", None)
    read: str | int = "1"
    failed: str | int | None = None  # rows that could not become records; without it they stay unread


class TableCursor(Closed):
    """Instead of a sign: up to where a column was read. Rows without a value in it are read each time."""

    column: Column
    kind: Literal["time", "number"] = "time"
    format: Formats = ()  # time: where the column is a text
    zone: Zone = ""
    overlap: Duration = "PT10M"  # time: read again from so much earlier, for what was committed late
    back: Annotated[int, Field(ge=0)] = 0  # number: the same, in numbers


class Companion(Closed):
    """Rows of another table that belong to a row: one query a batch."""

    table: TableName
    on: Annotated[dict[Column, Column], Field(min_length=1)]  # its column → ours
    order: Columns = ()
    take: Literal["last", "all"] = "last"  # by ``order``


class TableSource(Closed):
    """Where a stream's rows are."""

    name: TableName
    key_then: Columns = ()  # further columns of the key, joined to the stream's by ``-``
    columns: Literal["all", "named"] = "all"  # named: no more is read than fields and rules name
    where: dict[Column, Scalars] = Field(default_factory=dict)
    sign: Sign | None = None
    version: Column | None = None  # of several rows with one key the highest counts
    order: Columns = ()  # before the key
    cursor: TableCursor | None = None
    size: Annotated[int, Field(ge=1, le=5000)] = 500  # rows a batch
    with_: dict[Column, Companion] = Field(default_factory=dict, alias="with")
    charset: str | None = None  # of texts that are stored as bytes


class TableWrite(Closed):
    """One row written: ``insert`` with ``values``, or ``update``/``upsert`` with ``key`` and ``set``."""

    insert: TableName | None = None
    update: TableName | None = None
    upsert: TableName | None = None
    values: dict[Column, Scalar] = Field(default_factory=dict)
    key: dict[Column, Scalar] = Field(default_factory=dict)
    set: dict[Column, Scalar] = Field(default_factory=dict)

    @property
    def table(self) -> str:
        return self.insert or self.update or self.upsert or ""
