"""The verbs by hand. Without an argument each goes through all there are, in the site's order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from weigov.commands.console import context, each, names
from weigov.errors import RemoteUnavailable


def collect(
    system: Annotated[str | None, typer.Argument(help="one system; all when not given")] = None,
    stream: Annotated[str | None, typer.Argument(help="one of its streams; all when not given")] = None,
) -> None:
    """system → mirror."""
    from weigov.flow.collect import collect as verb

    with context(whole_site=True) as ctx:
        wanted = [
            (name, one)
            for name in names(ctx.site.systems, system, "system")
            for one in names(_streams_in_order(ctx.site.shapes[name].streams), stream if system else None, "stream")
        ]
        gone: set[str] = set()

        def pull(pair: tuple[str, str]) -> Any:
            if pair[0] in gone:
                return None  # said once is enough, and trying again takes its time
            try:
                return verb(ctx, *pair)
            except RemoteUnavailable:
                gone.add(pair[0])
                raise

        each(wanted, pull, lambda pair: "/".join(pair))


def compose(flow: Annotated[str | None, typer.Argument(help="one flow; all when not given")] = None) -> None:
    """mirror → deliveries."""
    from weigov.flow.compose import compose as verb

    with context(whole_site=True) as ctx:
        each(names(ctx.site.flows, flow, "flow"), lambda name: verb(ctx, name))


def deliver(
    account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="at most so many deliveries")] = None,
) -> None:
    """outbox → WeChat, under quota."""
    from weigov.flow.deliver import deliver as verb

    with context(whole_site=True) as ctx:
        each(names(ctx.site.accounts, account, "account"), lambda name: verb(ctx, name, limit=limit))


def reconcile(account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None) -> None:
    """whatever is not certain → certain."""
    from weigov.flow.reconcile import reconcile as verb

    with context(whole_site=True) as ctx:
        each(names(ctx.site.accounts, account, "account"), lambda name: verb(ctx, name))


def sync_back(system: Annotated[str | None, typer.Argument(help="one system; all when not given")] = None) -> None:
    """receipts → the system a record came from."""
    from weigov.flow.sync_back import sync_back as verb

    with context(whole_site=True) as ctx:
        each(names(ctx.site.systems, system, "system"), lambda name: verb(ctx, name))


def _streams_in_order(streams: Any) -> list[str]:
    """Partitions before what is read by them."""
    return sorted(
        streams, key=lambda name: (streams[name].for_each is not None, streams[name].kind != "column", name)
    )
