"""Airflow's API server with our plugin, in a process of its own: ``python -m tests.real.api_server PORT``.

The parent says by the environment where Airflow's home, the users and the deployment are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.real.machine import free_port

ROOT = Path(__file__).resolve().parents[2]
USERS = {"viewer": "viewer", "bianji": "user", "shenhe": "user", "wang": "op", "admin": "admin"}
_PATIENCE_S = 180.0


@contextmanager
def api_server(home: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Its address. Everybody's password is their name and ``-pass``."""
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-pass" for name in USERS}))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    ours = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "WEIGOV_"))},
        **environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests' own, long enough for a signature of 512 bits.....",
    }
    log = (home / "api.log").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.real.api_server", str(port)],
        env=ours, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _PATIENCE_S
        with requests.Session() as http:
            http.trust_env = False
            while True:
                said = (home / "api.log").read_text(errors="replace")[-2000:]
                assert child.poll() is None and time.monotonic() < deadline, said
                try:
                    if http.get(f"{base}/api/v2/version", timeout=5).status_code == 200:
                        break
                except requests.RequestException:
                    time.sleep(0.2)
        yield base
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.close()


def main() -> None:
    import uvicorn
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
