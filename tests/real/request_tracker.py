"""A Request Tracker of its own for a test: Debian's packages, a private SQLite database, RT's own web server.

The machine's ``/etc/request-tracker5`` is neither used nor touched. No mail leaves it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import requests

from tests.real.machine import HOST, RealSystem, Say, install

PACKAGES = ("request-tracker5", "rt5-db-sqlite")
#: Where the packages would ask, they make no database of their own.
_ANSWERS = (
    "request-tracker5 request-tracker5/dbconfig-install boolean false",
    "request-tracker5 request-tracker5/handle-siteconfig-permissions boolean false",
)
_SEED = Path(__file__).with_name("rt_seed.pl")
_SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
_SETUP = "rt-setup-database-5"
_WORKERS = "3"

_CONFIG = """
Set($rtname, 'shifan.example');
Set($Organization, 'shifan.example');
Set($Timezone, 'Asia/Shanghai');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '%(folder)s/rt.db');
Set($DatabaseUser, '');
Set($DatabasePassword, '');
Set($WebDomain, '%(host)s');
Set($WebPort, %(port)s);
Set($WebPath, '');
Set($MasonDataDir, '%(folder)s/mason');
Set($MailCommand, 'mbox');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
1;
"""


class RequestTracker(RealSystem):
    """``token`` is a user's who may read, comment and change.

    ``tickets`` is number → subject, status, queue and applicant of those that stand; the others are ``gone``.
    """

    name = "request-tracker"
    count = 180

    def __init__(self) -> None:
        super().__init__()
        self.token = ""
        self.tickets: dict[str, list[str]] = {}
        self.gone: list[int] = []  # deleted, and merged into others

    @classmethod
    def install(cls, say: Say) -> None:
        install(PACKAGES, _missing, say, _ANSWERS)

    def start(self) -> None:
        config = self.folder / "RT_SiteConfig.pm"
        config.write_text(_CONFIG % {"folder": self.folder, "host": HOST, "port": self.port}, encoding="utf-8")
        (self.folder / "none.d").mkdir()
        environ = {"RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(self.folder / "none.d")}
        self.run([_SETUP, "--action", "init"], environ)
        seeded = json.loads(self.run(["perl", str(_SEED), str(self.count)], environ))
        self.token, self.tickets, self.gone = seeded["token"], seeded["tickets"], seeded["gone"]
        self._http.headers["Authorization"] = f"token {seeded['staff']}"
        log = self.folder / "web.log"
        server = self.spawn(
            [str(_SERVER), "--host", HOST, "--port", str(self.port), "--max-workers", _WORKERS], log, environ
        )
        self.until(lambda: self.rest("GET", "rt").ok, server, log)

    def rest(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """One call of the REST API as one of the staff who may do everything, past any proxy."""
        answer = self._http.request(method, f"{self.url}/REST/2.0/{path}", timeout=60, **kwargs)
        assert answer.ok, f"RT {method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database itself says, whatever the API shows."""
        with sqlite3.connect(f"file:{self.folder / 'rt.db'}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()

    def change(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Many changes at once, behind the API's back: through it they would take a minute."""
        with sqlite3.connect(self.folder / "rt.db", timeout=30) as database:
            for sql, values in statements:
                database.execute(sql, values)


def _missing() -> str:
    if shutil.which(_SETUP) is None or not _SERVER.exists():
        return "request-tracker5"
    return ""
