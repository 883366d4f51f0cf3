"""Articles that stood and are gone: taken down by WeChat or by the account's own staff, long after success.

WeChat may say so by an event, or not at all. So once an hour two pages of what is published are read: the newest
articles, and in turn one page of the older ones. What should be on such a page and is not, and what no page has shown
for long, is asked for by its id before anything is believed. Together that is at most half of the day's calls of
batchget and getarticle; the other half is left for deliveries whose answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from weigov.errors import LedgerConflict
from weigov.flow.channels.news.outcome import PLAIN
from weigov.flow.context import Context
from weigov.ledger import attempts, outbox, published, quota
from weigov.ledger.published import Standing
from weigov.wechat import rules
from weigov.wechat.client import AccountClient, Listed

#: Articles older than this are looked at no more.
MAX_AGE = timedelta(days=400)
#: How long an article stands before it is looked for at all: our knowledge of it may be that much late.
SETTLED = timedelta(hours=1)
#: How many that no page showed are asked for by their id in one look.
ASKED = 2
_PAGE = 20
BATCHGET, GETARTICLE, GET = (f"/cgi-bin/freepublish/{name}" for name in ("batchget", "getarticle", "get"))


def watch(ctx: Context, client: AccountClient, target: str) -> int:
    """Look for what is gone, at most once an hour; how many were. Raises RemoteError when WeChat cannot be asked."""
    appid = client.account.appid
    with ctx.ledger.begin() as connection:
        since = ctx.now() - MAX_AGE
        if not published.standing(connection, target, since=since, until=ctx.now() - SETTLED, limit=1):
            return 0
        if not quota.may_ask(connection, appid, "watched", now=ctx.now()):
            return 0
    suspects: dict[int, Standing] = {}
    newest = _page(ctx, client, 0)
    if newest is not None:
        items, total = newest
        _compare(ctx, appid, target, items, suspects, is_first=True)
        older = -(-total // _PAGE) - 1
        if older > 0:  # another one each hour, so that all have their turn
            turn = 1 + int(ctx.now().timestamp() // 3600) % older
            further = _page(ctx, client, turn * _PAGE)
            if further is not None:
                _compare(ctx, appid, target, further[0], suspects)
    gone = [one for one in suspects.values() if one.is_gone]
    doubtful = [one for one in suspects.values() if not one.is_gone]
    with ctx.ledger.read() as connection:
        late = published.standing(
            connection, target, since=since, until=ctx.now() - SETTLED, unseen_at=ctx.now(), limit=ASKED
        )
    for one in list({one.id: one for one in [*doubtful, *late]}.values())[:ASKED]:
        if one.id in {other.id for other in gone} or not _may_call(ctx, appid, GETARTICLE):
            continue
        if stands(client, one.article_id):
            _saw(ctx, [one])
        else:
            gone.append(one)
    return sum(_taken_down(ctx, client, one) for one in gone)


def stands(client: AccountClient, article_id: str) -> bool:
    """Whether any article of a published item can still be read."""
    return any(not article.get("is_deleted") for article in client.get_article(article_id) or ())


def take_down(connection: Connection, delivery_id: int, reason: str, *, now: datetime) -> bool:
    """Write down that a confirmed article is gone, unless we are removing it ourselves; whether it was written."""
    row = outbox.get(connection, delivery_id)
    removals = [
        other
        for other in outbox.find(connection, site=row.site, flow=row.flow, record=row.record, effect="remove")
        if other.payload.get("of") == row.id
    ]
    if row.state != "confirmed" or any(other.state in _OURS for other in removals):
        return False
    try:
        outbox.move(connection, row, "removed", now=now, reason=reason)
        for other in removals:
            if other.state in ("ready", "deferred"):
                outbox.move(connection, other, "superseded", now=now, reason="it is gone already")
    except LedgerConflict:
        return False
    return True


#: States of a removal in which the article may be gone because of it.
_OURS = ("claimed", "sending", "unknown", "accepted", "confirmed", "in_doubt")


def _compare(
    ctx: Context,
    appid: str,
    target: str,
    items: Iterable[Listed],
    suspects: dict[int, Standing],
    *,
    is_first: bool = False,
) -> None:
    """Note what stands on a page; add to ``suspects`` what is gone, or should be on it and is not."""
    listed = {item.id: item for item in items}
    with ctx.ledger.read() as connection:
        ours = published.by_article(connection, appid, list(listed))
    there = []
    for one in ours:
        if all(article.get("is_deleted") for article in listed[one.article_id].articles):
            suspects[one.id] = one.known_gone()
        else:
            there.append(one)
    _saw(ctx, there)
    if is_first and listed:
        # Everything we know to be newer than the oldest of the first page is on it, or is gone.
        oldest = datetime.fromtimestamp(min(item.update_time for item in listed.values()), UTC)
        with ctx.ledger.read() as connection:
            newer = published.standing(
                connection, target, since=oldest + SETTLED, until=ctx.now() - SETTLED, limit=_PAGE
            )
        suspects |= {one.id: one for one in newer if one.article_id not in listed}


def _saw(ctx: Context, ones: Iterable[Standing]) -> None:
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        for one in ones:
            published.seen(connection, one.id, again_at=now + _again(now - one.confirmed_at))


def _again(age: timedelta) -> timedelta:
    """How long a page may fail to show an article before it is asked for by its id."""
    return next((pause for limit, pause in _PAUSES if age < limit), _PAUSES[-1][1])


_PAUSES = (
    (timedelta(days=7), timedelta(days=1)),
    (timedelta(days=90), timedelta(days=7)),
    (MAX_AGE, timedelta(days=30)),
)


def _taken_down(ctx: Context, client: AccountClient, one: Standing) -> bool:
    with ctx.ledger.read() as connection:
        publish_id = attempts.done(connection, one.id).get("submit", "")
    reason = "no longer in WeChat: taken down there by WeChat or by the account's own staff"
    if publish_id and _may_call(ctx, client.account.appid, GET):
        reason = PLAIN.get(client.get_publish(publish_id).state, reason)
    with ctx.ledger.begin() as connection:
        return take_down(connection, one.id, reason, now=ctx.now())


def _page(ctx: Context, client: AccountClient, offset: int) -> tuple[tuple[Listed, ...], int] | None:
    if not _may_call(ctx, client.account.appid, BATCHGET):
        return None
    page = client.batchget_published(offset, _PAGE, True)
    return page.items, page.total


def _may_call(ctx: Context, appid: str, path: str) -> bool:
    """Take one call of ``path``, if that leaves half of the day's for others."""
    with ctx.ledger.begin() as connection:
        kept = {path: rules.DAILY_LIMITS[path]}  # of which quota keeps half at most
        return quota.reserve(connection, appid, {path: 1}, rules.DAILY_LIMITS, now=ctx.now(), keep=kept) is None
