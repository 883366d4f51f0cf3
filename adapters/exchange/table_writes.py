"""Writing one row of an exchange table: insert, update, or whichever of them fits.

One row, in one transaction of its own. Where a transaction was not committed for certain nothing was written; where
the connection was lost while committing nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, types

from adapters import times
from adapters.exchange.database import Database, Opened, code_of, fitted, meaning, open_table
from adapters.exchange.table_words import carriers
from adapters.template import fill
from adapters.vocabulary import Descriptor, Operation
from weigov.errors import ConfigError, OutcomeUnknown, RemoteRefused, RemoteUnavailable
from weigov.ports import WriteResult

#: Databases with tables that keep what a statement did though nothing was committed (MyISAM).
_MAY_KEEP = ("mysql",)


class TableOperation:
    """One operation, bound to a database."""

    def __init__(self, system: str, name: str, rule: Operation, descriptor: Descriptor, database: Database) -> None:
        assert rule.table is not None  # a loaded descriptor is sound
        self._system, self._name, self._database = system, name, database
        self._rule, self._write = rule, rule.table
        self._time = descriptor.time
        self._opened: Opened | None = None

    def write(self, get: Callable[[str], Any]) -> WriteResult:
        """Write once. Raises RemoteUnavailable, RemoteRefused, OutcomeUnknown as ``ports.SourceSystem.write``."""
        with self._database.begin(self._name) as connection:
            table = self._table(connection)
        values = {part: self._filled(table, part, get) for part in ("values", "key", "set")}
        with self._database.connect(self._name) as connection:
            connection = connection.execution_options(weigov_writing=True)
            try:
                transaction = connection.begin()
                self._execute(connection, table, values)
            except exc.IntegrityError as error:
                if self._rule.idempotency == "key" and self._there(table, self._unique(get, values)):
                    return WriteResult()  # an earlier call with this key came through
                if self._write.upsert is not None and self._there(table, values["key"]):
                    raise RemoteUnavailable(
                        self._system, self._name, "was not written: somebody wrote the row at the same moment"
                    ) from None
                raise self._refused(error) from None
            except (exc.DataError, exc.ProgrammingError, exc.NotSupportedError) as error:
                raise self._refused(error) from None
            except exc.DBAPIError as error:
                if error.connection_invalidated and self._database.backend in _MAY_KEEP:
                    raise self._unknown() from None
                raise RemoteUnavailable(
                    self._system, self._name, f"was not written: {meaning(error)}", code=code_of(error)
                ) from None
            except exc.StatementError as error:  # a value of a type the column cannot take
                raise RemoteRefused(
                    self._system, self._name, f"a value cannot be sent: {type(error.orig).__name__}"
                ) from None
            try:
                transaction.commit()
            except exc.IntegrityError as error:  # a constraint that is checked at the end
                raise self._refused(error) from None
            except exc.DBAPIError:
                raise self._unknown() from None
        return WriteResult()

    def find(self, get: Callable[[str], Any]) -> WriteResult | None:
        """Whether a row as this write leaves it is there. Raises RemoteUnavailable and RemoteRefused."""
        with self._database.begin(self._name) as connection:
            table = self._table(connection)
            key = self._filled(table, "key", get)
            if self._one(connection, table, key | self._filled(table, "set", get)):
                return WriteResult()
            if self._write.insert is None and self._one(connection, table, key):
                # Its owner may have changed what we wrote: that it is not there now does not show that it never was.
                why = "its row holds other values, which may have come after ours"
                raise RemoteUnavailable(self._system, self._name, why)
            return None

    def columns(self) -> str:
        """``TABLE: COLUMN, …``, as the database has them. Raises RemoteRefused, ConfigError."""
        with self._database.begin(self._name) as connection:
            self._table(connection)
        it = self._write
        return f"{it.table}: {', '.join(dict.fromkeys([*it.key, *it.values, *it.set]))}"

    def _execute(self, connection: sa.Connection, table: Opened, values: Mapping[str, dict[str, Any]]) -> None:
        if self._write.insert is not None:
            connection.execute(sa.insert(table.table).values(_of(table, values["values"] or values["key"])))
            return
        key = [table[name] == value for name, value in values["key"].items()]
        update = sa.update(table.table).where(*key).values(_of(table, values["set"]))
        touched = connection.execute(update).rowcount
        if touched == 0 and self._write.upsert is not None:
            connection.execute(sa.insert(table.table).values(_of(table, values["key"] | values["set"])))
        elif touched != 1:
            connection.rollback()
            rows = "there is no such row" if touched == 0 else f"{touched} rows have this key; none was changed"
            raise RemoteRefused(self._system, self._name, f"refused: {rows} in {self._write.table}")

    def _filled(self, table: Opened, part: str, get: Callable[[str], Any]) -> dict[str, Any]:
        template: dict[str, Any] = getattr(self._write, part)
        filled = fill(template, get)
        if part == "key" and (empty := [column for column in template if filled.get(column) in (None, "")]):
            raise RemoteRefused(
                self._system, self._name, f"was not sent: column {', '.join(empty)} of its key is empty"
            )
        return {column: self._as(table[column], value) for column, value in filled.items()}

    def _as(self, column: sa.Column[Any], value: Any) -> Any:
        if not isinstance(value, datetime):
            try:
                fit = fitted(column, value)
            except ArithmeticError:
                fit = value
            if isinstance(column.type, (types.Integer, types.Numeric)) and isinstance(fit, str):
                raise RemoteRefused(self._system, self._name, f"was not sent: {column.name} takes numbers only")
            return fit
        if isinstance(column.type, types.DateTime):
            aware = bool(getattr(column.type, "timezone", False))
            zone = times.zone_of(self._time.zone if self._time and self._time.zone else "UTC")
            return value if aware else value.astimezone(zone).replace(tzinfo=None)
        rule = self._time
        return fitted(
            column, times.writer(rule.format[0], rule.zone)(value) if rule else times.writer("iso", "")(value)
        )

    def _unique(self, get: Callable[[str], Any], values: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        carrying = carriers(self._write)
        return {name: value for name, value in (values["values"] | values["key"]).items() if name in carrying}

    def _there(self, table: Opened, wanted: Mapping[str, Any]) -> bool:
        with self._database.begin(self._name) as connection:
            return self._one(connection, table, wanted)

    def _one(self, connection: sa.Connection, table: Opened, wanted: Mapping[str, Any]) -> bool:
        where = [table[name].is_(None) if value is None else table[name] == value for name, value in wanted.items()]
        return (
            connection.execute(sa.select(sa.literal(1)).select_from(table.table).where(*where).limit(1)).first()
            is not None
        )

    def _table(self, connection: sa.Connection) -> Opened:
        if self._opened is None:
            it = self._write
            opened = open_table(connection, self._system, self._name, it.table, [*it.values, *it.key, *it.set])
            carrying = carriers(it)
            if self._rule.idempotency == "key" and not any(columns <= carrying for columns in opened.unique):
                raise ConfigError(
                    f"{self._system} {self._name}: `idempotency: key` needs a unique column in {it.table} that takes "
                    "{idempotency_key}"
                )
            self._opened = opened
        return self._opened

    def _refused(self, error: exc.DBAPIError) -> RemoteRefused:
        return RemoteRefused(self._system, self._name, f"refused: {meaning(error)}", code=code_of(error))

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            self._system,
            self._name,
            "was sent, but the connection was lost before it was confirmed: it may be written",
        )


def _of(table: Opened, values: Mapping[str, Any]) -> dict[sa.Column[Any], Any]:
    return {table[name]: value for name, value in values.items()}
