"""What a deployment sets, read once from the environment at the edge. Nothing below ``wiring`` reads ``os.environ``.

WEIGOV_SITE            folder of the site's YAML                        mappings/demo
WEIGOV_HOME            where everything written goes                    var
WEIGOV_LEDGER_URL      SQLAlchemy URL of the ledger                     sqlite:///<home>/ledger.db
WEIGOV_SECRETS_FILE    connections in Airflow's JSON form               <home>/secrets.json
WEIGOV_CLOCK           system, or sandbox:URL for the sandbox's clock   system
WEIGOV_GATEWAY_HOST    where the gateway listens                        127.0.0.1
WEIGOV_GATEWAY_PORT    and on which port                                18700
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weigov.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this deployment's parts are. No secret is among them."""

    site: Path
    home: Path
    ledger_url: str
    secrets_file: Path
    clock: str
    gateway_host: str
    gateway_port: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises ConfigError naming the variable that makes no sense."""
        env = os.environ if environ is None else environ
        home = Path(env.get("WEIGOV_HOME", "var")).absolute()
        clock = env.get("WEIGOV_CLOCK", "system")
        if clock != "system" and not clock.startswith(("sandbox:http://", "sandbox:https://")):
            raise ConfigError(f"WEIGOV_CLOCK is {clock!r}; set it to system or to sandbox:URL")
        port = env.get("WEIGOV_GATEWAY_PORT", "18700")
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ConfigError(f"WEIGOV_GATEWAY_PORT is {port!r}; set it to a port number")
        return cls(
            site=Path(env.get("WEIGOV_SITE", "mappings/demo")).absolute(),
            home=home,
            ledger_url=env.get("WEIGOV_LEDGER_URL", f"sqlite:///{home / 'ledger.db'}"),
            secrets_file=Path(env.get("WEIGOV_SECRETS_FILE", str(home / "secrets.json"))),
            clock=clock,
            gateway_host=env.get("WEIGOV_GATEWAY_HOST", "127.0.0.1"),
            gateway_port=int(port),
        )
