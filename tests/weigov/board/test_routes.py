"""Every route of board and gateway: for people who are logged in, or public for a reason that stands here.

tests/plugins/test_board.py tries the same table against real API servers of Airflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.weigov.board.conftest import Roles
from tests.weigov.board.town import Town
from tests.weigov.serving import Web, serve
from tests.weigov.wechat.fake import account
from weigov.board.app import create_app
from weigov.gateway.app import Gateway, InboxMessage
from weigov.gateway.app import create_app as create_gateway

#: Every route of the board → the least role that may look or do, by Airflow's own rules.
PAGES = {
    "/": "viewer", "/deliveries": "viewer", "/quarantine": "viewer", "/item/{delivery_id}": "viewer",
    "/preview/{delivery_id}": "viewer", "/why": "viewer", "/flow/{name}": "viewer", "/account/{name}": "viewer",
    "/dag/{dag_id}": "viewer", "/codes": "viewer", "/log": "viewer", "/log.{form}": "viewer",
    "/static/{name}": "viewer", "/item/{delivery_id}/phone.svg": "viewer",
}  # fmt: skip
ACTS = {
    "replay": "user", "quarantine": "user", "correct": "user", "review": "user",
    "settle": "op", "pause": "op", "resume": "op", "clear_quota": "op",
}  # fmt: skip
#: What FAB's roles differ in: its administrators alone see Airflow's audit log, with SimpleAuthManager everybody.
FAB = {"/log": "admin", "/log.{form}": "admin"}
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


def test_every_route_of_board_and_gateway_refuses_whom_it_does_not_know(web: Web, town: Town) -> None:
    """The board: whoever has not logged in. The gateway: whoever is not WeChat, and nothing of theirs is kept."""
    stored: list[InboxMessage] = []
    gateway = create_gateway(Gateway({"city": account()}, lambda message: not stored.append(message)))
    walks: list[tuple[Web, str, str, int]] = [(web, path, method, 401) for path, method in sorted(routes())]
    with serve(gateway) as public:
        walks += [(public, path, method, 403) for path, method in sorted(walked(gateway)) if path != "/healthz"]
        for asked, path, method, status in walks:
            for query in ("", "?signature=0&timestamp=1&nonce=1&echostr=x&msg_signature=0&encrypt_type=aes"):
                there = re.sub(r"{\w+}", "city" if asked is public else "1", path) + query
                data = "<xml><MsgType>text</MsgType></xml>" if asked is public else {}
                answer = asked.request(method, there, headers={"X-Role": ""}, data=data if method == "POST" else None)
                assert answer.status_code == status, (method, there)
        assert stored == [] and len(walks) > 20
        health = public.get("/healthz")
        assert health.json() == {"status": "ok"}  # and says nothing else
        for method in ("GET", "POST"):  # what is no route is none
            for there in ("/wechat", "/wechat/town", "/docs", "/openapi.json", "/wechat/city/x"):
                assert public.request(method, there).status_code in (404, 405), there
