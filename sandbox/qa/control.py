"""What the tester can do to the Q&A system: the officials' answers."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from sandbox.qa import api, store
from sandbox.upstream import Order, outage_route
from sandbox.world import World

_TAG = "Q&A"


class Publish(Order):
    answer: str | None = Field(None, description="HTML; absent: the answer written for it")


class AnswerSome(Order):
    count: int = Field(ge=1, le=1000)


def control(world: World) -> APIRouter:
    router = APIRouter(tags=[_TAG])
    router.include_router(outage_route(world, "qa", _TAG))

    @router.get("/state", summary="Counts, and what opens the door")
    def state() -> dict[str, Any]:
        asked = store.questions(world)
        return {
            "questions": len(asked),
            "answers": len(store.answers(world)),
            "open": sum(not q.answered for q in asked),
            "deliveries": len(store.deliveries(world)),
            "credentials": {"api_key": store.API_KEY},
        }

    @router.get("/questions", summary="All questions in the order they were asked, with their answers")
    def questions() -> list[dict[str, Any]]:
        return [shown(q) for q in store.questions(world)]

    @router.post("/answer", summary="Answer the oldest open questions, so many")
    def answer(order: AnswerSome) -> list[dict[str, Any]]:
        return [shown(q) for q in store.answer_next(world, order.count)]

    @router.post("/questions/{question_id}/answer", summary="Answer a question, or correct its answer")
    def answer_one(question_id: str, order: Publish) -> dict[str, Any]:
        _found(world, question_id)
        return shown(store.publish(world, question_id, order.answer))

    @router.post("/questions/{question_id}/withdraw", summary="Take a published answer back")
    def withdraw(question_id: str) -> dict[str, Any]:
        _found(world, question_id)
        store.withdraw(world, question_id)
        return shown(_found(world, question_id))

    @router.get("/write-backs", summary="What was written back about answers, oldest first")
    def write_backs() -> list[dict[str, Any]]:
        return store.deliveries(world)

    return router


def shown(q: store.Question) -> dict[str, Any]:
    if not q.answered:
        return api.question(q)
    return api.question(q) | {"answer": q.answer, "answered_at": q.answered_at, "withdrawn": bool(q.withdrawn)}


def _found(world: World, question_id: str) -> store.Question:
    try:
        return store.question(world, question_id)
    except store.NotThere as error:
        raise HTTPException(404, str(error)) from error
