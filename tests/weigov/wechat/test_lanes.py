"""Many calls at once keep the line between "not sent" and "not answered", and no answer is ever another call's."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.adapters.auth.certificates import Authority
from tests.weigov.wechat.fake import Peer, Reply, half, hang_up, http, peer, reset
from weigov.wechat import lanes
from weigov.wechat.lanes import Lanes, Outcome
from weigov.wechat.transport import Answer, NoAnswer, NotSent, Timeouts, prepare
from weigov.wechat.way import Way

SEND = "/cgi-bin/message/template/send"
OK = b'{"errcode":0,"msgid":1}'
ZIPPED = gzip.compress(OK)
SOON = Timeouts(connect_s=2, read_s=2, total_s=4)


@contextmanager
def way_to(base_url: str, **proxies: str) -> Iterator[Way]:
    with requests.Session() as session:
        session.proxies.update(proxies)
        yield Way(prepare(session, base_url), base_url, SOON)


@pytest.fixture
def other() -> Iterator[Peer]:
    with peer() as made:
        yield made


@contextmanager
def to(base_url: str, width: int = 4, timeouts: Timeouts = SOON) -> Iterator[Lanes[int]]:
    with way_to(base_url) as way, closing(Lanes[int](way, width, timeouts)) as made:
        yield made


def all_answers(under: Lanes[int]) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    while under.under_way:
        found |= dict(under.answers(1, 0))
    return found


def ask(under: Lanes[int], *tags: int) -> dict[int, Outcome]:
    for tag in tags:
        under.post(tag, f"{SEND}?n={tag}", b'{"n":%d}' % tag)
    return all_answers(under)


def raw(head: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {head}\r\n\r\n".encode() + body


def test_each_call_gets_its_own_answer_and_connections_are_used_again(other: Peer) -> None:
    accepted: list[socket.socket] = []
    serve = other.serve
    other.serve = lambda connection: accepted.append(connection) or serve(connection)  # type: ignore[method-assign]
    echo = [http(200, b"%d" % n) for n in range(40)]
    other.on("message/template/send", *echo)
    with to(other.base_url) as under:
        answers = ask(under, *range(20)) | ask(under, *range(20, 40))
        assert under.under_way == 0
    asked = [int(request.path.rpartition("=")[2]) for request in other.requests]
    given = {tag: int(answer.body) for tag, answer in answers.items() if isinstance(answer, Answer)}
    assert given == {tag: n for n, tag in enumerate(asked)}
    assert sorted(asked) == sorted(given) == list(range(40)) and len(accepted) <= 4
    assert [request.body for request in other.requests] == [b'{"n":%d}' % tag for tag in asked]
    assert other.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (raw("200 OK\r\nTransfer-Encoding: chunked", b"5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"), b'{"a":1}'),
        (raw(f"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(ZIPPED)}", ZIPPED), OK),
        (raw("100 Continue") + http(200, OK), OK),
        (http(200, b""), b""),
        (http(502, b"<html>bad gateway</html>", "text/html"), b"<html>bad gateway</html>"),
        (http(302, b""), b""),
    ],
    ids=["chunked", "gzip", "continue", "empty", "an error's page", "a redirect, which nobody follows"],
)  # fmt: skip
def test_an_answer_may_come_in_any_form(other: Peer, reply: bytes, body: bytes) -> None:
    other.on("message/template/send", reply)
    with to(other.base_url, width=1) as under:
        for answer in ask(under, 1, 2).values():
            assert isinstance(answer, Answer) and answer.body == body
    assert other.calls["message/template/send"] == 2


def in_pieces(*pieces: bytes) -> Callable[[socket.socket], None]:
    def reply(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.002)

    return reply


def test_an_answer_may_come_byte_by_byte_or_end_with_its_connection(other: Peer) -> None:
    whole = raw("200 OK\r\nConnection: close\r\nContent-Length: 23", OK)
    other.on(
        "message/template/send",
        in_pieces(*(whole[at : at + 1] for at in range(len(whole)))),
        in_pieces(raw("200 OK\r\nX: y"), OK[:9], OK[9:]),
        whole,
        http(200, OK),
    )
    with to(other.base_url, width=1) as under:
        for tag in (1, 2, 3, 4):
            (answer,) = ask(under, tag).values()
            assert isinstance(answer, Answer) and answer.body == OK


@pytest.mark.parametrize(
    "reply",
    [
        reset, hang_up, half, raw("200 OK\r\nTransfer-Encoding: chunked", b'5\r\n{"a":\r\n'), b"220 smtp.example\r\n",
        http(200, b"x" * 5000), raw("200 OK\r\nContent-Length: 5\r\nContent-Length: 6", b"xxxxxx"),
        raw(f"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(ZIPPED) - 4}", ZIPPED[:-4]),
        raw("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2", b"{}"),
        raw("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 34", gzip.compress(b"x" * 5000, mtime=0)[:34]),
        raw("101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade"),
        lambda connection: time.sleep(4),
    ],
    ids=["reset", "hung up", "half", "half a chunk", "not HTTP", "too long", "two lengths", "half a zip", "no zip",
         "a bomb", "another protocol", "silence"],
)  # fmt: skip
def test_what_failed_after_the_first_byte_left_is_unknown_and_its_connection_never_used_again(
    other: Peer, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_ANSWER_BYTES", 1000)
    other.on("message/template/send", reply, http(200, OK))
    with to(other.base_url, width=1, timeouts=Timeouts(2, 0.5, 1)) as under:
        first, second = ask(under, 1, 2).values()
    assert isinstance(first, NoAnswer) and isinstance(second, Answer) and second.body == OK
    assert other.calls["message/template/send"] == 2


def test_more_than_was_asked_spoils_the_connection_and_not_the_answer(other: Peer) -> None:
    other.on("message/template/send", http(200, OK) + http(200, b"stray"), http(200, OK) + b"\x00", http(200, OK))
    with to(other.base_url, width=1) as under:
        for answer in ask(under, 1, 2, 3).values():
            assert isinstance(answer, Answer) and answer.body == OK


def later(first: bytes, then: bytes, went: list[float]) -> Callable[[socket.socket], None]:
    def reply(connection: socket.socket) -> None:
        connection.sendall(first)
        time.sleep(0.05)
        if then:
            connection.sendall(then)
        went.append(time.monotonic())

    return reply


@pytest.mark.parametrize("then", [b"", http(408, b"too slow")], ids=["closed", "said good-bye"])
def test_a_connection_closed_while_nobody_used_it_sends_nothing(other: Peer, then: bytes) -> None:
    went: list[float] = []
    other.on("message/template/send", later(http(200, OK), then, went), http(200, OK))
    with to(other.base_url, width=1) as under:
        assert isinstance(ask(under, 1)[1], Answer)
        while not went:
            time.sleep(0.01)
        time.sleep(0.02)
        assert isinstance(ask(under, 2)[2], Answer)
    assert other.calls["message/template/send"] == 2


def test_what_could_not_connect_was_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for base_url in (f"http://127.0.0.1:{port}", "http://nowhere.invalid"):
        with to(base_url) as under:
            outcomes = ask(under, *range(9))
        assert len(outcomes) == 9 and all(isinstance(one, NotSent) for one in outcomes.values())
        assert "not reached" in str(outcomes[0]) and "invalid" not in str(outcomes[0])


def test_as_many_connections_as_the_far_end_takes_will_do(other: Peer) -> None:
    other.on("message/template/send", http(200, OK))
    numbers = count(1)
    with way_to(other.base_url) as way, closing(Lanes[int](way, 8, SOON)) as under:
        open_one = way.open

        def two_of_all() -> socket.socket:
            if next(numbers) not in (1, 4):
                raise NotSent("not reached: too many")
            return open_one()

        way.open = two_of_all  # type: ignore[method-assign]
        assert all(isinstance(answer, Answer) for answer in ask(under, *range(40)).values())
    assert len(other.requests) == 40 and next(numbers) <= 12


def test_a_handshake_with_what_speaks_no_tls_sends_nothing(other: Peer) -> None:
    with to(other.base_url.replace("http://", "https://")) as under:
        assert isinstance(ask(under, 1)[1], NotSent)
    assert not other.requests


def test_answers_wait_for_each_other_but_not_for_ever(other: Peer) -> None:
    other.on("message/template/send", http(200, OK))
    with to(other.base_url) as under:
        for tag in range(4):
            under.post(tag, SEND, b"{}")
        assert len(under.answers(4, 30)) == 4 and under.under_way == 0
        assert under.answers(4, 30) == []
    slow: list[Any] = []
    other.on("message/template/send", http(200, OK), later(b"", http(200, OK), slow))
    with to(other.base_url) as under:
        under.post(1, SEND, b"{}")
        under.post(2, SEND, b"{}")
        assert [tag for tag, _ in under.answers(2, 0.001)] and under.under_way == 1
        assert len(under.answers(2, 30)) == 1


def test_a_request_too_long_for_the_system_goes_in_pieces(other: Peer) -> None:
    other.on("message/template/send", http(200, OK))
    body = b'"' + b"x" * 8_000_000 + b'"'
    with to(other.base_url) as under:
        under.post(1, SEND, body)
        under.post(2, SEND, body)
        assert all(isinstance(answer, Answer) for answer in all_answers(under).values())
    assert [request.body for request in other.requests] == [body, body]


def test_an_answer_that_was_there_in_time_counts_however_late_one_looks(other: Peer) -> None:
    other.on("message/template/send", http(200, OK))
    with to(other.base_url, timeouts=Timeouts(2, 0.1, 0.2)) as under:
        under.post(1, SEND, b"{}")
        under.answers(0, 0)
        while not other.requests:
            under._look(0.01)
        time.sleep(0.6)  # the ledger's disk was busy, say
        assert isinstance(all_answers(under)[1], Answer)


def test_a_proxy_that_opens_no_tunnel_has_sent_nothing_and_one_that_dies_later_may_have(other: Peer) -> None:
    other.plan["wechat.test:443"] = deque([http(403, b"no")])
    for scheme, expected in (("https", NotSent), ("http", NoAnswer)):
        other.plan[f"{scheme}://wechat.test{SEND}"] = deque([reset])
        base_url = f"{scheme}://wechat.test"
        with way_to(base_url, **{scheme: other.base_url}) as way, closing(Lanes[int](way, 1, SOON)) as under:
            assert way.is_plain
            assert isinstance(ask(under, 1)[1], expected)
    assert [request.method for request in other.requests] == ["CONNECT", "POST"]
    with way_to("https://wechat.test", https="https://127.0.0.1:1") as way:
        assert not way.is_plain


def test_certificates_are_trusted_as_the_environment_says(
    other: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    ca_file = authority.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", tmp_path))
    other.on("message/template/send", http(200, OK))
    base_url = other.base_url.replace("http://", "https://")
    serve = other.serve

    def in_tls(connection: socket.socket) -> None:
        try:
            serve(context.wrap_socket(connection, server_side=True))
        except OSError:
            connection.close()

    other.serve = in_tls  # type: ignore[method-assign]
    for trusted, expected in ((None, NotSent), (str(ca_file), Answer)):
        with requests.Session() as session:
            prepare(session, base_url).verify = trusted or True
            with closing(Lanes[int](Way(session, base_url, SOON), 2, SOON)) as under:
                outcomes = ask(under, 1, 2, 3, 4)
                assert all(isinstance(outcome, expected) for outcome in outcomes.values())
                outcomes = ask(under, 5, 6)  # on connections that brought a ticket meanwhile
                assert all(isinstance(outcome, expected) for outcome in outcomes.values())
    assert len(other.requests) == 6


def test_hanging_up_leaves_no_connection_and_no_thread(other: Peer) -> None:
    other.on("message/template/send", lambda connection: time.sleep(0.2))
    with to(other.base_url, width=2) as under:
        for tag in range(5):
            under.post(tag, SEND, b"{}")
        assert under.under_way == 5
