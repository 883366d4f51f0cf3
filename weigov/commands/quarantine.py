"""Records that could not be mapped: which, and putting them before compose again."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from weigov.commands.console import Json, context, log_in, names, out

app = typer.Typer(no_args_is_help=True, help="records that could not be mapped")


@app.command("list")
def quarantine_list(
    flow: Annotated[str | None, typer.Option("--flow")] = None,
    as_json: Json = False,
) -> None:
    """Records that could not be mapped, and why."""
    from weigov.ledger import revisions

    with context() as ctx, ctx.ledger.read() as connection:
        rows = [dict(row._mapping) for row in revisions.quarantined(connection, ctx.site.site, flow)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=str, indent=2))
        return
    table = Table("flow", "record", "reason", "since")
    for row in rows:
        name = f"{row['system']}/{row['stream']}/{row['key']}"
        table.add_row(row["flow"], name, row["reason"], f"{row['created_at']:%Y-%m-%d %H:%M}")
    out.print(table if rows else "nothing is quarantined")


@app.command("correct")
def quarantine_correct(
    flow: str,
    key: str,
    texts: Annotated[list[str], typer.Option("--set", help="FIELD=TEXT; may be given several times")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept in the audit log")],
    person: Annotated[str, typer.Option("--as", help="who decides; the log-in when not given")] = "",
) -> None:
    """Have one quarantined record composed with other short texts; somebody else then approves them."""
    from weigov.errors import ReviewRejected
    from weigov.flow.correct import correct, offer

    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        with ctx.ledger.read() as connection:
            offered = offer(ctx, connection, name, key)
        if offered is None:
            raise ReviewRejected(f"{name}/{key}: it is not quarantined, or may not be corrected here")
        given = dict(text.partition("=")[::2] for text in texts)
        correct(ctx, name, key, given, revision=offered.revision, person=person or log_in(), reason=reason)
        out.print(f"{name}/{key}: goes before compose again with {', '.join(given)} corrected")


@app.command("replay")
def quarantine_replay(
    flow: str,
    keys: Annotated[list[str] | None, typer.Argument(help="record keys; all of the flow when none is given")] = None,
    person: Annotated[str, typer.Option("--as", help="who decides; the log-in when not given")] = "",
    reason: Annotated[str, typer.Option("--reason", help="why; kept in the audit log")] = "",
) -> None:
    """Put quarantined records, as they are upstream now, before compose again."""
    from weigov.flow.plan import replay
    from weigov.ledger import revisions

    person = person or log_in()
    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        if not keys:
            with ctx.ledger.read() as connection:
                keys = [row.key for row in revisions.quarantined(connection, ctx.site.site, name)]
        done = sum(replay(ctx, name, key, person=person, reason=reason) for key in keys)
        out.print(f"{name}: {done} of {len(keys)} records go before compose again")
