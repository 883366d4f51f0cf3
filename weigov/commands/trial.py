"""Flows on trial: who may be reached by one, and letting it go to everybody."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weigov.commands.console import context, names, out
from weigov.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="whom a flow on trial may reach")

Account = Annotated[str | None, typer.Option(help="the account they follow")]


@app.command("add")
def guests_add(
    name: Annotated[str, typer.Argument(help="what the YAML calls them; not a citizen's name")],
    account: Account = None,
) -> None:
    """Call a citizen NAME. The openid is read from standard input, so that it stands in no history."""
    from weigov.flow.trial import add_guest

    with context() as ctx:
        one = _account(ctx.site.accounts, account)
        openid = typer.prompt("openid", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        openid = openid.strip()
        if not openid or not all(c.isascii() and (c.isalnum() or c in "-_") for c in openid):
            raise ConfigError("standard input holds no openid: letters, digits, - and _ only")
        if not add_guest(ctx, one, name, openid):
            raise ConfigError(f"somebody is called {name} already: `weigov guests remove {name}` first")
    out.print(f"{name} is a guest of {one}")


@app.command("list")
def guests_list(account: Account = None) -> None:
    """What the guests are called."""
    from weigov.ledger import trials

    with context() as ctx, ctx.ledger.read() as connection:
        one = _account(ctx.site.accounts, account)
        found = trials.guests(connection, ctx.account(one).account.appid)
    out.print("\n".join(found) or "there are no guests")


@app.command("remove")
def guests_remove(
    name: Annotated[str, typer.Argument(help="as guests list shows it")],
    account: Account = None,
) -> None:
    """Nobody is called NAME any more."""
    from weigov.ledger import trials

    with context() as ctx:
        one = _account(ctx.site.accounts, account)
        with ctx.ledger.begin() as connection:
            if not trials.remove_guest(connection, ctx.account(one).account.appid, name):
                raise ConfigError(f"nobody is called {name}: `weigov guests list`")
    out.print(f"{name} is no guest of {one} any more")


def release(
    flow: Annotated[str, typer.Argument(help="the flow on trial")],
    person: Annotated[str, typer.Option("--by", help="who decides")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept with the decision")],
) -> None:
    """Let a flow on trial reach everybody. What happened until now is not sent afterwards."""
    from weigov.flow.trial import release as let_go

    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        let_go(ctx, name, person=person, reason=reason)
    out.print(f"{name}: released; what happens from now on reaches everybody")


def _account(known: object, wanted: str | None) -> str:
    found = names(known, wanted, "account")
    if len(found) != 1:
        raise ConfigError(f"the site has several accounts ({', '.join(found)}): say which with --account")
    return found[0]
