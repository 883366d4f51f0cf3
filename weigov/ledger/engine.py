"""Open the ledger's database and hand out transactions.

SQLite: WAL, synchronous FULL, every writing transaction starts with BEGIN IMMEDIATE, so two writers queue instead of
failing half-way. Postgres: READ COMMITTED, rows are locked where it matters (``claims.claim``, ``streams``).
Not here: what the tables mean, or migrating them (``migrate.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from weigov.errors import ConfigError

#: How long a writer waits for another one before SQLite gives up.
BUSY_TIMEOUT_MS = 30_000
#: Of SQLite's default of 4096 bytes a page, two articles of the mirror fill one and waste a quarter of it.
PAGE_BYTES = 8192


class Ledger:
    """An open ledger. ``begin`` for anything that writes, ``read`` for looking."""

    def __init__(self, url: str, door: str = "shell") -> None:
        """``door``: through what people reach it (shell | board | airflow); the audit log says it."""
        self.door = door
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):  # a ValueError is a port that is no number
            raise ConfigError("the ledger URL is not a SQLAlchemy URL; set WEIGOV_LEDGER_URL") from None
        self.dialect = parsed.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise ConfigError(f"the ledger runs on sqlite or postgresql, not {self.dialect}; set WEIGOV_LEDGER_URL")
        if self.dialect == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                folder = Path(parsed.database).parent
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise ConfigError(f"the ledger's folder {folder} cannot be made: {error.strerror}") from None
            self.engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
            _make_sqlite_durable(self.engine)
        else:
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg2")  # the driver that is installed with Weigov
            try:
                self.engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
            except (NoSuchModuleError, ModuleNotFoundError):
                raise ConfigError(
                    f"there is no driver {parsed.drivername}; write postgresql:// in WEIGOV_LEDGER_URL"
                ) from None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed at the end, rolled back on any exception."""
        with self.engine.connect().execution_options(weigov_door=self.door) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only looks; it never waits for a writer."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(weigov_read_only=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give up pooled connections."""
        self.engine.dispose()


def _make_sqlite_durable(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves, below
        raw.execute(f"PRAGMA page_size={PAGE_BYTES}")  # heeded where the file is new
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("weigov_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
