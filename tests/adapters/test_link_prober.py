"""Whether anything is at an address: what counts as dead, and where nobody is ever sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.links import LinkProber
from adapters.pins import Forbidden, PublicPins
from adapters.wire import Limits

ASKED: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        ASKED.append((self.command, self.path))
        what = self.path.strip("/").split("/")
        if what[0] == "silent":
            self.close_connection = True
            return
        status = int(what[0]) if what[0].isdigit() else 200
        if what[0] == "get" and self.command == "HEAD":
            status = 405
        self.send_response(status)
        if what[0] == "to":
            self.send_response(302)
            self.send_header("Location", "/" + "/".join(what[1:]) if len(what) > 1 else "http://169.254.169.254/")
        self.send_header("Content-Length", str(9 << 20 if what[0] == "long" else 0))
        self.end_headers()

    def send_response(self, code: int, message: str | None = None) -> None:
        self._headers_buffer: list[bytes] = []
        super().send_response(code, message)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def names(name: str, port: int) -> list[str]:
    """A name service of the test's own."""
    if name == "later.gov.cn":
        raise socket.gaierror(socket.EAI_AGAIN, "later")
    if name == "inside.gov.cn":
        return ["10.1.2.3"]
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


def asking(*written: str) -> LinkProber:
    return LinkProber(written, resolve=names, limits=Limits(connect_s=2, read_s=2, total_s=3, max_bytes=1 << 20))


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/200", "alive", "HTTP 200"), ("/404", "dead", "HTTP 404"), ("/410", "dead", "HTTP 410"),
        ("/403", "unsure", "HTTP 403"), ("/500", "unsure", "HTTP 500"), ("/503", "unsure", "HTTP 503"),
        ("/get", "alive", "HTTP 200"), ("/long", "alive", "a long answer"), ("/to/200", "alive", "HTTP 200"),
        ("/to/to/404", "dead", "HTTP 404"), ("/to/to/to/to/to/to/200", "unsure", "more than 5 redirects"),
    ],
)  # fmt: skip
def test_only_what_says_that_nothing_is_there_is_dead(port: int, path: str, status: str, said: str) -> None:
    url = f"http://127.0.0.1:{port}{path}"
    answer = asking(f"127.0.0.1:{port}").ask([url], 10)[url]
    assert (answer.status, answer.said) == (status, said)


def test_a_name_that_does_not_exist_is_dead_and_a_silent_name_service_proves_nothing() -> None:
    found = asking().ask(["http://nobody.gov.cn/", "http://later.gov.cn/"], 10)
    assert [(one.status, one.said) for one in found.values()] == [
        ("dead", "no such host name"), ("unsure", "the name service did not answer"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.gov.cn/", "file:///etc/passwd", "javascript:x()", "http://user:word@x.gov.cn/", "http://[::1", "http://",
        "https://www.shifan.example/x", "https://mp.weixin.qq.com/s/x", "http://x.gov.cn:99999/",
    ],
)  # fmt: skip
def test_what_is_not_asked_gets_no_answer(url: str) -> None:
    assert asking().ask([url], 10) == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "inside.gov.cn"])
def test_nobody_knocks_at_the_house_that_the_site_did_not_list(port: int, host: str) -> None:
    before = len(ASKED)
    answer = asking().ask([f"http://{host}:{port}/200"], 10)[f"http://{host}:{port}/200"]
    assert answer.status == "unsure" and answer.said.startswith("not asked: ")
    assert len(ASKED) == before


def test_a_redirect_is_looked_at_like_any_address(port: int) -> None:
    url = f"http://127.0.0.1:{port}/to"
    answer = asking(f"127.0.0.1:{port}").ask([url], 10)[url]
    assert answer.status == "unsure" and "not on the public internet" in answer.said


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.1.1", "0.0.0.0",
     "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused_also_beside_a_good_one(address: str) -> None:
    for answers in ([address], ["1.1.1.1", address]):
        with pytest.raises(Forbidden):
            PublicPins((), lambda name, port, found=answers: found).address("x.gov.cn", 80)  # type: ignore[misc]
    assert PublicPins([f"x.gov.cn:{80}"], lambda name, port: ["10.1.1.1"]).address("x.gov.cn", 80) == "10.1.1.1"
    assert PublicPins((), lambda name, port: ["1.1.1.1"]).address("x.gov.cn", 80) == "1.1.1.1"


def test_a_host_that_does_not_answer_is_left_alone_and_time_is_bounded(port: int) -> None:
    urls = [f"http://127.0.0.1:{port}/silent/{n}" for n in range(12)]
    before = len(ASKED)
    found = asking(f"127.0.0.1:{port}").ask(urls, 10)
    assert len(ASKED) - before < len(urls) and {one.status for one in found.values()} == {"unsure"}
    assert asking(f"127.0.0.1:{port}").ask([f"http://127.0.0.1:{port}/200"], -1) == {}
