"""Held deliveries → people → released or refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from weigov.commands.console import Json, context, one_by_one, out
from weigov.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="held deliveries → people → released or refused")


@app.command("list")
def review_list(as_json: Json = False) -> None:
    """What waits for review."""
    from weigov.flow.review import held

    with context() as ctx:
        rows = held(ctx)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str, indent=2))
        return
    table = Table("id", "flow", "title", "approvals", "by", "digest", "since")
    for row in rows:
        table.add_row(
            str(row.id),
            row.flow_title,
            row.title,
            f"{row.approvals}/{row.needed}",
            ", ".join(row.people),
            row.digest[:12],
            f"{row.since:%Y-%m-%d %H:%M}",
        )
    out.print(table if rows else "nothing waits for review")
    for row in rows:
        if row.kept:
            out.print(
                f"delivery {row.id}: WeChat did not keep what was approved ({row.kept}): look at the draft in its"
                " console; approving publishes it as it is there, refusing deletes it"
            )


Deliveries = Annotated[list[int], typer.Argument(metavar="DELIVERY...", help="their ids, as review list shows them")]
As = Annotated[str, typer.Option("--as", help="who decides")]
Digest = Annotated[
    str | None,
    typer.Option("--digest", help="of what was looked at (at least 8 digits); refused when it changed since"),
]


@app.command("approve")
def review_approve(deliveries: Deliveries, person: As, digest: Digest = None) -> None:
    """Count an approval by one person."""
    _decide(deliveries, person, "approve", digest, "")


@app.command("refuse")
def review_refuse(
    deliveries: Deliveries,
    person: As,
    comment: Annotated[str, typer.Option("--comment", help="why, for the author")] = "",
    digest: Digest = None,
) -> None:
    """Refuse a delivery; it never leaves."""
    _decide(deliveries, person, "refuse", digest, comment)


def _decide(deliveries: list[int], person: str, decision: Any, digest: str | None, comment: str) -> None:
    from weigov.flow.review import decide, held

    if digest is not None and len(deliveries) > 1:
        raise ConfigError("--digest names what was seen of one delivery; decide on several without it, or one by one")
    with context() as ctx:
        digests = {row.id: row.digest for row in held(ctx)}

        def one(delivery: int) -> str:
            shown = digests.get(delivery, "")
            wanted = shown if digest is None or (len(digest) >= 8 and shown.startswith(digest)) else digest
            return decide(ctx, delivery, digest=wanted, person=person, decision=decision, comment=comment)

        one_by_one(deliveries, one)
