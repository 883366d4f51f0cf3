"""The JSON Schemas that editors check YAML by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weigov.commands.console import out
from weigov.errors import ConfigError


def schema(
    kind: Annotated[str | None, typer.Argument(help="descriptor, site, flow or codes")] = None,
    into: Annotated[Path | None, typer.Option("--into", help="write all of them into this folder")] = None,
    check: Annotated[Path | None, typer.Option("--check", help="fail when those in this folder are old")] = None,
) -> None:
    """Print the JSON Schema of a kind of YAML file, for editors."""
    from weigov import schema as schemas

    if [kind, into, check].count(None) != 2:
        raise ConfigError(f"say which schema ({', '.join(schemas.FILES)}), or --into or --check and a folder")
    if kind is not None:
        typer.echo(schemas.text(kind), nl=False)
    if into is not None:
        for path in schemas.write(into):
            out.print(f"{path}: written")
    if check is not None and (stale := schemas.outdated(check)):
        names = ", ".join(path.name for path in stale)
        raise ConfigError(f"{check}: not what the models say now: {names}; run weigov schema --into {check}")
