"""The life of access tokens."""

import pytest

from tests.sandbox.conftest import Api


def _use(api: Api, token: str) -> int:
    return int(api.get("/cgi-bin/user/get", token=token).get("errcode", 0))


def test_stable_token_is_the_same_until_five_minutes_before_its_end(api: Api) -> None:
    first = api.stable_token()
    assert first["access_token"] == api.token
    assert len(api.token) <= 512
    api.world.clock.advance(6899)
    assert api.stable_token() == {"access_token": api.token, "expires_in": 301}
    api.world.clock.advance(2)
    assert api.stable_token()["access_token"] != api.token


def test_a_forced_refresh_kills_the_previous_token_at_once(api: Api) -> None:
    api.world.clock.advance(31)
    new = api.stable_token(force_refresh=True)["access_token"]
    assert _use(api, new) == 0
    assert _use(api, api.token) == 40001


def test_forced_refreshes_are_thirty_seconds_apart_and_twenty_a_day(api: Api) -> None:
    assert api.stable_token(force_refresh=True)["errcode"] == 45011
    codes = []
    for _ in range(21):
        api.world.clock.advance(31)
        codes.append(api.stable_token(force_refresh=True).get("errcode", 0))
    assert codes == [0] * 20 + [45009]


def test_a_new_plain_token_leaves_the_old_one_five_minutes_and_the_stable_one_alone(api: Api) -> None:
    query = {"grant_type": "client_credential", "appid": api.appid, "secret": api.secret}
    old = api.client.get("/cgi-bin/token", params=query).json()["access_token"]
    new = api.client.get("/cgi-bin/token", params=query).json()["access_token"]
    assert old != new
    api.world.clock.advance(299)
    assert _use(api, old) == 0
    api.world.clock.advance(2)
    assert (_use(api, old), _use(api, new), _use(api, api.token)) == (40001, 0, 0)


def test_a_token_expires_after_two_hours(api: Api) -> None:
    api.world.clock.advance(7200)
    assert _use(api, api.token) == 42001


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("nonsense", 40014), ("x" * 138, 40001)])
def test_a_bad_token_is_refused_by_its_kind(api: Api, token: str, errcode: int) -> None:
    assert _use(api, token) == errcode


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "password"}, 40002),
    ],
)
def test_a_bad_credential_is_refused_by_its_kind(api: Api, change: dict[str, str], errcode: int) -> None:
    assert api.stable_token(**change)["errcode"] == errcode


def test_a_caller_outside_the_list_is_named_in_the_refusal(api: Api) -> None:
    path = f"/_sandbox/wechat/accounts/{api.appid}/ip-list"
    api.client.put(path, json={"ip_list": ["10.0.0.0/8"]})
    refusal = api.stable_token()
    assert refusal["errcode"] == 40164
    assert "127.0.0.1" in refusal["errmsg"]
    api.client.put(path, json={"ip_list": None})
    assert "access_token" in api.stable_token()
