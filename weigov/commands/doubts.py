"""What only a person can decide about a delivery: settling one that is in doubt, trying a rejected one again."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weigov.commands.console import context, one_by_one
from weigov.errors import ConfigError

Deliveries = Annotated[list[int], typer.Argument(metavar="DELIVERY...", help="their ids, as status shows them")]
As = Annotated[str, typer.Option("--as", help="who decides")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept with the decision")]


def settle(
    deliveries: Deliveries,
    person: As,
    reason: Reason,
    arrived: Annotated[bool, typer.Option("--arrived", help="it is there, or was received")] = False,
    receipt: Annotated[
        str, typer.Option("--receipt", metavar="ID|URL", help="what the other side calls it; with --arrived")
    ] = "",
    not_sent: Annotated[bool, typer.Option("--not-sent", help="it is surely not there: send it again")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="leave it as it is; never send it again")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Settle deliveries in doubt, after a look at the other side."""
    from weigov.flow import settle as doubt

    chosen: list[doubt.Answer] = []
    chosen += ["arrived"] if arrived else []
    chosen += ["not_sent"] if not_sent else []
    chosen += ["give_up"] if give_up else []
    if len(chosen) != 1:
        raise ConfigError("say what became of it: one of --arrived, --not-sent, --give-up")
    if receipt and (not arrived or len(deliveries) > 1):
        raise ConfigError("--receipt names one delivery that --arrived")
    with context() as ctx:
        if not_sent:
            for delivery in deliveries:
                print(doubt.risk(doubt.in_doubt(ctx, delivery)), file=sys.stderr)
            if not yes:
                typer.confirm("Send again?", abort=True)
        one_by_one(
            deliveries,
            lambda delivery: doubt.settle(ctx, delivery, chosen[0], person=person, reason=reason, receipt=receipt),
        )


def replay(deliveries: Deliveries, person: As, reason: Reason) -> None:
    """Try rejected deliveries again: an article as its record is now, anything else as it was."""
    from weigov.flow.replay import replay as again

    with context() as ctx:
        one_by_one(deliveries, lambda delivery: again(ctx, delivery, person=person, reason=reason))
