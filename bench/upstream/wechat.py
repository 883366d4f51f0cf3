"""WeChat for benchmarks: a token, quotas and template messages after a latency, on as many connections as come.

A process of its own, run as ``python -m bench.upstream.wechat LATENCY_MS``; prints its address. It enforces nothing:
the sandbox does that. It takes a fraction of what the leanest sender does, or it would measure itself.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from typing import cast

import uvloop

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: %d\r\n\r\n%b"
_TOKEN = b'{"access_token":"bench-token-0123456789","expires_in":7200}'
_QUOTA = b'{"errcode":0,"errmsg":"ok","quota":{"daily_limit":10000000,"used":0,"remain":10000000}}'
_NUMBERS = itertools.count(1)


class _Talk(asyncio.Protocol):
    """One connection; a request may come in pieces."""

    _transport: asyncio.Transport

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._later = asyncio.get_running_loop().call_later
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read = data = self._read + data if self._read else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(data, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(data) < whole:
                return
            self._answer(data[: data.index(b" HTTP/")].partition(b" ")[2].partition(b"?")[0])
            self._read = data = data[whole:]

    def _answer(self, path: bytes) -> None:
        if path.endswith(b"/template/send"):
            self._later(self._latency_s, self._write, b'{"errcode":0,"errmsg":"ok","msgid":%d}' % next(_NUMBERS))
        else:
            self._write(_TOKEN if path.endswith(b"token") else _QUOTA)

    def _write(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_HEAD % (len(body), body))


async def _serve(latency_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Talk(latency_s), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1]) / 1000))
