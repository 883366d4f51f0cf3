"""What is asked of a deployment itself: is its YAML sound, are its tables there; and the gateway's process."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from weigov.commands.console import UNPROVEN, counted, out
from weigov.errors import ConfigError
from weigov.settings import Settings


def lint(
    site: Annotated[Path | None, typer.Argument(help="the site's folder; WEIGOV_SITE when not given")] = None,
) -> None:
    """Check a site's YAML against what its systems offer; every fault at once, with file, line and path."""
    from weigov.wiring import read_site_parts, request_faults

    folder = site or Settings.from_environ().site
    found, faults = read_site_parts(folder)
    faults += request_faults(found, folder)
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    parts = ((found.flows, "flow"), (found.systems, "system"), (found.accounts, "account"))
    out.print(f"{folder}: {', '.join(counted(len(part), name) for part, name in parts)}: sound")
    for name, offered in found.shapes.items():
        if offered.unproven:
            out.print(f"{name}: {UNPROVEN}")


def migrate() -> None:
    """Make the ledger's tables, or bring them up to date."""
    from weigov.ledger.migrate import migrate as to_head

    out.print(f"ledger at {to_head(Settings.from_environ().ledger_url)}")


def gateway() -> None:
    """Serve WeChat's callbacks; refuses to start when a connection it needs is missing."""
    import uvicorn

    from weigov.gateway.app import create_app
    from weigov.gateway.build import build

    settings = Settings.from_environ()
    parts, close = build(settings)
    try:
        _require_free(settings.gateway_host, settings.gateway_port)
        uvicorn.run(
            create_app(parts),
            host=settings.gateway_host,
            port=settings.gateway_port,
            log_level="info",
            timeout_graceful_shutdown=5,
        )
    finally:
        close()


def _require_free(host: str, port: int) -> None:
    """uvicorn would say it in five lines, between others that look like success."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(
            f"the gateway cannot listen on {host} port {port}: {reason}; set WEIGOV_GATEWAY_HOST, WEIGOV_GATEWAY_PORT"
        ) from None
