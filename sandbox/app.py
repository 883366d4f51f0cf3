"""Puts the sandbox together: the subsystems' tables, their routes, the control API and the phone page.

A subsystem is a package with ``SCHEMA``, ``seed(world)``, ``install(app, world)`` and ``control(world)``; the list
below is the only place that knows them all.
"""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from types import ModuleType

from fastapi import FastAPI

from sandbox import phone
from sandbox.control import make_control
from sandbox.wire import Wire
from sandbox.world import World

SUBSYSTEMS = ("wechat", "cms", "cases", "qa")


def load_subsystems() -> dict[str, ModuleType]:
    return {n: importlib.import_module(f"sandbox.{n}") for n in SUBSYSTEMS if find_spec(f"sandbox.{n}")}


def create_app(world: World) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for start in world.on_start:
            start()
        yield
        for stop in world.on_stop:
            stop()

    app = FastAPI(title="sandbox", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    subsystems = load_subsystems()
    for name, subsystem in subsystems.items():
        world.prepare(name, subsystem)
    app.mount("/_sandbox", make_control(world, subsystems))
    for subsystem in subsystems.values():
        subsystem.install(app, world)
    phone.install(app, world)
    app.add_middleware(Wire, world=world)
    return app
