"""The rulebook's limits, each at its edge."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weigov.wechat.rules import (
    BUTTON_TYPES,
    DAILY_LIMITS,
    article_problems,
    beijing_day,
    conditional_problems,
    draft_problems,
    menu_problems,
    next_beijing_day,
    not_permitted,
    template_problems,
)

VIEW = {"type": "view", "name": "办事", "url": "https://gov.example/"}
ARTICLE = {"title": "通知", "content": "<p>正文</p>", "thumb_media_id": "T"}


def view(**changes: Any) -> dict[str, Any]:
    return {**VIEW, **changes}


def sub(*children: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "更多", "sub_button": list(children), **changes}


@pytest.mark.parametrize(
    "buttons",
    [
        [VIEW],
        [VIEW] * 3,
        [sub(*[VIEW] * 5)],
        [view(name="一二三四五x")],  # 16 bytes
        [sub(view(name="一" * 20))],  # 60 bytes
        [view(url="https://gov.example/" + "a" * 1004)],  # 1024 bytes
        [view(sub_button=[])],  # as menu/get gives it back
        [{"type": "click", "name": "x", "key": "k" * 128}],
        [{"type": "miniprogram", "name": "x", "appid": "wx1", "pagepath": "p", "url": "http://gov.example"}],
        [{"type": "article_id", "name": "x", "article_id": "A"}],
    ],
)
def test_a_menu_within_the_limits_passes(buttons: list[dict[str, Any]]) -> None:
    assert menu_problems(buttons) == []


@pytest.mark.parametrize(
    ("buttons", "problem"),
    [
        ([], "button: 0 buttons"),
        ([VIEW] * 4, "button: 4 buttons"),
        ([view(name="一二三四五六")], "button.0.name: 18 bytes, at most 16"),
        ([view(name="")], "button.0.name: missing"),
        ([view(name="  ")], "button.0.name: blank"),
        ([sub(view(name="一" * 21))], "button.0.sub_button.0.name: 63 bytes, at most 60"),
        ([sub(*[VIEW] * 6)], "button.0.sub_button: 6 sub-buttons"),
        ([sub(sub(VIEW))], "button.0.sub_button.0.sub_button: a menu has two levels only"),
        ([sub(VIEW, type="click")], "button.0.type: a button with sub-buttons has no type"),
        ([{"name": "x"}], "button.0.type: missing, and no sub-buttons"),
        ([view(type="jump")], "button.0.type: 'jump' is not a button type"),
        ([view(url="")], "button.0.url: missing"),
        ([view(url="gov.example")], "button.0.url: must begin with http"),
        ([view(url="https%3A%2F%2Fgov.example")], "button.0.url: must begin with http"),
        ([view(url="https://gov.example/a b")], "button.0.url: holds white space"),
        ([view(url="https://gov.example/" + "a" * 1005)], "button.0.url: 1025 bytes, at most 1024"),
        ([{"type": "click", "name": "x", "key": "k" * 129}], "button.0.key: 129 bytes, at most 128"),
        ([{"type": "miniprogram", "name": "x", "appid": "wxab", "pagepath": "p"}], "button.0.url: missing"),
        (
            [{"type": "miniprogram", "name": "x", "appid": "wxAB", "pagepath": "p", "url": "http://gov.example"}],
            "button.0.appid: must be lower case",
        ),
    ],
)
def test_a_menu_beyond_a_limit_is_named(buttons: list[dict[str, Any]], problem: str) -> None:
    problems = menu_problems(buttons)
    assert len(problems) == 1 and problems[0].startswith(problem), problems


IOS = {"client_platform_type": "1"}


@pytest.mark.parametrize(
    ("rule", "buttons", "problem"),
    [
        (IOS, [VIEW], ""),
        ({"tag_id": "100", "client_platform_type": "3"}, [VIEW], ""),
        ({}, [VIEW], "matchrule: names nobody"),
        ({"tag_id": ""}, [VIEW], "matchrule: names nobody"),
        ({"sex": "1", **IOS}, [VIEW], "matchrule.sex: there is no such part"),
        ({"client_platform_type": "4"}, [VIEW], "matchrule.client_platform_type: must be 1"),
        (IOS, [], "button: 0 buttons"),
        (IOS, [sub(*[view(url=f"https://{n}.cn/") for n in range(4)])], "button: leads to 4 outside hosts"),
        (IOS, [sub(*[view(url=f"https://mp.weixin.qq.com/{n}") for n in range(4)])], ""),
    ],
)
def test_a_conditional_menu_needs_somebody_and_few_outside_hosts(
    rule: dict[str, Any], buttons: list[dict[str, Any]], problem: str
) -> None:
    problems = conditional_problems(rule, buttons)
    assert len(problems) == bool(problem) and all(one.startswith(problem) for one in problems)


def test_every_type_without_its_fields_is_refused() -> None:
    for kind, needed in BUTTON_TYPES.items():
        assert len(menu_problems([{"type": kind, "name": "x"}])) == len(needed)


def test_all_violations_come_at_once() -> None:
    assert len(menu_problems([view(name="", url=""), {"name": "x"}, view(type="?")])) == 4
    assert len(draft_problems([{}, {"title": "x" * 33, "content": "x", "author": "y" * 17}])) == 6


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": "题" * 32}, None),
        ({"title": "题" * 33}, "title: 33 characters, at most 32"),
        ({"title": ""}, "title: missing"),
        ({"author": "作" * 16, "digest": "摘" * 128}, None),
        ({"author": "作" * 17}, "author: 17 characters, at most 16"),
        ({"digest": "摘" * 129}, "digest: 129 characters, at most 128"),
        ({"content": "字" * 19_999}, None),
        ({"content": "字" * 20_000}, "content: 20000 characters, at most 19999"),
        ({"content": " "}, "content: blank"),
        ({"content_source_url": "https://gov.example/" + "a" * 1004}, None),
        ({"content_source_url": "https://gov.example/" + "a" * 1005}, "content_source_url: 1025 bytes"),
        ({"content_source_url": "/a/b.html"}, "content_source_url: must begin with http"),
        ({"thumb_media_id": ""}, "thumb_media_id: missing"),
        ({"need_open_comment": 2}, "need_open_comment: must be 0 or 1"),
        ({"content": '<img src="http://mmbiz.qpic.cn/a/0?wx_fmt=png">'}, None),
        ({"content": "<IMG alt=x SRC=https://gov.example/a.png>"}, "content: 1 images are not on mmbiz"),
        ({"content": '<img src="https://mmbiz.qpic.cn.evil.example/a"><img>'}, "content: 2 images are not on mmbiz"),
        ({"article_type": "video"}, "article_type: 'video' is neither"),
        ({"article_type": "newspic"}, "image_info.image_list: 0 images"),
    ],
)
def test_an_article_is_judged_field_by_field(changes: dict[str, Any], problem: str | None) -> None:
    problems = article_problems({**ARTICLE, **changes})
    if problem is None:
        assert problems == []
    else:
        assert problems and problems[0].startswith(problem), problems


def test_the_old_title_limit_is_an_option_and_a_draft_holds_eight_articles() -> None:
    assert article_problems({**ARTICLE, "title": "题" * 64}, max_title=64) == []
    assert draft_problems([ARTICLE] * 8) == []
    assert draft_problems([ARTICLE] * 9) == ["articles: 9 articles, 1 to 8 are allowed"]


def test_a_newspic_is_plain_text_with_pictures() -> None:
    images = {"image_list": [{"image_media_id": "M"}]}
    good = {"article_type": "newspic", "title": "图", "content": "说明 <3", "image_info": images}
    assert article_problems(good) == []
    assert article_problems({**good, "content": "<p>x</p>"}) == ["content: a newspic takes plain text, not HTML"]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("thing1", ["事" * 20, "(喜报)-111"], ["事" * 21, "一\n二", "", "  "]),
        ("number2", ["1" * 32, "3.5"], ["一", "1" * 33, "-1"]),
        ("letter3", ["Abc"], ["A1", "a" * 33]),
        ("symbol4", ["+-*"], ["a", "+" * 6]),
        ("character_string5", ["SF202601050001", "A-1"], ["测试单号", "a" * 33]),
        ("time6", ["15:01", "2019年10月1日 15:01", "9:00~10:30", "2019年10月1日 15:01~2019年10月2日 15:01"],
         ["25:00", "tomorrow", "2019-10-01 15:01"]),
        ("date7", ["2019年10月1日", "2019年10月1日 15:01", "2019年10月1日~2019年10月3日"],
         ["2019年13月1日", "15:01"]),
        ("amount8", ["¥100.50元", "12元", "9" * 10], ["9" * 11, "一百", "100块"]),
        ("phone_number9", ["+86-0766-66888866"], ["1" * 18, "12345 转 6"]),
        ("car_number10", ["粤A8Z888挂"], ["粤A8Z888挂挂"]),
        ("name11", ["王小明", "一" * 10, "John von Neumann"], ["一" * 11, "J" * 21]),
        ("phrase12", ["已受理", "审核通过啦"], ["审核通过啦啦", "OK", "已 理"]),
        ("const13", ["中国"], ["一" * 21]),
        ("short_thing14", ["短"], [""]),
        ("keyword15", ["旧式"], [""]),
    ],
)  # fmt: skip
def test_a_template_field_is_judged_by_the_prefix_of_its_key(key: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert template_problems({key: value}) == [], value
    for value in bad:
        problems = template_problems({key: value})
        assert problems and all(p.startswith(f"data.{key}: ") for p in problems), value


def test_no_value_is_shown_in_a_problem() -> None:
    secret = "张三的身份证号码是一个秘密请勿外传给任何人"
    for key in ("thing1", "phrase1", "name1", "number1", "time1"):
        assert secret not in "".join(template_problems({key: secret}))


def test_every_field_of_the_template_must_be_there() -> None:
    assert template_problems({"thing1": "x"}, ["thing1", "time2"]) == ["data.time2: missing; the template has it"]


@given(st.text(), st.sampled_from(["thing1", "name2", "time3", "amount4", "phrase5", "symbol6"]))
def test_any_text_gets_a_verdict(value: str, key: str) -> None:
    assert isinstance(template_problems({key: value}), list)


@given(st.dictionaries(st.sampled_from(["title", "content", "author", "content_source_url"]), st.text()))
def test_any_article_gets_a_verdict(article: dict[str, str]) -> None:
    assert article_problems(article)


def test_quota_days_are_beijings() -> None:
    evening = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)
    assert beijing_day(evening) == date(2026, 11, 23)
    assert beijing_day(evening.replace(hour=16)) == date(2026, 11, 24)
    assert next_beijing_day(evening) == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert next_beijing_day(evening.replace(hour=16)) == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert DAILY_LIMITS["/cgi-bin/freepublish/delete"] == 10


@pytest.mark.parametrize(
    ("type", "verified", "operation", "allowed"),
    [
        ("service", True, "message/template/send", True),
        ("subscription", True, "message/template/send", False),
        ("service", False, "message/template/send", False),
        ("subscription", True, "message/mass/sendall", True),
        ("subscription", True, "message/mass/send", False),
        ("subscription", False, "menu/create", False),
        ("subscription", False, "get_current_selfmenu_info", True),
        ("subscription", False, "draft/add", True),
        ("subscription", False, "freepublish/submit", False),
        ("subscription", True, "freepublish/submit", True),
        ("service", False, "freepublish/submit", True),
    ],
)
def test_the_kind_of_account_decides_what_may_be_called(
    type: Any, verified: bool, operation: str, allowed: bool
) -> None:
    assert (not_permitted(type, verified, "/cgi-bin/" + operation) is None) is allowed
