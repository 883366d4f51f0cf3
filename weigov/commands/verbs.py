"""The verbs by hand. Without an argument each goes through all there are, in the site's order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from weigov.commands.console import context, counted, each, names, out
from weigov.errors import ConfigError, RemoteUnavailable
from weigov.ports import Window

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


def collect(
    system: Annotated[str | None, typer.Argument(help="one system; all when not given")] = None,
    stream: Annotated[str | None, typer.Argument(help="one of its streams; all when not given")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="read again from here on; moves no cursor", formats=_MOMENTS)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="… and up to here", formats=_MOMENTS)] = None,
    accept_vanished: Annotated[
        bool, typer.Option("--accept-vanished", help="what is no longer listed is gone, however much it is")
    ] = False,
) -> None:
    """system → mirror."""
    from weigov.flow.collect import collect as verb
    from weigov.flow.window import window as stretch

    if (since or until or accept_vanished) and not (system and stream):
        raise ConfigError("--since, --until and --accept-vanished are about one stream: name SYSTEM and STREAM")
    with context(whole_site=True) as ctx:
        window = stretch(since, until, ctx.site.zone, ctx.now(), prefix="--")
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
                found = verb(ctx, *pair, window=window, accept_vanished=accept_vanished)
                note = _open_ended(ctx.site.shapes[pair[0]].file, pair[1], window)
                return replace(found, notes=(*found.notes, note)) if note else found
            except RemoteUnavailable:
                gone.add(pair[0])
                raise

        each(wanted, pull, lambda pair: "/".join(pair))


def reset(
    system: Annotated[str, typer.Argument(help="the system")],
    stream: Annotated[str, typer.Argument(help="its stream")],
) -> None:
    """Forget how far a stream was read: the next collect reads all of it. Mirror and deliveries stay as they are."""
    from weigov.flow.collect import reset as forget

    with context() as ctx:
        names(ctx.site.systems, system, "system")
        names(ctx.site.shapes[system].streams, stream, "stream")
        forgotten = counted(forget(ctx, system, stream), "cursor")
        out.print(f"{system}/{stream}: {forgotten} forgotten; the next collect reads all")


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


def statistics(
    account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None,
    day: Annotated[datetime | None, typer.Option(help="this day alone, due or not", formats=["%Y-%m-%d"])] = None,
) -> None:
    """what WeChat counted → figures, of every day that is due."""
    from weigov.flow.statistics import statistics as verb
    from weigov.wechat.statistics import FIRST_DAY, newest_ready

    with context(whole_site=True) as ctx:
        if day is not None and not FIRST_DAY <= day.date() <= newest_ready(ctx.now()):
            raise ConfigError(
                f"--day must be from {FIRST_DAY} to {newest_ready(ctx.now())}: a day's figures come at 08:00"
            )
        wanted = names(ctx.site.accounts, account, "account")
        each(wanted, lambda name: verb(ctx, name, day=day.date() if day else None))


def watch() -> None:
    """What is wrong now → the people on duty, once for each thing, and once when it is over."""
    from weigov.flow.watch import watch as verb
    from weigov.ledger import incidents

    with context(whole_site=True) as ctx:
        done = verb(ctx)
        with ctx.ledger.read() as connection:
            wrong = incidents.current(connection, ctx.site.site)
        for one in wrong:
            out.print(f"since {one.opened_at.astimezone(ctx.site.zone):%F %H:%M}  {one.said}")
        for problem in done.problems:
            out.print(f"not told: {problem}", style="bold")
        out.print(f"{counted(done.wrong, 'incident')}, told {done.told}")


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


def _open_ended(file: Path, stream: str, window: Window | None) -> str:
    """What is to be said where ``--until`` could not be asked for; '' otherwise."""
    if window is None or window.until is None:
        return ""
    from adapters.descriptor import has_end, load_descriptor

    if has_end(load_descriptor(file), stream):
        return ""
    since = f"{window.since:%Y-%m-%d %H:%M}"
    return f"this system cannot be asked up to a moment: everything since {since} was read"
