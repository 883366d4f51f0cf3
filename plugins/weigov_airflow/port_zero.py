"""Airflow's Test button sends port 0 for a connection that has none; its API takes that for another address and says
only "Bad Request" (Airflow 3.3.2). Here such a port is none again, for our connection types.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weigov_airflow.provider import get_provider_info

_PATH = "/api/v2/connections/test"
_OURS = frozenset(one["connection-type"] for one in get_provider_info()["connection-types"])
_MAX_BYTES = 1 << 20  # no connection is longer


class PortZeroIsNone:
    """ASGI middleware: changes nothing but that one field of that one request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(_PATH)
        await self._app(scope, _Mended(receive) if asked else receive, send)


class _Mended:
    """The body as one message, mended where it needs to be; afterwards whatever the server has to say."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._body = receive, b""
        self._is_read = False

    async def __call__(self) -> Message:
        if self._is_read:
            return await self._receive()
        more = True
        while more and len(self._body) <= _MAX_BYTES:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._body += message.get("body", b"")
            more = message.get("more_body", False)
        self._is_read = True
        return {"type": "http.request", "body": mended(self._body), "more_body": more}


def mended(body: bytes) -> bytes:
    """``body`` without a port of 0, of the same length: the header has already said it."""
    try:
        fields: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(fields, dict) or fields.get("conn_type") not in _OURS or fields.get("port") != 0:
        return body
    del fields["port"]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode().ljust(len(body))
