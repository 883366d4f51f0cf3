"""What WeChat counted, for the operator: the account day by day, and the articles most read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from weigov.commands.console import Json, context, names, out

#: WeChat's name of a figure of the account → how it is called here.
_OF_ACCOUNT = {
    "send_page_count": "articles",
    "read_user": "readers",
    "share_user": "sharers",
    "like_user": "likes",
    "new_user": "came",
    "cancel_user": "left",
    "cumulate_user": "followers",
}


def figures(
    account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="the newest so many days")] = 7,
    top: Annotated[int, typer.Option(min=0, max=1000, help="so many articles, the most read first")] = 10,
    as_json: Json = False,
) -> None:
    """What WeChat counted: the account by day, and the articles most read in these days."""
    from weigov.ledger import figures as ledger
    from weigov.wechat.statistics import newest_ready

    shown: dict[str, Any] = {}
    with context() as ctx:
        last = newest_ready(ctx.now())
        first = last - timedelta(days=days - 1)
        for name in names(ctx.site.accounts, account, "account"):
            appid = ctx.account(name).account.appid
            with ctx.ledger.read() as connection:
                by_day = ledger.of_account(connection, appid, first, last)
                articles = ledger.most_read(connection, appid, first, last, top)
            counted = {
                day: {_OF_ACCOUNT[m]: int(v) for m, v in of.items() if m in _OF_ACCOUNT} for day, of in by_day.items()
            }
            shown[name] = {"days": {day.isoformat(): of for day, of in counted.items()}, "articles": articles}
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for name, found in shown.items():
        if not found["days"]:
            out.print(f"{name}: no figures from {first} to {last}; `weigov statistics {name}` asks WeChat")
            continue
        out.print(_days(name, found["days"]))
        if found["articles"]:
            out.print(_articles(found["articles"]))


def _days(account: str, days: dict[str, dict[str, int]]) -> Table:
    table = Table(account, *(Column(heading, justify="right") for heading in _OF_ACCOUNT.values()))
    for day, counted in days.items():
        table.add_row(day, *(str(counted.get(heading, "")) for heading in _OF_ACCOUNT.values()))
    return table


def _articles(articles: list[dict[str, Any]]) -> Table:
    table = Table(
        Column("article", overflow="fold"),
        "published",
        Column("reads", justify="right"),
        Column("shares", justify="right"),
        Column("record", overflow="fold"),
    )
    for article in articles:
        title = article["title"] or article["own_title"] or article["msgid"]
        record = article["record"] or "not ours"
        counts = (str(int(article[name])) for name in ("reads", "shares"))
        table.add_row(title, article["published_on"], *counts, record)
    return table
