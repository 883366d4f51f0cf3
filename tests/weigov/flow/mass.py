"""A town whose published notices go to everybody once a week."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import BEIJING, Deployment, OtherSide, calm_site, rewrite
from tests.weigov.flow.test_articles import publish
from weigov.flow.compose import Composed
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery

WEEKLY = """flow: weekly
title: 一周要闻
from: {system: cms, stream: articles, where: {column: {under: "01"}}}
gather: {pick: published, order: -published_at, take: 8, every: "0 9 * * 1"}
to: {accounts: [city], kind: news, via: mass, audience: all}
"""
#: The Monday after the tests' morning.
MONDAY = datetime(2026, 3, 16, 9, 0, tzinfo=BEIJING)
TITLES = ("关于滨湖大道封闭施工的通告", "关于供水管道抢修的通知", "关于举办招聘会的公告")


def weekly_site(folder: Path, weekly: str = WEEKLY, preview_to: str = "wx_p0001", budget: str = "") -> Path:
    """The calm site with a weekly digest."""
    site = calm_site(folder)
    (site / "flows" / "weekly.yaml").write_text(weekly, encoding="utf-8")
    text = (site / "site.yaml").read_text(encoding="utf-8")
    more = f"    preview_to: [{preview_to}]\n" + (f"    budget: {{mass: {budget}}}\n" if budget else "")
    (site / "site.yaml").write_text(
        text.replace("    connection: wechat_city\n", f"    connection: wechat_city\n{more}"), encoding="utf-8"
    )
    return site


def with_weekly(town: Deployment) -> None:
    """Give a deployment that is running the weekly digest."""
    (town.settings.site / "flows" / "weekly.yaml").write_text(WEEKLY, encoding="utf-8")
    seen_first = "    connection: wechat_city\n    preview_to: [wx_p0001]\n"
    rewrite(town.settings.site / "site.yaml", lambda text: text.replace("    connection: wechat_city\n", seen_first))
    town.reopen()


def begin(town: Deployment, *titles: str) -> list[dict[str, Any]]:
    """The flow begins, and then articles are published, the first of them last: a digest shows the newest first."""
    town.compose("weekly")
    made: list[dict[str, Any]] = []
    for title in reversed(titles or TITLES):
        town.other.advance(seconds=2)
        made.insert(0, publish(town.other, title))
    town.round("cms")
    assert len(town.other.titles()) == len(made)
    return made


def weekly(town: Deployment) -> Composed:
    return town.compose("weekly")["weekly"]


def work(town: Deployment) -> None:
    """Compose the digest, and everything after it until nothing is due."""
    weekly(town)
    town.drain()


def jobs(other: OtherSide) -> list[dict[str, Any]]:
    """Every mass message WeChat accepted."""
    found: list[dict[str, Any]] = other.get("/wechat/mass", appid=other.appid)["jobs"]
    return found


def sent(other: OtherSide) -> list[list[str]]:
    """The titles of every mass message that reached anybody."""
    return [[a["title"] for a in job["articles"]] for job in jobs(other) if job["received"]]


def previews(other: OtherSide) -> list[tuple[str, list[str]]]:
    """(identity, titles) of every preview."""
    names = {person.openid: person.identity for person in PEOPLE}
    found = other.get("/wechat/mass", appid=other.appid)["previews"]
    return [(names[one["openid"]], one["titles"]) for one in found]


def digests(town: Deployment, effect: str = "send") -> list[Delivery]:
    with town.ctx.ledger.read() as connection:
        return outbox.find(connection, flow="weekly", channel="mass", effect=effect)


def states(town: Deployment, effect: str = "send") -> list[str]:
    return [row.state for row in digests(town, effect)]
