"""Menus and their limits in bytes."""

import json
from typing import Any

import pytest

from tests.sandbox.conftest import Api

URL = "https://www.gov.example/"


def view(name: str = "通知", url: str = URL) -> dict[str, Any]:
    return {"type": "view", "name": name, "url": url}


def top(*subs: dict[str, Any], name: str = "信息发布") -> dict[str, Any]:
    return {"name": name, "sub_button": list(subs)}


ACCEPTED = [
    [view("信息发布吧")],  # 15 bytes
    [view("a" * 16)],
    [top(view("二十个汉字二十个汉字二十个汉字二十个汉字"))],  # 60 bytes
    [top(*[view()] * 5)] * 3,
    [{"type": "click", "name": "我的", "key": "k" * 128}],
    [view(url="https://a.cn/" + "x" * (1024 - len("https://a.cn/")))],
    [{**view(), "sub_button": []}],
]

REFUSED = [
    ([], 40016),
    ([view()] * 4, 40016),
    ([view("六个汉字超了")], 40018),
    ([view("")], 40018),
    ([view("a" * 17)], 40018),
    ([top(view("a" * 61))], 40025),
    ([top(view(""))], 40025),
    ([top(*[view()] * 6)], 40023),
    ([top(top(view(), name="三级"))], 40022),
    ([{"name": "无动作"}], 40017),
    ([top({"name": "无动作"})], 40024),
    ([{"type": "click", "name": "我的"}], 40019),
    ([{"type": "click", "name": "我的", "key": "k" * 129}], 40019),
    ([top({"type": "click", "name": "我的", "key": ""})], 40026),
    ([view(url="")], 40020),
    ([view(url="https://a.cn/" + "x" * 1024)], 40020),
    ([top(view(url=""))], 40027),
    ([view(url="www.gov.example")], 40055),
    ([top(view(url="www.gov.example"))], 40054),
    ([top(view(url="https%3A%2F%2Fwww.gov.example"))], 40054),
    ([{"type": "media_id", "name": "图片", "media_id": "gone"}], 40007),
    ([{"type": "miniprogram", "name": "小程序", "appid": "wx1", "pagepath": "p", "url": URL}], 40119),
    ([top({"type": "miniprogram", "name": "小程序", "appid": "wx1", "pagepath": "p", "url": URL})], 40120),
]


@pytest.mark.parametrize("buttons", ACCEPTED)
def test_a_menu_within_the_limits_is_kept(api: Api, buttons: list[Any]) -> None:
    assert api.post("/cgi-bin/menu/create", {"button": buttons})["errcode"] == 0
    kept = api.get("/cgi-bin/menu/get")["menu"]["button"]
    assert [button["name"] for button in kept] == [button["name"] for button in buttons]


@pytest.mark.parametrize(("buttons", "errcode"), REFUSED)
def test_a_menu_beyond_a_limit_is_refused_and_nothing_changes(api: Api, buttons: list[Any], errcode: int) -> None:
    api.post("/cgi-bin/menu/create", {"button": [view("旧")]})
    assert api.post("/cgi-bin/menu/create", {"button": buttons})["errcode"] == errcode
    assert api.get("/cgi-bin/menu/get")["menu"]["button"][0]["name"] == "旧"


def test_escapes_in_the_body_are_refused(api: Api) -> None:
    assert api.raw("/cgi-bin/menu/create", json.dumps({"button": [view("通知")]}).encode())["errcode"] == 40033


def test_what_menu_get_answers_may_be_sent_back(api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [top(view()), view("更多+")]})
    menu = api.get("/cgi-bin/menu/get")["menu"]
    assert api.post("/cgi-bin/menu/create", menu)["errcode"] == 0
    assert api.get("/cgi-bin/menu/get")["menu"] == menu


def test_without_a_menu_there_is_none_to_get(api: Api) -> None:
    assert api.get("/cgi-bin/menu/get")["errcode"] == 46003
    assert api.get("/cgi-bin/get_current_selfmenu_info") == {"is_menu_open": 0}
    api.post("/cgi-bin/menu/create", {"button": [view()]})
    assert api.get("/cgi-bin/menu/delete")["errcode"] == 0
    assert api.get("/cgi-bin/menu/get")["errcode"] == 46003


def test_the_other_form_of_the_menu_lists_sub_buttons_under_list(api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [top(view())]})
    shown = api.get("/cgi-bin/get_current_selfmenu_info")["selfmenu_info"]["button"]
    assert shown == [{"name": "信息发布", "sub_button": {"list": [view()]}}]
