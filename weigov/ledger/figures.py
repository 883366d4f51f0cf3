"""What WeChat counted: kept as it last said it, joined to the deliveries it is about, and looked at by day.

Days are Beijing days, as text ``2026-03-10`` in the tables and as dates here. Figures are overwritten, never removed:
WeChat corrects them, and the newest answer holds. Which days to ask for is ``weigov.flow.statistics``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
    update,
)

from weigov.ledger.dialect import insert_ignore, upsert
from weigov.ledger.tables import counted_article, delivery, figure, figure_pull, gathered, receipt


class Number(NamedTuple):
    """One figure of one day, of the account where ``msgid`` is empty."""

    day: date
    msgid: str
    metric: str
    value: float


class Article(NamedTuple):
    """An article as the figures know it; an empty text is not known (yet)."""

    msgid: str
    published_on: date
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Pull:
    """When a day was last asked for, how much was told of it, and whether WeChat had not counted all of it."""

    found: int
    late: bool
    pulled_at: datetime


def keep(
    connection: Connection,
    appid: str,
    kind: str,
    days: Sequence[date],
    numbers: Sequence[Number],
    articles: Sequence[Article] = (),
    *,
    late: bool,
    now: datetime,
) -> None:
    """Write down one answer: what it told, and that ``days`` were asked for."""
    rows = [
        {"appid": appid, "kind": kind, **n._asdict(), "day": n.day.isoformat(), "at": now}
        for n in numbers
    ]  # fmt: skip
    upsert(connection, figure, rows, key=("appid", "kind", "day", "msgid", "metric"), update=("value", "at"))
    msgids = dict.fromkeys(n.msgid for n in numbers if n.msgid)
    insert_ignore(connection, counted_article, [{"appid": appid, "msgid": msgid} for msgid in msgids])
    for article in articles:
        _keep_article(connection, appid, article)
    told = {day: 0 for day in days}
    for day in (article.published_on for article in articles) if articles else (n.day for n in numbers):
        if day in told:
            told[day] += 1
    pulls = [
        {"appid": appid, "kind": kind, "day": day.isoformat(), "found": n, "late": late, "pulled_at": now}
        for day, n in told.items()
    ]
    upsert(connection, figure_pull, pulls, key=("appid", "kind", "day"), update=("found", "late", "pulled_at"))


def _keep_article(connection: Connection, appid: str, article: Article) -> None:
    key = {"appid": appid, "msgid": article.msgid}
    known = {"published_on": article.published_on.isoformat(), "title": article.title[:400], "url": article.url}
    known = {name: value for name, value in known.items() if value}
    insert_ignore(connection, counted_article, [key])
    connection.execute(update(counted_article).where(_is(appid, article.msgid)).values(**known))


def pulls(connection: Connection, appid: str, kind: str, since: date) -> dict[date, Pull]:
    """The days from ``since`` on that were asked for."""
    query = select(figure_pull).where(
        figure_pull.c.appid == appid, figure_pull.c.kind == kind, figure_pull.c.day >= since.isoformat()
    )
    return {
        date.fromisoformat(row.day): Pull(row.found, row.late, row.pulled_at) for row in connection.execute(query)
    }


# ---- joining


def unjoined(connection: Connection, appid: str) -> list[tuple[str, str]]:
    """(msgid, url) of the articles nobody knows the delivery of."""
    query = select(counted_article.c.msgid, counted_article.c.url).where(
        counted_article.c.appid == appid, counted_article.c.delivery_id.is_(None)
    )
    return [(row.msgid, row.url) for row in connection.execute(query.order_by(counted_article.c.msgid))]


def published(connection: Connection, appid: str) -> list[tuple[int, str, str]]:
    """(delivery, kind of receipt, what it says) of everything published: a msg_data_id, or the article's address."""
    said = case((receipt.c.kind == "message", receipt.c.remote_id), else_=receipt.c.url)
    query = select(receipt.c.delivery_id, receipt.c.kind, said.label("said")).where(
        receipt.c.appid == appid, receipt.c.kind.in_(("message", "article")), receipt.c.delivery_id.is_not(None)
    )
    return [(row.delivery_id, row.kind, row.said) for row in connection.execute(query.order_by(receipt.c.id))]


def join(connection: Connection, appid: str, msgid: str, delivery_id: int) -> None:
    """Say which delivery published this article."""
    connection.execute(update(counted_article).where(_is(appid, msgid)).values(delivery_id=delivery_id))


# ---- looking


def records(connection: Connection, site: str, flow: str, since: date, *, after: str, limit: int) -> list[str]:
    """The records a flow published of which there are figures from the day ``since`` on; those behind ``after``."""
    articles = _of(site, flow)
    query = (
        select(articles.c.record)
        .join(figure, and_(figure.c.appid == articles.c.appid, figure.c.msgid == articles.c.msgid))
        .where(figure.c.day >= since.isoformat(), articles.c.record > after)
        .distinct()
        .order_by(articles.c.record)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def of_flow(connection: Connection, site: str, flow: str, since: date, of: Sequence[str]) -> list[Row[Any]]:
    """record, target, day, kind, metric, value of what a flow published of these records, from the day ``since`` on.

    All of a record is added up: what was published several times (an edit replaces the article), and what digests
    carried of it to many.
    """
    articles = _of(site, flow)
    columns = (articles.c.record, articles.c.target, figure.c.day, figure.c.kind, figure.c.metric)
    query = (
        select(*columns, func.sum(figure.c.value).label("value"))
        .join(figure, and_(figure.c.appid == articles.c.appid, figure.c.msgid == articles.c.msgid))
        .where(articles.c.record.in_(list(of)))
        .where(figure.c.kind.in_(("read", "share", "total")), figure.c.day >= since.isoformat())
        .group_by(*columns)
        .order_by(articles.c.record, figure.c.day)
    )
    return list(connection.execute(query))


def _of(site: str, flow: str) -> Subquery:
    """record, target, appid, msgid of each article that goes back to a delivery of this flow."""
    columns = (delivery.c.record, delivery.c.target, counted_article.c.appid, counted_article.c.msgid)
    mine = (delivery.c.site == site, delivery.c.flow == flow)
    published = select(*columns).join(counted_article, counted_article.c.delivery_id == delivery.c.id).where(*mine)
    carried = (
        select(*columns)
        .join(gathered, gathered.c.of_id == delivery.c.id)
        .join(counted_article, and_(counted_article.c.delivery_id == gathered.c.delivery_id, _is_at_its_place()))
        .where(*mine)
    )
    return union_all(published, carried).subquery()


def _is_at_its_place() -> ColumnElement[bool]:
    """Whether a counted article is the one at its place in a digest: a msgid is msg_data_id_PLACE, of 1 to 8."""
    last = func.substr(counted_article.c.msgid, func.length(counted_article.c.msgid) - 1)
    return last == literal("_") + cast(gathered.c.place, String)


@dataclass(frozen=True, slots=True)
class ToldBack:
    """The newest version of a day's figures that was to be told, and the digest of what it says."""

    revision: int
    digest: str


def told(
    connection: Connection, site: str, flow: str, effect: str, since: date, of: Sequence[str]
) -> dict[tuple[str, str, str], ToldBack]:
    """(record, effect, subject) → what was last told of these records' figures. ``effect`` is all but the day."""
    query = (
        select(delivery.c.record, delivery.c.effect, delivery.c.subject, delivery.c.revision, delivery.c.digest)
        .where(
            delivery.c.site == site,
            delivery.c.flow == flow,
            delivery.c.channel == "write",
            delivery.c.record.in_(list(of)),
            delivery.c.effect >= effect + since.isoformat(),
            delivery.c.effect < effect + "9999",
        )
        .order_by(delivery.c.revision)
    )
    return {
        (row.record, row.effect, row.subject): ToldBack(row.revision, row.digest) for row in connection.execute(query)
    }


def of_account(connection: Connection, appid: str, first: date, last: date) -> dict[date, dict[str, float]]:
    """day → metric → value of the account as a whole."""
    query = select(figure.c.day, figure.c.metric, figure.c.value).where(
        figure.c.appid == appid,
        figure.c.kind.in_(("summary", "changes", "followers")),
        figure.c.msgid == "",
        figure.c.day.between(first.isoformat(), last.isoformat()),
    )
    found: dict[date, dict[str, float]] = {}
    for row in connection.execute(query.order_by(figure.c.day)):
        found.setdefault(date.fromisoformat(row.day), {})[row.metric] = row.value
    return found


def most_read(connection: Connection, appid: str, first: date, last: date, limit: int) -> list[dict[str, Any]]:
    """msgid, title, url, published_on, flow, record, reads, shares of the articles most read in these days.

    Readers of several days are added up: who came twice counts twice. ``record`` of what a digest carried is the
    article's own; it and ``flow`` are None where the article was not published by us.
    """
    reads = func.sum(case((and_(figure.c.kind == "read", figure.c.metric == "read_user"), figure.c.value), else_=0))
    shares = func.sum(
        case((and_(figure.c.kind == "share", figure.c.metric == "share_user"), figure.c.value), else_=0)
    )
    columns: Mapping[str, Any] = {
        "msgid": counted_article.c.msgid,
        "title": counted_article.c.title,
        "url": counted_article.c.url,
        "published_on": counted_article.c.published_on,
        "flow": delivery.c.flow,
        "record": func.coalesce(gathered.c.record, delivery.c.record).label("record"),
        "own_title": delivery.c.title,
    }
    query = (
        select(*columns.values(), reads.label("reads"), shares.label("shares"))
        .select_from(figure)
        .join(
            counted_article,
            and_(counted_article.c.appid == figure.c.appid, counted_article.c.msgid == figure.c.msgid),
        )
        .outerjoin(delivery, delivery.c.id == counted_article.c.delivery_id)
        .outerjoin(gathered, and_(gathered.c.delivery_id == delivery.c.id, _is_at_its_place()))
        .where(
            figure.c.appid == appid,
            figure.c.kind.in_(("read", "share")),
            figure.c.day.between(first.isoformat(), last.isoformat()),
        )
        .group_by(*columns.values())
        .order_by(reads.desc(), counted_article.c.msgid)
        .limit(limit)
    )
    return [dict(zip((*columns, "reads", "shares"), row, strict=True)) for row in connection.execute(query)]


def _is(appid: str, msgid: str) -> Any:
    return (counted_article.c.appid == appid) & (counted_article.c.msgid == msgid)
