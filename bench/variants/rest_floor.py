"""The floor over REST: a raw socket, msgspec into structs, executemany of one upsert, one commit a page.

Nothing is checked, nothing is compared, nothing fails: less than this cannot be done in Python.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.upstream.articles import COLUMNS
from bench.variants import Count, Step
from bench.variants.sql import UPSERT, connect

_Article = msgspec.defstruct("_Article", [(name, str) for name in COLUMNS], gc=False)
_Page = msgspec.defstruct("_Page", [("total", int), ("rows", list[_Article])])  # type: ignore[valid-type]


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    database = connect(spec["folder"])
    decode, values = msgspec.json.Decoder(_Page).decode, attrgetter(*COLUMNS)

    def pull() -> Count:
        address = urlsplit(spec["url"])
        with socket.create_connection((str(address.hostname), address.port or 80)) as wire:
            page, read, total = 1, 0, 1
            while read < total:
                path = f"{address.path}/articles?page={page}&size={spec['page']}"
                wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
                found: Any = decode(_body(wire))
                database.execute("BEGIN IMMEDIATE")
                database.executemany(UPSERT, map(values, found.rows))
                database.execute("COMMIT")
                page, read, total = page + 1, read + len(found.rows), found.total
        return lambda: int(database.execute("SELECT count(*) FROM article").fetchone()[0])

    yield "first", pull
    yield "unchanged", pull


def _body(wire: socket.socket) -> memoryview:
    head = b""
    while (end := head.find(b"\r\n\r\n")) < 0:
        head += wire.recv(65536)
    length = int(head[head.index(b"Content-Length: ") + 16 : end])
    body = memoryview(bytearray(length))
    body[: len(head) - end - 4] = head[end + 4 :]
    at = len(head) - end - 4
    while at < length:
        at += wire.recv_into(body[at:])
    return body
