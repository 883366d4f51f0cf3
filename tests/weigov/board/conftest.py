"""The board over a deployment in which something of everything happened, asked as one or another person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from fastapi import HTTPException, Request

from tests.weigov.board.town import Town, made
from tests.weigov.flow.deployment import OtherSide, other_side
from tests.weigov.serving import Web, serve
from weigov.board.app import create_app
from weigov.board.guard import Permission, Person
from weigov.flow.context import Context

#: role → what it may, as Airflow's roles do.
ROLES: dict[str, set[Permission]] = {
    "viewer": {"log"},
    "user": {"log", "replay", "review"},
    "op": {"log", "replay", "review", "settle", "pause", "clear_quota"},
}


class Roles:
    """A guard that believes the header ``X-Role: role`` or ``role:name``."""

    @staticmethod
    def reader(request: Request) -> Person:
        role, _, name = request.headers.get("x-role", "").partition(":")
        if role not in ROLES:
            raise HTTPException(401)
        return Person(name or role, role)

    def may(self, person: Person, permission: Permission, about: str) -> bool:
        return permission in ROLES[person.user]

    def log_in(self, back: str) -> str:
        return f"/log-in?next={back}"

    def origins(self) -> Sequence[str]:
        return ["https://oa.city.gov.cn"]


class Shown:
    """A deployment for the board."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.gateway = ""

    @contextmanager
    def open(self) -> Iterator[Context]:
        self.ctx.ledger.door = "board"
        yield self.ctx

    def faults(self) -> int:
        return 0

    def gateway_problem(self) -> str:
        return self.gateway


@pytest.fixture(scope="package")
def sandbox_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSide]:
    with other_side(tmp_path_factory.mktemp("sandbox") / "sandbox.db") as other:
        yield other


@pytest.fixture(scope="package")
def town(sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One for all tests: what a test changes it changes about a delivery of its own."""
    with made(sandbox_running, tmp_path_factory.mktemp("board")) as town:
        yield town


@pytest.fixture(scope="package")
def shown(town: Town) -> Shown:
    return Shown(town.it.ctx)


@pytest.fixture(scope="package")
def web(shown: Shown) -> Iterator[Web]:
    with serve(create_app(shown, Roles())) as client:
        client.headers.update({"X-Role": "op:wang", "Accept-Language": "en", "Origin": client.base_url})
        yield client
