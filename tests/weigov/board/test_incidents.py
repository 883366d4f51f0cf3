"""Incidents on the board: since when, how often, who was told, what to do; afterwards with their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.weigov.board.town import Town
from tests.weigov.serving import Web
from weigov.board import incidents as shown
from weigov.board import words
from weigov.board.words import Words
from weigov.ledger import incidents
from weigov.ledger.incidents import HOLD, Wrong
from weigov.ledger.tables import incident

STOPPED = Wrong("line for the phone", "city: 40164 not in the list")


@pytest.fixture
def clean(town: Town) -> Iterator[Town]:
    yield town
    with town.it.ctx.ledger.begin() as connection:
        connection.execute(incident.delete())


def test_an_open_incident_stands_once_on_top_with_all_there_is_to_know(web: Web, clean: Town) -> None:
    now = clean.it.ctx.now()
    wrong = {"stopped:account:city": STOPPED, "in_doubt:menu": Wrong("x", "2")}
    clean.in_doubt("菜单存疑", channel="menu", flow="menu", effect="apply")
    assert web.get("/").text.count("菜单 menu: 1 in doubt; look at") == 1
    with clean.it.ctx.ledger.begin() as connection:
        incidents.observe(connection, "demo", wrong, now=now - timedelta(hours=3))
        for one in incidents.to_tell(connection, "demo", frozenset({"duty"})):
            if one.key.startswith("stopped"):
                incidents.heard(connection, one, "duty")
        for minutes in (170, 160):  # it goes and comes back
            still = {} if minutes == 170 else wrong
            incidents.observe(connection, "demo", still, now=now - timedelta(minutes=minutes))
        incidents.again(connection, "demo", "task:flow_notices.compose", Wrong("x", "quiet hours"), now=now)
    page = web.get("/").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "Open incidents (3)" in text
    assert "city stands still: city: 40164 not in the list" in text and "told: duty" in text
    assert f"since {Words('en').moment(now - timedelta(hours=3), clean.it.ctx.site.zone)}, for 3 h · 2 times" in text
    assert "→ see to the reason; the next delivery run goes on by itself" in text
    assert "first time in 30 days · nobody was told yet" in text  # the task
    assert "menu: 2 in doubt" in text and "1 in doubt; look at the other side" not in text  # not said twice
    assert page.index("Open incidents") < page.index("What else needs somebody") < page.index('id="flows"')
    chinese = web.get("/", headers={"Accept-Language": "zh"}).text
    assert "正在发生的事件（3）" in chinese and "已告知：duty" in chinese and "30 天内 2 次" in chinese
    assert "任务 flow_notices.compose 失败：静默时段" in chinese


def test_a_flow_and_an_account_show_what_concerns_them(web: Web, clean: Town) -> None:
    now = clean.it.ctx.now()
    wrong = {
        "stopped:account:city": STOPPED,
        "quarantine:policies": Wrong("x", "7"),
        "stream:cases/cases": Wrong("x", "no answer"),
        f"readable:{clean.published.id}": Wrong("x", "停水"),
        "veto:city": Wrong("x", "2"),
        "review:notices": Wrong("x", "4"),
    }
    with clean.it.ctx.ledger.begin() as connection:
        incidents.observe(connection, "demo", wrong, now=now)
        incidents.again(connection, "demo", "task:collect_cms_articles.collect", Wrong("x", "gone"), now=now)
    notices = web.get("/flow/notices").text
    assert "city stands still" in notices and "withdrawn but can still be read" in notices
    assert "Task collect_cms_articles.collect failed" in notices
    assert "7 quarantined" not in notices and "cases/cases cannot" not in notices
    assert "7 quarantined" in web.get("/flow/policies").text
    cases = web.get("/flow/case_progress").text
    assert "cases/cases cannot be collected" in cases and "can still be read" not in cases
    account = web.get("/account/city").text
    assert "city stands still" in account and "quarantined" not in account
    assert "city: 2 days to the veto" in account
    assert "4 are undecided past the time limit" in notices and "undecided" not in account


def test_what_is_over_is_kept_for_a_week_with_its_end(web: Web, clean: Town) -> None:
    began = clean.it.ctx.now() - timedelta(hours=5)
    with clean.it.ctx.ledger.begin() as connection:
        incidents.observe(connection, "demo", {"stream:cms/articles": Wrong("x", "no answer")}, now=began)
        incidents.observe(connection, "demo", {}, now=began + timedelta(hours=2))
    assert "well at the last look" in web.get("/").text  # not over before it stayed so for a while
    with clean.it.ctx.ledger.begin() as connection:
        incidents.observe(connection, "demo", {}, now=began + timedelta(hours=2) + HOLD)
    page = web.get("/").text
    recent = page[page.index('id="recent"') : page.index('id="inspection"')]
    assert "cms/articles cannot be collected: no answer" in recent and '<td class="n">2 h</td>' in recent
    assert "Open incidents" not in page and "cms/articles cannot" in web.get("/flow/notices").text
    with clean.it.ctx.ledger.begin() as connection:
        long_ago = began - timedelta(days=8)
        connection.execute(incident.update().values(closed_at=long_ago, opened_at=long_ago))
    assert "cms/articles cannot" not in web.get("/").text


def test_every_kind_has_its_sentences_and_what_to_do() -> None:
    """Of every kind ``watch`` writes, in both languages; a kind of tomorrow's is shown by its own line."""
    from pathlib import Path

    import weigov.flow.watch as watch

    written = set(re.findall(r'f?"(\w+)(?::\{|",)', Path(watch.__file__).read_text(encoding="utf-8")))
    assert set(shown.KINDS) <= written and "halted" in written
    known = set(words._load("ui"))
    for kind in (*shown.KINDS, "other"):
        assert {f"incident.{kind}", f"incident_do.{kind}"} <= known, kind
        assert f"who.{shown.KINDS.get(kind, ('it', ''))[0]}" in known
    assert Words("zh")("incident.other", what="x", why="y")
