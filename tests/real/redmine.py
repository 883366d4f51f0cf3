"""A Redmine of its own for a test: Debian's package copied below a folder, a private SQLite database, Puma.

The machine's own instances (``/etc/redmine``, ``/var/lib/redmine``) are neither used nor touched. No mail leaves it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import requests

from tests.real.machine import HOST, RealSystem, Say, install

PACKAGES = ("redmine", "redmine-sqlite", "puma")
_ANSWERS = ("redmine redmine/instances/default/dbconfig-install boolean false",)
SHIPPED = Path("/usr/share/redmine")
_SEED = Path(__file__).with_name("redmine_seed.rb")
_LOCK = Path("/var/lib/redmine/Gemfile.lock")
_DATABASE = "production: {adapter: sqlite3, database: %s, encoding: utf8, timeout: 10000}\n"


class Redmine(RealSystem):
    """``key`` is the API key of a user who may read and write; ``issues`` is number → subject, status and project."""

    name = "redmine"
    count = 130

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        self.issues: dict[str, list[str]] = {}
        self.statuses: dict[str, int] = {}

    @classmethod
    def install(cls, say: Say) -> None:
        install(PACKAGES, _missing, say, _ANSWERS)

    def start(self) -> None:
        root = self.folder / "app"
        own = ("instances", "Gemfile.lock", "database.yml")
        shutil.copytree(SHIPPED, root, symlinks=True, ignore=shutil.ignore_patterns(*own))
        shutil.copy(_LOCK, root)
        instance = root / "instances" / "default"
        for name in ("config", "log", "tmp", "files"):
            (instance / name).mkdir(parents=True)
        for config in (instance / "config", root / "config"):
            (config / "database.yml").write_text(_DATABASE % (self.folder / "redmine.db"), encoding="utf-8")
        (instance / "config" / "secret_key.txt").write_text(secrets.token_hex(40), encoding="ascii")
        environ = {"RAILS_ENV": "production", "X_DEBIAN_SITEID": "default", "RUBYOPT": "-W0"}
        rails = ["ruby", str(root / "bin" / "rails")]
        self.run([*rails, "db:migrate"], environ, cwd=root)
        said = self.run([*rails, "runner", str(_SEED), str(self.count)], environ, cwd=root)
        seeded = json.loads(said.splitlines()[-1])
        self.key, self.issues, self.statuses = seeded["key"], seeded["issues"], seeded["statuses"]
        self._http.headers["X-Redmine-API-Key"] = seeded["staff"]
        log = self.folder / "web.log"
        server = self.spawn(
            ["puma", "--dir", str(root), "-b", f"tcp://{HOST}:{self.port}", "-t", "1:2", "-e", "production"],
            log, environ,
        )  # fmt: skip
        self.until(lambda: self._http.get(f"{self.url}/users/current.json", timeout=30).ok, server, log)

    def rest(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """One call of the REST API as one of the staff, past any proxy."""
        answer = self._http.request(method, f"{self.url}/{path}", timeout=60, **kwargs)
        assert answer.ok, f"Redmine {method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database itself says."""
        with sqlite3.connect(f"file:{self.folder / 'redmine.db'}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()


def _missing() -> str:
    for program in ("ruby", "puma"):
        if shutil.which(program) is None:
            return program
    return "" if (SHIPPED / "config.ru").exists() and _LOCK.exists() else "redmine"
