"""A peer on loopback that answers, or fails, exactly as a test says. It counts what reached it."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from weigov.ports import Force, Token
from weigov.wechat.account import Account

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Beijing
SECRET = "0123456789abcdef0123456789abcdef"
AES_KEY = "WeigovTestKey0123456789abcdefghijklmnopqrst"
OPENID = "oAbCdEfGhIjKlMnOpQrStUvWxYz0"


def account(base_url: str = "http://127.0.0.1:9", **changes: Any) -> Account:
    values: dict[str, Any] = {
        "name": "city",
        "appid": "wx00000000000000aa",
        "type": "service",
        "secret": SECRET,
        "callback_token": "cbtoken",
        "aes_keys": (AES_KEY,),
        "base_url": base_url,
    }
    return Account(**{**values, **changes})


@dataclass
class Store:
    """A TokenStore in memory, with the ledger's semantics."""

    token: Token | None = None
    fetches: int = 0
    forces: int = 0
    forced_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, appid: str, family: str) -> Token | None:
        return self.token

    def refresh(self, appid: str, family: str, seen_version: int, fetch: Callable[[], tuple[str, datetime]]) -> Token:
        with self.lock:
            if self.token is None or self.token.version == seen_version:
                self.fetches += 1
                value, expires_at = fetch()
                self.token = Token(value, expires_at, seen_version + 1)
            return self.token

    def spend_force(self, appid: str, *, now: datetime, per_day: int, apart: timedelta) -> Force:
        if self.forces >= per_day:
            return "used_up"
        if self.forced_at is not None and now - self.forced_at < apart:
            return "too_soon"
        self.forces, self.forced_at = self.forces + 1, now
        return "granted"

    def no_force_left(self, appid: str, *, now: datetime, per_day: int) -> None:
        self.forces = per_day

    def put(self, value: str, life: timedelta = timedelta(hours=1), now: datetime = NOW) -> None:
        self.token = Token(value, now + life, (self.token.version if self.token else 0) + 1)


Reply = dict[str, Any] | bytes | Callable[[socket.socket], None]


@dataclass
class Request:
    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """``plan[path]`` holds replies in order; the last one stays. A dict is answered as JSON, bytes as they are."""

    base_url: str
    plan: dict[str, deque[Reply]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, path: str, *replies: Reply) -> None:
        self.plan["/cgi-bin/" + path] = deque(replies)

    def bodies(self, path: str) -> list[bytes]:
        return [r.body for r in self.requests if r.path.split("?")[0] == "/cgi-bin/" + path]

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while (request := _read(stream)) is not None:
                path = request.path.split("?")[0]
                with self.lock:
                    self.calls[path.removeprefix("/cgi-bin/")] += 1
                    self.requests.append(request)
                    replies = self.plan.get(path) or deque([http(404, b"not here")])
                    reply = replies.popleft() if len(replies) > 1 else replies[0]
                if callable(reply):
                    reply(connection)
                    return
                connection.sendall(reply if isinstance(reply, bytes) else http(200, json.dumps(reply).encode()))


def _read(stream: Any) -> Request | None:
    try:
        line = stream.readline().decode("latin-1").split(" ")
    except OSError:
        return None
    if len(line) != 3 or not line[2].startswith("HTTP/"):
        return None  # the end, or no HTTP: a TLS greeting may hold blanks by chance
    method, path, _ = line
    headers = {}
    while (header := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, stream.read(int(headers.get("content-length", 0))))


def http(status: int, body: bytes, content_type: str = "text/plain") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def reset(connection: socket.socket) -> None:
    """Hang up with a RST, as a crashing peer does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(connection: socket.socket) -> None:
    """Close without an answer."""


def half(connection: socket.socket) -> None:
    """Promise more than comes."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"errcode":0,')


@contextmanager
def peer() -> Iterator[Peer]:
    listener = socket.create_server(("127.0.0.1", 0))
    made = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    made.on("stable_token", {"access_token": "TOKEN-1", "expires_in": 7200})
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            thread = threading.Thread(target=made.serve, args=(connection,), daemon=True)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield made
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in threads:
            thread.join(5)
