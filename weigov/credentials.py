"""Connections from the environment or one secrets file, in Airflow's connection form.

The same names and the same JSON serve the command line, the gateway and Airflow (through its
LocalFilesystemBackend). ``AIRFLOW_CONN_<NAME>`` in the environment wins over the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weigov.errors import ConfigError
from weigov.ports import Connection


class FileCredentials:
    """``ports.Credentials`` over the environment and one JSON file; the file is read when first needed."""

    def __init__(self, file: Path, environ: Mapping[str, str] | None = None) -> None:
        self._file = file
        self._environ = os.environ if environ is None else environ
        self._stored: Mapping[str, Any] | None = None

    def get(self, name: str) -> Connection:
        """The connection called ``name``. Raises ConfigError naming it and where it was looked for."""
        variable = f"AIRFLOW_CONN_{name.upper()}"
        if variable in self._environ:
            return connection_from_json(name, _parse(self._environ[variable], f"the variable {variable}"))
        if self._stored is None:
            self._stored = self._read()
        if name not in self._stored:
            raise ConfigError(f"connection {name} is missing: set {variable} or add it to {self._file}")
        return connection_from_json(name, self._stored[name])

    def names(self) -> list[str]:
        """The names the file holds."""
        if self._stored is None:
            self._stored = self._read()
        return sorted(self._stored)

    def _read(self) -> Mapping[str, Any]:
        if not self._file.exists():
            return {}
        try:
            text = self._file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ConfigError(f"the secrets file {self._file} is not UTF-8: save it as UTF-8") from None
        except OSError as error:
            raise ConfigError(f"the secrets file {self._file} cannot be read: {error.strerror}") from None
        return _parse(text, f"the secrets file {self._file}")


def connection_from_json(name: str, value: Any) -> Connection:
    """An Airflow connection's JSON (an object) as ours. Raises ConfigError."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"connection {name} is not in the JSON form: write an object with conn_type, host, login …")
    extra = value.get("extra") or {}
    if isinstance(extra, str):
        extra = _parse(extra, f"the extra of connection {name}")
    if not isinstance(extra, Mapping):
        raise ConfigError(f"the extra of connection {name} is not a JSON object")
    for part in ("conn_type", "host", "schema", "login", "password"):
        if not isinstance(value.get(part), str | None):
            raise ConfigError(f"connection {name}: {part} is not text; put it in quotes")
    port = value.get("port")
    if port and not (str(port).isascii() and str(port).isdigit() and int(port) < 65536):
        raise ConfigError(f"connection {name}: port is not a port number")
    return connection_from_parts(
        name,
        conn_type=value.get("conn_type"),
        host=value.get("host"),
        port=port,
        schema=value.get("schema"),
        login=value.get("login"),
        password=value.get("password"),
        extra=extra,
    )


def connection_from_parts(
    name: str,
    *,
    conn_type: str | None,
    host: str | None,
    port: int | str | None,
    schema: str | None,
    login: str | None,
    password: str | None,
    extra: Mapping[str, Any],
) -> Connection:
    """The parts an Airflow connection has, as ours: host (with or without scheme), port and schema make the URL."""
    url = str(extra.get("base_url") or host or "")
    if url and "://" not in url:
        url = f"{schema or 'https'}://{url}"
    if port and url and ":" not in url.split("://", 1)[1].split("/", 1)[0]:
        scheme, rest = url.split("://", 1)
        host_part, slash, path = rest.partition("/")
        if (scheme, str(port)) not in (("https", "443"), ("http", "80")):
            url = f"{scheme}://{host_part}:{port}{slash}{path}"
    return Connection(
        name=name,
        kind=conn_type or "",
        base_url=url.rstrip("/"),
        login=login or "",
        password=password or "",
        extra=dict(extra),
    )


def _parse(text: str, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where} is not JSON: line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{where} is not a JSON object")
    return value
