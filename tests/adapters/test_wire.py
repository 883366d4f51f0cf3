"""Whether the first byte had left, and other things only a socket can tell."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from adapters.spool import Spooled
from adapters.wire import Limits, NoAnswer, NotSent, Reply, TooLarge, Wire, retry_after_s
from tests.adapters.upstream import Upstream, serving

LIMITS = Limits(connect_s=1, read_s=1, total_s=1, max_bytes=1000)


@contextmanager
def listening(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        thread.join(5)


def heard(connection: socket.socket) -> bool:
    """Read the whole request: what is left unread when a socket closes turns the closing into a reset."""
    request = b""
    while not request.endswith(b"{}"):
        request += connection.recv(65536)
    return True


def send(url: str, method: str = "POST") -> bytes:
    wire = Wire(limits=LIMITS)
    try:
        return wire.send(method, url, headers={}, data=b"{}").body
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:9/x", "connection refused"),
        ("http://does-not-exist.invalid/x", "cannot be resolved"),
        ("nonsense", "http://"),
    ],
)
def test_what_never_left_is_not_sent(url: str, told: str) -> None:
    with pytest.raises(NotSent, match=told) as caught:
        send(url)
    assert url not in str(caught.value)


def test_a_failed_handshake_is_not_sent() -> None:
    with listening(lambda c: (c.recv(1000), c.sendall(b"HTTP/1.1 400 no\r\n\r\n"))[0] and None) as url:
        with pytest.raises(NotSent, match="TLS"):
            send(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", "broke off|closed"),
    ],
)
def test_a_request_that_left_without_a_whole_answer_is_no_answer(answer: bytes, told: str) -> None:
    with listening(lambda c: heard(c) and c.sendall(answer)) as url:
        with pytest.raises(NoAnswer, match=told):
            send(url)


def test_a_server_that_drips_meets_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(40):
                connection.sendall(b".")
                time.sleep(0.1)
        except OSError:
            pass

    with listening(drip) as url:
        began = time.monotonic()
        with pytest.raises(NoAnswer, match="not whole after 1 s"):
            send(url)
        assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"."),
        (b"HTTP/1.1 200", b"."),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"."),
    ],
)
def test_the_deadline_is_for_the_head_of_an_answer_too(begin: bytes, again: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(begin)
        try:
            for _ in range(15):
                connection.sendall(again)
                time.sleep(0.1)
        except OSError:
            pass

    with listening(drip) as url:
        wire = Wire(limits=Limits(connect_s=1, read_s=1, total_s=0.4))
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"not whole after 0\.4 s"):
            wire.send("POST", url, headers={}, data=b"{}")
        assert time.monotonic() - began < 1
        wire.close()


def test_no_log_line_shows_the_query_of_an_answer_whose_headers_are_broken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "urllib3")
    answer = b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 0\r\n\r\n"
    with listening(lambda c: heard(c) and c.sendall(answer)) as url:
        wire = Wire(limits=LIMITS)
        wire.send("POST", url, headers={}, params={"key": "s3cret"}, data=b"{}")
        wire.close()
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("written", ["9" * 400, "86401", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_waited_for_longer_than_a_day(written: str) -> None:
    assert retry_after_s(Reply(429, {"Retry-After": written}, b"")) == 86400


def test_an_endless_answer_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with listening(lambda c: heard(c) and c.sendall(head + b"400\r\n" + b"x" * 1024 + b"\r\n")) as url:
        with pytest.raises(TooLarge):
            send(url, "GET")


def test_a_fresh_request_does_not_use_a_kept_connection_that_died() -> None:
    with serving(Upstream()) as upstream:
        session = requests.Session()
        wire = Wire(session, LIMITS)
        wire.send("GET", upstream.url + "/a.png", headers={})
        url = upstream.url
    with pytest.raises(NotSent):  # the server is gone; on the kept connection this would read "no answer"
        wire.send("POST", url + "/x", headers={}, data=b"{}", fresh=True)
    wire.close()


def test_the_surroundings_lend_neither_proxy_nor_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(Upstream()) as upstream:
        wire = Wire(limits=LIMITS)
        assert wire.send("GET", upstream.url + "/a.png", headers={}).status == 200
        wire.close()


@pytest.mark.parametrize("length", [10, (2 << 20) + 1])
def test_a_long_answer_is_kept_on_disk_and_a_short_one_in_memory(length: int) -> None:
    body = b"0123456789abcdef" * (length // 16 + 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length
    with listening(lambda c: heard(c) and c.sendall(head + body[:length])) as url:
        wire = Wire(limits=Limits(connect_s=1, read_s=1, total_s=5, max_bytes=1 << 23))
        reply = wire.send("POST", url, headers={}, data=b"{}")
        wire.close()
    assert isinstance(reply.content, Spooled) == (length > 2 << 20)
    assert reply.body == body[:length] and repr(reply).count("0123") == 0
    assert reply.with_body(b"opened").body == b"opened"


def test_a_long_answer_that_breaks_off_is_no_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 6000000\r\n\r\n"
    with listening(lambda c: heard(c) and c.sendall(head + bytes(5_000_000))) as url:
        wire = Wire(limits=Limits(connect_s=1, read_s=1, total_s=5, max_bytes=1 << 23))
        with pytest.raises(NoAnswer, match="broke off"):
            wire.send("POST", url, headers={}, data=b"{}")
        wire.close()
