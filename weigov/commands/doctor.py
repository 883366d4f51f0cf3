"""What an engineer asks about a system before its descriptor is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weigov.commands.console import out as console

app = typer.Typer(no_args_is_help=True, help="look at what a system offers before describing it")


@app.callback()
def _group() -> None:
    """Makes ``doctor`` a group even while it has one command."""


@app.command()
def wsdl(
    target: Annotated[str, typer.Argument(help="a WSDL: a file, or its address", metavar="FILE|URL")],
    out: Annotated[Path | None, typer.Option(help="write an offline bundle into this new folder")] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="HOST or HOST:PORT imports may be fetched from; may be repeated")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="where a file's imports may be read; by default the WSDL's own folder")
    ] = None,
) -> None:
    """Say what of a WSDL loads, what does not and why, and which patch mends it."""
    from adapters.soap import doctor
    from adapters.wire import shown

    source = doctor.open_source(target, host or (), folder=folder)
    found = doctor.diagnose(source, shown(target) if "://" in target else target)
    for line in doctor.report(found):
        console.print(line)
    if out is not None:
        line = doctor.write_bundle(found, source, out)
        console.print(f"{out}: written; in a descriptor beside it: {line}")
    elif found.usable and "://" not in target:
        line = doctor.words(Path(target).name, found.patches)
        console.print(f"in a descriptor beside it: {line}")
    if not found.usable:
        raise typer.Exit(1)
