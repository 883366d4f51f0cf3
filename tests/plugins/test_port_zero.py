"""The Test button of a connection without a port asks about that connection, and no other request is touched."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weigov_airflow.port_zero import PortZeroIsNone, mended

TEST = "/api/v2/connections/test"
BUTTON = {"conn_type": "gov_rest", "connection_id": "cms", "description": "内容管理", "host": "https://a", "port": 0}


async def _echo(request: Request) -> Response:
    return Response(await request.body())


APP = Starlette(
    routes=[Route("/{path:path}", _echo, methods=["POST", "PATCH"])], middleware=[Middleware(PortZeroIsNone)]
)


def sent(body: bytes, method: str = "POST", path: str = TEST) -> bytes:
    """What reaches Airflow of a request."""

    async def ask() -> bytes:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://airflow") as client:
            return (await client.request(method, path, content=body)).content

    return asyncio.run(ask())


def test_a_port_of_zero_is_none() -> None:
    body = json.dumps(BUTTON, ensure_ascii=False, separators=(",", ":")).encode()
    arrived = sent(body)
    assert json.loads(arrived) == {name: value for name, value in BUTTON.items() if name != "port"}
    assert len(arrived) == len(body)  # which the header has said


@pytest.mark.parametrize(
    "fields", [BUTTON | {"port": 443}, BUTTON | {"port": None}, BUTTON | {"conn_type": "postgres"}, [], "port"]
)
def test_any_other_request_stays_as_it_is(fields: Any) -> None:
    body = json.dumps(fields).encode()
    assert sent(body) == body


def test_other_paths_and_what_is_no_json_stay_as_they_are() -> None:
    body = json.dumps(BUTTON).encode()
    assert sent(body, path="/api/v2/connections") == body
    assert sent(body, "PATCH") == body
    assert mended(b"{") == b"{"
