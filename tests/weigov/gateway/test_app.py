"""The gateway: nothing unsigned in, nothing acknowledged before it is stored, nothing personal logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest

from tests.weigov.serving import Web, serve
from tests.weigov.wechat.fake import AES_KEY, OPENID, account
from tests.weigov.wechat.test_callback import TEXT, event, seal
from weigov.errors import ConfigError
from weigov.gateway.app import MAX_BODY_BYTES, Gateway, InboxMessage, create_app
from weigov.wechat.crypto import sign


class Inbox:
    """What the ledger does: keeps each (appid, key) once."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], InboxMessage] = {}
        self.asked = 0
        self.broken = False
        self.problems: Sequence[str] = ()

    def store(self, message: InboxMessage) -> bool:
        self.asked += 1
        if self.broken:
            raise RuntimeError(f"insert failed: {message.openid}")
        key = (message.appid, message.dedupe_key)
        new = key not in self.kept
        self.kept.setdefault(key, message)
        return new


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def web(inbox: Inbox) -> Iterator[Web]:
    app = create_app(Gateway({"city": account()}, inbox.store, lambda: inbox.problems))
    with serve(app) as client:
        yield client


def test_the_address_check_is_answered_with_the_echostr_as_plain_text(web: Web) -> None:
    query = {"timestamp": "1714036504", "nonce": "1", "echostr": "<b>4375120948345356249"}
    query["signature"] = sign(account().callback_token, "1714036504", "1")
    answer = web.get("/wechat/city", params=query)
    assert (answer.status_code, answer.text) == (200, query["echostr"])
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert web.get("/wechat/city", params={**query, "nonce": "2"}).status_code == 403
    assert web.get("/wechat/city").status_code == 403
    assert web.get("/wechat/county", params=query).status_code == 404


def test_a_message_is_stored_whole_and_then_acknowledged(web: Web, inbox: Inbox) -> None:
    query, body = seal(TEXT.encode(), account())
    answer = web.post("/wechat/city", params=query, data=body)
    assert (answer.status_code, answer.text) == (200, "success")
    (stored,) = inbox.kept.values()
    assert (stored.appid, stored.kind, stored.remote_id) == (account().appid, "message", "12345678901234567890")
    assert (stored.openid, stored.payload) == (OPENID, TEXT.encode())
    assert OPENID not in repr(stored)


def test_the_same_thing_three_times_is_kept_once_and_acknowledged_three_times(web: Web, inbox: Inbox) -> None:
    finished = event("TEMPLATESENDJOBFINISH", "<MsgID>9</MsgID><Status>success</Status>")
    for _ in range(3):  # sealed anew each time, as WeChat does
        query, body = seal(finished, account())
        assert web.post("/wechat/city", params=query, data=body).text == "success"
    assert inbox.asked == 3 and len(inbox.kept) == 1
    (stored,) = inbox.kept.values()
    assert (stored.kind, stored.event, stored.remote_id) == ("event", "templatesendjobfinish", "9")


def test_what_could_not_be_stored_is_not_acknowledged(
    web: Web, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.broken = True
    query, body = seal(TEXT.encode(), account())
    answer = web.post("/wechat/city", params=query, data=body)
    assert answer.status_code == 503 and answer.text != "success"
    assert "a callback was not stored (RuntimeError)" in caplog.text and OPENID not in caplog.text


@pytest.mark.parametrize("changes", [{"msg_signature": "0" * 40}, {"nonce": "x"}, {"timestamp": "1"}])
def test_a_wrong_signature_is_403_and_stores_nothing(
    web: Web, inbox: Inbox, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    query, body = seal(TEXT.encode(), account(), **changes)
    assert web.post("/wechat/city", params=query, data=body).status_code == 403
    assert inbox.asked == 0
    assert caplog.text.count("callback refused") == 1


def test_plain_mode_another_account_and_garbage_store_nothing(web: Web, inbox: Inbox) -> None:
    query, body = seal(TEXT.encode(), account())
    assert web.post("/wechat/county", params=query, data=body).status_code == 404
    other = account(appid="wx00000000000000bb")
    for q, b in ((query, TEXT.encode()), (query, b""), (query, b"\xff"), seal(TEXT.encode(), other)):
        assert web.post("/wechat/city", params=q, data=b).status_code == 403
    assert inbox.asked == 0


def test_a_long_body_is_413_however_it_is_sent(web: Web, inbox: Inbox) -> None:
    query, _ = seal(b"<xml/>", account())
    pieces = (b"x" * 1024 for _ in range(MAX_BODY_BYTES // 1024 + 1))
    for body in (b"x" * (MAX_BODY_BYTES + 1), pieces):
        assert web.post("/wechat/city", params=query, data=body).status_code == 413
    assert inbox.asked == 0


def test_the_key_in_use_before_still_opens(inbox: Inbox) -> None:
    changing = account(aes_keys=("N" * 43, AES_KEY))
    with serve(create_app(Gateway({"city": changing}, inbox.store))) as web:
        query, body = seal(TEXT.encode(), changing, key=AES_KEY)
        assert web.post("/wechat/city", params=query, data=body).text == "success"


def test_no_openid_and_no_words_are_logged(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="weigov")
    caplog.set_level(logging.DEBUG, logger="uvicorn.access")
    query, body = seal(TEXT.encode(), account())
    web.post("/wechat/city", params=query, data=body)
    web.post("/wechat/city", params={**query, "nonce": "2"}, data=body)
    assert '"POST /wechat/city HTTP/1.1" 403' in caplog.text and "stored" in caplog.text
    assert OPENID not in caplog.text and "我的办件" not in caplog.text


def test_health_says_what_is_wrong(web: Web, inbox: Inbox) -> None:
    assert web.get("/healthz").status_code == 200
    inbox.problems = ["the ledger is not reachable"]
    answer = web.get("/healthz")
    assert answer.status_code == 503 and answer.json()["problems"] == ["the ledger is not reachable"]


def test_it_does_not_start_without_what_it_needs(inbox: Inbox) -> None:
    half = account(callback_token="", aes_keys=())
    with pytest.raises(ConfigError, match=r"account city: its connection has no token.*no encoding_aes_key"):
        create_app(Gateway({"city": half}, inbox.store))


def test_nothing_else_is_offered(web: Web) -> None:
    for path in ("/docs", "/openapi.json", "/redoc", "/", "/wechat/"):
        assert web.get(path).status_code == 404
