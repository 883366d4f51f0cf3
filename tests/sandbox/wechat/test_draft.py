"""Drafts: limits, cleaning, updating, listing."""

import json
from typing import Any

import pytest

from sandbox.wechat.accounts import SUBSCRIPTION_APPID
from sandbox.wechat.html import clean
from tests.sandbox.conftest import Api, png

ADD = "/cgi-bin/draft/add"


def test_a_draft_is_answered_without_an_errcode(api: Api) -> None:
    assert set(api.add_draft()) == {"media_id", "item"}


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"title": "题" * 33}, 45003),
        ({"title": ""}, 45003),
        ({"author": "者" * 17}, 45110),
        ({"digest": "摘" * 129}, 45004),
        ({"content": "文" * 20_000}, 45002),
        ({"content": " "}, 44004),
        ({"content_source_url": "https://a.cn/" + "x" * 1012}, 41039),
        ({"content_source_url": "www.gov.example"}, 41039),
        ({"thumb_media_id": "gone"}, 40007),
        ({"need_open_comment": 1}, 88000),
        ({"title": 5}, 47001),
        ({"article_type": "video"}, 40035),
    ],
)
def test_a_field_beyond_its_limit_is_refused(api: Api, changes: dict[str, Any], errcode: int) -> None:
    assert api.add_draft(**changes)["errcode"] == errcode


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "题" * 32, "author": "者" * 16, "digest": "摘" * 128},
        {"content": "文" * 19_999},
        {"content_source_url": "https://a.cn/" + "x" * 1011},
    ],
)
def test_a_field_at_its_limit_is_taken(api: Api, changes: dict[str, Any]) -> None:
    assert "media_id" in api.add_draft(**changes)


@pytest.mark.parametrize(("articles", "errcode"), [([], 44003), ({}, 47001), ([5], 47001)])
def test_articles_must_be_a_list_of_articles(api: Api, articles: Any, errcode: int) -> None:
    assert api.post(ADD, {"articles": articles})["errcode"] == errcode


def test_a_draft_holds_one_to_eight_articles(api: Api) -> None:
    thumb = api.cover()
    assert "media_id" in api.post(ADD, {"articles": [api.article(thumb_media_id=thumb)] * 8})
    assert api.post(ADD, {"articles": [api.article(thumb_media_id=thumb)] * 9})["errcode"] == 45008


def test_another_accounts_picture_is_no_cover(api: Api, account_api: Any) -> None:
    other = account_api(SUBSCRIPTION_APPID).cover()
    assert api.add_draft(thumb_media_id=other)["errcode"] == 40007


def test_a_picture_for_the_text_is_no_cover(api: Api) -> None:
    url = api.upload("/cgi-bin/media/uploadimg", png())["url"]
    assert api.add_draft(thumb_media_id=url)["errcode"] == 40007


def test_escaped_text_is_counted_as_it_is_written(api: Api) -> None:
    """Eighteen characters become too many, and fewer show their escapes."""
    thumb = api.cover()
    long = json.dumps({"articles": [api.article(title="题" * 18, thumb_media_id=thumb)]}).encode()
    assert api.raw(ADD, long)["errcode"] == 45003
    short = json.dumps({"articles": [api.article(title="题目", thumb_media_id=thumb)]}).encode()
    media_id = api.raw(ADD, short)["media_id"]
    assert api.post("/cgi-bin/draft/get", {"media_id": media_id})["news_item"][0]["title"] == r"\u9898\u76ee"


def test_ordinary_json_escapes_are_not_touched(api: Api) -> None:
    media_id = api.add_draft(content='<p class="a">一\n"二"\\u4e00\t</p>')["media_id"]
    content = api.post("/cgi-bin/draft/get", {"media_id": media_id})["news_item"][0]["content"]
    assert content == '<p class="a">一\n"二"\\u4e00\t</p>'


def test_an_empty_digest_becomes_the_first_54_characters(api: Api) -> None:
    media_id = api.add_draft(content=f"<p>{'一二三四五六七八九十' * 9}</p>")["media_id"]
    digest = api.post("/cgi-bin/draft/get", {"media_id": media_id})["news_item"][0]["digest"]
    assert digest == "一二三四五六七八九十" * 5 + "一二三四"


def test_the_draft_shows_what_was_left_of_the_text(api: Api) -> None:
    media_id = api.add_draft(content='<p>前<script>x()</script><img src="https://a.cn/1.png">后</p>')["media_id"]
    assert api.post("/cgi-bin/draft/get", {"media_id": media_id})["news_item"][0]["content"] == "<p>前后</p>"


OURS = '<img src="https://mmbiz.qpic.cn/mmbiz_png/k/0?wx_fmt=png">'


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>字</p>", "<p>字</p>"),
        ("<p>a &lt; b &amp; c&nbsp;&#8212;</p>", "<p>a &lt; b &amp; c&nbsp;&#8212;</p>"),
        ('<P STYLE="color:red">字</P>', '<P STYLE="color:red">字</p>'),
        ("<script>alert('</p>')</script>字", "字"),
        ("<SCRIPT\n>x</SCRIPT >字", "字"),
        ("<style>p{}</style>字", "字"),
        ('<p onclick="x()" id="a" data-x="1">字</p>', "<p>字</p>"),
        ('<a href="https://gov.example/">字</a>', "<a>字</a>"),
        ('<a href="javascript:x()">字</a>', "<a>字</a>"),
        (
            '<a href="https://mp.weixin.qq.com/s?a=1&amp;b=2">字</a>',
            '<a href="https://mp.weixin.qq.com/s?a=1&amp;b=2">字</a>',
        ),
        ('<a href="https://mp.weixin.qq.com.evil.example/">字</a>', "<a>字</a>"),
        (OURS, OURS),
        ('<img src="https://gov.example/1.png"><img src="data:image/png;base64,AA">字', "字"),
        ('<img src="https://mmbiz.qpic.cn.evil.example/1.png">字', "字"),
        ('<img src=x onerror="x()">字', "字"),
        ('<iframe src="https://a.cn"><p>内</p></iframe>字', "字"),
        ("<form><input value='1'>字<button>钮</button></form>", "字"),
        ("<article><header>头</header>字</article>", "头字"),
        ('<p style="position: fixed; color: red">字</p>', '<p style="color: red">字</p>'),
        ('<p style="--c: red; color: var(--c)">字</p>', "<p>字</p>"),
        ("<!-- 注 -->字", "字"),
        ('<svg><a xlink:href="javascript:x()">字</a></svg>', "<svg><a>字</a></svg>"),
        ('<div onclick="x()" title="&quot;><script>y()</script>">字</div>', None),
    ],
)
def test_html_is_cleaned_as_those_who_tried_report(html: str, left: str | None) -> None:
    cleaned = clean(html)
    if left is None:
        assert "<script" not in cleaned and "onclick" not in cleaned
    else:
        assert cleaned == left


def test_one_article_is_replaced_by_its_index(api: Api) -> None:
    thumb = api.cover()
    articles = [api.article(title=title, thumb_media_id=thumb) for title in ("一", "二")]
    media_id = api.post(ADD, {"articles": articles})["media_id"]
    new = api.article(title="新", thumb_media_id=thumb)
    update = "/cgi-bin/draft/update"
    assert api.post(update, {"media_id": media_id, "index": 2, "articles": new})["errcode"] == 40114
    assert api.post(update, {"media_id": media_id, "index": 1, "articles": [new]})["errcode"] == 47001
    assert api.post(update, {"media_id": media_id, "index": 1, "articles": new})["errcode"] == 0
    items = api.post("/cgi-bin/draft/get", {"media_id": media_id})["news_item"]
    assert [item["title"] for item in items] == ["一", "新"]


def test_drafts_are_listed_counted_and_deleted(api: Api) -> None:
    first = api.add_draft(title="一")["media_id"]
    api.world.clock.advance(1)
    api.add_draft(title="二")
    assert api.get("/cgi-bin/draft/count") == {"total_count": 2}
    page = api.post("/cgi-bin/draft/batchget", {"offset": 0, "count": 1, "no_content": 1})
    assert (page["total_count"], page["item_count"]) == (2, 1)
    item = page["item"][0]["content"]["news_item"][0]
    assert item["title"] == "二" and "content" not in item and item["thumb_url"]
    assert api.post("/cgi-bin/draft/batchget", {"offset": 0, "count": 21})["errcode"] == 40035
    assert api.post("/cgi-bin/draft/delete", {"media_id": first})["errcode"] == 0
    assert api.post("/cgi-bin/draft/get", {"media_id": first})["errcode"] == 40007
    assert api.post("/cgi-bin/draft/delete", {"media_id": first})["errcode"] == 40007


def test_a_picture_post_takes_plain_text_and_one_to_twenty_pictures(api: Api) -> None:
    image = {"image_media_id": api.cover()}

    def post(content: str, images: list[Any]) -> dict[str, Any]:
        article = {
            "article_type": "newspic", "title": "图", "content": content, "image_info": {"image_list": images}
        }  # fmt: skip
        return api.post(ADD, {"articles": [article]})

    assert "media_id" in post("文字", [image] * 20)
    assert post("<p>文字</p>", [image])["errcode"] == 45166
    assert post("文字", [])["errcode"] == 40007
    assert post("文字", [image] * 21)["errcode"] == 40007
    assert post("文字", [{"image_media_id": "gone"}])["errcode"] == 40007
