"""One answer belongs to one call, also after one that was given up half-way."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from tests.weigov.wechat.fake import http, peer
from weigov.wechat import transport
from weigov.wechat.transport import NoAnswer, exchange, prepare


def two_pieces_of_three(connection: socket.socket) -> None:
    """Announce more than comes, and keep the connection until the other side lets go of it or asks again."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 196608\r\n\r\n" + b"x" * 131_072)
    connection.recv(65_536)


def test_what_was_left_unread_of_an_answer_is_never_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 100_000)
    headers = {"Content-Type": "application/json"}
    with peer() as other, requests.Session() as session:
        other.on("message/template/send", two_pieces_of_three, http(200, b'{"msgid":2}'))
        where = other.base_url + "/cgi-bin/message/template/send"
        ready = prepare(session, other.base_url)
        with pytest.raises(NoAnswer, match="longer than"):
            exchange(ready, "POST", where, data=b"{}", headers=headers)
        assert exchange(ready, "POST", where, data=b"{}", headers=headers).body == b'{"msgid":2}'
        assert other.calls["message/template/send"] == 2


@pytest.mark.parametrize("request_", [{}, {"data": b"{}"}, {"params": {"a": "1"}}])
def test_a_post_may_lack_a_body_or_headers(request_: dict[str, Any]) -> None:
    with peer() as other, requests.Session() as session:
        other.on("menu/get", {"errcode": 0})
        answer = exchange(prepare(session, other.base_url), "POST", other.base_url + "/cgi-bin/menu/get", **request_)
        assert answer.status == 200
