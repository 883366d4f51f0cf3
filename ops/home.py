"""Where things are on this machine: the tree, ``var/``, the ports.

``WEIGOV_HOME`` moves ``var/``. A port comes from the environment, else from ``ports.env`` below ``var/`` (where
``make up`` keeps what it last used, so that a port asked for once stays), else from the defaults here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"  # nothing here ever listens elsewhere

DEFAULT_PORTS = {
    "WEIGOV_AIRFLOW_PORT": 18080,
    "WEIGOV_SANDBOX_PORT": 18600,
    "WEIGOV_GATEWAY_PORT": 18700,
}


class OpsError(Exception):
    """One line for the operator: what is wrong, and what to do."""


@dataclass(frozen=True)
class Home:
    """Every path and address, computed once."""

    var: Path
    airflow_port: int
    sandbox_port: int
    gateway_port: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Home:
        """Raises OpsError naming the setting that makes no sense."""
        env = os.environ if environ is None else environ
        var = Path(env.get("WEIGOV_HOME", str(ROOT / "var"))).absolute()
        kept = _read_env_file(var / "ports.env")
        ports: dict[str, int] = {}
        for name, default in DEFAULT_PORTS.items():
            text = env.get(name) or kept.get(name) or str(default)
            if not (text.isdigit() and 0 < int(text) < 65536):
                raise OpsError(f"{name} is {text!r}; set it to a port number")
            ports[name] = int(text)
        if len(set(ports.values())) < len(ports):
            raise OpsError(
                "two services were given the same port: " + ", ".join(f"{n}={p}" for n, p in ports.items())
            )
        return cls(
            var=var,
            airflow_port=ports["WEIGOV_AIRFLOW_PORT"],
            sandbox_port=ports["WEIGOV_SANDBOX_PORT"],
            gateway_port=ports["WEIGOV_GATEWAY_PORT"],
        )

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def airflow(self) -> Path:
        return self.var / "airflow"

    @property
    def demo(self) -> Path:
        return self.var / "demo"

    @property
    def secrets_file(self) -> Path:
        return self.var / "secrets.json"

    @property
    def airflow_url(self) -> str:
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.sandbox_port}"

    @property
    def gateway_url(self) -> str:
        return f"http://{HOST}:{self.gateway_port}"

    def make(self) -> None:
        """Make the directories and keep the ports."""
        for folder in (self.run, self.log, self.airflow, self.demo, self.var / "sandbox"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.var / "ports.env").write_text(
            f"WEIGOV_AIRFLOW_PORT={self.airflow_port}\n"
            f"WEIGOV_SANDBOX_PORT={self.sandbox_port}\n"
            f"WEIGOV_GATEWAY_PORT={self.gateway_port}\n",
            encoding="utf-8",
        )

    def weigov_settings(self) -> dict[str, str]:
        """What the gateway, the command line and Airflow's tasks are told. No secret is among it."""
        return {
            "WEIGOV_HOME": str(self.var),
            "WEIGOV_SITE": str(ROOT / "mappings" / "demo"),
            "WEIGOV_LEDGER_URL": f"sqlite:///{self.var / 'ledger.db'}",
            "WEIGOV_SECRETS_FILE": str(self.secrets_file),
            "WEIGOV_CLOCK": f"sandbox:{self.sandbox_url}",
            "WEIGOV_GATEWAY_PORT": str(self.gateway_port),
        }

    def environ(self) -> dict[str, str]:
        """The whole environment of a service: what this process has, without foreign Airflow settings, plus ours.

        Loopback is never asked through a proxy.
        """
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "WEIGOV_"))}
        # A connection of the operator's own is honoured; it wins over the secrets file by design.
        env |= {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
        env |= self.weigov_settings()
        env["AIRFLOW_HOME"] = str(self.airflow)
        env["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
        env["PYTHONUNBUFFERED"] = "1"
        for name in ("NO_PROXY", "no_proxy"):
            env[name] = ",".join(filter(None, [env.get(name), HOST, "localhost"]))
        return env


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
