"""Template messages: fields, citizens, and the ten minutes of client_msg_id."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.people import PEOPLE
from sandbox.wechat.accounts import SUBSCRIPTION_APPID
from sandbox.wechat.fields import problem
from tests.sandbox.conftest import Api

OF = {person.persona: person for person in reversed(PEOPLE)}


def _citizen(api: Api, openid: str) -> dict[str, Any]:
    answer = api.client.get("/_sandbox/wechat/citizens", params={"appid": api.appid, "openid": openid})
    result: dict[str, Any] = answer.json()[0]
    return result


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("thing1", "二" * 20, True),
        ("thing1", "二" * 21, False),
        ("thing1", "两\n行", False),
        ("short_thing2", "五个字的话", True),
        ("short_thing2", "六个字的话了", False),
        ("number1", "-12.50", True),
        ("number1", "12件", False),
        ("letter1", "ABC", True),
        ("letter1", "AB1", False),
        ("symbol1", "+-*/", True),
        ("symbol1", "abc", False),
        ("character_string3", "SF-2026/01 #5", True),
        ("character_string3", "测试单号", False),
        ("character_string3", "1" * 33, False),
        ("time4", "15:01", True),
        ("time4", "2019年10月1日 15:01", True),
        ("time4", "2019年10月1日 15:01~16:00", True),
        ("time4", "2019年10月1日 15:01~2019年10月2日 16:00", True),
        ("time4", "25:01", False),
        ("time4", "明天下午", False),
        ("date4", "2019年10月1日", True),
        ("date4", "15:01", False),
        ("amount1", "¥100.50元", True),
        ("amount1", "100港币", False),
        ("phone_number1", "+86-010-12345678", True),
        ("phone_number1", "电话1", False),
        ("car_number1", "京A12345", True),
        ("car_number1", "京A12345678", False),
        ("name1", "欧阳明", True),
        ("name1", "John Smith", True),
        ("name1", "十一个汉字的名字太长了吧", False),
        ("phrase2", "已办结", True),
        ("phrase2", "六个汉字超了", False),
        ("phrase2", "OK", False),
        ("const1", "x" * 21, False),
    ],
)
def test_a_field_must_be_what_its_name_says(key: str, value: str, fits: bool) -> None:
    assert (problem(key, value) is None) is fits


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"thing1": "长" * 21}, "data.thing1.value invalid"),
        ({"phrase2": ""}, "data.phrase2.value is empty"),
        ({"phrase2": None}, "data.phrase2.value is empty"),
        ({"character_string3": "办件一号"}, "data.character_string3.value invalid"),
    ],
)
def test_the_refusal_names_the_field(api: Api, fields: dict[str, str | None], named: str) -> None:
    refusal = api.send(fields=fields)
    assert refusal["errcode"] == 47003
    assert named in refusal["errmsg"]


def test_keys_the_template_does_not_have_are_ignored(api: Api) -> None:
    assert api.send(fields={"first": "您好"})["errcode"] == 0
    assert "first" not in _citizen(api, PEOPLE[0].openid)["messages"][0]["data"]


def test_a_test_account_does_not_look_at_fields(api: Api) -> None:
    path = f"/_sandbox/wechat/accounts/{api.appid}/settings"
    api.client.patch(path, json={"enforce_template_fields": False})
    assert api.send(fields={"thing1": "长" * 21})["errcode"] == 0


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [({"openid": "o" * 28}, 40003), ({"template_id": "TM99999"}, 40037), ({"data": []}, 47001)],
)
def test_a_wrong_address_is_refused(api: Api, changes: dict[str, Any], errcode: int) -> None:
    assert api.send(**changes)["errcode"] == errcode


def test_the_unfollowed_and_the_blacklisted_are_refused_and_the_blocked_are_not(api: Api) -> None:
    assert api.send(OF["unfollowed"].openid)["errcode"] == 43004
    api.client.put(f"/_sandbox/wechat/personas/{PEOPLE[1].openid}", json={"persona": "blacklisted"})
    assert api.send(PEOPLE[1].openid)["errcode"] == 43019
    assert api.send(OF["blocked"].openid)["errcode"] == 0
    blocked = _citizen(api, OF["blocked"].openid)
    assert (blocked["accepted"], blocked["delivered"]) == (1, 0)


def test_the_same_client_msg_id_reaches_a_citizen_once_in_ten_minutes(api: Api) -> None:
    first = api.send(client_msg_id="case-1")
    api.world.clock.advance(599)
    assert api.send(client_msg_id="case-1") == first
    assert _citizen(api, PEOPLE[0].openid)["delivered"] == 1
    api.world.clock.advance(1)
    assert api.send(client_msg_id="case-1")["msgid"] != first["msgid"]
    counted = _citizen(api, PEOPLE[0].openid)
    assert (counted["delivered"], counted["most_often"]) == (2, 2)
    assert counted["messages"][0]["repeats_within_window"] == 1


def test_simultaneous_sends_under_one_client_msg_id_are_one_message(api: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        msgids = {answer["msgid"] for answer in pool.map(lambda _: api.send(client_msg_id="a"), range(30))}
    assert len(msgids) == 1
    assert _citizen(api, PEOPLE[0].openid)["delivered"] == 1


def test_client_msg_id_counts_per_citizen(api: Api) -> None:
    first = api.send(PEOPLE[0].openid, client_msg_id="same")
    assert api.send(PEOPLE[1].openid, client_msg_id="same")["msgid"] != first["msgid"]


def test_a_refused_send_does_not_use_up_its_client_msg_id(api: Api) -> None:
    assert api.send(client_msg_id="a", fields={"phrase2": "OK"})["errcode"] == 47003
    assert api.send(client_msg_id="a")["errcode"] == 0
    assert _citizen(api, PEOPLE[0].openid)["delivered"] == 1


def test_without_client_msg_id_every_call_is_a_message(api: Api) -> None:
    api.send()
    api.send()
    assert _citizen(api, PEOPLE[0].openid)["most_often"] == 2


def test_template_messages_are_for_verified_service_accounts(account_api: Any) -> None:
    other = account_api(SUBSCRIPTION_APPID)
    assert other.send()["errcode"] == 48001
    assert other.get("/cgi-bin/template/get_all_private_template")["errcode"] == 48001


def test_the_library_lists_the_templates_with_their_markers(api: Api) -> None:
    listed = api.get("/cgi-bin/template/get_all_private_template")["template_list"]
    assert [one["template_id"] for one in listed] == ["TM00123", "TM00124"]
    assert "{{character_string3.DATA}}" in listed[0]["content"]


def test_followers_are_listed_without_those_who_left(api: Api) -> None:
    listed = api.get("/cgi-bin/user/get")
    left = {person.openid for person in PEOPLE if person.persona == "unfollowed"}
    assert listed["total"] == len(PEOPLE) - len(left)
    assert not left & set(listed["data"]["openid"])
    after = api.get("/cgi-bin/user/get", next_openid=listed["next_openid"])
    assert (after["count"], after["next_openid"]) == (0, "")
    assert api.get("/cgi-bin/user/info", openid=PEOPLE[0].openid)["subscribe"] == 1
    assert api.get("/cgi-bin/user/info", openid=OF["unfollowed"].openid)["subscribe"] == 0
