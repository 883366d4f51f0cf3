"""What the tests' database servers share: found once a session, a database a test, and what is said instead."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from tests.missing import skip_or_fail


class NoServer(Exception):
    """No such server can be had; the message says why."""


def run_sql(server: URL, *statements: str) -> None:
    """Run statements, each committed at once (CREATE and DROP DATABASE want that)."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def server_or_reason(server: AbstractContextManager[URL]) -> Iterator[URL | str]:
    """The server, or the reason there is none. Only what keeps it from starting is a reason, not what tests raise."""
    try:
        url = server.__enter__()
    except NoServer as reason:
        yield str(reason)
        return
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@contextmanager
def database(server: URL | str, missing: str, *, options: str, drop_options: str = "") -> Iterator[str]:
    """The URL of a new database, dropped at the end. Without a server the test is skipped, and fails in CI.

    ``missing``: what is said then, with ``{}`` for the reason. ``options`` follow CREATE DATABASE.
    """
    if isinstance(server, str):
        skip_or_fail(missing.format(server))
    name = f"weigov_test_{uuid.uuid4().hex[:12]}"
    run_sql(server, f"CREATE DATABASE {name} {options}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(server, f"DROP DATABASE IF EXISTS {name} {drop_options}".rstrip())


@contextmanager
def copied(template: str, folder: Path) -> Iterator[str]:
    """The URL of a copy of the database ``template``: ``ledger.db`` in ``folder``, or a new database on the same
    PostgreSQL, dropped at the end. Nobody may be connected to ``template``.
    """
    url = make_url(template)
    if url.get_backend_name() == "sqlite":
        shutil.copy(str(url.database), folder / "ledger.db")
        yield f"sqlite:///{folder / 'ledger.db'}"
        return
    server = url.set(database="postgres")
    options = {"options": f"TEMPLATE {url.database}", "drop_options": "WITH (FORCE)"}
    with database(server, "", **options) as copy:
        yield copy
