"""Many messages at once meet the same rules, token and errors as one."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.weigov.wechat.conftest import Talk
from tests.weigov.wechat.fake import OPENID, SECRET, account, half, http, reset
from weigov.errors import OutcomeUnknown, RateLimited, RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.wechat.messages import Messages
from weigov.wechat.protocol import AccountStopped, TokenRefused

SEND = "message/template/send"
OK = {"errcode": 0, "errmsg": "ok", "msgid": 318720946}
REFUSED = {"errcode": 40001, "errmsg": "invalid credential"}


@pytest.fixture
def messages(talk: Talk) -> Iterator[Messages[Any]]:
    with closing(talk.client.messages(4)) as made:
        yield made


def send(messages: Messages[Any], *tags: int, phrase: str = "受理") -> Counter[str | type[Exception]]:
    """What became of as many messages: msgid, or kind of error → how many."""
    for tag in tags:
        data = {"thing1": f"居住证{tag}", "phrase2": phrase}
        messages.send(tag, OPENID, "TM1", data, "https://gov.example/c/1", f"key-{tag}", fields=["thing1", "phrase2"])
    found: list[tuple[Any, str | RemoteError]] = []
    while messages.under_way:
        found += messages.answers(2, 0.01)
    assert sorted(tag for tag, _ in found) == sorted(tags)
    return Counter(it if isinstance(it, str) else type(it) for _, it in found)


def test_what_is_sent_is_what_one_call_sends(talk: Talk, messages: Messages[Any]) -> None:
    talk.peer.on(SEND, OK)
    assert send(messages, 1) == {"318720946": 1}
    data = {"thing1": "居住证1", "phrase2": "受理"}
    talk.client.send_template(OPENID, "TM1", data, "https://gov.example/c/1", "key-1", fields=list(data))
    many, one = (request for request in talk.peer.requests if SEND in request.path)
    assert many.body == one.body and many.path == one.path
    assert json.loads(many.body)["client_msg_id"] == "key-1"
    assert many.headers["host"] == one.headers["host"]


def test_a_refused_token_is_replaced_and_each_message_repeated_once(talk: Talk, messages: Messages[Any]) -> None:
    talk.store.put("OLD")
    talk.peer.on("stable_token", {"access_token": "NEW", "expires_in": 7200})
    talk.peer.on(SEND, *[REFUSED] * 4, OK)
    assert send(messages, *range(4)) == {"318720946": 4}
    asked = [request.path.rpartition("=")[2] for request in talk.peer.requests if SEND in request.path]
    assert asked == ["OLD"] * 4 + ["NEW"] * 4 and talk.store.fetches == 1
    talk.peer.on(SEND, REFUSED)
    assert send(messages, 5) == {TokenRefused: 1}
    assert talk.peer.calls[SEND] == 10


def test_without_a_token_nothing_is_sent(talk: Talk, messages: Messages[Any]) -> None:
    talk.peer.on("stable_token", {"errcode": 40164, "errmsg": "invalid ip"})
    with pytest.raises(AccountStopped):
        send(messages, 1)
    talk.store.put("OLD")
    talk.peer.on(SEND, REFUSED)
    assert send(messages, 2) == {AccountStopped: 1}
    assert talk.peer.calls[SEND] == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"errcode": 45009, "errmsg": ""}, RateLimited),
        ({"errcode": 45011, "errmsg": ""}, RateLimited),
        ({"errcode": 48001, "errmsg": ""}, AccountStopped),
        ({"errcode": 43004, "errmsg": ""}, RemoteRefused),
        ({"errcode": -1, "errmsg": "system error"}, OutcomeUnknown),
        ({"errcode": 0, "errmsg": "ok"}, OutcomeUnknown),
        (http(502, b"<html>"), OutcomeUnknown),
        (http(200, b"<html>please log in</html>", "text/html"), OutcomeUnknown),
        (reset, OutcomeUnknown),
        (half, OutcomeUnknown),
    ],
)
def test_every_answer_means_what_it_means_for_one(
    talk: Talk, messages: Messages[Any], reply: Any, expected: type[RemoteError]
) -> None:
    talk.peer.on(SEND, reply)
    assert send(messages, 1) == {expected: 1}
    assert talk.peer.calls[SEND] == 1


def test_what_the_rules_refuse_is_never_sent(talk: Talk, messages: Messages[Any]) -> None:
    with pytest.raises(RecordRejected, match=r"data\.phrase2"):
        send(messages, 1, phrase="in review")
    with pytest.raises(RecordRejected, match="surrogate"):
        messages.send(2, OPENID, "TM1", {"thing1": "\ud800"}, "", "k")
    with pytest.raises(RecordRejected, match="touser: missing"):
        messages.send(3, "", "TM1", {"thing1": "x"}, "", "k")
    assert not [request for request in talk.peer.requests if SEND in request.path] and messages.under_way == 0


def test_no_secret_token_or_openid_gets_into_an_error(talk: Talk, messages: Messages[Any]) -> None:
    talk.store.put("THE-ACCESS-TOKEN")
    echo = f"invalid openid {OPENID} access_token=THE-ACCESS-TOKEN&secret={SECRET}"
    for reply in (reset, half, http(502, echo.encode()), {"errcode": 40003, "errmsg": echo}):
        talk.peer.on(SEND, reply)  # type: ignore[arg-type]
        messages.send(1, OPENID, "TM1", {"thing1": "x"}, "", "k")
        ((_, error),) = messages.answers(1, 0)
        assert isinstance(error, Exception)
        shown = "".join(traceback.format_exception(error)) + repr(error)
        for word in (OPENID, "THE-ACCESS-TOKEN", SECRET):
            assert word not in shown.replace(f'"{OPENID}"', "")


def test_where_nobody_listens_each_was_surely_not_sent(talk: Talk) -> None:
    talk.store.put("T")
    talk.client.account = account("http://127.0.0.1:9")
    with closing(talk.client.messages(4)) as messages:
        assert send(messages, 1, 2, 3, 4, 5) == {RemoteUnavailable: 5}
