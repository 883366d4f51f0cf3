"""The fault proxy itself, before a small server: each fault is what it says, strikes when planned, and is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from tests.real.proxy import Kind, Proxy, proxy

BODY = b"x" * 1000


class _Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heard: list[tuple[str, bytes]]

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.heard.append((self.path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Connection", "keep-alive")
        self.end_headers()
        self.wfile.write(BODY)

    do_POST = do_GET


Heard = list[tuple[str, bytes]]


@pytest.fixture
def stage() -> Iterator[tuple[Proxy, Heard, requests.Session]]:
    heard: Heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Backend", (_Backend,), {"heard": heard})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with proxy(f"http://127.0.0.1:{server.server_address[1]}") as it, requests.Session() as http:
            http.trust_env = False
            yield it, heard, http
        server.shutdown()
        thread.join()


Stage = tuple[Proxy, Heard, requests.Session]


def test_without_a_plan_it_passes_on_what_it_hears(stage: Stage) -> None:
    it, heard, http = stage
    for _ in range(2):
        answer = http.post(it.url + "/a?q=%E5%8A%9E", data="办件".encode())
        assert answer.content == BODY and answer.headers["Connection"] == "close"
    assert heard == [("/a?q=%E5%8A%9E", "办件".encode())] * 2
    assert it.asked == [("POST", "/a?q=办")] * 2


@pytest.mark.parametrize(
    ("kind", "failure", "reaches_it"),
    [
        ("reset", requests.ConnectionError, False),
        ("truncate", requests.exceptions.ChunkedEncodingError, True),
        ("cut", requests.exceptions.ChunkedEncodingError, True),
        ("lose", requests.ConnectionError, True),
    ],
)
def test_a_fault_breaks_the_answer_it_was_planned_for_and_no_other(
    stage: Stage, kind: Kind, failure: type[Exception], reaches_it: bool
) -> None:
    it, heard, http = stage
    fault = it.plan(kind, "GET", "^/a", nth=2)
    assert http.get(it.url + "/a").content == BODY
    assert http.get(it.url + "/b").content == BODY  # fits no plan, and does not count
    with pytest.raises(failure):
        _ = http.get(it.url + "/a").content
    assert http.get(it.url + "/a").content == BODY
    assert len(heard) == (4 if reaches_it else 3)
    assert fault.did == 1 and it.clear() == {kind: 1}


def test_it_answers_for_the_system(stage: Stage) -> None:
    it, heard, http = stage
    it.plan("http_503", "GET")
    it.plan("html", "GET", nth=2)
    busy, page = http.get(it.url + "/a"), http.get(it.url + "/a")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "登录" in page.text and heard == []


def test_it_holds_back_and_drips(stage: Stage) -> None:
    it, _, http = stage
    it.plan("delay", "GET", "/late", seconds=0.2)
    it.plan("drip", "GET", "/slow", seconds=0.002)
    for path in ("/late", "/slow"):
        began = time.monotonic()
        assert http.get(it.url + path).content == BODY
        assert time.monotonic() - began > 0.12


def test_a_plan_may_look_at_the_body(stage: Stage) -> None:
    it, _, http = stage
    it.plan("http_503", "POST", body="saveResult")
    assert http.post(it.url, data="<listCases/>").ok
    assert http.post(it.url, data="<saveResult/>").status_code == 503
