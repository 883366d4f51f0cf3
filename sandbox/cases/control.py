"""What the tester can do to the case system: the officials' work, and who is bound to whom."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from sandbox.cases import store
from sandbox.people import PEOPLE
from sandbox.upstream import Order, outage_route
from sandbox.world import World

_TAG = "cases"


class Move(Order):
    status: str = Field(description="a code (11) or its meaning in the case's edition (受理)")


class Advance(Order):
    count: int = Field(ge=1, le=1000)


def control(world: World) -> APIRouter:
    router = APIRouter(tags=[_TAG])
    router.include_router(outage_route(world, "cases", _TAG))

    @router.get("/state", summary="Counts, and what logs in")
    def state() -> dict[str, Any]:
        found, total = store.cases(world)
        by_meaning: dict[str, int] = {}
        for c in found:
            by_meaning[c.meaning] = by_meaning.get(c.meaning, 0) + 1
        return {
            "cases": total,
            "void": sum(not c.valid for c in found),
            "by_status": by_meaning,
            "can_advance": sum(bool(c.to_come) and bool(c.valid) for c in found),
            "evaluations": len(store.evaluations(world)),
            "delivery_results": len(store.deliveries(world)),
            "credentials": {"userName": store.USER_NAME, "password": store.PASSWORD},
        }

    @router.get("/cases", summary="All cases in the order of change, or one applicant's, with query passwords")
    def cases(applicant_id: str = "%") -> list[dict[str, Any]]:
        return [shown(c) for c in store.cases(world, applicant_id=applicant_id)[0]]

    @router.get("/cases/{case_no}", summary="One case with its steps")
    def case(case_no: str) -> dict[str, Any]:
        found = _found(world, case_no)
        steps = [
            {"status": code, "meaning": store.MEANING[found.stdver][code], "at": at}
            for code, at in store.steps(world, case_no)
        ]
        return shown(found) | {"steps": steps}

    @router.post("/cases/{case_no}/status", summary="Bring a case to a status")
    def move(case_no: str, order: Move) -> dict[str, Any]:
        meanings = store.MEANING[_found(world, case_no).stdver]
        code = next((c for c, meaning in meanings.items() if order.status in (c, meaning)), None)
        if code is None:
            raise HTTPException(422, f"no status {order.status!r} in its edition; there are {meanings}")
        return shown(store.move(world, case_no, code))

    @router.post("/advance", summary="Move so many cases one step, always the same ones; answers from and to")
    def advance(order: Advance) -> list[dict[str, Any]]:
        return [
            {"case_no": after.case_no, "applicant_id": after.applicant_id, "has_wechat": _has_wechat(after),
             "from": before.meaning, "to": after.meaning, "updated_at": after.updated_at}
            for before, after in store.advance(world, order.count)
        ]  # fmt: skip

    @router.post("/cases/{case_no}/void", summary="Declare a case void (DATASTATE 0)")
    def void(case_no: str) -> dict[str, Any]:
        _found(world, case_no)
        return shown(store.void(world, case_no))

    @router.get("/evaluations", summary="Evaluations written back, oldest first")
    def evaluations() -> list[dict[str, Any]]:
        return store.evaluations(world)

    @router.get("/write-backs", summary="Delivery results written back, oldest first")
    def write_backs() -> list[dict[str, Any]]:
        return store.deliveries(world)

    @router.get("/bindings.csv", summary="Who is bound to whom, to import: openid,system,identity")
    def bindings() -> Response:
        return Response(bindings_csv(), media_type="text/csv")

    return router


def bindings_csv() -> str:
    """Every citizen with WeChat, bound as applicant and as asker. Nobody without WeChat is in it."""
    rows = [f"{p.openid},{system},{p.identity}" for p in PEOPLE for system in ("cases", "qa")]
    return "\n".join(["openid,system,identity", *rows]) + "\n"


def shown(c: store.Case) -> dict[str, Any]:
    return {
        "case_no": c.case_no, "item_name": c.item_name, "applicant_id": c.applicant_id, "has_wechat": _has_wechat(c),
        "status": c.status, "meaning": c.meaning, "stdver": c.stdver, "accepted_at": c.accepted_at,
        "updated_at": c.updated_at, "valid": bool(c.valid), "query_password": c.query_password,
        "steps_to_come": c.to_come.split(),
    }  # fmt: skip


def _has_wechat(c: store.Case) -> bool:
    return any(p.identity == c.applicant_id for p in PEOPLE)


def _found(world: World, case_no: str) -> store.Case:
    try:
        return store.case(world, case_no)
    except store.NotThere as error:
        raise HTTPException(404, str(error)) from error
