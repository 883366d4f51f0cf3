"""The wire between a caller and the sandbox: answers that never come, come late, or come from a broken proxy.

Outermost, around everything the sandbox serves. ``lose_answer`` lets the call take effect and then closes the
connection; ``refuse_before`` closes it before anything happens. Under a test client there is no connection to
close: ``AnswerLost`` is raised instead.
"""

import asyncio
import json
import secrets
import time
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.faults import WIRE_KINDS, Fault
from sandbox.world import World

_TRANSPORT = "sandbox.transport"
_UNTOUCHED = ("/_sandbox", "/phone", "/mmbiz")


class AnswerLost(ConnectionError):
    """The call was handled and its answer will never come."""


class ClosableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the connection within the application's reach."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope[_TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = with_transport


async def hang_up(scope: Scope, receive: Receive) -> None:
    transport = scope.get(_TRANSPORT)
    if transport is None:
        raise AnswerLost("the connection was closed without an answer, as asked")
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


class NoAnswer(Response):
    """Return this from a handler to close the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await hang_up(scope, receive)


def rid() -> str:
    return f"{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


class Wire:
    """ASGI wrapper that meets each call with the fault armed for it."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTOUCHED):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if not self._world.faults.watching(WIRE_KINDS, path):
            await self._app(scope, receive, send)
            return
        body, receive = await _read(receive)
        openid = _openid(body)
        fault = self._world.faults.strike(WIRE_KINDS, path, openid=openid, persona=self._persona(openid))
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._misbehave(fault, scope, receive, send)

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "refuse_before":
            await hang_up(scope, receive)
        elif fault.kind == "lose_answer":
            await self._app(scope, receive, _swallow)
            await hang_up(scope, receive)
        elif fault.kind == "delay_s":
            await asyncio.sleep(float(fault.value or 1))
            await self._app(scope, receive, send)
        elif fault.kind == "http_502":
            await HTMLResponse(_BAD_GATEWAY, status_code=502)(scope, receive, send)
        elif fault.kind == "html_200":
            await HTMLResponse(_LOGIN_PAGE)(scope, receive, send)
        else:
            errcode = int(fault.value or -1)
            answer = {"errcode": errcode, "errmsg": f"{_ERRMSG.get(errcode, 'system error')} rid: {rid()}"}
            text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
            await Response(text, media_type="application/json")(scope, receive, send)

    def _persona(self, openid: str | None) -> str | None:
        if openid is None:
            return None
        with self._world.lock:
            row = self._world.db.execute("SELECT persona FROM wx_follower WHERE openid = ?", (openid,)).fetchone()
        return row["persona"] if row else None


# What WeChat says with the codes most often asked for; the rest say "system error", which nobody should read.
_ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    42001: "access_token expired",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit  must slower  retry next minute",
    48001: "api unauthorized",
}
_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_LOGIN_PAGE = '<html><head><title>统一身份认证</title></head><body><form action="/login"></form></body></html>'


async def _swallow(message: Message) -> None:
    return None


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a ``receive`` that hands it out once more."""
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(chunks)
    handed_out = False

    async def again() -> Message:
        nonlocal handed_out
        if handed_out:
            return await receive()
        handed_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


def _openid(body: bytes) -> str | None:
    try:
        touser = json.loads(body).get("touser")
    except (ValueError, AttributeError):
        return None
    return touser if isinstance(touser, str) else None
