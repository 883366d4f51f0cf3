"""The Q&A system as its clients meet it: routes under ``/qa``. The package's docstring shows the wire."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from sandbox.qa import store
from sandbox.qa.store import Question
from sandbox.upstream import is_stamp, iso
from sandbox.world import World

LIMIT, MAX_LIMIT = 20, 100
_STATUS = {"bad_request": 400, "unauthorized": 401, "not_found": 404, "conflict": 409}


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Asked(BaseModel):
    asker: str
    text: str
    source: str = "wechat"


class Delivered(BaseModel):
    state: str = Field(min_length=1)
    detail: str = ""


Model = TypeVar("Model", bound=BaseModel)


def install(app: FastAPI, world: World) -> None:
    router = APIRouter(prefix="/qa/api", dependencies=[Depends(_check_key)])
    IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]

    @router.get("/answers")
    def answers(cursor: str = "", limit: str = str(LIMIT)) -> dict[str, Any]:
        return _page(store.answers, world, cursor, limit, answer, lambda q: q.answered_at or "")

    @router.get("/answers/{answer_id}")
    def one_answer(answer_id: str) -> dict[str, Any]:
        return answer(_published(world, answer_id))

    @router.post("/answers/{answer_id}/deliveries")
    def deliveries(
        answer_id: str, body: Annotated[Any, Depends(_json)], key: IdempotencyKey = None
    ) -> dict[str, bool]:
        given = _read(Delivered, body)
        _published(world, answer_id, withdrawn_too=True)
        try:
            store.save_delivery(world, answer_id, given.state, given.detail, key)
        except store.KeyReused as error:
            raise Refused("conflict", "the Idempotency-Key was used with another body") from error
        return {"ok": True}

    @router.get("/questions")
    def questions(cursor: str = "", limit: str = str(LIMIT)) -> dict[str, Any]:
        return _page(store.questions, world, cursor, limit, question, lambda q: q.asked_at)

    @router.post("/questions")
    def ask(body: Annotated[Any, Depends(_json)], key: IdempotencyKey = None) -> Response:
        if not key:
            raise Refused("bad_request", "Idempotency-Key is required")
        given = _read(Asked, body)
        try:
            question_id, new = store.ask(world, given.asker, given.text, given.source, key)
        except store.KeyReused as error:
            raise Refused("conflict", "the Idempotency-Key was used with another body") from error
        return JSONResponse({"id": question_id}, status_code=201 if new else 200)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        body = {"error": {"code": error.code, "message": error.message}}
        return JSONResponse(body, status_code=_STATUS[error.code])

    app.add_exception_handler(Refused, refused)
    app.include_router(router)


def answer(q: Question) -> dict[str, Any]:
    return {
        "id": q.id, "question": q.question, "short_question": q.short_question, "answer": q.answer,
        "category": q.category, "asker": q.asker, "asked_at": iso(q.asked_at),
        "answered_at": iso(q.answered_at or ""),
        "url": f"{store.SITE}{q.id}.html",
    }  # fmt: skip


def question(q: Question) -> dict[str, Any]:
    return {
        "id": q.id, "question": q.question, "short_question": q.short_question, "category": q.category,
        "asker": q.asker, "source": q.source, "asked_at": iso(q.asked_at),
        "status": "answered" if q.answered else "open",
    }  # fmt: skip


def write_cursor(stamp: str, question_id: str) -> str:
    return base64.urlsafe_b64encode(f"{stamp}|{question_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, str]:
    if not cursor:
        return "", ""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise Refused("bad_request", "cursor is not one of ours") from error
    stamp, _, question_id = text.partition("|")
    if not is_stamp(stamp) or not question_id:
        raise Refused("bad_request", "cursor is not one of ours")
    return stamp, question_id


def _page(
    read: Callable[[World, tuple[str, str], int], list[Question]], world: World, cursor: str, limit: str,
    shown: Callable[[Question], dict[str, Any]], stamp: Callable[[Question], str],
) -> dict[str, Any]:  # fmt: skip
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MAX_LIMIT:
        raise Refused("bad_request", f"limit is a number from 1 to {MAX_LIMIT}")
    found = read(world, read_cursor(cursor), int(limit) + 1)
    page, has_more = found[: int(limit)], len(found) > int(limit)
    return {
        "items": [shown(q) for q in page],
        "next_cursor": write_cursor(stamp(page[-1]), page[-1].id) if page else None,
        "has_more": has_more,
    }


def _published(world: World, answer_id: str, withdrawn_too: bool = False) -> Question:
    try:
        found = store.question(world, answer_id)
    except store.NotThere as error:
        raise Refused("not_found", "no such answer") from error
    if not found.answered or (found.withdrawn and not withdrawn_too):
        raise Refused("not_found", "no such answer")
    return found


def _check_key(request: Request) -> None:
    if request.headers.get("X-Api-Key") != store.API_KEY:
        raise Refused("unauthorized", "X-Api-Key is missing or wrong")


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise Refused("bad_request", "the body is not JSON") from error


def _read(model: type[Model], body: Any) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, e["loc"])) or "body" for e in error.errors())
        raise Refused("bad_request", f"missing or wrong: {wrong}") from error
