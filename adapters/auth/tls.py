"""Mutual TLS: the certificate we show when a system's server asks for one. It is the connection's, not a kind."""

from __future__ import annotations

import ssl
from pathlib import Path

from weigov.errors import ConfigError
from weigov.ports import Connection

_PARTS = ("client_cert_file", "client_key_file")


def client_certificate(connection: Connection) -> tuple[str, str] | None:
    """The PEM files of certificate and key, None when the connection names none.

    Raises ConfigError for a file that is missing or of no use: a handshake that fails would not say why.
    """
    named = {part: str(connection.extra.get(part) or "") for part in _PARTS}
    if not any(named.values()):
        return None
    for part, path in named.items():
        if not path:
            raise ConfigError(f"connection {connection.name}: {part} is missing beside {_other(part)}")
        if not Path(path).is_file():
            raise ConfigError(f"connection {connection.name}: {part} names {path}, which is no file")
    cert, key = named.values()
    try:
        # An encrypted key would ask for its password on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError):
        raise ConfigError(
            f"connection {connection.name}: client_cert_file and client_key_file are no pair of PEM files without "
            "a password"
        ) from None
    return cert, key


def _other(part: str) -> str:
    return next(name for name in _PARTS if name != part)
