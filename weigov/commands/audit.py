"""The ledger against WeChat and the sources: every difference on a line of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from weigov.commands.console import Json, context, counted, out


def audit(
    no_source: Annotated[bool, typer.Option("--no-source", help="ask no system, only WeChat")] = False,
    as_json: Json = False,
) -> None:
    """Compare the ledger with WeChat and the sources. Changes nothing; fails when there are differences."""
    from weigov.flow.audit import audit as look

    with context(whole_site=True) as ctx:
        found = look(ctx, sources=not no_source)
        if as_json:
            typer.echo(json.dumps(asdict(found), ensure_ascii=False, default=str, indent=2))
        else:
            for one in found.differences:
                out.print(str(one))
            out.print(counted(len(found.differences), "difference") if found.differences else "no difference")
        for line in found.not_compared:
            print(f"not compared: {line}", file=sys.stderr)
        if found.differences or found.not_compared:
            raise typer.Exit(1)
