"""The order in which a call is checked: each case is wrong in two ways, and the earlier check answers."""

from collections.abc import Callable

import pytest

from sandbox.wechat.accounts import SUBSCRIPTION_APPID, UNVERIFIED_APPID
from tests.sandbox.conftest import Api

SEND = "/cgi-bin/message/template/send"


def test_token_before_json(api: Api) -> None:
    assert api.raw(SEND, b"{", token="nonsense")["errcode"] == 40014


def test_quota_before_json(api: Api) -> None:
    api.client.put(f"/_sandbox/wechat/accounts/{api.appid}/limits", json={"path": SEND, "daily": 0})
    assert api.raw(SEND, b"{")["errcode"] == 45009


@pytest.mark.parametrize(("body", "errcode"), [(b"{", 47001), (b"[]", 47001), (b"", 44002), (b"\xff", 47001)])
def test_json_before_permission(account_api: Callable[[str], Api], body: bytes, errcode: int) -> None:
    assert account_api(SUBSCRIPTION_APPID).raw(SEND, body)["errcode"] == errcode


def test_permission_before_fields(account_api: Callable[[str], Api]) -> None:
    assert account_api(SUBSCRIPTION_APPID).post(SEND, {"touser": "nobody"})["errcode"] == 48001


@pytest.mark.parametrize("path", ["menu/create", "freepublish/submit", "freepublish/batchget"])
def test_an_unverified_account_has_neither_menus_nor_publishing(account_api: Callable[[str], Api], path: str) -> None:
    assert account_api(UNVERIFIED_APPID).post(f"/cgi-bin/{path}", {})["errcode"] == 48001


def test_a_verified_subscription_account_may_publish(account_api: Callable[[str], Api]) -> None:
    assert account_api(SUBSCRIPTION_APPID).publish()["errcode"] == 0


def test_an_unknown_path_and_a_wrong_method_are_refused(api: Api) -> None:
    assert api.post("/cgi-bin/nothing", {})["errcode"] == 40066
    assert api.get("/cgi-bin/draft/add")["errcode"] == 43002
    assert api.post("/cgi-bin/draft/count", {})["errcode"] == 43001


def test_answers_are_compact_and_end_without_a_newline(api: Api) -> None:
    answer = api.client.get("/cgi-bin/draft/count", params={"access_token": api.token})
    assert answer.content == b'{"total_count":0}'


def test_every_call_is_counted_by_path_and_errcode(api: Api) -> None:
    api.get("/cgi-bin/draft/count")
    api.post("/cgi-bin/draft/get", {"media_id": "gone"})
    calls = api.client.get("/_sandbox/wechat/state", params={"appid": api.appid}).json()["calls"]
    assert calls["/cgi-bin/draft/count"] == {"0": 1}
    assert calls["/cgi-bin/draft/get"] == {"40007": 1}
