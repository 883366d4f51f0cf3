"""A MariaDB or MySQL server for tests: the one named, one started for this session, or the one running here.

Looked for in that order: ``WEIGOV_TEST_MYSQL_URL``; a private server over a temporary directory made with the
system's ``mariadb-install-db``, on loopback and a free port, gone at the end, which need not wait for the disk; a
server on 127.0.0.1:3306 that lets root in without a password. Nothing here installs anything, and nothing is used
outside the tests.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from tests.servers import NoServer, run_sql

DRIVER = "mysql+pymysql"
HINT = "apt-get install mariadb-server, or set WEIGOV_TEST_MYSQL_URL=mysql+pymysql://USER@HOST:PORT/DATABASE"
_START_S = 60
_SERVERS = ("/usr/sbin/mariadbd", "/usr/sbin/mysqld")


class NoMySQL(NoServer):
    """No MariaDB or MySQL server can be had; the message says why."""


@contextmanager
def mysql_server() -> Iterator[URL]:
    """The URL of a server, with the right to create databases. Raises NoMySQL."""
    if named := os.environ.get("WEIGOV_TEST_MYSQL_URL"):
        url = make_url(named).set(drivername=DRIVER)
        if said := _trouble(url):
            raise NoMySQL(f"WEIGOV_TEST_MYSQL_URL does not answer: {said}")
        yield url
        return
    with ExitStack() as own:
        try:
            url = own.enter_context(_private_server())
        except NoMySQL:
            url = URL.create(DRIVER, "root", host="127.0.0.1", port=3306, query={"connect_timeout": "3"})
            if not _listens(3306) or _trouble(url):
                raise
        yield url


@contextmanager
def _private_server() -> Iterator[URL]:
    install, server = _programs()
    home = Path(tempfile.mkdtemp(prefix="weigov-mysql-"))  # not below pytest's own: the server's user must get there
    user: str | None = None
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            account = pwd.getpwnam("mysql")
        except KeyError as error:
            shutil.rmtree(home)
            raise NoMySQL("mariadbd refuses root and there is no user mysql") from error
        os.chown(home, account.pw_uid, account.pw_gid)
        user = "mysql"
    data, log = home / "data", home / "log"
    try:
        done = subprocess.run(
            [
                install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            user=user, group=user, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoMySQL(f"{install.name} failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        command = [
            server, "--no-defaults", f"--datadir={data}", "--bind-address=127.0.0.1", f"--port={port}",
            f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}", f"--log-error={log}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
        ]  # fmt: skip
        process = subprocess.Popen(
            [str(part) for part in command], user=user, group=user, cwd=home, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = URL.create(DRIVER, "root", host="127.0.0.1", port=port, query={"connect_timeout": "3"})
            end = time.monotonic() + _START_S
            while said := _trouble(url):
                if process.poll() is not None or time.monotonic() > end:
                    raise NoMySQL(f"{server.name} did not come up: {said}")
                time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _programs() -> tuple[Path, Path]:
    install = shutil.which("mariadb-install-db")
    server = next((path for path in _SERVERS if Path(path).exists()), None)
    if install is None or server is None:
        raise NoMySQL(
            "no mariadbd on this machine, and no server on 127.0.0.1:3306 that lets root in without a password"
        )
    return Path(install), Path(server)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _trouble(url: URL) -> str:
    try:
        run_sql(url, "SELECT 1")
    except SQLAlchemyError as error:
        return str(error).strip().splitlines()[0]
    return ""
