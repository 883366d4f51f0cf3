"""What WeChat keeps of a draft is compared with what was approved; nothing is published with words missing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.wechat.html import clean
from tests.weigov.flow.deployment import Deployment, rewrite, to_drafts
from tests.weigov.flow.test_articles import PICTURE, publish, said
from weigov.flow.channels.news.kept import LOST, differences
from weigov.flow.review import decide, held
from weigov.ledger import outbox
from weigov.mapping.html import convert
from weigov.wechat.client import AccountClient

ARTICLE = {
    "article_type": "news",
    "title": "关于停水的通告",
    "author": "市水务局",
    "content": '<section><p>一、时间</p><table><tr><td>甲</td><td>1日</td></tr></table><img src="x" alt="图">'
    "</section>",
    "content_source_url": "https://a.gov.cn/1#wg-0",
    "thumb_media_id": "cover",
    "digest": "明日停水",
}


def kept(**changes: Any) -> dict[str, Any]:
    return {**ARTICLE, **changes}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ""),
        ({"content": ARTICLE["content"].replace("section>", "div>").replace(' alt="图"', "")}, ""),
        ({"title": "关于停水的通"}, "lost: title: “关于停水的通告” became “关于停水的通”"),
        ({"digest": "停水"}, "lost: digest: “明日停水” became “停水”"),
        ({"author": ""}, "lost: author: “市水务局” became “”"),
        ({"content": ARTICLE["content"].replace("甲", "")}, "lost: text: 1 of 2 passages are missing, the first"
                                                            " “甲1日”"),
        ({"content": ""}, "lost: text: 2 of 2 passages are missing, the first “一、时间”; pictures: 0 of 1 are there;"
                          " tables: 0 of 1 are there"),
        ({"content": re.sub("<img[^>]*>", "", ARTICLE["content"])}, "pictures: 0 of 1 are there"),
        ({"content": ARTICLE["content"] + "<p>广告</p>"}, "text: 2 characters more than were sent"),
        ({"thumb_media_id": "another"}, "the cover is not the one that was sent"),
        ({"content_source_url": ""}, "the address of the source (阅读原文) is not the one that was sent"),
    ],
)  # fmt: skip
def test_what_differs_is_said_and_lost_words_first(changes: dict[str, Any], found: str) -> None:
    assert differences([ARTICLE], [kept(**changes)]) == found


def test_a_passage_that_stands_twice_and_is_lost_once_is_missed() -> None:
    ours = {"content": "<p>特此通告</p><p>正文</p><p>特此通告</p>"}
    assert differences([ours], [{"content": "<p>特此通告</p><p>正文</p>"}]) == "lost: text: 4 characters are missing"


def test_a_picture_list_and_several_articles_are_compared_one_by_one() -> None:
    images = {"image_list": [{"image_media_id": "1"}, {"image_media_id": "2"}]}
    ours = {"article_type": "newspic", "title": "图说", "content": "a<b", "image_info": images}
    theirs = ours | {"image_info": {"image_list": images["image_list"][:1]}}
    assert differences([ours], [theirs]) == "pictures: 1 of 2 are there"
    assert differences([ours], [ours | {"image_info": {"image_list": images["image_list"][::-1]}}]) == (
        "pictures: they stand in another order"
    )
    another = [{"image_media_id": "1"}, {"image_media_id": "3"}]
    assert differences([ours], [ours | {"image_info": {"image_list": another}}]) == (
        "pictures: not those that were sent"
    )
    assert differences([ARTICLE, ours], [kept(title="别的"), ours]).startswith(f"{LOST}article 1: title:")
    swapped = differences([ARTICLE, ours], [ours, ARTICLE])
    assert (
        swapped.startswith(f"{LOST}article 1: title: “关于停水的通告” became “图说”")
        and "article 2: title" in swapped
    )
    assert differences([ARTICLE, ours], [kept()]) == f"{LOST}1 of 2 articles are there"


def test_a_digest_wechat_made_up_is_no_difference() -> None:
    ours = {name: value for name, value in ARTICLE.items() if name != "digest"}
    assert differences([ours], [kept(digest="一、时间")]) == ""


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ('<img data-src="http://mmbiz.qpic.cn/a?wx_fmt=png"><img src="https://mmbiz.qpic.cn/b">', ""),
        (
            '<img src="https://mmbiz.qpic.cn/b"><img src="https://mmbiz.qpic.cn/a">',
            "pictures: they stand in another order",
        ),
    ],
)
def test_pictures_of_a_text_are_known_by_their_path(there: str, found: str) -> None:
    ours = {"content": '<img src="https://mmbiz.qpic.cn/a"><p>正文</p><img src="https://mmbiz.qpic.cn/b">'}
    assert differences([ours], [{"content": there + "<p>正文</p>"}]) == found


def test_what_the_converter_writes_survives_cleaning_without_a_word_or_a_cell_lost() -> None:
    table = "<table border=1><tr>" + "".join(f"<th>第{n}列</th>" for n in range(12)) + "</tr></table>"
    nested = "<ol start=3><li>一<ul><li>甲</li><li>乙</li></ul></li><li>二</li></ol>"
    foreign = '<article><h1>标题</h1><p style="position:fixed">正文<a href="https://b.cn/x">附件</a></p></article>'
    for html in (table, nested, foreign):
        ours = convert(html, lambda source: None).html
        assert differences([{"content": ours}], [{"content": clean(ours)}]) == ""


def rows(town: Deployment, *states: Any) -> list[outbox.Delivery]:
    with town.ctx.ledger.read() as connection:
        return outbox.find(connection, channel="news", states=states)


def test_with_words_missing_it_waits_for_a_person_who_releases_or_refuses_what_is_there(
    calm_on_each: Deployment,
) -> None:
    town, other = calm_on_each, calm_on_each.other
    first = publish(other, "关于甲路限行的通告")
    second = publish(other, "关于乙路限行的通告")
    publish(other, "关于丙路限行的通告", html=PICTURE)
    other.fault("draft_loses", "/cgi-bin/draft/add", value="请有关单位和个人予以配合。", times=2)
    town.collect("cms")
    town.compose()
    town.deliver()
    assert other.calls("freepublish/submit") == 1 and len(other.state()["drafts"]) == 2
    waiting = held(town.ctx)
    assert [item.title for item in waiting] == [first["title"], second["title"]]
    assert all(item.kept == "lost: text: 1 of 5 passages are missing, the first “请有关单位和个人予以配合。”"
               for item in waiting), waiting  # fmt: skip
    assert {item["title"]: item["reason"][:5] for item in town.status()["waiting_review"]} == {
        first["title"]: "lost:", second["title"]: "lost:"
    }  # fmt: skip
    assert {item["title"] for item in town.status()["kept"]} == {first["title"], second["title"]}
    decide(town.ctx, waiting[0].id, digest=waiting[0].digest, person="审核", decision="approve")
    decide(town.ctx, waiting[1].id, digest=waiting[1].digest, person="审核", decision="refuse", comment="缺字")
    town.drain()
    assert other.titles() == ["关于丙路限行的通告", "关于甲路限行的通告"]
    assert other.state()["drafts"] == [] and other.calls("draft/get") == 3
    assert [state for state, _ in said(other, first)] == ["confirmed"]
    assert [state for state, _ in said(other, second)] == ["refused"]


def test_withdrawn_while_it_waits_its_draft_is_deleted(calm: Deployment) -> None:
    town, other = calm, calm.other
    article = publish(other, "关于甲路限行的通告")
    other.fault("draft_loses", "/cgi-bin/draft/add", value="请有关单位", times=1)
    town.round("cms")
    assert len(other.state()["drafts"]) == 1
    other.post(f"/cms/articles/{article['id']}/withdraw")
    town.round("cms")
    assert other.state()["drafts"] == [] and other.articles() == []
    assert [state for state, _ in said(other, article)] == ["withdrawn"]


def test_another_cover_and_another_order_of_pictures_are_told(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = AccountClient.get_draft

    def changed(client: AccountClient, media_id: str) -> Any:
        (article,) = read(client, media_id) or ()
        there = re.findall("<img[^>]*>", article["content"])
        turned = iter(reversed(there))
        article["content"] = re.sub("<img[^>]*>", lambda match: next(turned), article["content"])
        return [article | {"thumb_media_id": "another"}]

    monkeypatch.setattr(AccountClient, "get_draft", changed)
    publish(calm.other, "关于甲路限行的通告", html=PICTURE + PICTURE.replace("road", "lake"))
    calm.round("cms")
    assert [one["found"] for one in calm.status()["kept"]] == [
        "pictures: they stand in another order; the cover is not the one that was sent"
    ]


def test_where_a_draft_is_all_that_was_wanted_the_difference_is_told(calm: Deployment) -> None:
    town, other = calm, calm.other
    rewrite(town.settings.site / "flows" / "notices.yaml", to_drafts)
    town.reopen()
    town.apply("notices")
    publish(other, "关于甲路限行的通告")
    other.fault("draft_loses", "/cgi-bin/draft/add", value="请有关单位", times=1)
    town.round("cms")
    (row,) = rows(town, "confirmed")
    assert row.title == "关于甲路限行的通告" and len(other.state()["drafts"]) == 1
    assert town.status()["kept"][0]["found"].startswith(LOST)


def test_a_draft_left_by_an_edit_is_deleted_before_anybody_publishes_it(calm: Deployment) -> None:
    """Drafted, then the day's submits were used up; meanwhile it is edited."""
    town, other = calm, calm.other
    other.fault("errcode", "/cgi-bin/freepublish/submit", value="45009", times=1)
    article = publish(other, "关于甲路限行的通告")
    town.round("cms")
    assert len(other.state()["drafts"]) == 1 and other.articles() == []
    other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    town.collect("cms")
    town.compose()
    other.advance(days=1)
    town.drain()
    assert other.state()["drafts"] == [] and len(other.articles()) == 1
