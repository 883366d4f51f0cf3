"""What the three upstream systems have in common: their wall-clock times, and being down on request.

They keep times the way such systems do, as ``yyyy-MM-dd HH:mm:ss`` in Beijing time without a zone, so texts sort as
times. The resolution is one second: a change is stamped with the clock's now, or one second after the record's last
change if that was in the same second, so that no two changes of a record carry the same stamp; and never before the
newest stamp of the system, so that whoever continues from there meets every change.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from sandbox.clock import BEIJING
from sandbox.faults import Kind
from sandbox.world import World

TIME = "%Y-%m-%d %H:%M:%S"
_DOWN: dict[str, Kind] = {"closed": "refuse_before", "bad_gateway": "http_502"}


class Order(BaseModel):
    """Body of a control call: an unknown field is a mistake of the tester, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


class Outage(Order):
    down: bool
    how: Literal["closed", "bad_gateway"] = Field(
        "closed", description="the connection closes without an answer, or a proxy answers 502"
    )


def wall(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime(TIME)


def iso(stamp: str) -> str:
    """``2026-01-05 09:00:00`` as ``2026-01-05T09:00:00+08:00``."""
    return stamp.replace(" ", "T") + "+08:00"


def stamp_after(world: World, before: str | None, newest: str | None) -> str:
    """The stamp of a change happening now: of a record changed at ``before``, in a system changed at ``newest``."""
    now = max(wall(world.clock.now()), newest or "")
    if before is None or now > before:
        return now
    return (datetime.strptime(before, TIME) + timedelta(seconds=1)).strftime(TIME)


def is_stamp(text: str) -> bool:
    try:
        return datetime.strptime(text, TIME).strftime(TIME) == text
    except ValueError:
        return False


def outage_route(world: World, name: str, tag: str) -> APIRouter:
    """``POST /outage``: the whole system unreachable until told otherwise; kept with the other armed faults."""
    router = APIRouter(tags=[tag])
    path = f"/{name}/*"

    @router.post("/outage", summary="Take the system down, or bring it back")
    def outage(order: Outage) -> dict[str, Any]:
        for fault in world.faults.all():
            if fault.armed and fault.path == path and fault.kind in _DOWN.values():
                world.faults.clear(fault.id)
        if order.down:
            world.faults.arm(_DOWN[order.how], path)
        return {"down": order.down}

    return router
