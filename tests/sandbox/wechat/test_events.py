"""Events on their way to the callback: checked on setting, encrypted, repeated, lost, early, twice."""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.people import PEOPLE
from sandbox.wechat import crypto, events
from tests.sandbox.conftest import Api

TOKEN, KEY = "weigov", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
BLOCKED = next(person for person in PEOPLE if person.persona == "blocked")


class Callback:
    """An account's server: keeps what it is sent; may fail the first times."""

    def __init__(self, appid: str) -> None:
        self.received: list[str] = []
        self.fail_first = 0
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                known = crypto.sign(TOKEN, query["timestamp"], query["nonce"]) == query["signature"]
                self._answer(200, query["echostr"] if known else "")

            def do_POST(self) -> None:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                encrypted = re.findall(r"<Encrypt><!\[CDATA\[(.*?)\]\]></Encrypt>", body)[0]
                assert query["encrypt_type"] == "aes"
                signed = crypto.sign(TOKEN, query["timestamp"], query["nonce"], encrypted)
                assert signed == query["msg_signature"]
                if callback.fail_first:
                    callback.fail_first -= 1
                    self._answer(500, "")
                    return
                callback.received.append(crypto.decrypt(encrypted, appid, KEY))
                self._answer(200, "success")

            def _answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/wechat/city"

    def wait(self, count: int) -> list[str]:
        deadline = time.monotonic() + 8
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.15)  # one too many would show
        return list(self.received)


@pytest.fixture
def callback(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callback]:
    monkeypatch.setattr(events, "RETRY_S", 0.05)
    callback = Callback(api.appid)
    thread = threading.Thread(target=callback.server.serve_forever, daemon=True)
    thread.start()
    answer = _set(api, callback.url, TOKEN)
    assert answer.status_code == 200
    yield callback
    callback.server.shutdown()
    callback.server.server_close()
    thread.join()


def _set(api: Api, url: str, token: str) -> Any:
    body = {"url": url, "token": token, "encoding_aes_key": KEY}
    return api.client.put(f"/_sandbox/wechat/accounts/{api.appid}/callback", json=body)


def _arm(api: Api, kind: str, **more: Any) -> None:
    assert api.client.post("/_sandbox/faults", json={"kind": kind, **more}).status_code == 200


def _states(api: Api) -> list[str]:
    rows = api.client.get("/_sandbox/wechat/events", params={"appid": api.appid}).json()
    return [row["state"] for row in rows]


def _settled(api: Api) -> list[str]:
    """The states once none is under way: what came here is noted there a moment later."""
    deadline = time.monotonic() + 5
    while {"pending", "sending"} & set(states := _states(api)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return states


def test_a_callback_that_fails_the_echostr_check_is_refused_in_one_line(api: Api, callback: Callback) -> None:
    refusal = _set(api, callback.url, "another")
    assert refusal.status_code == 422
    assert "echostr" in refusal.json()["detail"] and "\n" not in refusal.json()["detail"]
    nobody = _set(api, "http://127.0.0.1:1/", TOKEN)
    assert nobody.status_code == 422
    assert "echostr" in nobody.json()["detail"]


@pytest.mark.parametrize("change", [{"token": "ab"}, {"encoding_aes_key": "short"}, {"url": "ftp://a"}])
def test_a_malformed_callback_is_refused(api: Api, change: dict[str, str]) -> None:
    body = {"url": "http://127.0.0.1:1/", "token": TOKEN, "encoding_aes_key": KEY, **change}
    assert api.client.put(f"/_sandbox/wechat/accounts/{api.appid}/callback", json=body).status_code == 422


def test_a_template_message_is_followed_by_its_event(api: Api, callback: Callback) -> None:
    msgid = api.send()["msgid"]
    (xml,) = callback.wait(1)
    assert "<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>" in xml
    assert f"<MsgID>{msgid}</MsgID>" in xml and "<Status><![CDATA[success]]></Status>" in xml
    assert f"<FromUserName><![CDATA[{PEOPLE[0].openid}]]></FromUserName>" in xml


def test_a_blocked_citizen_shows_only_in_the_event(api: Api, callback: Callback) -> None:
    assert api.send(BLOCKED.openid)["errcode"] == 0
    (xml,) = callback.wait(1)
    assert "<![CDATA[failed:user block]]>" in xml


def test_a_publishing_is_followed_by_its_event_when_its_moment_has_come(api: Api, callback: Callback) -> None:
    publish_id = api.publish()["publish_id"]
    time.sleep(0.3)
    assert callback.received == []
    api.world.clock.advance(1)
    (xml,) = callback.wait(1)
    assert "PUBLISHJOBFINISH" in xml and f"<publish_id>{publish_id}</publish_id>" in xml
    assert "<publish_status>0</publish_status>" in xml and f"mid={publish_id}&idx=1" in xml


def test_event_first_overtakes_the_answer(api: Api, callback: Callback) -> None:
    _arm(api, "event_first", path="/cgi-bin/message/template/send")
    _arm(api, "event_first", path="/cgi-bin/freepublish/submit")
    api.send()
    assert len(callback.received) == 1
    api.publish()
    assert len(callback.received) == 2
    assert len(callback.wait(2)) == 2


def test_an_unanswered_event_comes_three_times_at_most(api: Api, callback: Callback) -> None:
    callback.fail_first = 2
    api.send()
    assert len(callback.wait(1)) == 1
    callback.fail_first = 3
    api.send()
    assert _settled(api) == ["delivered", "failed"]


def test_events_are_dropped_doubled_and_delayed_on_request(api: Api, callback: Callback) -> None:
    _arm(api, "drop_event", times=1)
    api.send()
    _arm(api, "duplicate_event", times=1)
    api.send()
    assert len(callback.wait(2)) == 2
    assert callback.received[0] == callback.received[1]
    _arm(api, "delay_event", value=0.6, times=1)
    began = time.monotonic()
    api.send()
    assert len(callback.wait(3)) == 3 and time.monotonic() - began > 0.6
    assert _settled(api) == ["dropped", "delivered", "delivered", "delivered"]
    counts = api.client.get("/_sandbox/faults/counts").json()
    assert counts == {"drop_event": 1, "duplicate_event": 1, "delay_event": 1}


def test_other_things_seen_in_reality_happen_on_request(api: Api, callback: Callback) -> None:
    _arm(api, "event_msgid_zero", times=1)
    api.send(client_msg_id="a")
    assert "<MsgID>0</MsgID>" in callback.wait(1)[0]
    _arm(api, "template_status", value="failed: system failed", times=1)
    api.send()
    assert "failed: system failed" in callback.wait(2)[1]
    _arm(api, "mass_event_instead", times=1)
    api.publish()
    api.world.clock.advance(1)
    xml = callback.wait(3)[2]
    assert "MASSSENDJOBFINISH" in xml and "<ArticleUrlResult><Count>1</Count>" in xml


def test_events_without_a_callback_are_kept_and_can_be_sent_later(api: Api, callback: Callback) -> None:
    api.client.delete(f"/_sandbox/wechat/accounts/{api.appid}/callback")
    api.send()
    assert _states(api) == ["no_callback"]
    _set(api, callback.url, TOKEN)
    api.client.post("/_sandbox/wechat/events/resend", params={"appid": api.appid})
    assert len(callback.wait(1)) == 1


def test_leaving_and_coming_back_are_told(api: Api, callback: Callback) -> None:
    path = f"/_sandbox/wechat/personas/{PEOPLE[0].openid}"
    api.client.put(path, json={"persona": "unfollowed"})
    api.client.put(path, json={"persona": "ordinary"})
    seen = {re.findall(r"<Event><!\[CDATA\[(\w+)", xml)[0] for xml in callback.wait(2)}
    assert seen == {"unsubscribe", "subscribe"}
