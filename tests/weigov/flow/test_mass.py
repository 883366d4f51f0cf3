"""Mass messages from end to end: gathered, previewed, sent once, and what became of them, by the sandbox's count."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sandbox.people import PEOPLE
from tests.servers import copied
from tests.weigov.flow.deployment import BEIJING, Deployment, OtherSide, rewrite, to_drafts
from tests.weigov.flow.mass import (
    MONDAY,
    TITLES,
    WEEKLY,
    begin,
    digests,
    jobs,
    previews,
    sent,
    states,
    weekly,
    weekly_site,
    with_weekly,
    work,
)
from tests.weigov.flow.test_articles import NOTICES, publish
from tests.weigov.flow.test_columns import forget_column
from weigov.flow import quotas
from weigov.flow.channels.mass import steps
from weigov.flow.collect import collect
from weigov.ledger import receipts
from weigov.wechat.mass import Mass

SENDALL, DELETE = "/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/delete"
Make = Callable[..., Deployment]


@pytest.fixture(scope="module")
def standing(
    calm_sqlite: str, sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, sqlite3.Connection]:
    """A ledger and a sandbox in which three notices stand, made once: it is Monday at nine."""
    home = tmp_path_factory.mktemp("standing")
    sandbox_running.restore()
    shutil.copy(str(make_url(calm_sqlite).database), home / "ledger.db")
    town = Deployment.prepare(sandbox_running, home / "home", f"sqlite:///{home / 'ledger.db'}", weekly_site(home))
    town.start()
    begin(town)
    town.stop()
    return town.settings.ledger_url, sandbox_running.snapshot()


@pytest.fixture
def make(
    standing: tuple[str, sqlite3.Connection], sandbox_running: OtherSide, tmp_path: Path
) -> Iterator[Callable[..., Deployment]]:
    """A town with a weekly digest of its own."""
    url, far_end = standing
    with ExitStack() as end:
        ledger = end.enter_context(copied(url, tmp_path))

        def made(**changes: str) -> Deployment:
            sandbox_running.restore(far_end)
            town = Deployment.prepare(sandbox_running, tmp_path / "home", ledger, weekly_site(tmp_path, **changes))
            town.start()
            end.callback(town.stop)
            sandbox_running.at(MONDAY)
            town.apply("weekly")
            return town

        yield made


@pytest.fixture
def town(make: Callable[..., Deployment]) -> Deployment:
    return make()


def test_a_digest_is_previewed_then_reaches_everybody_once_with_its_links(town: Deployment) -> None:
    work(town)
    work(town)
    assert sent(town.other) == [list(TITLES)]
    assert previews(town.other) == [("P0001", list(TITLES))]
    (job,) = jobs(town.other)
    (row,) = digests(town)
    assert (job["audience"], job["clientmsgid"], row.state) == ("all", row.client_key, "confirmed")
    with town.ctx.ledger.read() as connection:
        urls = [one.url for one in receipts.of_delivery(connection, row.id) if one.kind == "article"]
    assert urls == [article["url"] for article in job["articles"]]
    assert town.other.most_often() == 1 and town.other.state()["drafts"] == []


def test_each_article_goes_out_once_and_a_week_without_news_sends_nothing(town: Deployment) -> None:
    work(town)
    town.other.advance(days=7)
    assert weekly(town).skipped == {"nothing new to gather": 1}
    publish(town.other, "关于征集民生实事项目的公告")
    town.round("cms")
    assert weekly(town).skipped == {"not its time yet": 1}
    town.other.advance(days=7)
    work(town)
    assert sent(town.other) == [list(TITLES), ["关于征集民生实事项目的公告"]]


@pytest.mark.parametrize("fault", ["event_first", "duplicate_event"])
def test_an_event_that_comes_early_or_twice_confirms_once(town: Deployment, fault: str) -> None:
    town.other.fault(fault, SENDALL)
    work(town)
    town.other.events_done()
    town.reconcile()
    assert town.other.fired(fault) == 1 and states(town) == ["confirmed"] and len(sent(town.other)) == 1


def test_without_an_event_wechat_is_asked(town: Deployment) -> None:
    town.other.fault("drop_event", SENDALL)
    work(town)
    assert states(town) == ["confirmed"] and town.other.calls("message/mass/get") >= 1
    assert digests(town)[0].reason == "no event said where its articles are"


def test_a_lost_answer_is_repeated_with_the_same_key_and_the_first_message_adopted(town: Deployment) -> None:
    town.other.fault("lose_answer", SENDALL, times=1)
    weekly(town)
    town.deliver()
    town.deliver()
    assert states(town) == ["unknown"]
    assert town.other.state()["calls"][SENDALL] == {"0": 1}  # not within a minute
    town.other.advance(seconds=70)
    town.deliver()
    assert town.other.state()["calls"][SENDALL] == {"0": 1, "45065": 1}
    town.drain()
    assert len(sent(town.other)) == 1 and states(town) == ["confirmed"]
    assert town.other.most_often() == 1


def test_what_never_reached_wechat_goes_a_minute_later(town: Deployment) -> None:
    town.other.fault("refuse_before", SENDALL, times=1)
    work(town)
    assert len(sent(town.other)) == 1 and states(town) == ["confirmed"]


@pytest.mark.parametrize("flow", ["paused", "gone"])
def test_what_perhaps_never_left_is_not_repeated_while_its_flow_may_send_nothing(town: Deployment, flow: str) -> None:
    from weigov.flow.pause import pause, resume

    town.other.fault("refuse_before", SENDALL, times=1)
    weekly(town)
    town.deliver()
    town.deliver()
    assert states(town) == ["unknown"]
    if flow == "paused":
        pause(town.ctx, "weekly", person="wang", reason="a wrong figure")
    else:
        (town.settings.site / "flows" / "weekly.yaml").unlink()
        town.reopen()
    town.other.advance(minutes=5)
    town.deliver()
    town.reconcile()
    assert jobs(town.other) == []
    if flow == "paused":
        resume(town.ctx, "weekly", person="wang", reason="it was right")
        town.drain()
        assert sent(town.other) == [list(TITLES)]


def test_after_a_day_without_an_answer_nothing_is_repeated_and_a_person_settles(town: Deployment) -> None:
    from weigov.errors import ReviewRejected
    from weigov.flow.settle import risk, settle

    town.other.fault("lose_answer", SENDALL, times=1)
    weekly(town)
    town.deliver()
    town.deliver()
    town.other.advance(hours=24)
    town.deliver()
    town.reconcile()
    town.drain()
    (row,) = digests(town)
    assert row.state == "in_doubt" and "24 hours" in row.reason and "may be told twice" in risk(row)
    assert sum(town.other.state()["calls"][SENDALL].values()) == 1
    with pytest.raises(ReviewRejected, match="--receipt"):
        settle(town.ctx, row.id, "arrived", person="wang", reason="seen in the console")
    (job,) = jobs(town.other)
    with pytest.raises(ReviewRejected, match="knows no mass message"):
        settle(town.ctx, row.id, "arrived", person="wang", reason="seen", receipt="1")
    settle(town.ctx, row.id, "arrived", person="wang", reason="seen", receipt=str(job["msg_id"]))
    assert states(town) == ["confirmed"] and len(sent(town.other)) == 1


@pytest.mark.parametrize("status", ["err(30003)"])
def test_what_wechat_stops_is_rejected_in_words_and_a_replay_is_another_message(
    town: Deployment, status: str
) -> None:
    from weigov.flow.replay import replay

    town.other.fault("mass_status", SENDALL, value=status, times=1)
    work(town)
    (row,) = digests(town)
    assert row.state == "rejected" and status in row.reason and sent(town.other) == []
    assert replay(town.ctx, row.id, person="wang", reason="originality was claimed by mistake") == "ready"
    town.drain()
    assert sent(town.other) == [list(TITLES)] and states(town) == ["confirmed"]
    assert len({job["clientmsgid"] for job in jobs(town.other)}) == 2


def test_a_digest_nobody_confirmed_can_go_after_the_next_one(town: Deployment) -> None:
    from weigov.flow.replay import replay

    town.other.fault("mass_status", SENDALL, value="err(40002)", times=1)
    work(town)
    assert states(town) == ["rejected"]
    publish(town.other, "关于征集民生实事项目的公告")
    town.round("cms")
    town.other.advance(days=7)
    work(town)
    assert sent(town.other) == [["关于征集民生实事项目的公告"]]
    replay(town.ctx, digests(town)[0].id, person="wang", reason="the administrator was ill")
    work(town)
    assert sent(town.other) == [["关于征集民生实事项目的公告"], list(TITLES)]
    assert states(town) == ["confirmed", "confirmed"]


@pytest.mark.parametrize(("yes", "state"), [(True, "confirmed"), (None, "rejected")])
def test_a_protected_send_waits_for_the_administrator_and_says_so(
    town: Deployment, yes: bool | None, state: str
) -> None:
    town.other.patch(f"/wechat/accounts/{town.other.appid}/settings", mass_protection=True)
    weekly(town)
    town.deliver()
    town.deliver()
    town.other.advance(minutes=3)
    town.reconcile()
    assert [(item["id"], "手机" in item["reason"]) for item in town.status()["accepted"]] == [
        (digests(town)[0].id, True)
    ]
    if yes is None:
        town.other.advance(minutes=28)
    else:
        town.other.post(f"/wechat/mass/{jobs(town.other)[0]['msg_id']}/confirm", yes=yes)
    town.reconcile()
    assert states(town) == [state] and town.status()["accepted"] == []
    if state == "rejected":
        assert "管理员" in digests(town)[0].reason


def test_the_months_budget_defers_until_the_month_is_over_and_says_so(make: Make) -> None:
    town = make(budget="1/month")
    work(town)
    publish(town.other, "关于征集民生实事项目的公告")
    town.round("cms")
    town.other.advance(days=7)
    work(town)
    (_, waiting) = digests(town)
    assert (waiting.state, waiting.reason) == ("deferred", "this month's 1 mass messages are used up")
    assert waiting.due_at == datetime(2026, 4, 1, 0, 1, tzinfo=BEIJING)
    (line,) = [one for one in quotas.outlook(town.ctx, "city") if one.path == "mass messages a month"]
    assert (line.used, line.daily_limit, line.waiting) == (1, 1, 1)
    assert line.empty_at == datetime(2026, 4, 1, tzinfo=BEIJING)
    town.other.at(waiting.due_at)
    town.drain()
    assert len(sent(town.other)) == 2


def test_a_lost_answer_burns_one_of_the_month_and_not_two(make: Make) -> None:
    town = make(budget="2/month")
    town.other.fault("lose_answer", SENDALL, times=1)
    work(town)
    publish(town.other, "关于征集民生实事项目的公告")
    town.round("cms")
    town.other.advance(days=7)
    work(town)
    assert len(sent(town.other)) == 2 and states(town) == ["confirmed", "confirmed"]


def test_a_message_repeated_after_the_months_end_burns_nothing_of_the_next_month(make: Make) -> None:
    town = make(budget="1/month")
    town.other.at(datetime(2026, 3, 31, 23, 59, 20, tzinfo=BEIJING))
    town.other.fault("lose_answer", SENDALL, times=1)
    weekly(town)
    town.deliver()
    town.deliver()
    assert states(town) == ["unknown"]
    town.other.advance(seconds=80)
    town.drain()
    assert states(town) == ["confirmed"]
    publish(town.other, "关于征集民生实事项目的公告")
    town.round("cms")
    town.other.at(datetime(2026, 4, 6, 9, 0, tzinfo=BEIJING))
    work(town)
    assert len(sent(town.other)) == 2


def test_what_wechat_says_is_used_up_waits_until_the_next_month(town: Deployment) -> None:
    town.other.fault("errcode", SENDALL, value=45028, times=1)
    work(town)
    (row,) = digests(town)
    assert row.state == "deferred" and f"{row.due_at.astimezone(BEIJING):%m-%d}" == "04-01"


def test_a_tag_reaches_its_people_and_one_that_is_not_there_is_rejected(make: Make) -> None:
    town = make(weekly=WEEKLY.replace("audience: all", "audience: {tag: 滨湖区}"))
    work(town)
    (row,) = digests(town)
    assert row.state == "rejected" and "no tag '滨湖区'" in row.reason
    client = town.ctx.account("city")
    tag = client._sdk.tag.create("滨湖区")["id"]
    client._sdk.tag.tag_user(tag, [p.openid for p in PEOPLE[:5]])
    from weigov.flow.replay import replay

    replay(town.ctx, row.id, person="wang", reason="the tag was made")
    town.drain()
    assert [(job["audience"], job["received"]) for job in jobs(town.other)] == [(f"tag {tag}", 5)]


def test_a_review_comes_after_the_preview_and_a_refused_digest_lets_its_articles_go(make: Make) -> None:
    from weigov.flow.audit import audit
    from weigov.flow.review import decide, held

    town = make(weekly=WEEKLY + "review: {needs: 2}\n")
    weekly(town)
    assert held(town.ctx, "weekly") == []
    town.deliver()
    assert len(previews(town.other)) == 1
    (shown,) = held(town.ctx, "weekly")
    assert audit(town.ctx, sources=False).differences == ()  # its draft is wanted
    assert all(title in shown.excerpt for title in TITLES) and jobs(town.other) == []
    decide(town.ctx, shown.id, digest=shown.digest, person="bianji", decision="refuse", comment="no")
    town.drain()
    assert jobs(town.other) == []
    town.other.advance(days=7)
    weekly(town)
    town.deliver()
    town.approve()
    town.drain()
    assert sent(town.other) == [list(TITLES)] and town.other.state()["drafts"] == []


def test_a_preview_nobody_could_get_sends_nothing(make: Make) -> None:
    town = make(preview_to="wx_p0001, wx_nobody")
    work(town)
    (row,) = digests(town, "preview")
    assert row.state == "rejected" and "40003" in row.reason and jobs(town.other) == []
    rewrite(town.settings.site / "site.yaml", lambda text: text.replace("wx_nobody", "wx_p0002"))
    town.reopen()
    from weigov.flow.replay import replay

    replay(town.ctx, row.id, person="wang", reason="the name was wrong")
    town.drain()
    assert len(sent(town.other)) == 1
    assert {identity for identity, _ in previews(town.other)} == {"P0001", "P0002"}


@pytest.mark.parametrize("path", ["draft/add", "message/mass/preview"])
def test_a_lost_answer_before_the_send_leaves_one_message_and_no_draft(town: Deployment, path: str) -> None:
    town.other.fault("lose_answer", f"/cgi-bin/{path}", times=1)
    work(town)
    assert len(sent(town.other)) == 1 and town.other.state()["drafts"] == []


def test_a_draft_changed_or_gone_after_the_preview_is_not_sent(town: Deployment) -> None:
    from weigov.flow.replay import replay

    weekly(town)
    town.other.fault("refuse_before", "/cgi-bin/draft/get", times=1)
    town.deliver()
    (draft,) = town.other.state()["drafts"]
    town.ctx.account("city").delete_draft(draft["media_id"])
    town.drain()
    (row,) = digests(town)
    assert row.state == "rejected" and "gone from WeChat's draft box" in row.reason and jobs(town.other) == []
    replay(town.ctx, row.id, person="wang", reason="somebody deleted it")
    town.drain()
    assert sent(town.other) == [list(TITLES)]


@pytest.mark.parametrize("kept", ["on trial", "for somebody to publish"])
def test_drafts_are_sent_to_nobody(calm: Deployment, kept: str) -> None:
    change = to_drafts if kept != "on trial" else lambda text: text + "trial: {guests: [tester]}\n"
    rewrite(calm.settings.site / "flows" / "notices.yaml", change)
    with_weekly(calm)
    calm.apply("notices")
    calm.compose("weekly")
    publish(calm.other, TITLES[0])
    calm.round("cms")
    assert len(calm.other.state()["drafts"]) == 1 and calm.other.titles() == []
    calm.other.at(MONDAY)
    work(calm)
    assert jobs(calm.other) == []


def test_articles_whose_preview_became_pointless_while_it_was_shown_go_with_the_next(
    town: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Mass.preview

    def next_turn_meanwhile(self: Mass, media_id: str, wxname: str) -> None:
        show(self, media_id, wxname)
        town.other.advance(days=7)
        weekly(town)

    with monkeypatch.context() as patch:
        patch.setattr(Mass, "preview", next_turn_meanwhile)
        weekly(town)
        town.deliver()
    town.drain()
    assert jobs(town.other) == [] and [(row.state, row.retire) for row in digests(town, "preview")] == [
        ("confirmed", "superseded")
    ]
    town.other.advance(days=7)
    work(town)
    assert sent(town.other) == [list(TITLES)]


# ---- edited and withdrawn


def edit(town: Deployment, title: str, what: str) -> None:
    """Edit or withdraw one upstream, and let it come through."""
    article = next(a for a in town.other.get("/cms/articles") if a["title"] == title)
    if what == "withdrawn":
        town.other.post(f"/cms/articles/{article['id']}/withdraw")
    else:
        town.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    town.collect("cms")
    town.compose("notices", "policies")


@pytest.mark.parametrize(("what", "reviewed"), [("edited", False), ("withdrawn", True)])
def test_a_digest_whose_article_changes_before_it_leaves_is_composed_anew(
    make: Make, what: str, reviewed: bool
) -> None:
    town = make(weekly=WEEKLY + ("review: {needs: 1}\n" if reviewed else ""))
    weekly(town)
    if reviewed:
        town.deliver()  # previewed, and in review
    edit(town, TITLES[1], what)
    for _ in range(2):
        town.drain()
        weekly(town)
    town.drain()
    town.approve("shenhe")
    town.drain()
    (found,) = sent(town.other)
    # An edited one was published anew by then, and goes as it is now.
    assert found == [title for title in TITLES if what == "edited" or title != TITLES[1]]
    assert town.other.most_often() == 1 and town.other.state()["drafts"] == []


def test_an_article_whose_edit_is_quarantined_waits_for_it(town: Deployment) -> None:
    article = next(a for a in town.other.get("/cms/articles") if a["title"] == TITLES[1])
    town.other.patch(f"/cms/articles/{article['id']}", title="长" * 80)
    town.collect("cms")
    assert town.compose("notices", "policies")["notices"].quarantined == 1
    work(town)
    assert sent(town.other) == [[TITLES[0], TITLES[2]]]
    town.other.patch(f"/cms/articles/{article['id']}", title=TITLES[1])
    town.round("cms")
    town.other.advance(days=7)
    work(town)
    assert sent(town.other)[1:] == [[TITLES[1]]]


def test_an_article_withdrawn_after_the_send_is_taken_back_on_every_phone(town: Deployment) -> None:
    work(town)
    edit(town, TITLES[1], "withdrawn")
    assert weekly(town).withdrawn == 1
    town.drain()
    (job,) = jobs(town.other)
    assert [a["title"] for a in job["articles"] if a["is_deleted"]] == [TITLES[1]]
    assert states(town) == ["confirmed"]
    for title in (TITLES[0], TITLES[2]):
        edit(town, title, "withdrawn")
    weekly(town)
    town.drain()
    assert all(a["is_deleted"] for a in jobs(town.other)[0]["articles"]) and states(town) == ["removed"]


def test_an_article_is_taken_back_though_the_flow_that_sent_it_is_held(town: Deployment) -> None:
    work(town)
    rewrite(town.settings.site / "flows" / "weekly.yaml", lambda text: text.replace("take: 8", "take: 5"))
    town.reopen()
    edit(town, TITLES[1], "withdrawn")
    assert weekly(town).held
    town.deliver()
    (job,) = jobs(town.other)
    assert [a["title"] for a in job["articles"] if a["is_deleted"]] == [TITLES[1]]


def test_an_article_withdrawn_between_preview_and_message_is_left_out(
    town: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(steps, "follow_up", lambda *_: 0)  # the worker dies before it
        weekly(town)
        town.deliver()
    assert states(town, "preview") == ["confirmed"] and states(town) == []
    edit(town, TITLES[1], "withdrawn")
    weekly(town)
    for _ in range(2):
        town.drain()
        weekly(town)
    town.drain()
    assert sent(town.other) == [[TITLES[0], TITLES[2]]]


def test_an_article_of_a_column_nobody_has_heard_of_yet_is_not_taken_back(town: Deployment) -> None:
    work(town)
    town.other.advance(minutes=10)
    forget_column(town, NOTICES)
    article = next(a for a in town.other.get("/cms/articles") if a["title"] == TITLES[1])
    town.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    collect(town.ctx, "cms", "articles")
    assert weekly(town).withdrawn == 0
    town.other.advance(minutes=10)
    collect(town.ctx, "cms", "columns")  # the system does not know it either
    forget_column(town, NOTICES)
    assert weekly(town).withdrawn == 1


def test_a_withdrawn_article_that_cannot_be_taken_back_alerts_with_its_link(town: Deployment) -> None:
    from weigov.flow.channels.news import WITHDRAWAL
    from weigov.ledger import waiting

    work(town)
    town.other.fault("errcode", DELETE, value=40059)
    edit(town, TITLES[1], "withdrawn")
    weekly(town)
    town.drain()
    with town.ctx.ledger.read() as connection:
        alerts = waiting.still_readable(connection, "demo", priority=WITHDRAWAL, now=town.ctx.now())
    (alert,) = [one for one in alerts if one["flow"] == "weekly"]
    link = jobs(town.other)[0]["articles"][1]["url"]
    assert (alert["title"], alert["link"], alert["state"]) == (TITLES[1], link, "rejected")


def test_a_lost_answer_to_taking_back_ends_with_a_person_who_can_settle_it(town: Deployment) -> None:
    from weigov.flow.settle import settle

    work(town)
    town.other.fault("lose_answer", DELETE, times=1)
    edit(town, TITLES[1], "withdrawn")
    weekly(town)
    town.drain()
    (removal,) = digests(town, "remove")
    assert removal.state == "in_doubt" and "look" in removal.reason
    settle(town.ctx, removal.id, "arrived", person="wang", reason="its address says deleted")
    assert states(town, "remove") == ["confirmed"] and states(town) == ["confirmed"]


def test_a_message_nobody_knows_of_is_not_repeated_once_an_article_in_it_is_withdrawn(town: Deployment) -> None:
    town.other.fault("lose_answer", SENDALL, times=1)
    weekly(town)
    town.deliver()
    town.deliver()
    assert states(town) == ["unknown"]
    edit(town, TITLES[1], "withdrawn")
    town.other.advance(seconds=70)
    town.deliver()
    (row,) = digests(town)
    assert row.state == "in_doubt" and "withdrawn" in row.reason


def test_the_gathered_articles_systems_are_told_of_their_own_links(make: Make) -> None:
    back = (
        "sync_back: {operation: mark_published, on: [confirmed, removed],"
        " with: {id: key, link: receipt.url, state: state}}\n"
    )
    town = make(weekly=WEEKLY + back)
    before = len(town.other.write_backs("cms"))
    work(town)
    told = town.other.write_backs("cms")[before:]
    urls = [article["url"] for article in jobs(town.other)[0]["articles"]]
    assert [(w["state"], w["link"]) for w in told] == [("confirmed", url) for url in urls]
    assert len({w["id"] for w in told}) == 3
