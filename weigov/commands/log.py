"""The audit log: taking it out, and proving that nobody changed it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from weigov.commands.console import context, counted, out
from weigov.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="who decided what, when and why: a chain nobody can change unseen")


@app.command("export")
def log_export(
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format", help="JSON lines, or CSV")] = "jsonl",
    since: Annotated[int, typer.Option("--since", metavar="N", help="from row N on", min=1)] = 1,
) -> None:
    """Print the audit log, oldest first. JSON lines can be verified later, CSV is to be read."""
    from weigov.ledger import audit_log
    from weigov.ledger.audit_export import lines

    with context() as ctx, ctx.ledger.read() as connection:
        for line in lines((row.as_text() for row in audit_log.entries(connection, since=since)), form):
            sys.stdout.write(line)


@app.command("verify")
def log_verify(
    file: Annotated[
        Path | None, typer.Argument(help="an exported file (JSON lines); the ledger when not given")
    ] = None,
    head: Annotated[str, typer.Option("--head", metavar="HASH", help="noted earlier: it must be in the chain")] = "",
) -> None:
    """Walk the chain; exit code 1, and the first broken row, when somebody changed it."""
    from weigov.ledger import audit_log

    if file is not None:
        found = audit_log.verify(_read(file), head=head)
    else:
        with context() as ctx, ctx.ledger.read() as connection:
            found = audit_log.verify((row.as_text() for row in audit_log.entries(connection)), head=head)
    if found.problem:
        raise ConfigError(
            f"the audit log is broken: {found.problem}; compare with a backup and ask who had the database"
        )
    out.print(f"{counted(found.rows, 'row')}, whole; head {found.head}")


def _read(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8") as source:
            for number, line in enumerate(source, start=1):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ConfigError(f"{file}:{number}: is no row of an exported log")
                yield row
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{file} is not JSON lines; take it out with `weigov log export`") from None
