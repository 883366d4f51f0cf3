"""A day's calls under WeChat's own count: what does not fit waits and says until when; withdrawals go before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.weigov.command import command
from tests.weigov.flow.deployment import MORNING, Deployment, rewrite, to_drafts
from tests.weigov.flow.test_articles import POLICIES, publish
from tests.weigov.flow.test_operator import Weigov, weigov  # noqa: F401
from weigov.errors import ConfigError, RateLimited
from weigov.flow.channels import news
from weigov.flow.clear_quota import CLEARS_PER_MONTH, clear, cleared_this_month
from weigov.flow.quotas import PathQuota, outlook
from weigov.ledger import outbox, sending, waiting
from weigov.ledger.outbox import Delivery

SUBMIT = "/cgi-bin/freepublish/submit"
TOMORROW = MORNING.replace(hour=0) + timedelta(days=1)


def spend_elsewhere(calm: Deployment, path: str, calls: int) -> None:
    """Another program of the same account calls WeChat."""
    day = f"{calm.ctx.now().astimezone(MORNING.tzinfo):%Y-%m-%d}"
    with calm.other.world.transaction() as db:
        db.execute(
            "INSERT INTO wx_quota VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used = used + excluded.used",
            (calm.other.appid, path, day, calls),
        )


def limit(calm: Deployment, path: str, daily: int) -> None:
    calm.other.put(f"/wechat/accounts/{calm.other.appid}/limits", path=path, daily=daily)


def of(calm: Deployment, path: str) -> PathQuota:
    return next(found for found in outlook(calm.ctx, "city") if found.path == path)


def compose_articles(calm: Deployment, how_many: int) -> list[dict[str, Any]]:
    articles = [publish(calm.other, f"关于第{n}号路段限行的通告") for n in range(1, how_many + 1)]
    calm.collect("cms")
    calm.compose("notices", "policies")
    return articles


def readable(calm: Deployment) -> list[dict[str, Any]]:
    with calm.ctx.ledger.read() as connection:
        return waiting.still_readable(connection, calm.ctx.site.site, priority=news.WITHDRAWAL, now=calm.ctx.now())


def test_what_others_spent_counts_and_no_call_is_made_in_vain(calm: Deployment) -> None:
    spend_elsewhere(calm, SUBMIT, 98)
    compose_articles(calm, 3)
    assert calm.deliver().states == {"accepted": 2, "deferred": 1}
    assert calm.other.state()["calls"][SUBMIT] == {"0": 2}
    (group,) = calm.status()["deferred"]
    assert SUBMIT in group["reason"] and TOMORROW <= group["until"] <= TOMORROW + timedelta(minutes=5)
    calm.other.at(TOMORROW + timedelta(hours=10))
    calm.drain()
    assert len(calm.other.standing()) == 3


def test_wechat_is_asked_for_its_count_once_an_hour_and_only_where_something_waits(calm: Deployment) -> None:
    calm.deliver()
    assert calm.other.calls("openapi/quota/get") == 0
    limit(calm, SUBMIT, 1)
    compose_articles(calm, 2)
    for _ in range(6):
        calm.deliver()
        calm.other.advance(minutes=9)
    asked = calm.other.calls("openapi/quota/get")
    assert asked == 3  # draft/add, draft/get, freepublish/submit
    calm.other.advance(minutes=10)
    calm.deliver()
    assert asked < calm.other.calls("openapi/quota/get") <= 2 * asked


def test_a_worker_killed_with_every_claim_uses_up_nothing(calm: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else ten such deaths would end the day's deletions without one having been made."""

    def die(*_: object) -> None:
        raise SystemExit("killed")

    compose_articles(calm, 2)
    with monkeypatch.context() as killed:
        killed.setattr(news, "send", die)
        for _ in range(4):
            with pytest.raises(SystemExit):
                calm.deliver()
            assert of(calm, SUBMIT).used == 2  # reserved with the claim
            calm.other.advance(minutes=2)
    assert calm.deliver().states == {"accepted": 2}
    assert [of(calm, path).used for path in (SUBMIT, "/cgi-bin/draft/add", "/cgi-bin/draft/get")] == [2, 2, 2]


def test_of_one_killed_between_its_steps_what_was_called_stays_counted(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose_articles(calm, 1)
    begin = sending.begin

    def die(connection: Connection, row: Delivery, step: str, **more: Any) -> Delivery:
        if step == "compare":
            raise SystemExit("killed")
        return begin(connection, row, step, **more)

    with monkeypatch.context() as killed:
        killed.setattr(sending, "begin", die)
        with pytest.raises(SystemExit):
            calm.deliver()
    calm.other.advance(minutes=2)
    calm.reconcile()
    used = {path: of(calm, path).used for path in ("/cgi-bin/draft/add", SUBMIT)}
    assert used == {"/cgi-bin/draft/add": 1, SUBMIT: 0}


@pytest.mark.parametrize("fault", ["http_502", "html_200", "45009", "48001", "76021"])
def test_where_wechat_does_not_say_its_count_ours_holds(calm: Deployment, fault: str) -> None:
    if fault.isdigit():
        calm.other.fault("errcode", "/cgi-bin/openapi/*", value=fault)
    else:
        calm.other.fault(fault, "/cgi-bin/openapi/*")
    compose_articles(calm, 2)
    assert calm.deliver().states == {"accepted": 2}
    assert of(calm, SUBMIT).used == 2 and of(calm, SUBMIT).daily_limit == 100


def test_the_queue_is_empty_when_the_days_limits_let_it_be(calm: Deployment) -> None:
    limit(calm, SUBMIT, 2)
    compose_articles(calm, 5)
    calm.deliver()
    assert of(calm, SUBMIT) == PathQuota(SUBMIT, 2, 2, 3, TOMORROW + timedelta(days=1))
    assert of(calm, "/cgi-bin/draft/add").waiting == 3
    calm.other.at(TOMORROW + timedelta(hours=10))
    calm.drain()
    assert of(calm, SUBMIT) == PathQuota(SUBMIT, 2, 2, 1, TOMORROW + timedelta(days=1))
    limit(calm, SUBMIT, 0)
    calm.other.advance(days=1)
    calm.deliver()
    assert of(calm, SUBMIT).empty_at is None


def test_when_nobody_may_ask_any_more_today_what_became_of_an_article_it_is_asked_tomorrow(calm: Deployment) -> None:
    calm.other.fault("drop_event", "/cgi-bin/freepublish/*")
    calm.other.fault("errcode", "/cgi-bin/freepublish/get", value="45009")
    compose_articles(calm, 2)
    calm.deliver()
    calm.other.advance(minutes=1)
    for _ in range(12):
        calm.reconcile()
        calm.other.advance(minutes=10)
    assert calm.other.fired("errcode") == 1
    calm.other.mend()
    calm.other.at(TOMORROW + timedelta(hours=10))
    calm.drain()
    assert calm.due() == {} and calm.other.calls("freepublish/get") == 2


def test_replacing_edited_articles_leaves_half_of_the_days_deletions_to_withdrawals(
    calm: Deployment,
    weigov: Weigov,  # noqa: F811
) -> None:
    other = calm.other
    articles = compose_articles(calm, 8)
    calm.drain()
    for article in articles:
        other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert len(other.standing()) == 8 + 3  # five old versions went, three wait
    (group,) = calm.status()["deferred"]
    assert group["count"] == 3 and "kept for withdrawals" in group["reason"]
    assert readable(calm) == []  # nothing of that was withdrawn

    def withdraw(*which: dict[str, Any]) -> None:
        for article in which:
            other.post(f"/cms/articles/{article['id']}/withdraw")
        calm.round("cms")

    twice = [article for article in articles if other.titles().count(article["title"]) == 2]
    once = [article for article in articles if article not in twice]
    withdraw(twice[0])
    assert len(other.standing()) == 9  # the old version that waited went with the new one
    withdraw(*once[:3])
    assert len(other.standing()) == 6 and other.calls("freepublish/delete") == 10
    withdraw(once[3])
    (late,) = readable(calm)
    (link,) = (a["url"] for a in other.standing() if a["title"] == once[3]["title"])
    assert late["link"] == link and late["state"] == "deferred"
    shown = weigov("status").good()
    (line,) = (line for line in shown.splitlines() if line.startswith("withdrawn but still readable"))
    assert link in line and once[3]["title"] in line and "2026-03-11 00:01" in line
    assert re.search(r"freepublish/delete\W+10/10\W+3\W+2026-03-11 00:00", shown)
    other.at(TOMORROW + timedelta(hours=10))
    calm.drain()
    assert len(other.standing()) == 3 and readable(calm) == []


def test_what_was_withdrawn_behind_a_shut_door_is_shown_as_still_readable(calm: Deployment) -> None:
    articles = compose_articles(calm, 3)
    calm.drain()
    for article in articles[:2]:
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    calm.compose("notices", "policies")
    assert readable(calm) == []  # they go with the next drain
    calm.other.fault("errcode", "/cgi-bin/*", value="40164")
    calm.deliver()
    links = {article["url"] for article in calm.other.standing() if article["title"] != articles[2]["title"]}
    assert {late["link"] for late in readable(calm)} == links and len(links) == 2
    calm.other.mend()
    calm.other.advance(hours=1)
    calm.drain()
    assert readable(calm) == [] and len(calm.other.standing()) == 1


def test_the_site_says_how_many_deletions_are_kept(calm: Deployment) -> None:
    site = calm.settings.site / "site.yaml"
    text = site.read_text(encoding="utf-8")
    budget = "type: service\n    budget: {deletions_kept_for_withdrawals: 1}"
    site.write_text(text.replace("type: service", budget), encoding="utf-8")
    calm.reopen()
    limit(calm, news.DELETE, 4)
    for article in compose_articles(calm, 4):
        calm.drain()
        calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert len(calm.other.standing()) == 4 + 1


def test_a_person_clears_the_count_and_what_waited_goes_the_same_day(
    calm: Deployment,
    weigov: Weigov,  # noqa: F811
) -> None:
    limit(calm, SUBMIT, 2)
    compose_articles(calm, 3)
    calm.drain()
    assert len(calm.other.standing()) == 2
    assert re.search(r"freepublish/submit\W+2/2\W+1\W+2026-03-11 00:00", weigov("quota", "city").good())
    said = weigov("quota", "clear", "city", "--as", "王芳", "--reason", "通告今天须发出", "--yes").good()
    assert said == "city: cleared; 9 left this month; deferred and judged anew by the next deliver: 1\n"
    assert calm.other.calls("clear_quota") == 1
    calm.drain()
    assert len(calm.other.standing()) == 3
    listed = weigov("quota", "city").good()
    assert "cleared this month: 1 of 10" in listed and "by 王芳: 通告今天须发出" in listed


def test_nothing_is_cleared_without_a_yes_a_person_and_a_reason(calm: Deployment) -> None:
    words = ("quota", "clear", "city")
    who = ("--as", "王芳", "--reason", "急")
    assert command(calm.environ, *words, *who).code == 1  # nobody answered the question
    assert command(calm.environ, *words, "--as", "王芳", "--yes").code == 2
    for blank in (("--as", " ", "--reason", "急"), ("--as", "王芳", "--reason", "")):
        typed = command(calm.environ, *words, *blank, "--yes")
        assert typed.code == 1 and len(typed.err.strip().splitlines()) == 1
    unknown = command(calm.environ, "quota", "ctiy")
    assert unknown.code == 1 and "there is no sound account ctiy" in unknown.err
    assert "/cgi-bin/clear_quota" not in calm.other.state()["calls"]
    assert cleared_this_month(calm.ctx, "city") == []


def test_the_months_ten_clearings_are_counted_and_the_eleventh_calls_nobody(calm: Deployment) -> None:
    for _ in range(CLEARS_PER_MONTH):
        clear(calm.ctx, "city", person="王芳", reason="急")
    with pytest.raises(ConfigError, match=r"this month's 10 clearings are used up.*2026-04-01 00:00"):
        clear(calm.ctx, "city", person="王芳", reason="急")
    assert calm.other.calls("clear_quota") == CLEARS_PER_MONTH
    calm.other.at(MORNING.replace(month=4, day=1))
    assert clear(calm.ctx, "city", person="王芳", reason="急") == 0


def test_what_wechat_refuses_is_not_counted_and_changes_nothing(calm: Deployment) -> None:
    limit(calm, SUBMIT, 1)
    compose_articles(calm, 2)
    calm.drain()
    calm.other.fault("errcode", "/cgi-bin/clear_quota", value="48006", times=1)  # others used up the ten
    with pytest.raises(RateLimited, match="48006"):
        clear(calm.ctx, "city", person="王芳", reason="急")
    assert cleared_this_month(calm.ctx, "city") == []
    with calm.ctx.ledger.read() as connection:
        assert len(outbox.find(connection, states=("deferred",))) == 1


def test_used_up_deletions_of_articles_keep_no_draft_in_its_box(calm: Deployment) -> None:
    """freepublish/delete and draft/delete are two quotas; so are submitting and drafting."""
    rewrite(calm.settings.site / "flows" / "policies.yaml", to_drafts)
    calm.reopen()
    calm.apply("policies")
    limit(calm, news.DELETE, 0)
    published, drafted = publish(calm.other, "关于甲路限行的通告"), publish(calm.other, "关于乙政策", POLICIES)
    calm.round("cms")
    assert len(calm.other.standing()) == len(calm.other.state()["drafts"]) == 1
    for article in (published, drafted):
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    calm.compose("notices", "policies")
    assert calm.deliver().states == {"confirmed": 1, "deferred": 1}
    assert calm.other.state()["drafts"] == [] and len(calm.other.standing()) == 1
    limit(calm, SUBMIT, 0)
    publish(calm.other, "关于丙路限行的通告")
    publish(calm.other, "关于丁政策", POLICIES)
    calm.collect("cms")
    calm.compose("notices", "policies")
    assert calm.deliver().states == {"confirmed": 1, "deferred": 1}
