"""Articles under everything that goes wrong on the way: each stands once, the old one goes, nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.weigov.flow.deployment import MORNING, Deployment, OtherSide

NOTICES, POLICIES = "010201", "010401"
PICTURE = '<p>示意图如下：</p><p><img src="/cms/files/road.jpg"></p>'


def publish(other: OtherSide, title: str, column: str = NOTICES, **more: Any) -> dict[str, Any]:
    text = {} if "html" in more else {"text": f"{title}。\n请有关单位和个人予以配合。"}
    found: dict[str, Any] = other.post("/cms/articles", title=title, channel_code=column, **text, **more)
    return found


def said(other: OtherSide, article: dict[str, Any]) -> list[tuple[str, str]]:
    """What the CMS was told about this article: (state, link), in order."""
    return [(w["state"], w["link"]) for w in other.write_backs("cms") if w["id"] == article["id"]]


@pytest.mark.parametrize(
    "path",
    ["media/uploadimg", "material/add_material", "draft/add", "freepublish/submit", "freepublish/delete"],
)
@pytest.mark.parametrize("fault", ["lose_answer", "refuse_before"])
def test_a_lost_answer_leaves_one_article_and_nothing_else(calm: Deployment, path: str, fault: str) -> None:
    """The article is published and then replaced; the answer of one call on that way never comes."""
    other = calm.other
    calm.other.fault(fault, f"/cgi-bin/{path}", times=1)
    article = publish(other, "关于滨湖大道封闭施工的通告", html=PICTURE)
    calm.round("cms")
    other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert other.fired(fault) == 1
    assert other.titles() == ["关于滨湖大道封闭施工的通告"]
    assert len(other.articles()) == 2 and other.state()["drafts"] == []
    (first, link), (second, new_link) = said(other, article)
    assert (first, second) == ("confirmed", "confirmed")
    assert new_link == other.standing()[0]["url"] != link
    assert calm.status()["in_doubt"] == [] and calm.status()["unknown"] == []


def test_a_cover_whose_answer_was_lost_is_found_and_not_uploaded_again(calm: Deployment) -> None:
    calm.other.fault("lose_answer", "/cgi-bin/material/add_material", times=1)
    publish(calm.other, "关于启用新政务服务大厅的公告")
    calm.round("cms")
    assert len(calm.other.titles()) == 1
    assert len(calm.other.state()["materials"]) == 1


def test_a_draft_whose_answer_was_lost_is_found_and_not_added_again(calm: Deployment) -> None:
    calm.other.fault("lose_answer", "/cgi-bin/draft/add", times=1)
    publish(calm.other, "关于启用新政务服务大厅的公告")
    calm.round("cms")
    assert len(calm.other.titles()) == 1 and calm.other.calls("draft/add") == 1


def test_without_an_event_wechat_is_asked(calm: Deployment) -> None:
    calm.other.fault("drop_event", "/cgi-bin/freepublish/*")
    article = publish(calm.other, "关于供水管道抢修的通知")
    calm.round("cms")
    assert calm.other.titles() == ["关于供水管道抢修的通知"]
    assert [state for state, _ in said(calm.other, article)] == ["confirmed"]
    assert calm.other.calls("freepublish/get") == 1


@pytest.mark.parametrize("fault", ["event_first", "duplicate_event", "mass_event_instead"])
def test_an_event_that_comes_early_twice_or_in_disguise_confirms_once(calm: Deployment, fault: str) -> None:
    calm.other.fault(fault, "/cgi-bin/freepublish/submit")
    article = publish(calm.other, "关于供水管道抢修的通知")
    calm.round("cms")
    assert calm.other.fired(fault) >= 1
    assert [state for state, _ in said(calm.other, article)] == ["confirmed"]
    assert len(calm.other.articles()) == 1


@pytest.mark.parametrize(("status", "why"), [("2", "originality"), ("3", "failed"), ("4", "refused")])
def test_what_wechat_does_not_publish_is_rejected_with_its_reason(calm: Deployment, status: str, why: str) -> None:
    calm.other.fault("publish_status", "/cgi-bin/freepublish/*", value=status, times=1)
    article = publish(calm.other, "关于举办招聘会的公告")
    publish(calm.other, "关于征集民生实事项目的公告")
    calm.round("cms")
    assert calm.other.titles() == ["关于征集民生实事项目的公告"]
    assert said(calm.other, article) == [("rejected", "")]
    with calm.ctx.ledger.read() as connection:
        from weigov.ledger import outbox

        (row,) = outbox.find(connection, states=("rejected",))
    assert why in row.reason


def test_a_rejected_article_that_was_edited_is_tried_again(calm: Deployment) -> None:
    calm.other.fault("publish_status", "/cgi-bin/freepublish/*", value="4", times=1)
    article = publish(calm.other, "关于举办招聘会的公告")
    calm.round("cms")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（地点改为会展中心）")
    calm.round("cms")
    assert calm.other.titles() == ["关于举办招聘会的公告"]
    assert [state for state, _ in said(calm.other, article)] == ["rejected", "confirmed"]


def test_of_two_edits_before_anything_left_only_the_last_is_published(calm: Deployment) -> None:
    article = publish(calm.other, "关于道路限行的通告")
    for words in ("（一）", "（二）"):
        calm.collect("cms")
        calm.compose()
        calm.other.patch(f"/cms/articles/{article['id']}", append=words)
    calm.round("cms")
    assert len(calm.other.articles()) == 1
    content = calm.other.get("/wechat/articles", appid=calm.other.appid, content=True)["published"][0]["content"]
    assert "（一）" in content and "（二）" in content


@pytest.mark.parametrize("what", ["edited", "withdrawn"])
def test_a_change_while_the_article_is_under_way_waits_for_certainty(calm: Deployment, what: str) -> None:
    calm.other.fault("lose_answer", "/cgi-bin/freepublish/submit", times=1)
    article = publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose()
    assert calm.deliver().states["unknown"] == 1
    if what == "edited":
        calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    else:
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    calm.compose()
    calm.deliver()
    assert calm.other.calls("freepublish/submit") <= 1  # nothing more until it is known what became of the first
    calm.drain()
    assert len(calm.other.standing()) == (1 if what == "edited" else 0)
    assert len(calm.other.articles()) == (2 if what == "edited" else 1)
    assert said(calm.other, article)[-1][0] == ("confirmed" if what == "edited" else "removed")


def test_withdrawn_before_it_left_it_never_leaves_and_the_cms_knows(calm: Deployment) -> None:
    article = publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose()
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert calm.other.articles() == [] and calm.other.state()["drafts"] == []
    assert said(calm.other, article) == [("withdrawn", "")]


def test_withdrawn_and_put_back_is_published_anew(calm: Deployment) -> None:
    article = publish(calm.other, "关于道路限行的通告")
    calm.round("cms")
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert calm.other.titles() == []
    calm.other.post(f"/cms/articles/{article['id']}/restore")
    calm.round("cms")
    assert calm.other.titles() == ["关于道路限行的通告"]
    assert [state for state, _ in said(calm.other, article)] == ["confirmed", "removed", "confirmed"]


def test_moved_to_a_column_the_flow_does_not_take_it_goes_and_moved_on_it_changes_flows(calm: Deployment) -> None:
    article = publish(calm.other, "关于道路限行的通告")
    calm.round("cms")
    calm.other.patch(f"/cms/articles/{article['id']}", channel_code="0105")
    calm.round("cms")
    assert calm.other.titles() == []
    calm.other.patch(f"/cms/articles/{article['id']}", channel_code=POLICIES)
    calm.round("cms")
    assert calm.other.titles() == ["关于道路限行的通告"]


def test_deletions_beyond_the_daily_limit_go_the_next_day(calm: Deployment) -> None:
    calm.other.put(f"/wechat/accounts/{calm.other.appid}/limits", path="/cgi-bin/freepublish/delete", daily=1)
    articles = [publish(calm.other, f"关于第{n}号路段限行的通告") for n in "一二三"]
    calm.round("cms")
    for article in articles:
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert len(calm.other.standing()) == 2
    (group,) = calm.status()["deferred"]
    assert group["count"] == 2
    for day in (1, 2):
        calm.other.at(MORNING + timedelta(days=day))
        calm.drain()
        assert len(calm.other.standing()) == 2 - day
    assert calm.status()["deferred"] == []


def test_articles_beyond_the_daily_limit_go_the_next_day(calm: Deployment) -> None:
    calm.other.put(f"/wechat/accounts/{calm.other.appid}/limits", path="/cgi-bin/freepublish/submit", daily=2)
    for n in "一二三":
        publish(calm.other, f"关于第{n}号路段限行的通告")
    calm.round("cms")
    assert len(calm.other.standing()) == 2
    calm.other.at(MORNING + timedelta(days=1))
    calm.drain()
    assert len(calm.other.standing()) == 3 and calm.other.state()["drafts"] == []
    assert calm.other.calls("draft/add") == 3  # the third was drafted once


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "errcode", "value": "40001", "probability": 0.35, "seed": 3}],
        [{"kind": kind, "probability": 0.2, "seed": 5} for kind in ("http_502", "html_200")],
    ],
    ids=["a token refused at will", "a broken proxy"],
)
def test_what_goes_wrong_in_front_of_wechat_publishes_each_once(
    calm: Deployment, faults: list[dict[str, Any]]
) -> None:
    for n in "一二三四":
        publish(calm.other, f"关于第{n}号路段限行的通告", html=PICTURE)
    for fault in faults:
        calm.other.fault(path="/cgi-bin/*", **fault)
    calm.collect("cms")
    calm.compose()
    for _ in range(5):
        calm.deliver()
        calm.other.advance(minutes=2)
    calm.other.mend()
    calm.drain()
    assert len(calm.other.titles()) == 4 == len(calm.other.articles())
    assert calm.other.state()["drafts"] == []


@pytest.mark.parametrize("fault", ["lose_answer", "refuse_before"])
def test_a_write_back_without_an_answer_is_repeated_and_says_the_same(calm: Deployment, fault: str) -> None:
    calm.other.fault(fault, "/cms/api/articles/*/wechat", times=1)
    article = publish(calm.other, "关于道路限行的通告")
    calm.round("cms")
    link = calm.other.standing()[0]["url"]
    assert calm.other.fired(fault) == 1
    assert set(said(calm.other, article)) == {("confirmed", link)}


def untold(town: Deployment) -> dict[str, Any]:
    """An article that was published while the CMS was down, which is up again and knows nothing of it."""
    article = publish(town.other, "关于道路限行的通告")
    town.collect("cms")
    town.compose()
    town.deliver()
    town.other.advance(seconds=5)
    town.reconcile()
    town.other.fault("http_502", "/cms/api/articles/*/wechat")
    town.sync_back("cms")
    assert said(town.other, article) == []
    town.other.mend()
    return article


def test_a_system_that_is_down_gets_its_write_back_when_it_is_up_again(calm: Deployment) -> None:
    article = untold(calm)
    calm.other.advance(minutes=5)
    calm.drain()
    assert [state for state, _ in said(calm.other, article)] == ["confirmed"]


@pytest.mark.parametrize("path", ["media/uploadimg", "draft/add", "freepublish/submit", "freepublish/delete"])
def test_what_never_works_does_not_use_up_the_day(calm: Deployment, path: str) -> None:
    """A proxy answers for WeChat: nothing is known, nothing happened, and hours of trying leave calls for others."""
    other = calm.other
    article = publish(other, "关于启用新政务服务大厅的公告", html=PICTURE)
    if path == "freepublish/delete":
        calm.round("cms")
        other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    calm.compose()
    calm.approve("甲", "乙")
    other.fault("html_200", f"/cgi-bin/{path}")
    for _ in range(48):
        calm.deliver()
        calm.reconcile()
        other.advance(minutes=5)
    assert 4 <= other.fired("html_200") <= 8
    other.mend()
    other.advance(hours=1)
    calm.drain()
    assert other.titles() == ([] if path == "freepublish/delete" else [article["title"]])
    assert len(other.articles()) == 1
