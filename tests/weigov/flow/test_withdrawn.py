"""A withdrawal at every awkward moment: what is withdrawn is not published any more, and does not stay readable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import publish, said
from weigov.flow.channels import news
from weigov.flow.channels.news import steps
from weigov.flow.quotas import outlook
from weigov.flow.watch import found
from weigov.ledger import outbox, waiting
from weigov.wechat.client import AccountClient

TITLE = "关于道路限行的通告"


def withdraw(town: Deployment, article: dict[str, Any]) -> None:
    """Upstream, and as far as the outbox."""
    town.other.post(f"/cms/articles/{article['id']}/withdraw")
    town.collect("cms")
    town.compose("notices", "policies")


def readable(town: Deployment) -> list[dict[str, Any]]:
    with town.ctx.ledger.read() as connection:
        return waiting.still_readable(connection, "demo", priority=news.WITHDRAWAL, now=town.ctx.now())


@pytest.mark.parametrize("call", ["add_draft", "get_draft"])
def test_withdrawn_while_its_draft_is_made_it_is_not_published_and_its_draft_goes(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    article = publish(calm.other, TITLE)
    calm.collect("cms")
    calm.compose("notices", "policies")
    made = getattr(AccountClient, call)

    def slow(client: AccountClient, *args: Any) -> Any:
        answer = made(client, *args)
        monkeypatch.setattr(AccountClient, call, made)
        withdraw(calm, article)
        return answer

    monkeypatch.setattr(AccountClient, call, slow)
    calm.drain()
    assert calm.other.articles() == [] and calm.other.state()["drafts"] == []
    assert calm.other.calls("freepublish/submit") == calm.other.calls("freepublish/delete") == 0
    assert said(calm.other, article) == [("withdrawn", "")]


def test_withdrawn_between_its_claim_and_its_turn_it_is_not_published(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(calm.other, "关于供水管道抢修的通知")
    article = publish(calm.other, TITLE)
    calm.collect("cms")
    calm.compose("notices", "policies")
    submit = AccountClient.submit

    def slow(client: AccountClient, media_id: str) -> Any:
        monkeypatch.setattr(AccountClient, "submit", submit)
        withdraw(calm, article)
        return submit(client, media_id)

    monkeypatch.setattr(AccountClient, "submit", slow)
    calm.drain()
    assert [one["title"] for one in calm.other.articles()] == ["关于供水管道抢修的通知"]


def test_an_old_version_goes_when_it_is_withdrawn_though_nobody_knows_what_became_of_the_new(
    calm: Deployment,
) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    calm.other.fault("lose_answer", "/cgi-bin/freepublish/submit", times=1)
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.collect("cms")
    calm.compose("notices", "policies")
    assert calm.deliver().states == {"unknown": 1}
    withdraw(calm, article)
    calm.deliver()
    calm.other.events_done()
    old, *_ = sorted(calm.other.articles(), key=lambda one: str(one["published_at"]))
    assert old["is_deleted"]
    calm.drain()
    assert calm.other.titles() == []


@pytest.mark.parametrize("fate", ["stands", "waits"])
def test_an_article_is_withdrawn_though_its_flow_is_held(calm: Deployment, fate: str) -> None:
    article, other = publish(calm.other, TITLE), publish(calm.other, "关于供水管道抢修的通知")
    if fate == "stands":
        calm.round("cms")
    else:
        calm.collect("cms")
        calm.compose("notices", "policies")
    rewrite(calm.settings.site / "layouts" / "notice.html.j2", lambda text: f"{text}\n<p>示范市</p>")
    calm.reopen()
    calm.other.patch(f"/cms/articles/{other['id']}", append="（更正）")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.collect("cms")
    withdraw(calm, article)
    held = calm.compose("notices")["notices"]
    assert held.held and held.withdrawn == 0  # it was taken note of once
    calm.drain_but_compose()
    assert calm.other.titles() == ["关于供水管道抢修的通知"] and len(calm.other.articles()) == (
        2 if fate == "stands" else 1
    )
    calm.apply("notices")
    calm.compose("notices", "policies")
    calm.drain()
    assert calm.other.titles() == ["关于供水管道抢修的通知"]


def test_withdrawn_and_put_back_while_its_flow_is_held_it_stands_until_the_apply(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    rewrite(calm.settings.site / "layouts" / "notice.html.j2", lambda text: f"{text}\n<p>示范市</p>")
    calm.reopen()
    for act in ("withdraw", "restore"):
        calm.other.post(f"/cms/articles/{article['id']}/{act}")
        calm.collect("cms")
    assert calm.compose("notices")["notices"].withdrawn == 0
    calm.drain_but_compose()
    assert calm.other.titles() == [TITLE]


def test_an_edit_does_not_wait_for_a_deletion_that_waits_for_tomorrow(calm: Deployment) -> None:
    calm.other.put(f"/wechat/accounts/{calm.other.appid}/limits", path="/cgi-bin/freepublish/delete", daily=0)
    article = publish(calm.other, TITLE)
    for words in ("", "（更正）", "（再次更正）"):
        if words:
            calm.other.patch(f"/cms/articles/{article['id']}", append=words)
        calm.round("cms")
    assert len(calm.other.articles()) == 3


def test_an_old_version_whose_deletion_was_refused_is_told_of_once_it_is_withdrawn(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    calm.other.fault("errcode", "/cgi-bin/freepublish/delete", value="40007")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert len(calm.other.standing()) == 2 and readable(calm) == []  # of what was replaced the new version stands
    calm.other.mend()
    withdraw(calm, article)
    calm.drain()
    assert len(calm.other.standing()) == 1
    (late,) = readable(calm)
    assert late["state"] == "rejected" and late["link"] == calm.other.standing()[0]["url"]
    assert f"readable:{late['id']}" in dict(found(calm.ctx))


def test_a_removal_that_nobody_sends_is_shown_as_still_readable(calm: Deployment) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    withdraw(calm, article)
    assert readable(calm) == []  # it goes with the next drain
    calm.other.advance(minutes=20)
    (late,) = readable(calm)
    assert late["state"] == "ready" and late["title"] == TITLE


@pytest.mark.parametrize(("fault", "path", "value"), [
    ("errcode", "/cgi-bin/freepublish/get", "53600"), ("publish_status", "/cgi-bin/freepublish/*", "1"),
])  # fmt: skip
def test_a_publication_of_which_wechat_says_no_more_is_a_persons_the_next_day(
    calm: Deployment, fault: str, path: str, value: str
) -> None:
    calm.other.fault("drop_event", "/cgi-bin/freepublish/*")
    calm.other.fault(fault, path, value=value)
    publish(calm.other, TITLE)
    calm.collect("cms")
    calm.compose("notices", "policies")
    assert calm.deliver().states == {"accepted": 1}
    for hours, state in ((23, "accepted"), (2, "in_doubt")):
        calm.other.advance(hours=hours)
        calm.reconcile()
        with calm.ctx.ledger.read() as connection:
            (row,) = outbox.find(connection, channel="news")
        assert row.state == state
    assert "in_doubt:notices" in dict(found(calm.ctx))


def test_a_removal_that_weigov_cannot_handle_does_not_use_up_the_days_deletions(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = publish(calm.other, TITLE)
    calm.round("cms")
    withdraw(calm, article)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "remove", lambda *args: {}["a mistake of ours"])
        for _ in range(3):
            assert calm.deliver().states == {"could not be handled": 1}
            calm.other.advance(hours=1, minutes=1)
    assert [one.used for one in outlook(calm.ctx, "city") if one.path == news.DELETE] == [0]
    assert [late["state"] for late in readable(calm)] == ["deferred"]
    calm.drain()
    assert calm.other.titles() == []
