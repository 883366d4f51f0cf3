"""Questions and answers over the OpenAI-compatible interface, as FastGPT and many others offer it, simulated.

Known from the documents: ``POST /openai_qa/v1/chat/completions``, ``Authorization: Bearer …``, JSON both ways.
``chatId`` keeps a conversation together (FastGPT's own word; others ignore it)::

    {"chatId": "P0001", "stream": false, "messages": [{"role": "user", "content": "图书馆几点开门？"}]}

    {"id": "chatcmpl-…", "object": "chat.completion", "created": 1767574800, "model": "demo",
     "usage": {"prompt_tokens": 9, "completion_tokens": 41, "total_tokens": 50},
     "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "您好！…"}}]}

Errors are ``{"error": {"message": …, "type": …, "code": …}}`` with 400, 401, 429 (``Retry-After``, seconds) or 500;
FastGPT also answers ``{"code": 514, "statusText": "unAuthApiKey", "message": …, "data": null}``, here to a key that
does not begin as its keys do. ``says_no`` is an error inside HTTP 200, as gateways in front of such services send it.

The answer is that of ``sandbox/content`` whose question shares most characters with what was asked; under a third in
common it says so. Streaming is refused: Weigov does not stream. Ten questions a minute and key, then 429.
"""

import json
import secrets
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from sandbox import content
from sandbox.upstream import outage_route, wall
from sandbox.vendors.refusals import refusal
from sandbox.world import World

PATH = "/openai_qa/v1/chat/completions"
KEY = "fastgpt-demo-qa-key"
PER_MINUTE = 10
_UNKNOWN = "您好，暂时没有找到相关答案，请拨打12345政务服务便民热线咨询。"

SCHEMA = """
CREATE TABLE IF NOT EXISTS openai_qa_asked (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, second REAL NOT NULL, chat_id TEXT NOT NULL,
    question TEXT NOT NULL, answer_id TEXT NOT NULL);
"""


class _Refused(Exception):
    def __init__(
        self, status: int, message: str, kind: str, code: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}


def seed(world: World) -> None:
    """Nothing was asked yet."""


def control(world: World) -> APIRouter:
    router = APIRouter(tags=["OpenAI Q&A"])
    router.include_router(outage_route(world, "openai_qa", "OpenAI Q&A"))

    @router.get("/asked", summary="What was asked, oldest first")
    def asked() -> list[dict[str, Any]]:
        with world.lock:
            return [dict(row) for row in world.db.execute("SELECT * FROM openai_qa_asked ORDER BY n")]

    return router


def install(app: FastAPI, world: World) -> None:
    async def complete(request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key.startswith("fastgpt-"):
            return _json({"code": 514, "statusText": "unAuthApiKey", "message": "Key 错误", "data": None}, 500)
        try:
            if key != KEY:
                raise _Refused(401, "Incorrect API key provided", "invalid_request_error", "invalid_api_key")
            return _json(await run_in_threadpool(_answer, world, await request.body()))
        except _Refused as refused:
            return _json(refused.body, refused.status, refused.headers)

    app.add_api_route(PATH, complete, methods=["POST"])


def _answer(world: World, body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
        messages = asked["messages"]
        question = str(messages[-1]["content"])
        fit = messages[-1]["role"] == "user" and question.strip() != ""
    except (ValueError, KeyError, IndexError, TypeError):
        fit = False
    if not fit:
        raise _Refused(400, "'messages' must end with a question", "invalid_request_error", "invalid_messages")
    if asked.get("stream"):
        raise _Refused(400, "streaming is not simulated", "invalid_request_error", "unsupported_value")
    if reason := refusal(world, "openai_qa", "completions"):
        raise _Refused(200, reason, "server_error", "upstream_error")
    _within_limit(world)
    answer, answer_id = _best(question), f"chatcmpl-{secrets.token_hex(12)}"
    now = world.clock.timestamp()
    with world.transaction() as db:
        db.execute(
            "INSERT INTO openai_qa_asked (at, second, chat_id, question, answer_id) VALUES (?, ?, ?, ?, ?)",
            (wall(world.clock.now()), now, str(asked.get("chatId") or ""), question, answer_id),
        )
    return {
        "id": answer_id, "object": "chat.completion", "created": int(now), "model": str(asked.get("model") or "demo"),
        "usage": {
            "prompt_tokens": len(question), "completion_tokens": len(answer),
            "total_tokens": len(question) + len(answer),
        },
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
        ],
    }  # fmt: skip


def _within_limit(world: World) -> None:
    now = world.clock.timestamp()
    with world.lock:
        times = world.db.execute(
            "SELECT second FROM openai_qa_asked WHERE second > ? ORDER BY second", (now - 60,)
        ).fetchall()
    if len(times) >= PER_MINUTE:
        wait_s = max(1, int(times[-PER_MINUTE]["second"] + 60 - now) + 1)
        raise _Refused(
            429, "Rate limit reached", "requests", "rate_limit_exceeded", {"Retry-After": str(wait_s)}
        )  # fmt: skip


def _best(question: str) -> str:
    asked = set(question)
    best = max(content.answers(), key=lambda text: len(asked & set(text.get("q"))) / len(asked | set(text.get("q"))))
    shared = len(asked & set(best.get("q"))) / len(asked)
    return best.body if shared >= 1 / 3 else _UNKNOWN


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(value, ensure_ascii=False), status_code=status, headers=headers, media_type="application/json"
    )  # fmt: skip
