"""When an account's readers last got something new, and how long until that is a veto.

Two weeks without an update fail an account by themselves in the state's inspection of 政务新媒体
(国办秘函〔2019〕19号). Judged by what the ledger knows: what staff publish in WeChat's console alone is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import board

VETO = timedelta(days=14)
WARN_DAYS = 3
#: What citizens can read afterwards; the other channels are messages, menus and write-backs.
ARTICLES = ("news", "mass")


def publishing(ctx: Context, flows: Sequence[str]) -> list[str]:
    """Those of ``flows`` that lead to articles, and those that nobody knows any more."""
    return [name for name in flows if name not in ctx.site.flows or ctx.site.flows[name].to.kind in ARTICLES]


def days_left(last: datetime | None, now: datetime) -> int | None:
    """Whole days until the veto for not being updated."""
    return None if last is None else (last + VETO - now) // timedelta(days=1)


def nearly_vetoed(ctx: Context, connection: Connection) -> dict[str, int]:
    """account → days left, 0 at the least, of those that ``WARN_DAYS`` or fewer are left to."""
    names = publishing(ctx, list(dict.fromkeys([*ctx.site.flows, *board.flow_names(connection, ctx.site.site)])))
    found = {}
    for account in ctx.site.accounts:
        last = board.last_published(connection, ctx.site.site, names, f"account:{account}", ARTICLES)
        left = days_left(last, ctx.now())
        if left is not None and left <= WARN_DAYS:
            found[account] = max(left, 0)
    return found
