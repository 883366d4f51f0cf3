"""Connections for tasks: what the command line and the gateway read, then what was made in Airflow.

The environment and the secrets file come first, so that one name means the same in every process; Airflow's own
connections (made in the UI, or kept in a vault) add to them. What was found is masked in Airflow's logs.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from weigov.credentials import FileCredentials, connection_from_parts
from weigov.errors import ConfigError
from weigov.ports import Connection

_SECRET_WORDS = ("secret", "token", "key", "passw", "sm4_iv")


class AirflowCredentials:
    """``ports.Credentials`` inside an Airflow process."""

    def __init__(self, secrets_file: Path) -> None:
        self._secrets_file = secrets_file
        self._file = FileCredentials(secrets_file)

    def get(self, name: str) -> Connection:
        """The connection called ``name``. Raises ConfigError naming it and where it was looked for."""
        variable = f"AIRFLOW_CONN_{name.upper()}"
        if variable in os.environ or name in self._file.names():
            found = self._file.get(name)
        else:
            try:
                found = connection(name)
            except AirflowNotFoundException:
                raise ConfigError(
                    f"connection {name} is missing: add it in Airflow under Admin → Connections, set {variable},"
                    f" or add it to {self._secrets_file}"
                ) from None
        for secret in _secrets(found):
            mask_secret(secret)
        return found


def _secrets(found: Connection) -> list[str]:
    """What must never be readable in a log. Airflow's own list does not know every name a vendor gives a key."""
    named = [str(value) for key, value in found.extra.items() if any(word in key.lower() for word in _SECRET_WORDS)]
    return [secret for secret in (found.password, *named) if secret]


def connection(name: str) -> Connection:
    """Airflow's connection ``name`` as ours. Raises AirflowNotFoundException."""
    found = BaseHook.get_connection(name)
    return connection_from_parts(
        name,
        conn_type=found.conn_type,
        host=found.host,
        port=found.port,
        schema=found.schema,
        login=found.login,
        password=found.password,
        extra=found.extra_dejson,
    )
