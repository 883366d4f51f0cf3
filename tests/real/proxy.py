"""A proxy of our own that stands before a real system and makes the network's faults, each when the test says so.

It reads one request a connection, passes it on, reads the whole answer, and then does to it what was planned. It
listens on loopback, knows nothing of any system, and keeps count of what it was asked and what it did.

    reset        the request is read and the connection reset; the system never hears of it
    http_503     answers 503 with Retry-After itself; the system never hears of it
    html         answers 200 with a page of HTML itself, as a log-in page or a captive portal does
    delay        passes it on and holds the answer back for ``seconds``
    drip         passes it on and gives the answer a few bytes at a time, ``seconds`` between two
    truncate     passes it on, gives the head and half of the body, closes
    cut          the same, but resets the connection instead of closing it
    lose         passes it on, so that it takes effect, and closes without a word
"""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote_plus, urlsplit

Kind = Literal["reset", "http_503", "html", "delay", "drip", "truncate", "cut", "lose"]

_HTML = b"<!DOCTYPE html><html><head><title>\xe7\x99\xbb\xe5\xbd\x95</title></head><body>Log in</body></html>"
_DRIP = 16  # bytes
_PATIENCE_S = 20


@dataclass
class Fault:
    """From the ``nth`` request that fits ``method`` and ``target`` (a pattern) on, ``times`` of them go wrong."""

    kind: Kind
    method: str
    target: re.Pattern[str]
    body: re.Pattern[str]
    nth: int = 1
    times: int = 1
    seconds: float = 0
    fitted: int = 0
    did: int = 0

    def strikes(self, method: str, target: str, body: str) -> bool:
        if method != self.method or not self.target.search(target) or not self.body.search(body):
            return False
        self.fitted += 1
        return self.nth <= self.fitted < self.nth + self.times


@dataclass
class Proxy:
    """What was asked (method and decoded target, in order), and what is planned."""

    backend: tuple[str, int]
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(
        self, kind: Kind, method: str, target: str = "", *, body: str = "", nth: int = 1, times: int = 1,
        seconds: float = 0,
    ) -> Fault:  # fmt: skip
        """A fault to come; its ``did`` says how often it struck. ``target`` and ``body`` are regular expressions."""
        fault = Fault(kind, method, re.compile(target), re.compile(body), nth, times, seconds)
        with self._lock:
            self.faults.append(fault)
        return fault

    def clear(self) -> Counter[str]:
        """Forget what was planned and asked; how often each kind struck."""
        with self._lock:
            did: Counter[str] = Counter({fault.kind: 0 for fault in self.faults})
            for fault in self.faults:
                did[fault.kind] += fault.did
            self.faults.clear()
            self.asked.clear()
            return did

    def asked_for(self, method: str, target: str) -> list[str]:
        """The targets of the requests that fit, in order."""
        return [where for how, where in self.asked if how == method and re.search(target, where)]

    def _meets(self, method: str, target: str, body: str) -> Fault | None:
        with self._lock:
            self.asked.append((method, target))
            # Every plan counts every request that fits it: "the 3rd" means the same whatever else is planned.
            struck = [fault for fault in self.faults if fault.strikes(method, target, body)]
            if struck:
                struck[0].did += 1
            return struck[0] if struck else None


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the system at ``url``, on a free port of loopback."""
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    it = Proxy((parts.hostname, parts.port))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": it})) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hung up, as it may
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        it.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    proxy: Proxy
    timeout = _PATIENCE_S

    def handle(self) -> None:
        head, body = self._request()
        if not head:
            return
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        fault = self.proxy._meets(method, unquote_plus(target), body.decode("utf-8", "replace"))
        kind = fault.kind if fault else ""
        if kind == "reset":
            self._reset()
        elif kind == "http_503":
            self._say(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1", b"busy")
        elif kind == "html":
            self._say(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8", _HTML)
        else:
            self._pass_on(self._answer(_closing(head) + body), kind, fault.seconds if fault else 0)

    def _pass_on(self, answer: bytes, kind: str, seconds: float) -> None:
        if kind == "lose":
            return
        if kind == "delay":
            time.sleep(seconds)
        head, gap, body = answer.partition(b"\r\n\r\n")
        answer = _closing(head + gap) + body
        if kind in ("truncate", "cut"):
            self.wfile.write(answer[: len(answer) - (len(body) + 1) // 2])
            if kind == "cut":
                self._reset()
        elif kind == "drip":
            for at in range(0, len(answer), _DRIP):
                self.wfile.write(answer[at : at + _DRIP])
                self.wfile.flush()
                time.sleep(seconds)
        else:
            self.wfile.write(answer)

    def _request(self) -> tuple[bytes, bytes]:
        """Head and body of one request; two empty ones when the client left."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                return b"", b""
            head += line
        return head, self.rfile.read(_length(head) or 0)

    def _answer(self, request: bytes) -> bytes:
        with socket.create_connection(self.proxy.backend, timeout=_PATIENCE_S) as backend:
            backend.sendall(request)
            answer = bytearray()
            # Asked to close the connection, some keep it open all the same.
            while not _is_whole(answer) and (piece := backend.recv(1 << 16)):
                answer += piece
        return bytes(answer)

    def _say(self, head: bytes, body: bytes) -> None:
        self.wfile.write(head + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _reset(self) -> None:
        self.wfile.flush()
        time.sleep(0.05)  # what was written should arrive before the reset does
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _length(head: bytes | bytearray) -> int | None:
    found = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else None


def _is_whole(answer: bytearray) -> bool:
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = _length(head) if gap else None
    return length is not None and len(body) >= length


def _closing(head: bytes) -> bytes:
    """A head that announces the end of the connection: one request each."""
    kept = re.sub(rb"\r\n(?:connection|keep-alive):[^\r\n]*", b"", head, flags=re.IGNORECASE)
    return kept.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
