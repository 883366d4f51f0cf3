"""The first page: what must be done, by whom; how everything stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError

from tests.weigov.board.conftest import Shown
from tests.weigov.board.town import Town
from tests.weigov.serving import Web
from weigov.board import inspection, trend
from weigov.board.overview import _inspection_todos, late_after
from weigov.errors import ConfigError, Fault, RemoteUnavailable
from weigov.flow.updates import days_left
from weigov.ledger.board import first_id
from weigov.ledger.tables import delivery

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


def test_it_says_what_must_be_done_and_by_whom(web: Web, town: Town, shown: Shown) -> None:
    town.in_doubt("存疑一")
    town.spend(930)
    shown.gateway = "127.0.0.1:18700: no answer"
    try:
        page = web.get("/").text
    finally:
        shown.gateway = ""
    for said in (
        "in doubt; look at the other side, then settle them",
        "quarantined; mend the source by the reason",
        "The gateway cannot be reached: 127.0.0.1:18700: no answer",
        "city: 93",  # of 1000 calls of draft/add
        "Unanswered questions of citizens: ",
    ):
        assert said in page, said
    assert "IT on duty" in page
    dead = re.search(r'<a href="/item/(\d+)">Articles with dead pictures or links: 1</a>', page)
    assert dead is not None and int(dead[1]) == town.published.id  # one sees which
    chinese = web.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}).text
    assert "存疑，请到对方处查看后裁定" in chinese and "值班 IT" in chinese and '<html lang="zh-CN">' in chinese


def test_flows_quotas_health_and_trend_are_on_it(web: Web, town: Town) -> None:
    town.spend(1)
    page = web.get("/").text
    for part in (
        "通知公告",
        "办件进度",
        "draft/add",
        "Token of city",
        "cms/articles",
        "completed 2026-03-10",
        "Last published",
    ):
        assert part in page, part
    assert "getarticleread" not in page  # no gauge without a limit: it is on the account's own page
    assert "getarticleread" in web.get("/account/city").text
    assert page.count('class="arrived" x=') == 30
    (today,) = re.findall(r"<title>2026-03-10: Arrived (\d+)", page)
    assert int(today) >= 2
    assert re.search(r"judged of all \d+ articles.\s+All \d+ questions are counted", page)


def test_what_was_judged_is_said_where_it_is_not_all(web: Web, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_LOOKED_AT", 1)
    monkeypatch.setattr(inspection, "_QUESTIONS", 2)
    page = web.get("/").text
    assert "judged of the newest 1 articles, not of older ones" in page and "among the newest 2, not among" in page


def test_the_first_page_counts_for_a_while_and_says_what_is_left(
    web: Web, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trend, "_kept", {})
    monkeypatch.setattr(trend, "PATIENCE_S", -1.0)
    first = web.get("/").text
    assert "The 29 oldest days are not counted yet" in first and first.count("not counted yet") == 29 * 2 + 1
    assert re.search(r"<title>2026-03-10: Arrived [1-9]", first)  # today always is
    monkeypatch.setattr(trend, "PATIENCE_S", 60.0)
    assert "not counted yet" not in web.get("/").text
    monkeypatch.setattr(trend, "PATIENCE_S", -1.0)
    assert "not counted yet" not in web.get("/").text  # and is remembered


@pytest.mark.parametrize(
    ("last", "days"),
    [
        (NOW - timedelta(hours=1), 13),
        (NOW - timedelta(days=11), 3),
        (NOW - timedelta(days=11, seconds=-1), 3),
        (NOW - timedelta(days=10, hours=23), 3),
        (NOW - timedelta(days=10), 4),
        (NOW - timedelta(days=14), 0),
        (NOW - timedelta(days=15), -1),
        (None, None),
    ],
)
def test_the_days_to_the_veto_are_whole_days_that_are_left(last: datetime | None, days: int | None) -> None:
    assert days_left(last, NOW) == days


def test_a_day_is_found_among_many_deliveries_by_few_looks() -> None:
    """Ids with gaps, composed in bursts; every moment is found where reading all of them finds it."""
    engine = create_engine("sqlite://")
    random = Random(7)
    at, number, rows = NOW, 3, []
    for _ in range(3000):
        at += timedelta(seconds=random.choice((0, 0, 1, 3600)))
        number += random.choice((1, 1, 40))
        rows.append((number, at))
    looks = 0

    def count(*_: object) -> None:
        nonlocal looks
        looks += 1

    event.listen(engine, "before_cursor_execute", count)
    with engine.begin() as connection:
        delivery.create(connection)
        values = dict.fromkeys(("site", "flow", "effect", "target", "channel", "client_key", "digest", "state"), "x")
        made = [
            {**values, "id": n, "record": f"{n}", "revision": 1, "flight_key": "x", "priority": 1, "due_at": when,
             "created_at": when, "changed_at": when}
            for n, when in rows
        ]  # fmt: skip
        connection.execute(delivery.insert(), made)
        moments = [NOW - timedelta(days=1), NOW, *(random.choice(rows)[1] for _ in range(60)), at, at + timedelta(1)]
        looks = 0
        for moment in moments:
            wanted = next((n for n, when in rows if when >= moment), rows[-1][0] + 1)
            found = first_id(connection, moment)
            assert next((n for n, _ in rows if n >= found), found) == wanted
            assert first_id(connection, moment, before=found) == found
    assert looks / len(moments) < 40


@pytest.mark.parametrize(
    ("left", "key"),
    [(4, ""), (3, "todo.veto"), (1, "todo.veto"), (0, "todo.vetoed"), (-2, "todo.vetoed"), (None, "")],
)
def test_the_veto_is_warned_of_three_days_ahead(left: int | None, key: str) -> None:
    account = inspection.Inspected("city", NOW, left, 0, 0, 0, 1, 1)
    assert [todo.key for todo in _inspection_todos((account,))] == ([key] if key else [])


@pytest.mark.parametrize(
    ("cron", "hours"), [("*/10 * * * *", 1), ("5 * * * *", 3), ("0 8-20 * * *", 14), ("30 5 * * *", 26), ("x", 3)]
)
def test_a_stream_is_late_by_its_schedule(cron: str, hours: int) -> None:
    assert late_after(cron) == timedelta(hours=hours)


def test_nothing_runs_that_is_not_our_own_file(web: Web) -> None:
    answer = web.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'self'" in policy
    assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|<style", answer.text)
    for name in ("board.css", "board.js"):
        assert web.get(f"/static/{name}").status_code == 200
    assert web.get("/static/../app.py").status_code == 404 and web.get("/static/app.py").status_code == 404


def test_the_language_is_chosen_kept_and_shown(web: Web) -> None:
    answer = web.get("/?lang=zh", headers={"Accept-Language": "en"})
    assert '<html lang="zh-CN">' in answer.text and "weigov_lang=zh" in answer.headers["Set-Cookie"]
    assert '<html lang="en">' in web.get("/?lang=en").text
    web.cookies.clear()


def test_without_a_log_in_there_is_nothing_but_the_sentence_to_log_in(web: Web, town: Town) -> None:
    answer = web.get("/", headers={"X-Role": ""})
    assert answer.status_code == 401 and "Log in to Airflow first" in answer.text and "通知公告" not in answer.text
    assert 'href="/log-in?next=/"' in answer.text


def test_what_the_deployment_lacks_is_said_in_the_readers_language_with_what_to_do(
    web: Web, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [
        ConfigError("the ledger is at revision 0011, this Weigov works with 0016: run `weigov migrate`"),
        ConfigError([Fault("flows/a.yaml", "unknown key autor", 3)]),
        OperationalError("SELECT", {}, Exception("connection to server failed: Connection refused")),
        RemoteUnavailable("vault", "read", "something nobody translated"),
    ]

    def open() -> Any:
        raise errors[0]

    monkeypatch.setattr(shown, "open", open)
    for does in ("请运行 weigov migrate", "weigov lint", "请核对 WEIGOV_LEDGER_URL", "weigov doctor"):
        answer = web.get("/", headers={"Accept-Language": "zh"})
        assert answer.status_code == 503 and "现在无法显示" in answer.text
        assert does in answer.text[answer.text.index('class="said"') :], does
        assert '<p class="do">→ ' in answer.text
        errors.pop(0)
