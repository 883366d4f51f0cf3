"""Databases for the ledger's benchmark: SQLite always, PostgreSQL where one answers, as the tests come by theirs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from tests.postgres import postgres_server
from tests.servers import NoServer, run_sql

#: Gives the URL of a new and empty database, gone afterwards; '' stands for SQLite in the run's own folder.
Fresh = Callable[[], AbstractContextManager[str]]


@contextmanager
def databases(postgres: bool) -> Iterator[dict[str, tuple[Fresh, str]]]:
    """name → how to get a fresh database there, and how durable its commits are."""
    found: dict[str, tuple[Fresh, str]] = {"sqlite": (_in_folder, "WAL, synchronous FULL")}
    if not postgres:
        yield found
        return
    try:
        with postgres_server() as server:
            durable = " ".join(f"{name} {_setting(server, name)}" for name in ("fsync", "synchronous_commit"))
            yield found | {"postgresql": (lambda: _created(server), durable)}
    except NoServer as reason:
        print(f"bench: PostgreSQL is left out: {reason}")
        yield found


@contextmanager
def _in_folder() -> Iterator[str]:
    yield ""


@contextmanager
def _created(server: URL) -> Iterator[str]:
    name = f"weigov_bench_{uuid.uuid4().hex[:12]}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _setting(server: URL, name: str) -> str:
    with create_engine(server, poolclass=NullPool).connect() as connection:
        return str(connection.execute(text(f"SHOW {name}")).scalar_one())
