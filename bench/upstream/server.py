"""The upstream as a server: ``python -m bench.upstream.server N`` prints its address and answers until it is killed.

``/gG/articles?page=P&size=S`` answers JSON, a POST to ``/gG/soap`` answers SOAP; G is the generation, and size 0
means all at once. Answers are made once and kept, so that a client waits for little but itself. It runs in a process
of its own: its CPU is nobody's.
"""

from __future__ import annotations

import re
import socketserver
import sys
import threading
from collections.abc import Callable

from bench.upstream.articles import json_page, xml_page

_PAGE = re.compile(rb"\bpage(?:=|>)(\d+)")
_SIZE = re.compile(rb"\bsize(?:=|>)(\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"


class Upstream(socketserver.ThreadingTCPServer):
    """``total`` articles on a free port of the loopback interface."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, total: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._total = total
        self._made: dict[tuple[str, int, int, int], bytes] = {}
        self._lock = threading.Lock()

    def answer(self, path: bytes, body: bytes) -> bytes:
        """The whole answer, head and body, to a request for ``path``."""
        generation = int(path[2:3])
        soap = path.startswith(b"/soap", 3)
        asked = body if soap else path
        page, size = (int(found[1]) if (found := what.search(asked)) else 0 for what in (_PAGE, _SIZE))
        make: Callable[[range, int, int], bytes] = xml_page if soap else json_page
        wanted = (make.__name__, generation, page, size)
        with self._lock:
            if wanted not in self._made:
                first = (page - 1) * size if size else 0
                numbers = range(min(first, self._total), min(first + size, self._total) if size else self._total)
                text = make(numbers, self._total, generation)
                kind = "text/xml" if soap else "application/json"
                self._made[wanted] = _HEAD.format(kind=kind, length=len(text)).encode() + text
            return self._made[wanted]


class _Handler(socketserver.BaseRequestHandler):
    server: Upstream

    def handle(self) -> None:
        received = b""
        while True:
            while (end := received.find(b"\r\n\r\n")) < 0:
                piece = self.request.recv(65536)
                if not piece:
                    return
                received += piece
            head, received = received[: end + 2], received[end + 4 :]
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            while len(received) < length:
                piece = self.request.recv(65536)
                if not piece:
                    return
                received += piece
            body, received = received[:length], received[length:]
            self.request.sendall(self.server.answer(head.split(b" ", 2)[1], body))


if __name__ == "__main__":
    with Upstream(int(sys.argv[1])) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
