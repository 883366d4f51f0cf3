"""clear_quota: a person has WeChat count the day's calls from nothing again. Never done by a schedule.

WeChat allows ten a month for an account, however they are asked for; who asked and why stays in the ledger.
"""

from __future__ import annotations

from datetime import timedelta

from weigov.errors import ConfigError, OutcomeUnknown, RateLimited, RemoteError, RemoteRefused
from weigov.flow.context import Context
from weigov.ledger import audit_log, deferrals, quota, quota_clears
from weigov.ledger.quota_clears import Clearing, Outcome
from weigov.wechat.errcodes import wait_s

CLEARS_PER_MONTH = 10  # rulebook §1; 48006 beyond


def cleared_this_month(ctx: Context, account: str) -> list[Clearing]:
    """Those that count, or may, against the month's ten, as far as Weigov made them."""
    appid = ctx.account(account).account.appid
    with ctx.ledger.read() as connection:
        return [one for one in quota_clears.this_month(connection, appid, now=ctx.now()) if one.counts]


def clear(ctx: Context, account: str, *, person: str, reason: str) -> int:
    """Have all of today's counts of ``account`` cleared, and judge anew what was deferred; how many were.

    Raises ConfigError when nobody or no reason is named or the month's ten are used up (nothing was called), and
    RemoteError when WeChat refuses or does not answer.
    """
    if not person.strip() or not reason.strip():
        raise ConfigError("clearing a quota needs a person (--as) and a reason (--reason)")
    client = ctx.account(account)
    appid = client.account.appid
    if len(cleared_this_month(ctx, account)) >= CLEARS_PER_MONTH:
        now = ctx.now()
        again = now + timedelta(seconds=wait_s("month", now))
        raise ConfigError(
            f"{account}: this month's {CLEARS_PER_MONTH} clearings are used up; "
            f"the next is possible from {again.astimezone(ctx.site.zone):%Y-%m-%d %H:%M}"
        )
    with ctx.ledger.begin() as connection:
        clearing = quota_clears.begin(connection, appid, person.strip(), reason.strip(), now=ctx.now())
        audit_log.append(
            connection,
            ctx.site.site,
            "clear_quota",
            about=f"account {account}",
            person=person,
            reason=reason,
            at=ctx.now(),
        )
    try:
        client.clear_quota()
    except RemoteError as error:
        with ctx.ledger.begin() as connection:
            quota_clears.end(connection, clearing, _outcome(error), str(error))
        raise
    with ctx.ledger.begin() as connection:
        quota_clears.end(connection, clearing, "ok")
        quota.cleared(connection, appid, now=ctx.now())
        return deferrals.wake(connection, target=f"account:{account}", now=ctx.now())


def _outcome(error: RemoteError) -> Outcome:
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    return "refused" if isinstance(error, RemoteRefused | RateLimited) else "unsent"
