"""Bring the ledger's database to the shape this version of Weigov works with, and refuse to work in another.

The migrations are in ``migrations/`` (Alembic, no ini file). Each is one transaction; two processes that migrate at
once take turns.
"""

from __future__ import annotations

import functools
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from weigov.errors import ConfigError
from weigov.ledger.engine import Ledger

_LOCK = 0x7765_6967_6F76  # "weigov"


def migrate(url: str) -> str:
    """Migrate the ledger at ``url`` to this version's shape, creating what is missing; the revision it is at.

    Raises ConfigError when the database cannot be reached or belongs to a newer Weigov.
    """
    ledger = Ledger(url)
    if ledger.dialect == "sqlite":
        event.listen(ledger.engine, "connect", _let_tables_be_made_anew)
    try:
        with ledger.begin() as connection:
            if ledger.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _refuse_newer(_current(connection))
            command.upgrade(_config(connection), "head")
            if ledger.dialect == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("a migration lost rows that others point to; nothing was changed")
    except DatabaseError as error:
        raise unusable(error) from None
    finally:
        ledger.close()
    return head()


def _let_tables_be_made_anew(raw: Any, _record: Any) -> None:
    """SQLite cannot alter a table: another takes its place, and dropping the old one is not to lose its rows."""
    raw.execute("PRAGMA foreign_keys=OFF")


def current(url: str) -> str | None:
    """The revision the ledger at ``url`` is at; None when it was never migrated. Raises ConfigError."""
    ledger = Ledger(url)
    try:
        with ledger.read() as connection:
            return _current(connection)
    except DatabaseError as error:
        raise unusable(error) from None
    finally:
        ledger.close()


def require_current(ledger: Ledger) -> None:
    """Raise ConfigError, saying what to do, unless the ledger has this version's shape."""
    try:
        with ledger.read() as connection:
            found = _current(connection)
    except DatabaseError as error:
        raise unusable(error) from None
    _refuse_newer(found)
    if found is None:
        raise ConfigError("the ledger is empty: run `weigov migrate`")
    if found != head():
        raise ConfigError(f"the ledger is at revision {found}, this Weigov works with {head()}: run `weigov migrate`")


def head() -> str:
    """The revision this version of Weigov works with."""
    return _revisions()[0]


@functools.cache
def _revisions() -> tuple[str, ...]:
    """Every revision this version knows, the newest first. To read them, Alembic runs every migration's file."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in _revisions():
        raise ConfigError(f"the ledger is at revision {found}, which this Weigov does not know: upgrade Weigov")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "weigov.ledger:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def unusable(error: DatabaseError) -> ConfigError:
    """A database that is not there, not ours to write, or no database: one line, without the URL's password."""
    # The driver's first line names host and port, or a file; what follows may quote a row.
    reason = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
    what = "does not answer" if isinstance(error, OperationalError) else "cannot be used"
    return ConfigError(f"the ledger's database {what}: {reason}; check WEIGOV_LEDGER_URL")
