"""A database of an exchange (前置库): its address, its errors in our words, and its tables as they really are.

Not here: which rows are read (``table_stream``) or written (``table_writes``). Database drivers quote values in their
messages; so nothing of a driver's message is ever passed on, only its code and what that code is known to mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, types
from sqlalchemy.engine import URL, make_url

from weigov.errors import ConfigError, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection
from weigov.yamlfile import did_you_mean

CONNECT_S = 10
STATEMENT_S = 30

#: SQLAlchemy's name of a database → the driver that is installed with Weigov.
DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}

#: Error codes (PostgreSQL's are five characters, MySQL's are numbers) → what they mean, in words without values.
KNOWN_CODES = {
    "1044": "our log-in may not use this database",
    "1045": "it does not accept our log-in",
    "1049": "there is no such database",
    "1062": "a value that must be unique is there already",
    "1142": "our log-in may not do that",
    "1143": "our log-in may not do that",
    "1205": "another transaction holds the row",
    "1213": "another transaction held the row",
    "1264": "a value is out of its column's range",
    "1366": "a value does not fit its column",
    "1406": "a value is too long for its column",
    "2013": "the connection was lost",
    "22001": "a value is too long for its column",
    "23502": "a column must not be empty",
    "23505": "a value that must be unique is there already",
    "40P01": "another transaction held the row",
    "42501": "our log-in may not do that",
    "55P03": "another transaction holds the row",
    "57014": f"it took longer than {STATEMENT_S} s",
    "SQLITE_BUSY": "another program holds the file",
    "SQLITE_CONSTRAINT_UNIQUE": "a value that must be unique is there already",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "a value that must be unique is there already",
    "SQLITE_CONSTRAINT_NOTNULL": "a column must not be empty",
    "SQLITE_READONLY": "the file is read-only",
}
#: Errors of ours to make, that come again however often it is tried.
_REFUSALS = (exc.ProgrammingError, exc.DataError, exc.IntegrityError, exc.NotSupportedError)
#: How they say that they do not let us in: MySQL by codes, PostgreSQL in words, for it has no code for it yet.
_NO_ENTRY_CODES = ("1044", "1045", "1049", "1251", "1698")
_NO_ENTRY = ("authentication failed", "pg_hba.conf", "does not exist")


class Database:
    """One database, opened when first used. ``repr`` shows no address and no secret."""

    def __init__(self, system: str, connection: Connection) -> None:
        """``connection.extra["url"]`` or the address is a SQLAlchemy URL without a log-in. Raises ConfigError."""
        self.system = system
        self._name = connection.name
        self._url = _url(connection)
        self.backend = self._url.get_backend_name()
        self._engine: sa.Engine | None = None

    @contextmanager
    def begin(self, operation: str, *, writing: bool = False) -> Iterator[sa.Connection]:
        """A transaction. Raises RemoteUnavailable and RemoteRefused for whatever the driver says in it."""
        with self.translated(operation), self.connect(operation) as connection:
            connection = connection.execution_options(weigov_writing=writing)
            with connection.begin():
                yield connection

    @contextmanager
    def connect(self, operation: str) -> Iterator[sa.Connection]:
        """A connection that is there. Raises RemoteUnavailable (surely nothing was done) and RemoteRefused."""
        if self.backend == "sqlite" and not Path(self._url.database or "").is_file():
            raise RemoteUnavailable(self.system, operation, "there is no such database file")
        try:
            connection = self._opened().connect()
        except exc.DBAPIError as error:
            said = str(error.orig)
            if code_of(error) in _NO_ENTRY_CODES or any(text in said for text in _NO_ENTRY):
                raise RemoteRefused(
                    self.system, operation,
                    f"does not let us in: check address, login and password of connection {self._name}",
                    code=code_of(error),
                ) from None  # fmt: skip
            raise RemoteUnavailable(self.system, operation, f"cannot be reached: {meaning(error)}") from None
        with connection:
            yield connection

    @contextmanager
    def translated(self, operation: str) -> Iterator[None]:
        """The driver's errors, as ours."""
        try:
            yield
        except _REFUSALS as error:
            raise RemoteRefused(
                self.system, operation, f"refused: {meaning(error)}", code=code_of(error)
            ) from None  # fmt: skip
        except exc.DBAPIError as error:
            raise RemoteUnavailable(
                self.system, operation, f"cannot answer now: {meaning(error)}", code=code_of(error)
            ) from None
        except exc.SQLAlchemyError as error:
            raise RemoteRefused(self.system, operation, f"cannot be asked: {type(error).__name__}") from None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> sa.Engine:
        if self._engine is None:
            options: dict[str, dict[str, Any]] = {
                "sqlite": {"timeout": CONNECT_S},
                "postgresql": {
                    "connect_timeout": CONNECT_S,
                    "options": f"-c statement_timeout={STATEMENT_S * 1000} -c lock_timeout={CONNECT_S * 1000}",
                },
                "mysql": {
                    "connect_timeout": CONNECT_S, "read_timeout": STATEMENT_S, "write_timeout": STATEMENT_S,
                    "init_command": f"SET SESSION innodb_lock_wait_timeout={CONNECT_S}",
                },
            }  # fmt: skip
            self._engine = sa.create_engine(
                self._url, hide_parameters=True, pool_pre_ping=True, connect_args=options[self.backend]
            )
            if self.backend == "sqlite":
                _say_begin_ourselves(self._engine)
        return self._engine


@dataclass(frozen=True, slots=True)
class Opened:
    """A table as it is. Columns are found under the names the descriptor gives them, whatever their case."""

    table: sa.Table
    columns: dict[str, sa.Column[Any]]
    identity: tuple[sa.Column[Any], ...]  # its primary key; () where it has none
    unique: tuple[frozenset[str], ...]  # sets of column names that are unique
    lite: bool = False  # types say nothing there

    def __getitem__(self, name: str) -> sa.Column[Any]:
        return self.columns[name]


def open_table(connection: sa.Connection, system: str, operation: str, name: str, wanted: Iterable[str]) -> Opened:
    """Look at table ``name``, which must have the columns ``wanted``.

    Names match exactly, else whatever their case: Oracle writes PRE_APASINFO what PostgreSQL writes pre_apasinfo.
    Raises RemoteRefused naming the table, or all columns that are missing.
    """
    inspector = sa.inspect(connection)
    schema, _, bare = name.rpartition(".")
    found_schema = _named(schema, inspector.get_schema_names()) if schema else None
    there = [*inspector.get_table_names(found_schema), *inspector.get_view_names(found_schema)]
    found = _named(bare, there) if not schema or found_schema else None
    if found is None:
        raise RemoteRefused(system, operation, f"there is no table {name} that our log-in may see")
    described = {column["name"]: column for column in inspector.get_columns(found, found_schema)}
    spelled = {column: _named(column, described) for column in dict.fromkeys(wanted)}
    if missing := [column for column, actual in spelled.items() if actual is None]:
        raise RemoteRefused(
            system,
            operation,
            f"table {name} has no column {', '.join(missing)} ({did_you_mean(missing[0], described)})",
        )
    names = {actual: column for column, actual in spelled.items() if actual is not None}
    lite = connection.dialect.name == "sqlite"
    table = sa.Table(
        found, sa.MetaData(), *(
            sa.Column(actual, _type(column["type"], lite=lite), nullable=bool(column["nullable"]))
            for actual, column in described.items()
        ), schema=found_schema,
    )  # fmt: skip
    primary = inspector.get_pk_constraint(found, found_schema).get("constrained_columns") or []
    unique: list[Any] = [one["column_names"] for one in inspector.get_unique_constraints(found, found_schema)]
    unique += [one["column_names"] for one in inspector.get_indexes(found, found_schema) if one["unique"]]
    return Opened(
        table,
        {names.get(actual, actual): table.c[actual] for actual in described},
        tuple(table.c[column] for column in primary),
        tuple(frozenset(names.get(str(c), str(c)) for c in columns) for columns in [primary, *unique] if columns),
        lite,
    )


def fitted(column: sa.Column[Any], value: Any) -> Any:
    """``value`` as this column compares it: '0' and 0 mean the same in a descriptor."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(column.type, types.String):
        return str(value)
    if isinstance(column.type, types.Boolean):
        return str(value).lower() in ("1", "t", "true", "y", "yes")
    if isinstance(column.type, types.Integer) and str(value).lstrip("-").isdigit():
        return int(value)
    if isinstance(column.type, types.Numeric):
        return Decimal(str(value))
    return value


def one_of(column: sa.Column[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """``column`` has one of ``values``, of which one may be None."""
    there = [fitted(column, value) for value in values if value is not None]
    either = [column.in_(there)] if there else []
    return sa.or_(*either, *([column.is_(None)] if None in values else []))


def code_of(error: exc.DBAPIError) -> str | None:
    """The database's own code of an error."""
    orig: Any = error.orig
    found = getattr(orig, "pgcode", None) or getattr(orig, "sqlite_errorname", None)
    if found is None and getattr(orig, "args", None) and isinstance(orig.args[0], int):
        found = orig.args[0]
    return None if found is None else str(found)


def meaning(error: exc.DBAPIError) -> str:
    """What an error means, without a word of the driver's."""
    code = code_of(error)
    if code in KNOWN_CODES:
        return KNOWN_CODES[code]
    return "no connection" if error.connection_invalidated or code is None else f"{type(error).__name__}, code {code}"


def _url(connection: Connection) -> URL:
    given = str(connection.extra.get("url") or connection.base_url)
    how = "write its url as mysql://HOST:3306/DATABASE, postgresql://HOST:5432/DATABASE or sqlite:////PATH"
    try:
        url = make_url(given)
        backend = url.get_backend_name()
    except (exc.ArgumentError, ValueError):
        raise ConfigError(f"connection {connection.name}: has no database URL; {how}") from None
    if backend not in DRIVERS:
        raise ConfigError(f"connection {connection.name}: {backend} is no database we speak to; {how}")
    if url.password is not None:
        raise ConfigError(f"connection {connection.name}: the password stands in its url; put it into `password`")
    if not url.database:
        raise ConfigError(f"connection {connection.name}: its url names no database; {how}")
    url = url.set(drivername=DRIVERS[backend])
    if backend != "sqlite" and connection.login:
        url = url.set(username=connection.login, password=connection.password or None)
    return url


def _named(name: str, names: Iterable[str]) -> str | None:
    there = list(names)
    if name in there:
        return name
    near = [one for one in there if one.casefold() == name.casefold()]
    return near[0] if len(near) == 1 else None


def _type(found: Any, *, lite: bool) -> Any:
    # SQLite keeps what it was given: its date and decimal types are only labels, and reading by them would fail.
    return (
        found if not lite or isinstance(found, (types.String, types.Integer, types.LargeBinary)) else types.NullType()
    )


def _say_begin_ourselves(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("weigov_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
