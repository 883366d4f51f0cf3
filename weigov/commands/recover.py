"""After a failover or a restore: what may have been sent is parked, and deliveries go again."""

from __future__ import annotations

from typing import Annotated

import typer

from weigov.commands.console import context, log_in, out, plain
from weigov.errors import ConfigError


def recover(
    reason: Annotated[str, typer.Option("--reason", help="why; kept with the decision")],
    person: Annotated[str, typer.Option("--as", help="who decides; the log-in when not given")] = "",
    stop: Annotated[bool, typer.Option("--stop", help="let nothing leave until recover is run without this")] = False,
    restored: Annotated[
        bool, typer.Option("--restored", help="the ledger is an old copy: what it believes unsent may have been sent")
    ] = False,
) -> None:
    """After a failover or a restore of the ledger: park what may have been sent in doubt, and deliver again."""
    from weigov.flow import recover as verb

    if stop and restored:
        raise ConfigError("--restored parks, --stop does not: stop first, then recover with --restored")
    person = person or log_in()
    with context() as ctx:
        if stop:
            verb.stop(ctx, person=person, reason=reason)
            out.print("stopped: nothing leaves until `weigov recover`")
            return
        found = verb.recover(ctx, person=person, reason=reason, restored=restored)
    out.print(f"in doubt now: {plain(dict(found.parked))}; harmless to repeat, goes on: {found.goes_on}")
