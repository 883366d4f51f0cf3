"""What anybody who can edit an article might try with the address of a picture."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from adapters.media import Media
from adapters.pins import Forbidden, Pins
from adapters.wire import Wire
from weigov.errors import RemoteRefused, RemoteUnavailable


class Server(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        to = {"/loopback": "http://127.0.0.1:1/x", "/metadata": "http://169.254.169.254/latest",
              "/name": f"http://evil.example:{self.server.server_port}/x"}.get(self.path)  # type: ignore[attr-defined]  # fmt: skip
        self.send_response(302 if to else 200)
        if to:
            self.send_header("Location", to)
        body = b"" if to else b"picture"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def media(port: int, *answers: list[str], listed: tuple[str, ...] = ()) -> Media:
    """``img.example`` is asked for by name; each look-up of it gives the next of ``answers``."""
    queue = list(answers)

    def resolve(name: str, port: int) -> list[str]:
        assert name == "img.example"
        return queue.pop(0)

    hosts = (f"img.example:{port}", *listed)
    return Media("cms", Wire(), f"http://127.0.0.1:{port}", hosts, lambda s: None, resolve=resolve)


def asking(base: str, answers: list[str]) -> Media:
    return Media("cms", Wire(), base, ["img.example"], lambda s: None, resolve=lambda name, port: answers)


def test_a_name_is_resolved_once_and_never_again(port: int) -> None:
    """Rebinding: the second answer would lead elsewhere; nobody asks for it."""
    found = media(port, ["127.0.0.1"], ["169.254.169.254"], listed=(f"127.0.0.1:{port}",))
    for n in range(3):
        assert found.fetch(f"http://img.example:{port}/{n}.png", 100)[0] == b"picture"
        found._wire._adapter.poolmanager.clear()  # each time a new connection
    assert Server.asked[-1] == (f"img.example:{port}", "/2.png")  # the name stays the name


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "this machine"),
        ("127.8.9.1", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("100.100.100.200", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("0.0.0.0", "no address of a server"),
        ("224.0.0.1", "no address of a server"),
    ],
)
def test_a_name_that_leads_to_this_machine_or_a_metadata_service_is_refused(address: str, what: str) -> None:
    for answers in ([address], ["10.1.2.3", address]):  # also beside a good one
        found = asking("http://cms.example", answers)
        with pytest.raises(RemoteRefused, match=what):
            found.fetch("http://img.example/x.png", 100)
    assert Pins([f"{address}:80"], lambda name, port: [address]).address("img.example", 80) == address


@pytest.mark.parametrize("address", ["10.0.0.5", "192.168.3.4", "172.16.0.9", "fd12::1", "59.255.1.1"])
def test_the_houses_own_network_is_where_pictures_are(address: str) -> None:
    assert Pins((), lambda name, port: [address]).address("img.gov.internal", 80) == address


@pytest.mark.parametrize("path", ["/loopback", "/metadata", "/name"])
def test_a_redirect_is_looked_at_like_any_address(port: int, path: str) -> None:
    before = len(Server.asked)
    with pytest.raises(RemoteRefused, match="not in the system's media_hosts"):
        media(port).fetch(path, 100)
    assert len(Server.asked) == before + 1


def test_a_name_without_an_address_is_for_later() -> None:
    def resolve(name: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    found = Media("cms", Wire(), "http://127.0.0.1:1", ["img.example"], lambda s: None, resolve=resolve)
    with pytest.raises(RemoteUnavailable, match="its name cannot be resolved"):
        found.fetch("http://img.example/x.png", 100)


def test_what_a_pin_refuses_says_where_the_name_leads_and_what_to_do() -> None:
    with pytest.raises(Forbidden) as caught:
        Pins((), lambda name, port: ["127.0.0.1"]).address("img.example", 80)
    assert str(caught.value) == "resolves to 127.0.0.1, this machine itself; if that is meant, list it in media_hosts"
