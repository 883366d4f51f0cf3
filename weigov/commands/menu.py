"""The menu of an account: what stands there, what would change, which versions there were, and back to one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from weigov.commands.console import Json, context, names, out
from weigov.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="an account's menu: what stands there, versions, back to one of them")

Account = Annotated[str | None, typer.Argument(help="one account; the only one with a menu when not given")]
As = Annotated[str, typer.Option("--as", help="who decides")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept with the decision")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


@app.command("show")
def menu_show(account: Account = None) -> None:
    """What stands at WeChat now, and how it differs from our newest version."""
    from weigov.flow.menus import standing, versions
    from weigov.flow.menus.diff import tree

    with context() as ctx:
        account = _account(ctx, account)
        ours, waits = versions.confirmed(ctx, account), versions.waiting(ctx, account)
        there = standing.observe(ctx.account(account), with_tags=True)
        zone = ctx.site.zone
    if there.is_empty:
        out.print(f"{account}: no menu")
    else:
        how = ", made by hand in WeChat's console" if there.is_by_hand else ""
        off = ", switched off there" if there.is_off else ""
        out.print(f"{account}{how}{off}:")
        for line in tree(there.menu()):
            out.print(f"  {line}")
    if ours is None:
        out.print("no version of ours was ever confirmed")
    else:
        wrong = standing.not_shown(ours.payload, there)
        said = "differs from it" if wrong else "is it"
        out.print(
            f"our version {ours.id}, confirmed {ours.changed_at.astimezone(zone):%F %H:%M}: what stands there {said}"
        )
        for line in wrong:
            out.print(f"  {line}")
    if waits is not None:
        out.print(f"version {waits.id} waits ({waits.state}){': ' + waits.reason if waits.reason else ''}")


@app.command("plan")
def menu_plan(
    flow: Annotated[str | None, typer.Argument(help="one flow; all that make menus when not given")] = None,
) -> None:
    """What the flow's menu, as its YAML and columns are now, would change for citizens. Sends nothing."""
    from weigov.flow import menu
    from weigov.flow.menus import versions
    from weigov.flow.menus.diff import differences, tree

    with context() as ctx:
        flows = [name for name, one in ctx.site.flows.items() if one.to.kind == "menu"]
        for name in names(flows, flow, "menu flow"):
            try:
                new = menu.build(ctx, ctx.site.flows[name])
            except menu.NotCollected as missing:
                out.print(f"{name}: {missing}")
                continue
            for problem in menu.problems(new):
                out.print(f"{name}: breaks WeChat's rules: {problem}")
            for account in ctx.site.flows[name].to.accounts:
                ours = versions.confirmed(ctx, account)
                old = ours.payload if ours else None
                lines = differences(old, new)
                against = f"version {ours.id}" if ours else "no version yet"
                out.print(f"{name} → {account}, against {against}: {len(lines)} to change", style="bold")
                for line in lines:
                    out.print(f"  {line}")
                if lines:
                    out.print("")
                    for line in tree(new, old):
                        out.print(f"    {line}")
                if (held := versions.held_by(ctx, account, new)) is not None:
                    out.print(
                        f"  not made: a person went back to version {held.id}, which stays; see `weigov menu release`"
                    )


@app.command("history")
def menu_history(account: Account = None, as_json: Json = False) -> None:
    """Every version of the menu, and every menu that was found at WeChat and was not ours."""
    from weigov.flow.menus import versions

    with context() as ctx:
        account = _account(ctx, account)
        found = versions.history(ctx, account)
        zone = ctx.site.zone
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, default=str, indent=2))
        return
    table = Table(
        *(Column(name, overflow="fold") for name in ("version", "when", "state", "by", "buttons", "reason"))
    )
    for one in found:
        others = len(one.menu.get("conditional", ()))
        buttons = ", ".join(str(button["name"]) for button in one.menu.get("button", ()))
        also = f" (+{others} conditional)" if others else ""
        when = f"{one.at.astimezone(zone):%F %H:%M}"
        table.add_row(one.name, when, one.state, one.by, buttons + also, one.reason)
    out.print(table if found else f"{account} never had a menu of ours")


@app.command("rollback")
def menu_rollback(
    account: Annotated[str, typer.Argument(help="the account")],
    version: Annotated[str, typer.Argument(help="as menu history shows it: a number, or found-N")],
    person: As,
    reason: Reason,
    yes: Yes = False,
) -> None:
    """Go back to an old version, through the flow's review; the flow does not overwrite it until its menu changes."""
    from weigov.flow.menus import versions
    from weigov.flow.menus.diff import differences

    with context() as ctx:
        names(ctx.site.accounts, account, "account")
        menu = versions.menu_of(ctx, account, version)
        ours = versions.confirmed(ctx, account)
        _ask(f"back to version {version}", differences(ours.payload if ours else None, menu), yes)
        row = versions.rollback(ctx, account, version, person=person, reason=reason)
        waits = "waits for review" if row.state == "waiting_review" else "goes with the next deliver"
        out.print(f"version {row.id} is version {version} again: it {waits}; the flow makes no other until its menu")
        out.print(f"changes, or until `weigov menu release {account}`")


@app.command("release")
def menu_release(account: Annotated[str, typer.Argument(help="the account")], person: As, reason: Reason) -> None:
    """Let the flow make the menu again, after a rollback."""
    from weigov.flow.menus import versions

    with context() as ctx:
        names(ctx.site.accounts, account, "account")
        versions.release(ctx, account, person=person, reason=reason)
        flow = versions.flow_of(ctx, account).flow
        out.print(f"{account}: released; the next `weigov compose {flow}` makes the flow's menu again")


@app.command("overwrite")
def menu_overwrite(
    account: Annotated[str, typer.Argument(help="the account")], person: As, reason: Reason, yes: Yes = False
) -> None:
    """Let the version that waits replace what stands at WeChat now although it is not ours; what stands is kept."""
    from weigov.flow.menus import standing, versions
    from weigov.flow.menus.diff import differences

    with context() as ctx:
        names(ctx.site.accounts, account, "account")
        there = standing.observe(ctx.account(account), with_tags=True)
        waits = versions.waiting(ctx, account)
        if waits is not None:
            _ask(f"version {waits.id} replaces it", differences(there.menu(), waits.payload), yes)
        row = versions.overwrite(ctx, account, there, person=person, reason=reason)
        out.print(f"version {row.id} goes with the next deliver; what it replaces is kept: see `weigov menu history`")


def _ask(what: str, lines: list[str], yes: bool) -> None:
    """Say what changes, and ask unless told not to."""
    for line in lines or ["nothing changes"]:
        out.print(f"  {line}")
    if not yes:
        typer.confirm(f"{what[0].upper()}{what[1:]}?", abort=True)


def _account(ctx: Any, wanted: str | None) -> str:
    """The account meant: the only one with a menu when none was named."""
    if wanted is not None:
        names(ctx.site.accounts, wanted, "account")
        return wanted
    flows = [flow for flow in ctx.site.flows.values() if flow.to.kind == "menu"]
    having: set[str] = {name for flow in flows for name in flow.to.accounts}
    if len(having) != 1:
        raise ConfigError(f"say which account: {', '.join(sorted(ctx.site.accounts))}")
    return having.pop()
