"""A PostgreSQL server for tests: the one named, one started for this session, or the one running on this machine.

Looked for in that order: ``WEIGOV_TEST_POSTGRES_URL``; a private cluster made with the ``initdb`` of the system in a
temporary directory, on loopback and a free port, gone at the end, which need not wait for the disk as one that runs
for others must; a server on 127.0.0.1:5432 that trusts local users. Nothing here is used outside the tests.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from tests.servers import NoServer, run_sql

DRIVER = "postgresql+psycopg2"  # SQLAlchemy 2.1 would otherwise look for psycopg 3
HINT = "apt-get install postgresql, or set WEIGOV_TEST_POSTGRES_URL=postgresql+psycopg2://USER@HOST:PORT/DATABASE"


class NoPostgres(NoServer):
    """No PostgreSQL server can be had; the message says why."""


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The URL of a server's maintenance database, with the right to create others. Raises NoPostgres."""
    if named := os.environ.get("WEIGOV_TEST_POSTGRES_URL"):
        url = make_url(named).set(drivername=DRIVER)
        try:
            run_sql(url, "SELECT 1")
        except SQLAlchemyError as error:
            raise NoPostgres(f"WEIGOV_TEST_POSTGRES_URL does not answer: {_first_line(error)}") from error
        yield url
        return
    with ExitStack() as own:
        try:
            url = own.enter_context(_private_cluster())
        except NoPostgres:
            if not (running := _running()):
                raise
            url = running
        yield url


def _running() -> URL | None:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", 5432)) != 0:
            return None
    for user in ("postgres", "root"):
        url = URL.create(
            DRIVER, user, host="127.0.0.1", port=5432, database="postgres", query={"connect_timeout": "3"}
        )
        try:
            run_sql(url, "CREATE TEMP TABLE weigov_probe (n int)", "DROP TABLE weigov_probe")
        except SQLAlchemyError:
            continue
        return url
    return None


@contextmanager
def _private_cluster() -> Iterator[URL]:
    binaries = _binaries()
    # Not below pytest's own directory: the server's user must be able to walk there.
    home = Path(tempfile.mkdtemp(prefix="weigov-postgres-"))
    user: str | None = None
    search = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    if os.geteuid() == 0:  # initdb refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError as error:
            shutil.rmtree(home)
            raise NoPostgres("initdb refuses root and there is no user postgres") from error
        os.chown(home, account.pw_uid, account.pw_gid)
        user = "postgres"
    data, log = home / "data", home / "log"

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [str(part) for part in command], user=user, group=user, cwd=home, env=search, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoPostgres(f"{Path(command[0]).name} failed: {done.stderr.strip().splitlines()[-1:]}")

    try:
        run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        port = _free_port()
        # A test's database is thrown away: durability on power loss would only cost time.
        options = (
            f"-h 127.0.0.1 -p {port} -k {home} -c max_connections=60 -c shared_buffers=32MB -c autovacuum=off"
            " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        )
        run(binaries / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start")
        try:
            yield URL.create(DRIVER, "postgres", host="127.0.0.1", port=port, database="postgres")
        finally:
            run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _binaries() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NoPostgres("no initdb on this machine, and no server on 127.0.0.1:5432 that trusts local users")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
