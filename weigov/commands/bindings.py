"""Which citizen follows which case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weigov.commands.console import context, names, out
from weigov.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="which citizen follows which case")


@app.command("import")
def bindings_import(
    file: Annotated[Path, typer.Argument(help="CSV with the columns openid, system, and identity or case")],
    account: Annotated[str | None, typer.Option(help="the account the openids belong to")] = None,
) -> None:
    """Bind citizens to their cases or identities."""
    from weigov.ledger import bindings as table

    with context() as ctx:
        found = names(ctx.site.accounts, account, "account")
        if len(found) != 1:
            raise ConfigError(f"the site has several accounts ({', '.join(found)}): say which with --account")
        appid = ctx.account(found[0]).account.appid
        with ctx.ledger.begin() as connection:
            added, known = table.import_csv(
                connection, ctx.sealer, appid, file, now=ctx.now(), systems=ctx.site.systems
            )
    out.print(f"{added} bindings added, {known} were known")
