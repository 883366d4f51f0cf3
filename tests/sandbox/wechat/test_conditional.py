"""Conditional menus: who sees which, and what is refused; menus made in the console."""

from typing import Any

import pytest

from sandbox.people import PEOPLE
from tests.sandbox.conftest import Api
from tests.sandbox.wechat.test_menu import top, view

ADD = "/cgi-bin/menu/addconditional"
ANYBODY, OTHER = PEOPLE[0].openid, PEOPLE[1].openid


def with_default(api: Api) -> int:
    """A default menu, and a tag; the tag's id."""
    api.post("/cgi-bin/menu/create", {"button": [view("默认")]})
    return int(api.post("/cgi-bin/tags/create", {"tag": {"name": "老年人"}})["tag"]["id"])


def added(api: Api, name: str, **rule: Any) -> str:
    return str(api.post(ADD, {"button": [view(name)], "matchrule": rule})["menuid"])


def seen(api: Api, openid: str = ANYBODY) -> str:
    return str(api.post("/cgi-bin/menu/trymatch", {"user_id": openid})["button"][0]["name"])


def tagged(api: Api, tag: int, openid: str = ANYBODY) -> None:
    answer = api.post("/cgi-bin/tags/members/batchtagging", {"openid_list": [openid], "tagid": tag})
    assert answer["errcode"] == 0


def phone(api: Api, platform: str) -> None:
    assert api.client.put(f"/_sandbox/wechat/phones/{ANYBODY}", json={"platform": platform}).ok


def test_who_matches_sees_another_menu_and_the_newest_of_several(api: Api) -> None:
    tag = with_default(api)
    added(api, "长者", tag_id=tag)
    added(api, "苹果", client_platform_type="1")
    assert seen(api) == "默认"
    tagged(api, tag)
    assert (seen(api), seen(api, OTHER)) == ("长者", "默认")
    phone(api, "ios")
    assert seen(api) == "苹果"
    assert "苹果" in api.client.get(f"/phone/{ANYBODY}").text


def test_of_several_tags_the_last_counts(api: Api) -> None:
    first = with_default(api)
    second = int(api.post("/cgi-bin/tags/create", {"tag": {"name": "企业"}})["tag"]["id"])
    added(api, "企业", tag_id=second)
    added(api, "长者", tag_id=first)
    tagged(api, first)
    api.world.clock.advance(1)
    tagged(api, second)
    assert seen(api) == "企业"
    assert api.get("/cgi-bin/user/info", openid=ANYBODY)["tagid_list"] == [first, second]
    assert [tag["count"] for tag in api.get("/cgi-bin/tags/get")["tags"]] == [1, 1]


def test_they_are_listed_deleted_one_by_one_and_gone_with_the_default_menu(api: Api) -> None:
    tag = with_default(api)
    one, two = added(api, "长者", tag_id=tag), added(api, "长者", tag_id=tag)
    listed = api.get("/cgi-bin/menu/get")["conditionalmenu"]
    assert [str(menu["menuid"]) for menu in listed] == [one, two]  # twice the same is there twice
    assert listed[0]["matchrule"] == {"tag_id": str(tag)}
    assert api.post("/cgi-bin/menu/delconditional", {"menuid": one})["errcode"] == 0
    assert api.post("/cgi-bin/menu/delconditional", {"menuid": one})["errcode"] == 65301
    api.get("/cgi-bin/menu/delete")
    api.post("/cgi-bin/menu/create", {"button": [view()]})
    assert "conditionalmenu" not in api.get("/cgi-bin/menu/get")


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"button": [view()]}, 65304),
    ({"button": [view()], "matchrule": {"tag_id": ""}}, 65304),
    ({"button": [view()], "matchrule": {"sex": "1"}}, 65320),
    ({"button": [view()], "matchrule": {"tag_id": 99}}, 45159),
    ({"button": [view()], "matchrule": {"client_platform_type": "4"}}, 40035),
    ({"button": [], "matchrule": {"client_platform_type": "1"}}, 65307),
    ({"button": [top({"name": "无动作"})], "matchrule": {"client_platform_type": "1"}}, 65308),
    ({"button": [view(name="六个汉字超了")], "matchrule": {"client_platform_type": "1"}}, 40018),
    (
        {
            "button": [top(*[view(url=f"https://{n}.gov.example/") for n in range(4)])],
            "matchrule": {"client_platform_type": "1"},
        },
        65316,
    ),
]


@pytest.mark.parametrize(("body", "errcode"), REFUSED)
def test_what_is_no_rule_or_no_menu_is_refused(api: Api, body: dict[str, Any], errcode: int) -> None:
    with_default(api)
    assert api.post(ADD, body)["errcode"] == errcode


def test_the_default_menu_comes_first(api: Api) -> None:
    body = {"button": [view()], "matchrule": {"client_platform_type": "1"}}
    assert api.post(ADD, body)["errcode"] == 65303
    assert api.post("/cgi-bin/menu/trymatch", {"user_id": "nobody"})["errcode"] == 65302


def test_a_menu_made_in_the_console_is_seen_but_not_known_to_menu_get(api: Api) -> None:
    with_default(api)
    made = [{"name": "信息", "sub_button": {"list": [{"type": "view", "name": "看", "url": "https://a.cn/"}]}}]
    assert api.client.put("/_sandbox/wechat/menu", json={"appid": api.appid, "buttons": made}).ok
    assert api.get("/cgi-bin/menu/get")["errcode"] == 46003
    shown = api.get("/cgi-bin/get_current_selfmenu_info")
    assert shown == {"is_menu_open": 1, "selfmenu_info": {"button": made}}
    assert "看" in api.client.get(f"/phone/{ANYBODY}").text
    assert api.client.put("/_sandbox/wechat/menu", json={"appid": api.appid, "is_open": False}).ok
    assert api.get("/cgi-bin/get_current_selfmenu_info")["is_menu_open"] == 0
    api.post("/cgi-bin/menu/create", {"button": [view()]})
    assert api.get("/cgi-bin/get_current_selfmenu_info")["is_menu_open"] == 1


def test_a_mini_program_opens_only_where_it_is_linked(api: Api) -> None:
    button = {"type": "miniprogram", "name": "小程序", "appid": "wx1", "pagepath": "p", "url": "https://a.cn/"}
    assert api.post("/cgi-bin/menu/create", {"button": [button]})["errcode"] == 40119
    settings = f"/_sandbox/wechat/accounts/{api.appid}/settings"
    assert api.client.patch(settings, json={"linked_miniprograms": ["wx1"]}).ok
    assert api.post("/cgi-bin/menu/create", {"button": [button]})["errcode"] == 0
