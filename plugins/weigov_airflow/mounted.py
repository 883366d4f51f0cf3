"""The board as Airflow mounts it. Light: every process loads the plugin, only the API server serves pages."""

from __future__ import annotations

import threading
from typing import Any

#: Where it is mounted, and what Airflow's navigation calls its page.
PREFIX = "/weigov"
ROUTE = "weigov"


class Board:
    """An ASGI application, built with its first request."""

    def __init__(self) -> None:
        self._app: Any = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._lock:
            if self._app is None:
                from weigov_airflow.board import build

                self._app = build()
        await self._app(scope, receive, send)


MOUNTED = {"app": Board(), "url_prefix": PREFIX, "name": "Weigov board"}
#: In the rail a name is cut at five characters. A run's tab leads to the flow's or account's own page.
VIEWS: list[dict[str, object]] = [
    {"name": "政微通", "href": f"{PREFIX}/", "destination": "nav", "url_route": ROUTE, "nav_top_level": True},
    {
        "name": "政微通",
        "href": f"{PREFIX}/dag/{{DAG_ID}}",
        "destination": "dag_run",
        "url_route": "weigov_run",
    },
]
