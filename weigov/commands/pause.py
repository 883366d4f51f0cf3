"""Stopping one flow for a while, and letting it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from weigov.commands.console import context, names, out

Flow = Annotated[str, typer.Argument(help="the flow")]
As = Annotated[str, typer.Option("--as", help="who decides")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept in the audit log")]


def pause(flow: Flow, person: As, reason: Reason) -> None:
    """Stop one flow: it sends nothing until resumed. Withdrawals still go."""
    from weigov.flow import pause as verb

    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        verb.pause(ctx, name, person=person, reason=reason)
    out.print(f"{name}: paused; `weigov resume {name}` lets it go on")


def resume(flow: Flow, person: As, reason: Reason) -> None:
    """Let a paused flow go on."""
    from weigov.flow import pause as verb

    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        woken = verb.resume(ctx, name, person=person, reason=reason)
    out.print(f"{name}: goes on; deferred and judged anew by the next deliver: {woken}")
