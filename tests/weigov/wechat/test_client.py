"""What leaves, what comes back, and which error says what to do: over a real socket."""

from __future__ import annotations

import json
import logging
import socket
import traceback
from collections import deque
from collections.abc import Callable

import pytest
import requests

from tests.weigov.wechat.conftest import Talk
from tests.weigov.wechat.fake import NOW, OPENID, SECRET, Reply, Store, account, half, hang_up, http, peer, reset
from weigov.errors import OutcomeUnknown, RateLimited, RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.wechat.client import AccountClient, PublishStatus, Quota, Submitted, publish_status
from weigov.wechat.protocol import AccountStopped, TokenRefused
from weigov.wechat.token import TokenKeeper

ARTICLE = {
    "title": "关于公布2026年市级重点项目的通知",
    "content": '<p>正文<img src="https://mmbiz.qpic.cn/a/0"></p>',
    "thumb_media_id": "COVER",
}
OK = {"errcode": 0, "errmsg": "ok"}
PNG = b"\x89PNG\r\n\x1a\n"


def send_template(client: AccountClient) -> str:
    return client.send_template(OPENID, "TM1", {"thing1": "居住证办理"}, "https://gov.example/c/1", "key-1")


SENDS: dict[str, Callable[[AccountClient], object]] = {
    "menu/create": lambda c: c.create_menu([{"type": "view", "name": "办事", "url": "https://gov.example/"}]),
    "menu/addconditional": lambda c: c.add_conditional_menu(
        {"tag_id": "100"}, [{"type": "view", "name": "办事", "url": "https://gov.example/"}]
    ),
    "menu/delconditional": lambda c: c.delete_conditional_menu("1"),
    "media/uploadimg": lambda c: c.upload_image(PNG, "图.png", "image/png"),
    "material/add_material": lambda c: c.add_material_image(PNG, "图.png", "image/png"),
    "draft/add": lambda c: c.add_draft([ARTICLE]),
    "draft/delete": lambda c: c.delete_draft("M"),
    "freepublish/submit": lambda c: c.submit("M"),
    "freepublish/delete": lambda c: c.delete_published("A"),
    "message/template/send": send_template,
    "message/subscribe/bizsend": lambda c: c.send_notice(OPENID, "TM2", {"thing1": "滨湖片区"}, ""),
    "message/custom/send": lambda c: c.send_custom(OPENID, {"msgtype": "text", "text": {"content": "已办好"}}),
    "message/mass/sendall": lambda c: c.mass.send("M", "key-1", tag=None, reprints=False),
    "message/mass/preview": lambda c: c.mass.preview("M", "wx_editor"),
    "message/mass/delete": lambda c: c.mass.delete("1", 2),
}
READS: dict[str, Callable[[AccountClient], object]] = {
    "menu/get": lambda c: c.get_menu(),
    "get_current_selfmenu_info": lambda c: c.get_current_menu(),
    "draft/get": lambda c: c.get_draft("M"),
    "draft/batchget": lambda c: c.batchget_drafts(),
    "freepublish/get": lambda c: c.get_publish("1"),
    "freepublish/getarticle": lambda c: c.get_article("A"),
    "freepublish/batchget": lambda c: c.batchget_published(),
    "material/batchget_material": lambda c: c.batchget_material(),
    "template/get_all_private_template": lambda c: c.list_templates(),
    "openapi/quota/get": lambda c: c.quota("/cgi-bin/draft/add"),
    "user/info": lambda c: c.user_info(OPENID),
    "message/mass/get": lambda c: c.mass.state("1"),
    "tags/get": lambda c: c.mass.tag_id("市民"),
}
AMBIGUOUS: dict[str, Reply] = {
    "reset after sending": reset,
    "closed without an answer": hang_up,
    "half an answer": half,
    "502": http(502, b"bad gateway"),
    "200 of a proxy": http(200, b"<html>please log in</html>", "text/html"),
    "a redirect": b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "-1": {"errcode": -1, "errmsg": "system error"},
    "a list": b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n[]",
}


@pytest.mark.parametrize("failure", AMBIGUOUS)
@pytest.mark.parametrize("path", SENDS)
def test_a_send_without_a_clear_answer_is_unknown_and_never_repeated(talk: Talk, path: str, failure: str) -> None:
    talk.peer.on(path, AMBIGUOUS[failure])
    with pytest.raises(OutcomeUnknown):
        SENDS[path](talk.client)
    assert talk.peer.calls[path] == 1


@pytest.mark.parametrize("failure", AMBIGUOUS)
@pytest.mark.parametrize("path", ["draft/get", "menu/get", "user/info"])
def test_a_read_without_a_clear_answer_may_be_asked_again_by_the_caller(talk: Talk, path: str, failure: str) -> None:
    talk.peer.on(path, AMBIGUOUS[failure])
    with pytest.raises(RemoteUnavailable) as caught:
        READS[path](talk.client)
    assert not isinstance(caught.value, AccountStopped)
    assert talk.peer.calls[path] == 1


@pytest.mark.parametrize("path", ["freepublish/submit", "message/template/send"])
def test_a_send_that_is_never_answered_is_unknown(talk: Talk, path: str) -> None:
    done = []

    def silence(connection: socket.socket) -> None:
        connection.settimeout(5)
        done.append(connection.recv(1))  # until the client gives up

    talk.peer.on(path, silence)
    with pytest.raises(OutcomeUnknown, match="no answer after sending"):
        SENDS[path](talk.client)


@pytest.mark.parametrize("path", SENDS | READS)
def test_a_call_that_could_not_connect_was_surely_not_made(path: str) -> None:
    store = Store()
    store.put("T")
    with requests.Session() as session:
        who = account(f"http://127.0.0.1:{_closed_port()}")
        client = AccountClient(who, TokenKeeper(who, store, session, lambda: NOW), session, lambda: NOW)
        with pytest.raises(RemoteUnavailable, match="not reached: Connection refused"):
            (SENDS | READS)[path](client)


def test_an_unknown_host_and_a_failed_handshake_are_surely_not_sent(talk: Talk) -> None:
    talk.store.put("T")
    talk.peer.on("draft/delete", http(200, b"not TLS"))
    tls = talk.peer.base_url.replace("http://", "https://")
    for base_url in ("http://nowhere.invalid", tls):
        with requests.Session() as session:
            who = account(base_url)
            client = AccountClient(who, TokenKeeper(who, talk.store, session, lambda: NOW), session, lambda: NOW)
            with pytest.raises(RemoteUnavailable, match="not reached"):
                client.delete_draft("M")


def test_a_proxy_that_opens_no_tunnel_has_sent_nothing_and_one_that_dies_later_may_have(talk: Talk) -> None:
    talk.store.put("T")
    talk.peer.plan["wechat.test:443"] = deque([http(403, b"no")])
    for scheme, expected in (("https", RemoteUnavailable), ("http", OutcomeUnknown)):
        talk.peer.plan[f"{scheme}://wechat.test/cgi-bin/draft/delete"] = deque([reset])
        with requests.Session() as session:
            session.proxies = {scheme: talk.peer.base_url}
            who = account(f"{scheme}://wechat.test")
            client = AccountClient(who, TokenKeeper(who, talk.store, session, lambda: NOW), session, lambda: NOW)
            with pytest.raises(expected):
                client.delete_draft("M")
    assert [r.method for r in talk.peer.requests] == ["CONNECT", "POST"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"publish_status": "x"},
        {"publish_status": "9"},
        {"publish_status": None, "article_detail": "\n"},
        {"publish_status": "7", "article_detail": {"item": "x"}, "fail_idx": ["a"]},
    ],
)
def test_a_publish_event_nobody_understands_has_an_unknown_state(event: dict[str, object]) -> None:
    assert publish_status(event).state == "unknown"


def test_a_connection_that_died_while_idle_leaves_a_send_unknown(talk: Talk) -> None:
    """The bytes may have been read before it died; the next call opens a new connection."""
    talk.peer.on("draft/delete", OK)
    talk.client.delete_draft("M")
    talk.peer.on("draft/delete", reset, OK)
    with pytest.raises(OutcomeUnknown):
        talk.client.delete_draft("M")
    talk.client.delete_draft("M")


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_refused_token_is_replaced_once_and_the_call_made_again(talk: Talk, code: int) -> None:
    refusal = {"errcode": code, "errmsg": "invalid credential"}
    talk.store.put("OLD")
    talk.peer.on("draft/add", refusal, {"media_id": "M1", "item": []})
    assert talk.client.add_draft([ARTICLE]) == "M1"
    assert talk.peer.calls == {"draft/add": 2, "stable_token": 1}
    used = [r.path.partition("access_token=")[2] for r in talk.peer.requests if "draft" in r.path]
    assert used == ["OLD", "TOKEN-1"]
    assert talk.peer.bodies("draft/add")[0] == talk.peer.bodies("draft/add")[1]


def test_an_upload_is_whole_the_second_time_too(talk: Talk) -> None:
    talk.peer.on("media/uploadimg", {"errcode": 40001, "errmsg": ""}, {"url": "http://mmbiz.qpic.cn/x/0"})
    assert talk.client.upload_image(PNG, "a.png", "image/png") == "http://mmbiz.qpic.cn/x/0"
    assert all(PNG in body for body in talk.peer.bodies("media/uploadimg"))


def test_a_token_refused_for_ever_costs_a_bounded_number_of_calls(talk: Talk) -> None:
    talk.peer.on("message/template/send", {"errcode": 40001, "errmsg": "invalid credential"})
    with pytest.raises(RemoteUnavailable):
        send_template(talk.client)
    assert talk.peer.calls["message/template/send"] <= 2
    assert talk.peer.calls["stable_token"] <= 3
    for _ in range(20):
        with pytest.raises(RemoteUnavailable):
            send_template(talk.client)
    forced = [b for b in talk.peer.bodies("stable_token") if json.loads(b)["force_refresh"]]
    assert len(forced) <= 1
    assert talk.peer.calls["message/template/send"] <= 2 * 21


def test_bodies_are_compact_raw_utf8(talk: Talk) -> None:
    talk.peer.on("draft/add", {"media_id": "M", "item": []})
    talk.client.add_draft([ARTICLE])
    body = talk.peer.bodies("draft/add")[0]
    assert ARTICLE["title"].encode() in body and b"\\u" not in body and b'": ' not in body


def test_a_template_message_carries_its_key_and_only_the_values_given(talk: Talk) -> None:
    talk.peer.on("message/template/send", {**OK, "msgid": 3187209460000000001})
    assert send_template(talk.client) == "3187209460000000001"
    assert json.loads(talk.peer.bodies("message/template/send")[0]) == {
        "touser": OPENID,
        "template_id": "TM1",
        "url": "https://gov.example/c/1",
        "client_msg_id": "key-1",
        "data": {"thing1": {"value": "居住证办理"}},
    }


def test_what_the_rules_refuse_is_never_sent(talk: Talk) -> None:
    with pytest.raises(RecordRejected, match=r"articles\.0\.title.*articles\.0\.thumb_media_id"):
        talk.client.add_draft([{"title": "长" * 33, "content": "x"}])
    with pytest.raises(RecordRejected, match=r"data\.phrase2"):
        talk.client.send_template(OPENID, "T", {"phrase2": "in review"}, "", "k")
    with pytest.raises(RecordRejected, match="surrogate"):
        talk.client.add_draft([{**ARTICLE, "author": "\ud800"}])
    assert not [r for r in talk.peer.requests if "stable_token" not in r.path]


def test_what_this_kind_of_account_may_not_call_is_never_sent() -> None:
    with peer() as other, requests.Session() as session:
        who = account(other.base_url, type="subscription", verified=False)
        client = AccountClient(who, TokenKeeper(who, Store(), session, lambda: NOW), session, lambda: NOW)
        for call in (SENDS["menu/create"], SENDS["freepublish/submit"], send_template):
            with pytest.raises(AccountStopped) as caught:
                call(client)
            assert not caught.value.whole_account
        assert not other.requests


@pytest.mark.parametrize(
    ("code", "expected", "wait_s"),
    [
        (45009, RateLimited, 12 * 3600),
        (45011, RateLimited, 60),
        (42010, RateLimited, 300),
        (40164, AccountStopped, None),
        (48001, AccountStopped, None),
        (50002, AccountStopped, None),
        (40003, RemoteRefused, None),
        (43004, RemoteRefused, None),
        (47003, RemoteRefused, None),
        (123456, RemoteRefused, None),
    ],
)
def test_the_table_decides(talk: Talk, code: int, expected: type[RemoteError], wait_s: float | None) -> None:
    rid = "65004ee5-3ca2dfc2-6eb97a55"
    talk.peer.on("message/template/send", {"errcode": code, "errmsg": f"x rid: {rid}"})
    with pytest.raises(expected, match=rf"wechat city message/template/send: {code} .*{rid}") as caught:
        send_template(talk.client)
    assert type(caught.value) is expected and caught.value.code == code
    assert getattr(caught.value, "retry_after_s", None) == wait_s
    assert talk.peer.calls["message/template/send"] == 1


def test_no_secret_token_or_openid_gets_into_an_error_or_a_log(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("urllib3.connectionpool", "urllib3.connection"):
        caplog.set_level(logging.DEBUG, logger)  # kept quieter than that where addresses hold keys
    talk.store.put("THE-ACCESS-TOKEN")
    echo = f"invalid openid {OPENID} access_token=THE-ACCESS-TOKEN&secret={SECRET}"
    broken = b"HTTP/1.1 502 X\r\nno header at all\r\nContent-Length: 0\r\n\r\n"
    replies: list[Reply] = [reset, http(502, echo.encode()), {"errcode": 40003, "errmsg": echo}, half, broken]
    for reply in replies:
        for path, call in (("message/template/send", send_template), ("user/info", READS["user/info"])):
            talk.peer.on(path, reply)
            with pytest.raises((OutcomeUnknown, RemoteUnavailable, RemoteRefused)) as caught:
                call(talk.client)
            shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
            for word in (OPENID, "THE-ACCESS-TOKEN", SECRET):
                assert word not in shown.replace(f'"{OPENID}"', "")
    assert "user/info" in caplog.text and "Failed to parse headers" in caplog.text  # urllib3 does log its URLs
    for word in (OPENID, "THE-ACCESS-TOKEN", SECRET):
        assert word not in caplog.text
    assert SECRET not in repr(talk.client.account)


def test_a_success_that_lacks_its_id_is_unknown(talk: Talk) -> None:
    for path in ("draft/add", "freepublish/submit", "media/uploadimg", "material/add_material"):
        talk.peer.on(path, OK)
        with pytest.raises(OutcomeUnknown):
            SENDS[path](talk.client)


def test_what_is_gone_is_none_and_may_be_deleted_again(talk: Talk) -> None:
    gone = {"errcode": 40007, "errmsg": "invalid media_id"}
    talk.peer.on("draft/get", gone)
    talk.peer.on("draft/delete", gone)
    talk.peer.on("menu/get", {"errcode": 46003, "errmsg": "menu no exist"})
    talk.peer.on("freepublish/getarticle", {"errcode": 53600, "errmsg": "article id invalid"})
    assert talk.client.get_draft("M") is None
    talk.client.delete_draft("M")
    assert talk.client.get_menu().buttons == ()
    assert talk.client.get_article("A") is None
    talk.peer.on("draft/get", {"errcode": 45009, "errmsg": ""})
    with pytest.raises(RateLimited):
        talk.client.get_draft("M")


def test_answers_become_small_values(talk: Talk) -> None:
    news = {"news_item": [{"title": "一"}]}
    talk.peer.on("freepublish/submit", {**OK, "publish_id": 2650177668, "msg_data_id": 2247484001})
    talk.peer.on(
        "freepublish/batchget",
        {"total_count": 7, "item_count": 1, "item": [{"article_id": "A", "content": news, "update_time": 5}]},
    )
    quota = {"daily_limit": 10, "used": 3, "remain": 7}
    talk.peer.on("openapi/quota/get", {**OK, "quota": quota, "rate_limit": {}})
    talk.peer.on("freepublish/get", {"publish_id": 26, "publish_status": 1, "article_id": "", "fail_idx": [1]})
    assert talk.client.submit("M") == Submitted("2650177668", "2247484001")
    page = talk.client.batchget_published()
    assert (page.total, page.items[0].id, page.items[0].articles[0]["title"]) == (7, "A", "一")
    assert talk.client.quota("/cgi-bin/draft/add") == Quota(10, 3, 7)
    assert talk.client.get_publish("26") == PublishStatus("26", "publishing")


def test_a_token_error_that_leaves_the_client_is_surely_unsent(talk: Talk) -> None:
    talk.peer.on("draft/add", {"errcode": 40001, "errmsg": ""})
    with pytest.raises(TokenRefused):
        talk.client.add_draft([ARTICLE])
    talk.peer.on("stable_token", {"errcode": 40125, "errmsg": "invalid appsecret"})
    talk.store.token = None
    with pytest.raises(AccountStopped, match=r"wechat city stable_token: 40125 .*AppSecret"):
        talk.client.add_draft([ARTICLE])
