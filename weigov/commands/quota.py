"""What is left of an account's calls today; and clearing WeChat's count, which only a person does."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import tzinfo
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from weigov.commands.console import Json, context, names, out
from weigov.wechat.protocol import operation_of


class _ListUnlessSaid(typer.core.TyperGroup):
    """``quota ACCOUNT`` is ``quota list ACCOUNT``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListUnlessSaid, no_args_is_help=True, help="what is left of an account's calls today (quota ACCOUNT)"
)
Account = Annotated[str, typer.Argument(help="the account")]


@app.command("list")
def quota_list(account: Account, as_json: Json = False) -> None:
    """Used and allowed today, by path; what waits, and when it will have gone at these limits."""
    from weigov.flow.clear_quota import CLEARS_PER_MONTH, cleared_this_month
    from weigov.flow.quotas import outlook

    with context() as ctx:
        names(ctx.site.accounts, account, "account")
        found = [asdict(path) for path in outlook(ctx, account)]
        clearings = [asdict(one) for one in cleared_this_month(ctx, account)]
        zone = ctx.site.zone
    if as_json:
        shown = {"account": account, "paths": found, "cleared_this_month": clearings}
        typer.echo(json.dumps(shown, ensure_ascii=False, default=str, indent=2))
        return
    if found:
        out.print(quota_table({account: found}, zone))
    else:
        out.print(f"{account}: nothing was called today and nothing waits")
    out.print(f"cleared this month: {len(clearings)} of {CLEARS_PER_MONTH}")
    for one in clearings:
        unsure = "" if one["outcome"] == "ok" else " (no answer came: it may have been done)"
        out.print(f"  {one['at'].astimezone(zone):%F %R} by {one['person']}: {one['reason']}{unsure}")


@app.command("clear")
def quota_clear(
    account: Account,
    person: Annotated[str, typer.Option("--as", help="who clears it")],
    reason: Annotated[str, typer.Option("--reason", help="why; it is kept")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Have WeChat count today's calls from nothing again: ten times a month, for all paths at once."""
    from weigov.flow.clear_quota import CLEARS_PER_MONTH, clear, cleared_this_month

    with context() as ctx:
        names(ctx.site.accounts, account, "account")
        used = len(cleared_this_month(ctx, account))
        if not yes and used < CLEARS_PER_MONTH:
            typer.confirm(
                f"{account}: all of today's counts are cleared; Weigov used {used} of this month's "
                f"{CLEARS_PER_MONTH} clearings. Clear?",
                abort=True,
            )
        woken = clear(ctx, account, person=person, reason=reason)
        left = CLEARS_PER_MONTH - used - 1
        out.print(
            f"{account}: cleared; {left} left this month; deferred and judged anew by the next deliver: {woken}"
        )


def quota_table(accounts: dict[str, list[dict[str, Any]]], zone: tzinfo) -> Table:
    """account → its paths (``flow.quotas.PathQuota``), as people read them."""
    headings = ("account", "path", "used today", "waiting", "gone by")
    table = Table(*(Column(heading, overflow="fold") for heading in headings))
    for account, paths in accounts.items():
        for path in paths:
            limit = "?" if path["daily_limit"] is None else path["daily_limit"]
            gone_by = f"{path['empty_at'].astimezone(zone):%F %R}" if path["empty_at"] else "not within a year"
            table.add_row(
                account,
                operation_of(path["path"]),
                f"{path['used']}/{limit}",
                str(path["waiting"] or ""),
                gone_by if path["waiting"] else "",
            )
    return table
