"""What is left of an account's calls today, and when what waits will have gone.

WeChat is asked now and then what it counted, for others may spend the same quota; the larger count holds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from weigov.errors import RemoteError
from weigov.flow.channels import mass, news
from weigov.flow.context import Context
from weigov.ledger import budget, quota, waiting
from weigov.ledger.tokens import FORCED
from weigov.ledger.waiting import Waiting
from weigov.wechat import rules
from weigov.wechat.client import AccountClient
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.token import FORCE_PER_DAY

_LIMITS = {**rules.DAILY_LIMITS, FORCED: FORCE_PER_DAY}
#: Further ahead nothing sensible can be said.
_AHEAD_DAYS = 366
#: Of so many that go next WeChat is asked about the calls; what waits behind them is asked about in its turn.
_NEXT = 1000


def ask(ctx: Context, client: AccountClient, target: str) -> None:
    """Take over WeChat's own counts of the paths that what goes next to ``target`` needs; at most once an hour.

    Raises AccountStopped: then nothing else need be tried. Any other refusal leaves our own counts as they are.
    """
    appid = client.account.appid
    with ctx.ledger.read() as connection:
        needed = sorted(_needs(ctx, waiting.first_at(connection, target, limit=_NEXT)))
    if not needed:
        return
    with ctx.ledger.begin() as connection:
        due = [path for path in needed if quota.may_ask(connection, appid, path, now=ctx.now())]
    for path in due:
        try:
            told = client.quota(path)
        except AccountStopped as error:
            if error.whole_account:
                raise
            return
        except RemoteError:
            return
        with ctx.ledger.begin() as connection:
            quota.note_remote(connection, appid, path, told.used, told.daily_limit, now=ctx.now())


@dataclass(frozen=True, slots=True)
class PathQuota:
    """One path today. ``empty_at``: when what waits for it will have gone at the present limit; None is never."""

    path: str
    used: int
    daily_limit: int | None
    waiting: int
    empty_at: datetime | None


def outlook(ctx: Context, account: str) -> list[PathQuota]:
    """Every path of ``account`` that was called today or that something waits for."""
    client = ctx.account(account)
    now = ctx.now()
    with ctx.ledger.read() as connection:
        used = quota.usage(connection, client.account.appid, now=now)
        rows = waiting.at(connection, f"account:{account}")
    needs = _needs(ctx, rows)
    spared = _needs(ctx, [row for row in rows if row.priority > news.WITHDRAWAL])[news.DELETE]
    kept = ctx.site.accounts[account].budget.deletions_kept_for_withdrawals
    found = []
    for path in sorted({*used, *needs}):
        today = used.get(path, quota.Usage(0, None))
        limit = today.daily_limit if today.daily_limit is not None else _LIMITS.get(path)
        late = spared if path == news.DELETE else 0
        empty_at = _empty_at(now, needs[path] - late, late, today.used, limit, kept)
        found.append(PathQuota(path, today.used, limit, needs[path], empty_at))
    return found + _mass(ctx, account, rows)


def _mass(ctx: Context, account: str, rows: list[Waiting]) -> list[PathQuota]:
    """The mass messages of the month or day, where the account sends any."""
    flows = [flow for flow in ctx.site.flows.values() if flow.to.via == "mass" and account in flow.to.accounts]
    if not flows:
        return []
    count, unit = mass.allowed(ctx, account)
    at = now = ctx.now()
    with ctx.ledger.read() as connection:
        spent = budget.spent(connection, f"account:{account}", unit, now=now)
    waits = sum(row.count for row in rows if row.channel == "mass" and row.effect in ("preview", "send"))
    left, free = waits, max(0, count - spent)
    while left > free:
        left, free, at = left - free, count, budget.ends(at, unit)
    return [PathQuota(f"mass messages a {unit}", spent, count, waits, at)]


def _empty_at(now: datetime, first: int, late: int, used: int, limit: int | None, kept: int) -> datetime | None:
    """When ``first`` and then ``late`` calls fit, of which ``late`` must leave ``kept`` of each day's ``limit``."""
    at = now
    for _ in range(_AHEAD_DAYS):
        if limit is not None:
            went = min(first, max(0, limit - used))
            first, used = first - went, used + went
            late -= min(late, max(0, limit - min(kept, limit // 2) - used))
        if limit is None or first + late <= 0:
            return at
        at, used = rules.next_beijing_day(at), 0
    return None


def _needs(ctx: Context, rows: list[Waiting]) -> Counter[str]:
    """path → calls that these will make."""
    needs: Counter[str] = Counter()
    for row in rows:
        if row.channel == "template":
            needs["/cgi-bin/message/template/send"] += row.count
        elif row.channel == "customer_service":
            needs["/cgi-bin/message/custom/send"] += row.count
        elif row.channel == "subscribe":
            continue  # no limit of it is published
        elif row.channel == "menu":
            needs["/cgi-bin/menu/create"] += row.count
            if (flow := ctx.site.flows.get(row.flow)) and flow.conditional:
                needs["/cgi-bin/menu/addconditional"] += row.count * len(flow.conditional)
        elif row.channel == "mass":
            needs.update(mass.calls(ctx, row))
        elif row.effect == "remove":
            needs["/cgi-bin/draft/delete" if row.is_draft else news.DELETE] += row.count
        else:
            needs["/cgi-bin/draft/add"] += 0 if row.is_drafted else row.count
            needs["/cgi-bin/draft/get"] += 0 if row.is_drafted else row.count
            flow = ctx.site.flows.get(row.flow)
            if flow is None or flow.to.via != "draft":
                needs["/cgi-bin/freepublish/submit"] += row.count
    return needs
