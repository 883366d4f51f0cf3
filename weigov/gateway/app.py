"""The callback server: verifies, decrypts, stores, and only then says "success".

WeChat waits 5 s and tries three times in all, so a callback is acknowledged when its row is committed and not
before; what to do about it is reconcile's and receive's business. It knows no ledger: ``weigov.wiring`` hands it
``store_inbox``. No body, openid or address query is ever logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from weigov.errors import CallbackRejected, ConfigError
from weigov.wechat.account import Account
from weigov.wechat.callback import parse_callback, verify_url

MAX_BODY_BYTES = 64 * 1024
_MAX_ECHO = 256

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One callback as it is stored, once per (appid, dedupe_key). ``payload`` is the plaintext, XML or JSON."""

    appid: str
    dedupe_key: str
    kind: Literal["message", "event"]
    event: str  # lower case; '' for a message
    remote_id: str
    openid: str = field(repr=False)
    created_at: datetime
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the server needs of the rest."""

    accounts: Mapping[str, Account]  # by name
    #: Commits the message and returns True, or False when its key is there already.
    store_inbox: Callable[[InboxMessage], bool]
    #: What is wrong right now (an unreachable database); nothing when all is well.
    ready: Callable[[], Sequence[str]] = lambda: ()


def create_app(gateway: Gateway) -> FastAPI:
    """The server for ``gateway``. Raises ConfigError naming every account that cannot receive callbacks."""
    lacking = [
        f"account {name}: its connection has no {part}"
        for name, account in gateway.accounts.items()
        for part, value in (("token", account.callback_token), ("encoding_aes_key", account.aes_keys))
        if not value
    ]
    if lacking:
        raise ConfigError("the gateway cannot start: " + "; ".join(lacking))
    _keep_queries_out_of_the_access_log()
    app = FastAPI(title="Weigov gateway", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> Response:
        problems = list(gateway.ready())
        if problems:
            return JSONResponse({"status": "failing", "problems": problems}, status_code=503)
        return JSONResponse({"status": "ok"})

    @app.get("/wechat/{account_name}")
    def verify(account_name: str, request: Request) -> Response:
        account = gateway.accounts.get(account_name)
        if account is None:
            return _plain("unknown account", 404)
        try:
            return _plain(verify_url(account, request.query_params)[:_MAX_ECHO])
        except CallbackRejected as error:
            return _refused(account, error)

    @app.post("/wechat/{account_name}")
    async def receive(account_name: str, request: Request) -> Response:
        account = gateway.accounts.get(account_name)
        if account is None:
            return _plain("unknown account", 404)
        body = await _body(request)
        if body is None:
            return _plain("too large", 413)
        return await run_in_threadpool(_take_in, gateway, account, dict(request.query_params), body)

    return app


def _take_in(gateway: Gateway, account: Account, query: Mapping[str, str], body: bytes) -> Response:
    try:
        message, payload = parse_callback(account, query, body)
    except CallbackRejected as error:
        return _refused(account, error)
    try:
        new = gateway.store_inbox(
            InboxMessage(
                account.appid,
                message.dedupe_key,
                message.kind,
                message.event,
                message.remote_id,
                message.openid,
                message.created_at,
                payload,
            )
        )
    except Exception as error:  # a database's own text may quote the row: only its kind is said
        why = type(error).__name__
        logger.error("%s: a callback was not stored (%s); WeChat will try again", account.system, why)
        return _plain("not stored", 503)
    logger.debug("%s: %s %s", account.system, message.event or message.type, "stored" if new else "known already")
    return _plain("success")


async def _body(request: Request) -> bytes | None:
    """What was posted, or None as soon as it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _refused(account: Account, error: CallbackRejected) -> Response:
    logger.warning("%s: callback refused: %s", account.system, error)
    return _plain("refused", 403)


def _plain(text: str, status: int = 200) -> Response:
    return PlainTextResponse(text, status_code=status, headers={"X-Content-Type-Options": "nosniff"})


class _WithoutQuery(logging.Filter):
    """uvicorn's access log carries the whole address; WeChat puts the openid into its query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.split("?", 1)[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_without_query = _WithoutQuery()


def _keep_queries_out_of_the_access_log() -> None:
    logging.getLogger("uvicorn.access").addFilter(_without_query)
