"""A WordPress of its own for a test: Debian's packages, a private MariaDB, PHP's own web server.

The machine's own MariaDB, Apache and ``/etc/wordpress`` are neither used nor touched.

Links say ``PUBLIC``, as on a site behind a gateway that ends TLS; pictures and the API stand at ``url``.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.real.machine import HOST, NotHere, RealSystem, Say, end, install, last_line

PUBLIC = "https://www.shifan.example"
PACKAGES = ("wordpress", "php-cli", "php-mysql", "php-gd", "php-xml", "php-mbstring", "mariadb-server")
SHIPPED = Path("/usr/share/wordpress")
_HERE = Path(__file__).parent
_POLICY = Path("/usr/sbin/policy-rc.d")
_PATIENCE_S = 60.0

_CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:%(db_socket)s');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_HOME', '%(public)s');
define('WP_SITEURL', '%(url)s');
define('WP_ENVIRONMENT_TYPE', 'local');     // application passwords without https
define('DISABLE_WP_CRON', true);            // it would call itself
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
%(salts)s
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
_SALTS = ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE")


class WordPress(RealSystem):
    """An installed site. ``login`` and ``password`` are an editor's, the password an application password."""

    name = "wordpress"

    def __init__(self) -> None:
        super().__init__()
        self.root = self.folder / "site"
        self.login = self.password = ""
        self._socket = self.folder / "db.sock"
        self._web: subprocess.Popen[bytes] | None = None

    # ---- life

    @classmethod
    def install(cls, say: Say) -> None:
        install(PACKAGES, _missing, say)

    def start(self) -> None:
        """Make database and site, install, serve."""
        self._copy_site()
        self._start_database()
        account = json.loads(self.php("install.php"))
        self.login, self.password = account["login"], account["password"]
        self._http.auth = (self.login, self.password)
        self.start_web()

    def start_web(self) -> None:
        """Serve; again at the same address after ``stop_web``."""
        self._web = self.spawn(
            ["php", *_PHP, "-S", f"{HOST}:{self.port}", "-t", str(self.root)],
            self.access_log,
            {"PHP_CLI_SERVER_WORKERS": "2"},
        )
        self.until(lambda: self._http.get(self.url + "/wp-json/", timeout=10).ok, self._web, self.access_log)

    def stop_web(self) -> None:
        """The web server is gone from one moment to the next, in the middle of whatever it was answering."""
        if self._web is not None:
            end(self._web, signal.SIGKILL)
            self._processes.remove(self._web)
        self._web = None

    # ---- hands

    @property
    def access_log(self) -> Path:
        return self.folder / "web.log"

    def php(self, script: str, *arguments: str) -> str:
        """Run one of the PHP files beside this one inside WordPress; what it printed."""
        command = ["php", *_PHP, str(_HERE / script), str(self.root), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHere(f"{script} failed: {last_line(done.stderr or done.stdout)}")
        return done.stdout

    def rest(self, method: str, path: str, *, public: bool = False, **kwargs: Any) -> requests.Response:
        """One call of the REST API: as the editor, or as anybody (``public``)."""
        auth = _Nobody() if public else None
        answer = self._http.request(method, f"{self.url}/wp-json/wp/v2/{path}", auth=auth, timeout=60, **kwargs)
        assert answer.ok, f"WordPress {method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def batch(self, changes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Several changes in one request, as the editor: route → fields; the answers' bodies."""
        requested = [{"method": "POST", "path": path, "body": body} for path, body in changes.items()]
        url = f"{self.url}/wp-json/batch/v1"
        answer = self._http.post(url, json={"requests": requested}, timeout=60)
        assert answer.status_code == 207, f"WordPress batch: {answer.status_code} {answer.text[:300]}"
        found = answer.json()["responses"]
        assert all(each["status"] == 200 for each in found), [each["body"] for each in found if each["status"] != 200]
        return [each["body"] for each in found]

    # ---- parts

    def _copy_site(self) -> None:
        shutil.copytree(SHIPPED, self.root, ignore=shutil.ignore_patterns("wp-config.php", ".htaccess"))
        (self.root / "wp-content" / "uploads").mkdir(exist_ok=True)
        plugins = self.root / "wp-content" / "mu-plugins"
        plugins.mkdir(exist_ok=True)
        shutil.copy(_HERE / "wechat.php", plugins)
        salts = [
            f"define('{name}_{kind}', '{secrets.token_hex(32)}');" for name in _SALTS for kind in ("KEY", "SALT")
        ]
        config = _CONFIG % {
            "db_socket": self._socket, "public": PUBLIC, "url": self.url, "salts": "\n".join(salts),
        }  # fmt: skip
        (self.root / "wp-config.php").write_text(config, encoding="utf-8")

    def _start_database(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        data, log = self.folder / "db", self.folder / "db.log"
        making = [
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]  # fmt: skip
        done = subprocess.run(making, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHere(f"mariadb-install-db failed: {last_line(done.stderr or done.stdout)}")
        # A socket, no port: it cannot be in the way of a MariaDB this machine has. Durability would only cost time.
        database = self.spawn(
            [_mariadbd(), "--no-defaults", f"--datadir={data}", f"--user={user}", f"--socket={self._socket}",
             "--skip-networking", f"--pid-file={self.folder / 'db.pid'}", "--innodb-flush-log-at-trx-commit=0",
             "--innodb-buffer-pool-size=64M", "--character-set-server=utf8mb4"],
            log,
        )  # fmt: skip
        self.until(self._socket.exists, database, log)
        sql = "CREATE DATABASE wordpress CHARACTER SET utf8mb4"
        client = ["mariadb", "--no-defaults", f"--socket={self._socket}", "--user=root", "-e", sql]
        subprocess.run(client, stdin=subprocess.DEVNULL, capture_output=True, check=True)


_PHP = ("-d", "memory_limit=512M", "-d", "display_errors=0", "-d", "log_errors=1")


def _missing() -> str:
    for program in ("php", "mariadb-install-db", "mariadb"):
        if shutil.which(program) is None:
            return program
    if not Path(_mariadbd()).exists():
        return "mariadbd"
    if not (SHIPPED / "wp-load.php").exists():
        return "wordpress"
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.split()
    return next((f"php's {module}" for module in ("mysqli", "gd", "mbstring", "xml") if module not in modules), "")


class _Nobody(requests.auth.AuthBase):
    """Overrides the session's log-in."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _mariadbd() -> str:
    return shutil.which("mariadbd") or "/usr/sbin/mariadbd"
