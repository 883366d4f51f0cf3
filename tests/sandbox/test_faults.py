"""What goes wrong on request, over a real connection."""

import time

import pytest
import requests

from sandbox.people import PEOPLE
from tests.sandbox.conftest import Api

SEND = "/cgi-bin/message/template/send"
TIMEOUT_PERSON = next(person for person in PEOPLE if person.persona == "timeout_after_accept")


def _arm(api: Api, kind: str, **more: object) -> int:
    answer = api.client.post("/_sandbox/faults", json={"kind": kind, **more})
    assert answer.status_code == 200
    return int(answer.json()["id"])


def _received(api: Api, openid: str = PEOPLE[0].openid) -> int:
    answer = api.client.get("/_sandbox/wechat/citizens", params={"appid": api.appid, "openid": openid})
    return int(answer.json()[0]["delivered"])


def test_a_lost_answer_leaves_the_effect(api: Api) -> None:
    _arm(api, "lose_answer", path=SEND, times=1)
    with pytest.raises(requests.ConnectionError):
        api.send()
    assert _received(api) == 1
    assert api.send(PEOPLE[1].openid)["errcode"] == 0


def test_a_refused_connection_leaves_nothing(api: Api) -> None:
    _arm(api, "refuse_before", path=SEND, times=1)
    with pytest.raises(requests.ConnectionError):
        api.send()
    assert _received(api) == 0


def test_an_errcode_at_will_leaves_nothing(api: Api) -> None:
    _arm(api, "errcode", value=40001, path="/cgi-bin/*", times=2)
    assert api.send()["errcode"] == 40001
    assert " rid: " in api.get("/cgi-bin/draft/count")["errmsg"]
    assert _received(api) == 0
    assert api.send()["errcode"] == 0


def test_a_broken_proxy_and_a_login_page_are_no_json(api: Api) -> None:
    _arm(api, "http_502", path=SEND, times=1)
    answer = api.client.post(SEND, params={"access_token": api.token}, data=b"{}")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")
    _arm(api, "html_200", path=SEND, times=1)
    answer = api.client.post(SEND, params={"access_token": api.token}, data=b"{}")
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")


def test_a_slow_answer_comes_late_and_complete(api: Api) -> None:
    _arm(api, "delay_s", value=0.3, path=SEND, times=1)
    start = time.monotonic()
    assert api.send()["errcode"] == 0
    assert time.monotonic() - start >= 0.3


def test_the_persona_that_times_out_has_the_message(api: Api) -> None:
    with pytest.raises(requests.ConnectionError):
        api.send(TIMEOUT_PERSON.openid, client_msg_id="a")
    with pytest.raises(requests.ConnectionError):
        api.send(TIMEOUT_PERSON.openid, client_msg_id="a")
    assert _received(api, TIMEOUT_PERSON.openid) == 1


def test_a_fault_meets_only_whom_it_is_for(api: Api) -> None:
    _arm(api, "errcode", value=-1, path=SEND, openid=PEOPLE[1].openid)
    _arm(api, "errcode", value=45011, path=SEND, persona="blocked")
    blocked = next(person for person in PEOPLE if person.persona == "blocked")
    assert api.send(PEOPLE[0].openid)["errcode"] == 0
    assert api.send(PEOPLE[1].openid)["errcode"] == -1
    assert api.send(blocked.openid)["errcode"] == 45011
    assert "errcode" not in api.get("/cgi-bin/draft/count")


def test_a_fault_skips_and_ends_and_is_counted(api: Api) -> None:
    number = _arm(api, "errcode", value=-1, path=SEND, skip=1, times=2)
    assert [api.send()["errcode"] for _ in range(5)] == [0, -1, -1, 0, 0]
    (fault,) = api.client.get("/_sandbox/faults").json()
    assert (fault["id"], fault["fired"], fault["armed"]) == (number, 2, False)
    assert api.client.get("/_sandbox/faults/counts").json() == {"errcode": 2}


def test_chance_repeats_itself_with_its_seed(api: Api) -> None:
    def strikes() -> list[bool]:
        api.world.faults.forget()
        _arm(api, "errcode", value=-1, path=SEND, probability=0.5, seed=7)
        return [api.send()["errcode"] == -1 for _ in range(12)]

    first = strikes()
    assert strikes() == first
    assert 0 < sum(first) < 12


def test_disarmed_faults_do_nothing(api: Api) -> None:
    one = _arm(api, "errcode", value=-1, path=SEND)
    _arm(api, "http_502", path=SEND)
    api.client.delete(f"/_sandbox/faults/{one}")
    assert api.client.post(SEND).status_code == 502
    api.client.delete("/_sandbox/faults")
    assert api.send()["errcode"] == 0


@pytest.mark.parametrize("order", [{"kind": "earthquake"}, {"kind": "errcode", "colour": "red"}])
def test_an_unknown_fault_is_refused(api: Api, order: dict[str, str]) -> None:
    assert api.client.post("/_sandbox/faults", json=order).status_code == 422
