"""statistics: what WeChat counted of an account → figures in the ledger, joined to what we published.

A day is asked for when it is over and WeChat has counted it (08:00 of the next), and again on the days after, because
WeChat corrects its figures; days that were missed are caught up with. That a day is not ready is no failure: the next
run asks again. Every call is a read: a run may die anywhere and be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from weigov.errors import RateLimited, RemoteError
from weigov.flow.context import Context
from weigov.flow.step import A_SHORT_WAIT_S
from weigov.ledger import figures, quota
from weigov.ledger.figures import Article, Number, Pull
from weigov.wechat import statistics as wechat
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.statistics import Statistics, Told

#: How far back missed days are caught up with.
CATCH_UP_DAYS = 30
#: A day's figures are asked for until they are so many days old: WeChat corrects them.
SETTLED_DAYS = 3
#: What WeChat had not counted completely is asked for again after this, for as many days.
LATE_PAUSE = timedelta(minutes=50)
LATE_DAYS = 7
#: Calls a day of each path. Nobody published WeChat's limit; what its quota/get said goes before.
PER_DAY = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of figures: its call, how many days that takes at once, how long its days may change."""

    name: str
    call: str
    ask: Callable[[Statistics, date, date], Told]
    settled_days: int = SETTLED_DAYS


KINDS = (
    Kind("read", "getarticleread", lambda s, first, last: s.article_reads(first)),
    Kind("share", "getarticleshare", lambda s, first, last: s.article_shares(first)),
    # A day of publication: its articles are counted for 30 days, and their sums change as long.
    Kind("total", "getarticletotaldetail", lambda s, first, last: s.article_totals(first), wechat.KEPT_DAYS),
    Kind("summary", "getbizsummary", lambda s, first, last: s.summary(first, last)),
    Kind("changes", "getusersummary", lambda s, first, last: s.follower_changes(first, last)),
    Kind("followers", "getusercumulate", lambda s, first, last: s.followers(first, last)),
)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one run did: days by kind, articles newly joined, which days are not ready, why nothing more was asked."""

    account: str
    days: Mapping[str, int] = field(default_factory=dict)
    joined: int = 0
    not_ready: tuple[date, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str = ""


def statistics(ctx: Context, account: str, *, day: date | None = None) -> Pulled:
    """Ask WeChat for every day that is due; for ``day`` alone, due or not, when it is given."""
    client = ctx.account(account)
    appid = client.account.appid
    pulled: Counter[str] = Counter()
    not_ready: set[date] = set()
    notes: list[str] = []
    stopped = ""
    for kind in KINDS:
        for first, last in _spans(_due(ctx, appid, kind) if day is None else [day], wechat.SPAN_DAYS[kind.call]):
            if not _reserve(ctx, appid, kind):
                notes.append(f"{kind.call}: {PER_DAY} calls today, the rest tomorrow")
                break
            try:
                told = kind.ask(client.statistics, first, last)
            except RemoteError as error:
                if wechat.not_ready(error):
                    not_ready.add(last)
                    break  # nor is any later day
                if wechat.no_such_day(error):
                    _keep(ctx, appid, kind, first, last, Told(()))
                    continue
                if isinstance(error, AccountStopped) and not error.whole_account:
                    notes.append(str(error))
                    break
                if isinstance(error, RateLimited):
                    _exhausted(ctx, appid, kind, error)
                    notes.append(str(error))
                    break
                stopped = str(error)
                break
            _keep(ctx, appid, kind, first, last, told)
            pulled[kind.name] += (last - first).days + 1
        if stopped:
            break
    joined = _join(ctx, appid)
    return Pulled(account, dict(pulled), joined, tuple(sorted(not_ready)), tuple(notes), stopped)


def due_days(known: Mapping[date, Pull], now: datetime, *, settled_days: int, first: date) -> list[date]:
    """Which days to ask for, oldest first: never asked, asked too early to hold, or not counted completely then."""
    newest = wechat.newest_ready(now)
    days = [first + timedelta(days=n) for n in range((newest - first).days + 1)]
    return [day for day in days if _is_due(day, known.get(day), now, settled_days, newest)]


def _is_due(day: date, pull: Pull | None, now: datetime, settled_days: int, newest: date) -> bool:
    if pull is None:
        return True
    if pull.late and (newest - day).days < LATE_DAYS and now - pull.pulled_at >= LATE_PAUSE:
        return True
    asked_for = wechat.newest_ready(pull.pulled_at)  # the newest day that could be asked for then
    return asked_for < newest and (asked_for - day).days < settled_days - 1


def _due(ctx: Context, appid: str, kind: Kind) -> list[date]:
    now = ctx.now()
    first = max(wechat.newest_ready(now) - timedelta(days=CATCH_UP_DAYS - 1), wechat.FIRST_DAY)
    with ctx.ledger.read() as connection:
        known = figures.pulls(connection, appid, kind.name, first)
    changing = due_days(known, now, settled_days=kind.settled_days, first=first)
    if kind.settled_days == SETTLED_DAYS:
        return changing
    settled = set(due_days(known, now, settled_days=SETTLED_DAYS, first=first))
    return [day for day in changing if day in settled or known[day].found]  # an empty day stays empty


def _spans(days: Sequence[date], most: int) -> Iterator[tuple[date, date]]:
    """``days`` in stretches without a gap of at most ``most`` days."""
    start: date | None = None
    for n, day in enumerate(days):
        start = start or day
        following = days[n + 1] if n + 1 < len(days) else None
        if following != day + timedelta(days=1) or (following - start).days >= most:
            yield start, day
            start = None


def _reserve(ctx: Context, appid: str, kind: Kind) -> bool:
    """A call that fails stays counted: of reads there are enough, and WeChat counts it too."""
    path = f"/datacube/{kind.call}"
    with ctx.ledger.begin() as connection:
        return quota.reserve(connection, appid, {path: 1}, {path: PER_DAY}, now=ctx.now()) is None


def _exhausted(ctx: Context, appid: str, kind: Kind, error: RateLimited) -> None:
    if (error.retry_after_s or 0) > A_SHORT_WAIT_S:
        with ctx.ledger.begin() as connection:
            quota.exhaust(connection, appid, f"/datacube/{kind.call}", now=ctx.now())


def _keep(ctx: Context, appid: str, kind: Kind, first: date, last: date, told: Told) -> None:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    numbers = [Number(one.day, one.msgid, one.metric, one.value) for one in told.figures]
    articles = [Article(one.msgid, one.published_on, one.title, one.url) for one in told.articles]
    with ctx.ledger.begin() as connection:
        figures.keep(connection, appid, kind.name, days, numbers, articles, late=told.late, now=ctx.now())


def _join(ctx: Context, appid: str) -> int:
    """Find whose the articles are, by the publication's msg_data_id, else by the address; how many were found."""
    with ctx.ledger.begin() as connection:
        unknown = figures.unjoined(connection, appid)
        if not unknown:
            return 0
        by_message: dict[str, int] = {}
        by_name: dict[str, int] = {}
        for delivery, kind, said in figures.published(connection, appid):
            if kind == "message":
                by_message[said] = delivery
            else:
                by_name |= dict.fromkeys(wechat.names_of(said), delivery)
        joined = 0
        for msgid, url in unknown:
            names = (msgid, *wechat.names_of(url))
            found = by_message.get(msgid.rpartition("_")[0])
            found = found or next((by_name[name] for name in names if name in by_name), None)
            if found is not None:
                figures.join(connection, appid, msgid, found)
                joined += 1
    return joined
