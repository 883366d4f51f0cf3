"""What WeChat counted arrives in the ledger, belongs to what we published, and reaches the system it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from tests.weigov.flow.deployment import BEIJING, MORNING, Deployment, openid
from tests.weigov.flow.killed import run_until_killed
from tests.weigov.flow.mass import MONDAY, TITLES, begin, sent, with_weekly, work
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_operator import Weigov, weigov  # noqa: F401
from weigov.flow.figures_back import SOURCES
from weigov.flow.statistics import KINDS, _spans, due_days
from weigov.ledger import figures, outbox, receipts
from weigov.ledger.figures import Pull
from weigov.ledger.tables import receipt
from weigov.site.models import FIGURE_SOURCES

TITLE = "关于停水的通知"  # its crowd: 410, 205, 102, 51… readers
TUESDAY = MORNING.date()
READ = "/datacube/getarticleread"


def day_after(town: Deployment, days: int = 1, hour: int = 8, minute: int = 20) -> None:
    town.other.at((MORNING + timedelta(days=days)).replace(hour=hour, minute=minute))


def setting(town: Deployment, **changed: Any) -> None:
    town.other.patch(f"/wechat/accounts/{town.other.appid}/settings", **changed)


def reads(town: Deployment) -> list[tuple[str, str, int, int, int]]:
    """(article, day, reads, shares, how often written) as the CMS has them."""
    return [(r["article_id"], r["day"], r["reads"], r["shares"], r["written"]) for r in town.other.get("/cms/reads")]


def articles(town: Deployment, last: date = TUESDAY) -> list[dict[str, Any]]:
    with town.ctx.ledger.read() as connection:
        return figures.most_read(connection, town.other.appid, TUESDAY, last, 10)


# ---- which days


def at(day: int, hour: int = 8, minute: int = 20) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=BEIJING)


def asked(*days: tuple[int, datetime], late: bool = False) -> Mapping[date, Pull]:
    return {date(2026, 3, day): Pull(1, late, when) for day, when in days}


@pytest.mark.parametrize(
    ("known", "now", "due"),
    [
        ({}, at(11), [8, 9, 10]),
        ({}, at(11, 7), [8, 9]),  # yesterday is not ready
        (asked((8, at(11)), (9, at(11)), (10, at(11))), at(11, 20), []),  # once since yesterday was ready
        (asked((8, at(9)), (9, at(10)), (10, at(11))), at(12), [8, 9, 10, 11]),  # corrections
        (asked((8, at(11)), (9, at(11)), (10, at(11))), at(12), [9, 10, 11]),  # 8 was three days old
        (asked((8, at(20)), (9, at(20)), (10, at(11))), at(20, 9), [10, *range(11, 20)]),  # after days without runs
        (asked((8, at(11)), (9, at(11)), (10, at(11)), late=True), at(11, 9, 0), []),
        (asked((8, at(11)), (9, at(11)), (10, at(11)), late=True), at(11, 9, 20), [8, 9, 10]),
    ],
)
def test_which_days_are_due(known: Mapping[date, Pull], now: datetime, due: list[int]) -> None:
    found = due_days(known, now, settled_days=3, first=date(2026, 3, 8))
    assert [day.day for day in found] == due


@pytest.mark.parametrize(
    ("days", "most", "spans"),
    [
        ([], 7, []),
        ([1, 2, 3], 7, [(1, 3)]),
        ([1, 2, 3], 1, [(1, 1), (2, 2), (3, 3)]),
        ([1, 2, 4, 5], 7, [(1, 2), (4, 5)]),
        ([*range(1, 11)], 7, [(1, 7), (8, 10)]),
    ],
)
def test_days_are_asked_for_in_as_few_calls_as_wechat_allows(
    days: list[int], most: int, spans: list[tuple[int, int]]
) -> None:
    found = _spans([date(2026, 3, day) for day in days], most)
    assert [(first.day, last.day) for first, last in found] == spans


def test_every_figure_a_flow_may_name_is_one_that_is_kept() -> None:
    assert {"figures.day", *SOURCES} == set(FIGURE_SOURCES)
    assert {kind for kind, _ in SOURCES.values()} <= {kind.name for kind in KINDS}


# ---- what comes of them


def test_figures_come_the_next_morning_are_joined_and_told_and_corrected(calm_on_each: Deployment) -> None:
    town = calm_on_each
    article = publish(town.other, TITLE)
    town.round("cms")
    day_after(town, hour=7, minute=50)
    setting(town, figures_late=True)
    town.statistics()
    assert articles(town) == []
    day_after(town)
    first = town.statistics()
    assert first.days == {kind.name: 3 for kind in KINDS}  # yesterday, and two days that may change
    assert (first.joined, first.not_ready, first.notes, first.stopped) == (1, (), (), "")
    town.drain()
    assert reads(town) == [(article["id"], "2026-03-10", 369, 36, 1)]
    setting(town, figures_late=False)
    town.other.advance(hours=1)
    assert town.statistics().days == {"read": 7, "share": 7, "total": 7, "summary": 7}  # what was late
    town.drain()
    assert reads(town) == [(article["id"], "2026-03-10", 410, 41, 2)]
    calls = town.other.calls("draft/add"), town.other.state()["calls"][READ]
    assert town.statistics().days == {} and town.other.state()["calls"][READ] == calls[1]
    (row,) = articles(town)
    assert (row["title"], row["flow"], row["reads"], row["shares"]) == (TITLE, "notices", 410, 41)
    day_after(town, 2)
    town.statistics()
    town.drain()
    assert reads(town)[1:] == [(article["id"], "2026-03-11", 205, 20, 1)]
    assert town.status()["in_doubt"] == [] and len(town.other.write_backs("cms")) == 1


def test_what_is_not_ready_is_no_failure_and_is_asked_again(calm: Deployment) -> None:
    publish(calm.other, TITLE)
    calm.round("cms")
    day_after(calm)
    calm.other.fault("errcode", "/datacube/*", value=61503, times=6)
    found = calm.statistics()
    assert found.stopped == "" and found.days == {} and len(found.not_ready) > 0
    assert calm.statistics().days["read"] == 30 and articles(calm)[0]["reads"] == 410


def test_missed_days_are_caught_up_with(calm: Deployment) -> None:
    publish(calm.other, TITLE)
    calm.round("cms")
    day_after(calm, 6)
    found = calm.statistics()
    assert found.days == {kind.name: 30 for kind in KINDS}
    assert articles(calm, TUESDAY + timedelta(days=5))[0]["reads"] == 410 + 205 + 102 + 51 + 25 + 12
    calls = calm.other.state()["calls"]
    assert calls[READ] == {"0": 30} and calls["/datacube/getbizsummary"] == {"0": 1}
    assert calls["/datacube/getusersummary"] == {"0": 5}


@pytest.mark.parametrize("where", ["message", "address"])
def test_an_article_is_joined_by_its_message_or_else_by_its_address(calm: Deployment, where: str) -> None:
    publish(calm.other, TITLE)
    calm.round("cms")
    with calm.ctx.ledger.begin() as connection:
        (row,) = outbox.find(connection, effect="publish", states=("confirmed",))
        kinds = {r.kind: r for r in receipts.of_delivery(connection, row.id)}
        assert kinds["message"].remote_id == str(calm.other.articles()[0]["publish_id"])
        if where == "message":
            connection.execute(update(receipt).where(receipt.c.id == kinds["article"].id).values(url=""))
        else:
            connection.execute(delete(receipt).where(receipt.c.id == kinds["message"].id))
    day_after(calm)
    assert calm.statistics().joined == 1 and articles(calm)[0]["flow"] == "notices"


def test_an_article_that_is_not_ours_is_counted_and_told_to_nobody(calm: Deployment) -> None:
    publish(calm.other, TITLE)
    calm.round("cms")
    with calm.ctx.ledger.begin() as connection:  # as if a person had published it by hand
        connection.execute(delete(receipt))
    day_after(calm)
    assert calm.statistics().joined == 0
    calm.drain()
    assert articles(calm)[0]["record"] is None and reads(calm) == []


def test_the_readers_of_an_article_and_of_its_corrected_version_are_added_up(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    day_after(calm)
    assert calm.statistics().joined == 2
    calm.drain()
    assert reads(calm) == [(article["id"], "2026-03-10", 820, 82, 1)]


def test_what_a_digest_carried_counts_for_the_articles_own_record(calm: Deployment) -> None:
    town = calm
    with_weekly(town)
    made = begin(town, TITLE, TITLES[0])
    town.other.at(MONDAY)
    work(town)
    assert len(sent(town.other)) == 1
    town.other.at((MONDAY + timedelta(days=1)).replace(hour=8, minute=20))
    assert town.statistics().joined == 4  # each was published by itself, too
    with town.ctx.ledger.read() as connection:
        rows = figures.most_read(connection, town.other.appid, MONDAY.date(), MONDAY.date(), 10)
    carried = {row["record"]: int(row["reads"]) for row in rows if row["flow"] == "weekly"}
    alone = {row["record"]: int(row["reads"]) for row in rows if row["flow"] == "notices"}
    assert set(carried) == {f"cms/articles/{article['id']}" for article in made} and min(carried.values()) > 0
    town.drain()
    told = {article: n for article, day, n, _, _ in reads(town) if day == "2026-03-16"}
    assert told == {record.rpartition("/")[2]: n + alone.get(record, 0) for record, n in carried.items()}
    assert town.sync_back("cms")[0].enqueued == 0


def test_a_figure_corrected_before_it_left_is_told_once_as_it_is_now(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    calm.other.post("/cms/outage", down=True)
    setting(calm, figures_late=True)
    day_after(calm)
    calm.statistics()
    calm.sync_back("cms")
    setting(calm, figures_late=False)
    calm.other.advance(hours=1)
    calm.statistics()
    calm.other.post("/cms/outage", down=False)
    calm.other.advance(minutes=10)
    calm.drain()
    assert reads(calm) == [(article["id"], "2026-03-10", 410, 41, 1)]
    with calm.ctx.ledger.read() as connection:
        told = [row for row in outbox.find(connection, channel="write") if row.effect.startswith("figures:")]
    assert [(row.revision, row.state) for row in told] == [(1, "superseded"), (2, "confirmed")]


def test_a_run_that_was_killed_is_made_up_for_by_the_next(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    day_after(calm)
    for point in ("statistics._keep:30", "statistics._join:1"):
        run_until_killed(calm.environ, point, "statistics")
    calm.statistics()
    for point in ("intent:write", "effect:write"):
        run_until_killed(calm.environ, point, "sync-back", "cms")
        calm.other.advance(seconds=95)
    calm.drain()
    assert reads(calm) == [(article["id"], "2026-03-10", 410, 41, 2)]  # overwritten by itself


def test_a_limit_that_is_used_up_stops_its_own_calls_until_tomorrow(calm: Deployment) -> None:
    day_after(calm)
    calm.other.put(f"/wechat/accounts/{calm.other.appid}/limits", path=READ, daily=3)
    found = calm.statistics()
    assert found.stopped == "" and found.days["read"] == 3 and found.days["share"] == 30
    assert "45009" in found.notes[0]
    assert "200 calls today" in calm.statistics().notes[0]
    assert calm.other.state()["calls"][READ] == {"0": 3, "45009": 1}
    day_after(calm, 2)
    assert calm.statistics().days["read"] == 3  # and so on


def test_an_account_without_permission_is_left_alone_and_what_is_broken_is_said(calm: Deployment) -> None:
    day_after(calm)
    calm.other.fault("errcode", "/datacube/getarticleread", value=48001, times=1)
    found = calm.statistics()
    assert found.stopped == "" and "48001" in found.notes[0] and "read" not in found.days
    calm.other.fault("http_502", "/datacube/*", times=1)
    assert "502" in calm.statistics().stopped
    assert calm.statistics().days["read"] == 30  # nothing of that is lasting


def test_a_day_wechat_keeps_no_figures_of_is_not_asked_for_for_ever(calm: Deployment) -> None:
    day_after(calm)
    calm.other.fault("errcode", READ, value=61501, times=30)
    assert "read" not in calm.statistics().days
    assert calm.statistics().days == {}


def test_the_operator_sees_the_account_by_day_and_what_was_read_most(calm: Deployment, weigov: Weigov) -> None:  # noqa: F811
    publish(calm.other, TITLE)
    calm.round("cms")
    (article,) = calm.other.articles()
    assert calm.other.web.get(f"/phone/{openid('P0001')}/article/{article['article_id']}/1").ok
    calm.other.persona("P0001", "unfollowed")
    assert "no figures from" in weigov("figures").good()
    day_after(calm)
    assert "read 30, share 30" in weigov("statistics").good()
    assert weigov("statistics").good() == "city: nothing\n"
    assert "read 1" in weigov("statistics", "city", "--day", "2026-03-10").good()
    refused = weigov("statistics", "--day", "2026-03-11")
    assert refused.code == 1 and "from 2025-11-01 to 2026-03-10" in refused.err
    (day,) = (line for line in weigov("figures").good().splitlines() if "2026-03-10" in line and TITLE not in line)
    counted = [part.strip() for part in day.strip("│ ").split("│")]
    assert counted == ["2026-03-10", "1", "411", "41", "27", "0", "1", "72"]
    (shown,) = (line for line in weigov("figures").good().splitlines() if TITLE in line)
    assert "411" in shown and "cms/articles/" in shown
    found = json.loads(weigov("figures", "city", "--days", "1", "--json").good())["city"]
    assert found["days"]["2026-03-10"]["readers"] == 411 and found["articles"][0]["reads"] == 411
