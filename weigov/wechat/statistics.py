"""What WeChat counted of articles and followers: one method per call, answers with small values. All calls are reads.

Days are Beijing days and over: yesterday's figures come after 08:00. WeChat may correct a day's figures later. An
article that fewer than three people read or shared on a day is not told of; a day of no figures is an empty answer.

Each call raises what the client's calls raise; two codes mean something of their own here (``not_ready``,
``no_such_day``). Verified accounts only. Source: the official pages below
developers.weixin.qq.com/doc/service/api/wedata, as read in autumn 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from weigov.errors import RemoteError, RemoteUnavailable
from weigov.wechat import rules
from weigov.wechat.account import Account
from weigov.wechat.errcodes import BEIJING
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.sdk import Json, Sdk

#: When a day's figures are ready, on the next day in Beijing.
READY = time(8)
#: WeChat tells of articles from this day on, and of each for so many days, that of its publication included.
FIRST_DAY = date(2025, 11, 1)
KEPT_DAYS = 30
#: The most days one call may ask for.
SPAN_DAYS: Mapping[str, int] = {
    "getarticleread": 1,
    "getarticleshare": 1,
    "getarticletotaldetail": 1,
    "getbizsummary": 30,
    "getusersummary": 7,
    "getusercumulate": 7,
}
PATHS = tuple(f"/datacube/{name}" for name in SPAN_DAYS)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one day; of one article, or of the account where ``msgid`` is empty.

    ``metric`` is WeChat's name of it (``read_user``). Counts are whole numbers, rates between 0 and 1.
    """

    day: date
    msgid: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class CountedArticle:
    """An article as the figures know it. ``msgid``: the msg_data_id of its publication, "_", and its place from 1."""

    msgid: str
    published_on: date
    title: str = ""
    url: str = ""
    notified: bool = False  # fans were told of it: a mass send


@dataclass(frozen=True, slots=True)
class Told:
    """One answer. ``late``: WeChat has not counted all of it yet, the same question gets better figures later."""

    figures: tuple[Figure, ...]
    articles: tuple[CountedArticle, ...] = ()
    late: bool = False


class Statistics:
    """The figures of one account."""

    def __init__(self, account: Account, sdk: Sdk) -> None:
        self._account = account
        self._sdk = sdk

    def article_reads(self, day: date) -> Told:
        """How many people read each article on ``day`` (``read_user``)."""
        return self._of_articles("getarticleread", day)

    def article_shares(self, day: date) -> Told:
        """How many people shared each article on ``day`` (``share_user``)."""
        return self._of_articles("getarticleshare", day)

    def article_totals(self, published_on: date) -> Told:
        """What was published on a day, and for each day since the sums from then to the end of that day."""
        answer = self._ask("getarticletotaldetail", published_on, published_on)
        figures: list[Figure] = []
        articles: list[CountedArticle] = []
        for item in _rows(answer):
            msgid = _text(item, "msgid")
            day = _day(item.get("ref_date"), published_on)
            notified = item.get("publish_type") == 0
            articles.append(CountedArticle(msgid, day, _text(item, "title"), _text(item, "content_url"), notified))
            for detail in item.get("detail_list") or ():
                figures += _figures(_day(detail.get("stat_date"), day), msgid, detail)
        return Told(tuple(figures), tuple(articles), _late(answer))

    def summary(self, first: date, last: date) -> Told:
        """All articles together, by day, of at most 30 days."""
        answer = self._ask("getbizsummary", first, last)
        return Told(tuple(_details(answer, first, "")), late=_late(answer))

    def follower_changes(self, first: date, last: date) -> Told:
        """Who came and who left (``new_user``, ``cancel_user``), by day, of at most 7 days, by whatever way."""
        answer = self._ask("getusersummary", first, last)
        sums: dict[tuple[date, str], float] = {}
        for item in _rows(answer):
            for metric in ("new_user", "cancel_user"):
                key = (_day(item.get("ref_date"), first), metric)
                sums[key] = sums.get(key, 0) + float(item.get(metric) or 0)
        return Told(tuple(Figure(day, "", metric, value) for (day, metric), value in sums.items()))

    def followers(self, first: date, last: date) -> Told:
        """How many follow (``cumulate_user``) at the end of each of at most 7 days."""
        return Told(
            tuple(
                Figure(_day(item.get("ref_date"), first), "", "cumulate_user", float(item.get("cumulate_user") or 0))
                for item in _rows(self._ask("getusercumulate", first, last))
            )
        )

    def _of_articles(self, name: str, day: date) -> Told:
        answer = self._ask(name, day, day)
        return Told(tuple(_details(answer, day, "msgid")), late=_late(answer))

    def _ask(self, name: str, first: date, last: date) -> Json:
        operation = f"datacube/{name}"
        if (last - first).days >= SPAN_DAYS[name]:
            raise ValueError(f"{operation} answers for at most {SPAN_DAYS[name]} days at once")
        if reason := rules.not_permitted(self._account.type, self._account.verified, f"/{operation}"):
            raise AccountStopped(self._account.system, operation, reason, whole_account=False)
        answer: Json = self._sdk.datacube_days.ask(name, first, last)
        if not isinstance(answer.get("list"), list):
            raise RemoteUnavailable(self._account.system, operation, "the answer has no list")
        return answer


def newest_ready(now: datetime) -> date:
    """The newest day whose figures WeChat may have."""
    local = now.astimezone(BEIJING)
    return local.date() - timedelta(days=1 if local.time() >= READY else 2)


def not_ready(error: RemoteError) -> bool:
    """Whether WeChat has not counted that day yet: nothing is wrong, it is asked again later."""
    return error.code == 61503


def no_such_day(error: RemoteError) -> bool:
    """Whether WeChat keeps no figures of that day."""
    return error.code == 61501


def names_of(url: str) -> tuple[str, ...]:
    """What an article is called by its address, in every form that it may be compared by.

    A long address (``…/s?__biz=…&mid=2650177668&idx=1&sn=…``) holds the msgid, ``2650177668_1``; a short one
    (``…/s/AbC``) only itself.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    mid, idx = query.get("mid", [""])[0], query.get("idx", ["1"])[0]
    if mid:
        return (f"{mid}_{idx}",)
    return (parts.path,) if parts.path.startswith("/s/") else ()


def _details(answer: Json, asked: date, key: str) -> Iterator[Figure]:
    for item in _rows(answer):
        yield from _figures(_day(item.get("ref_date"), asked), _text(item, key) if key else "", item.get("detail"))


def _figures(day: date, msgid: str, detail: Any) -> Iterator[Figure]:
    """Every plain number of ``detail``; what is split up by origin or position is left out."""
    if isinstance(detail, Mapping):
        for metric, value in detail.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield Figure(day, msgid, str(metric)[:32], float(value))


def _rows(answer: Json) -> list[Mapping[str, Any]]:
    return [item for item in answer["list"] if isinstance(item, Mapping)]


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item.get(name) or "").strip()


def _day(value: Any, asked: date) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return asked


def _late(answer: Json) -> bool:
    return answer.get("is_delay") is True
