"""Every route of board and gateway: for people who are logged in, or public for a reason that stands here.

tests/real/test_board_roles.py tries the same table against a real API server of Airflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.weigov.board.conftest import Roles
from tests.weigov.board.town import Town
from tests.weigov.serving import Web
from tests.weigov.wechat.fake import account
from weigov.board.app import create_app
from weigov.gateway.app import Gateway
from weigov.gateway.app import create_app as create_gateway

#: Every route of the board → the least role that may look or do, by Airflow's own rules.
PAGES = {
    "/": "viewer", "/deliveries": "viewer", "/quarantine": "viewer", "/item/{delivery_id}": "viewer",
    "/preview/{delivery_id}": "viewer", "/why": "viewer", "/flow/{name}": "viewer", "/account/{name}": "viewer",
    "/dag/{dag_id}": "viewer", "/codes": "viewer", "/log": "viewer", "/log.{form}": "viewer",
    "/static/{name}": "viewer", "/item/{delivery_id}/phone.svg": "viewer",
}  # fmt: skip
ACTS = {
    "replay": "user", "quarantine": "user", "review": "user",
    "settle": "op", "pause": "op", "resume": "op", "clear_quota": "op",
}  # fmt: skip
#: Of the gateway: why nobody logs in there.
PUBLIC = {
    "/healthz": "says only whether the ledger answers, to whoever watches the process",
    "/wechat/{account_name}": "WeChat signs what it sends; tests/weigov/gateway tries what is not signed",
}


def walked(app: Any) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        for method in route.methods or ():
            if method != "HEAD":
                yield route.path, method


def routes() -> set[tuple[str, str]]:
    """Every route of the board, as the application has them."""
    return set(walked(create_app(None, Roles())))  # type: ignore[arg-type]


def test_every_route_is_in_the_table_so_none_was_forgotten() -> None:
    wanted = {(path, "GET") for path in PAGES} | {("/why", "POST")} | {(f"/act/{name}", "POST") for name in ACTS}
    assert routes() == wanted


def test_every_route_of_the_gateway_is_public_for_a_reason() -> None:
    app = create_gateway(Gateway({"city": account()}, lambda message: True))
    assert {path for path, _ in walked(app)} == set(PUBLIC)


def test_every_route_of_the_board_wants_a_log_in(web: Web, town: Town) -> None:
    for path, method in sorted(routes()):
        answer = web.request(
            method, re.sub(r"{\w+}", "1", path), headers={"X-Role": ""}, data={} if method == "POST" else None
        )
        assert answer.status_code == 401, (path, method)
