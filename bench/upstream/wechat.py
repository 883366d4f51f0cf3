"""WeChat for benchmarks: a token, quotas and template messages after a latency, on as many connections as come.

A process of its own, run as ``python -m bench.upstream.wechat LATENCY_MS``; prints its address. It enforces nothing:
the sandbox does that.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: %d\r\n\r\n%b"
_TOKEN = b'{"access_token":"bench-token-0123456789","expires_in":7200}'
_QUOTA = b'{"errcode":0,"errmsg":"ok","quota":{"daily_limit":10000000,"used":0,"remain":10000000}}'
_NUMBERS = itertools.count(1)


async def _serve(latency_s: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if found := _LENGTH.search(head):
                    await reader.readexactly(int(found[1]))
                path = head.split(b" ", 2)[1].partition(b"?")[0]
                if path.endswith(b"/template/send"):
                    await asyncio.sleep(latency_s)
                    body = b'{"errcode":0,"errmsg":"ok","msgid":%d}' % next(_NUMBERS)
                else:
                    body = _TOKEN if path.endswith(b"token") else _QUOTA
                writer.write(_HEAD % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
