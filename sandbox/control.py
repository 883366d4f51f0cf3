"""The control API under ``/_sandbox``: the clock, the faults, reset; and each subsystem's own, under its name.

Loopback only, no password: it is the hand of the tester. Described at ``/_sandbox/docs``; ``/_sandbox/openapi.json``
is the same for machines.
"""

from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox.docs_page import render_docs
from sandbox.faults import Kind
from sandbox.world import World


class FaultOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Kind
    path: str = Field("*", description="shell pattern, for example /cgi-bin/freepublish/* or /cms/*")
    openid: str | None = Field(None, description="only calls with this touser")
    persona: str | None = Field(None, description="only calls to citizens of this persona")
    value: str | int | float | None = Field(
        None, description="errcode, seconds, publish status, or the event's status text"
    )
    skip: int = Field(0, ge=0, description="let this many matching calls through first")
    times: int | None = Field(None, ge=1, description="end after so many; absent: until cleared")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0


def make_control(world: World, subsystems: Mapping[str, ModuleType]) -> FastAPI:
    control = FastAPI(title="Sandbox control API", docs_url=None, redoc_url=None)

    @control.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def docs() -> str:
        return render_docs(control.openapi())

    @control.get("/health", tags=["sandbox"], summary="Is it up, and with which subsystems")
    def health() -> dict[str, Any]:
        return {"ok": True, "subsystems": list(subsystems), "base_url": world.base_url}

    @control.get("/clock", tags=["clock"], summary="What time the sandbox thinks it is")
    def clock_now() -> dict[str, Any]:
        clock = world.clock
        return {
            "now": clock.now().isoformat(),
            "beijing": clock.beijing().isoformat(),
            "timestamp": clock.timestamp(),
            "offset_s": clock.offset_s,
            "frozen": clock.frozen,
        }

    @control.post("/clock/advance", tags=["clock"], summary="Move the clock forward by so many seconds")
    def clock_advance(seconds: Annotated[float, Body(embed=True)]) -> dict[str, Any]:
        world.clock.advance(seconds)
        return clock_now()

    @control.post("/clock/set", tags=["clock"], summary="Make it this moment (ISO 8601 with zone)")
    def clock_set(moment: Annotated[datetime, Body(embed=True)]) -> dict[str, Any]:
        try:
            world.clock.set(moment)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return clock_now()

    @control.post("/clock/freeze", tags=["clock"], summary="Stop the clock (it still moves by advance and set)")
    def clock_freeze() -> dict[str, Any]:
        world.clock.freeze()
        return clock_now()

    @control.post("/clock/unfreeze", tags=["clock"], summary="Let it run on")
    def clock_unfreeze() -> dict[str, Any]:
        world.clock.unfreeze()
        return clock_now()

    @control.get("/faults", tags=["faults"], summary="Every fault armed or spent, and how often each fired")
    def faults_list() -> list[dict[str, Any]]:
        return world.faults.as_dicts()

    @control.post("/faults", tags=["faults"], summary="Arm a fault; answers its number")
    def faults_arm(order: FaultOrder) -> dict[str, int]:
        value = None if order.value is None else str(order.value)
        number = world.faults.arm(
            order.kind, order.path, openid=order.openid, persona=order.persona, value=value,
            skip=order.skip, times=order.times, probability=order.probability, seed=order.seed,
        )  # fmt: skip
        return {"id": number}

    @control.get("/faults/counts", tags=["faults"], summary="How often each kind of fault fired")
    def faults_counts() -> dict[str, int]:
        counts: dict[str, int] = {}
        for fault in world.faults.all():
            counts[fault.kind] = counts.get(fault.kind, 0) + fault.fired
        return counts

    @control.delete("/faults", tags=["faults"], summary="Disarm all; their counts stay readable")
    def faults_clear() -> dict[str, bool]:
        world.faults.clear()
        return {"ok": True}

    @control.delete("/faults/{fault_id}", tags=["faults"], summary="Disarm one")
    def fault_clear(fault_id: int) -> dict[str, bool]:
        world.faults.clear(fault_id)
        return {"ok": True}

    @control.post("/reset", tags=["sandbox"], summary="Back to the first day: all, or one subsystem")
    def reset(subsystem: Annotated[str | None, Body(embed=True)] = None) -> dict[str, Any]:
        if subsystem is not None and subsystem not in subsystems:
            raise HTTPException(422, f"no subsystem {subsystem!r}; there are {', '.join(subsystems)}")
        if subsystem is None:
            world.clock.reset()
            world.faults.forget()
        names = [subsystem] if subsystem else list(subsystems)
        for name in names:
            world.reset(name, subsystems[name])
        return {"reset": names}

    for name, package in subsystems.items():
        control.include_router(package.control(world), prefix=f"/{name}")
    return control
