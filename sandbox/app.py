"""Puts the sandbox together: the subsystems' tables, their routes, the control API and the phone page.

A subsystem is a package with ``SCHEMA``, ``seed(world)``, ``install(app, world)`` and ``control(world)``; the table
below is the only place that knows them all.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import ModuleType

from fastapi import FastAPI

from sandbox import cases, cms, phone, qa, vendors, wechat
from sandbox.control import make_control
from sandbox.wire import Wire
from sandbox.world import World

SUBSYSTEMS: Mapping[str, ModuleType] = {
    "wechat": wechat, "cms": cms, "cases": cases, "qa": qa, **vendors.SUBSYSTEMS,
}  # fmt: skip


def create_app(world: World, subsystems: Mapping[str, ModuleType] = SUBSYSTEMS) -> FastAPI:
    """The whole sandbox over ``world``; a test may ask for fewer subsystems, WeChat always being one."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for start in world.on_start:
            start()
        yield
        for stop in world.on_stop:
            stop()

    app = FastAPI(title="sandbox", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    for name, subsystem in subsystems.items():
        world.prepare(name, subsystem)
    app.mount("/_sandbox", make_control(world, subsystems))
    for subsystem in subsystems.values():
        subsystem.install(app, world)
    phone.install(app, world)
    app.add_middleware(Wire, world=world)
    return app
