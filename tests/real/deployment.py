"""Weigov on its own for a test: the sandbox's WeChat, the gateway, a ledger and a secrets file below one folder.

The same processes a site has, started as it starts them; no Airflow. The sandbox's clock is the deployment's.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from ops.clients import Sandbox
from ops.home import Home
from ops.processes import MARK
from tests.real.machine import HOST, end, free_port
from weigov.settings import Settings

ROOT = Path(__file__).parents[2]
ACCOUNT = "city"


class Deployment:
    """``start`` it with the upstream's connection; ``cli`` is the command line, ``settings`` what wiring needs."""

    def __init__(self, folder: Path, site: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._sandbox_port, self._gateway_port = free_port(), free_port()
        self.sandbox = Sandbox(f"http://{HOST}:{self._sandbox_port}")
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("WEIGOV_", "AIRFLOW_"))},
            "WEIGOV_HOME": str(folder),
            "WEIGOV_SITE": str(site),
            "WEIGOV_SECRETS_FILE": str(folder / "secrets.json"),
            "WEIGOV_CLOCK": f"sandbox:{self.sandbox.base_url}",
            "WEIGOV_GATEWAY_PORT": str(self._gateway_port),
            MARK: str(Home.from_environ().var),
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }
        self.settings = Settings.from_environ(self.environ)
        self.appid = ""

    def start(self, connections: dict[str, Any], moment: datetime) -> None:
        """Bring everything up; it is ``moment`` by the sandbox's clock."""
        state = self._folder / "sandbox.db"
        self._spawn(
            "sandbox", sys.executable, "-m", "sandbox", "--port", str(self._sandbox_port), "--state", str(state)
        )
        _until(self.sandbox.healthy, "the sandbox")
        self.sandbox.post("/clock/set", {"moment": moment.isoformat()})
        account = self.sandbox.get("/wechat/accounts")[0]
        self.appid = account["appid"]
        letters = string.ascii_letters + string.digits
        callback = {
            "token": secrets.token_hex(8),
            "encoding_aes_key": "".join(secrets.choice(letters) for _ in range(43)),
        }
        (self._folder / "secrets.json").write_text(
            json.dumps({
                **connections,
                "wechat_city": {
                    "conn_type": "wechat_account", "host": self.sandbox.base_url, "login": self.appid,
                    "password": account["secret"], "extra": callback,
                },
                "weigov_master_key": {
                    "conn_type": "generic", "password": base64.b64encode(os.urandom(32)).decode(),
                },
            }),
            encoding="utf-8",
        )  # fmt: skip
        migrated = self.cli("migrate")
        assert migrated.returncode == 0, migrated.stderr
        gateway = f"http://{HOST}:{self._gateway_port}"
        self._spawn("gateway", str(_weigov()), "gateway")
        _until(lambda: httpx.get(f"{gateway}/healthz", trust_env=False).is_success, "the gateway")
        self.sandbox.put(
            f"/wechat/accounts/{self.appid}/callback", {"url": f"{gateway}/wechat/{ACCOUNT}", **callback}
        )

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_weigov(), *arguments], env=self.environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip

    def start_cli(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [_weigov(), *arguments], env=self.environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def now(self) -> datetime:
        return datetime.fromisoformat(self.sandbox.get("/clock")["now"])

    def move_to(self, moment: datetime) -> None:
        """Never back. Who asks for the time keeps an answer for a moment: that is waited for."""
        ahead = moment - self.now()
        if ahead > timedelta(0):
            self.sandbox.post("/clock/advance", {"seconds": ahead.total_seconds()})
            time.sleep(0.25)

    def stop(self) -> None:
        for process in reversed(self._processes):
            end(process, signal.SIGTERM)
        self._processes.clear()
        self.sandbox.close()

    def _spawn(self, name: str, *command: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as sink:
            child = subprocess.Popen(
                command, env=self.environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._processes.append(child)


def _weigov() -> Path:
    return Path(sys.executable).with_name("weigov")


def _until(well: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if well():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what} did not answer within 60 s")
