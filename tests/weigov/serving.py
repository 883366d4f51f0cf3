"""An application on a real port of loopback, for as long as a test needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import uvicorn


class Web(requests.Session):
    """Paths instead of addresses, no proxy, no waiting for ever."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url
        self.trust_env = False

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        return super().request(method, self.base_url + url, *args, **{"timeout": 10, **kwargs})


@contextmanager
def serve(app: Any, **config: Any) -> Iterator[Web]:
    """Serve ``app`` on a free port. ``config`` is uvicorn's."""
    # After its five seconds it hangs up on whoever is about to ask again, which a busy machine hits.
    options = {"timeout_keep_alive": 600, **config}
    options = {"host": "127.0.0.1", "port": 0, "log_config": None, "ws": "none", **options}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive() and time.monotonic() < end, "the application did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with Web(f"http://127.0.0.1:{port}") as web:
            yield web
    finally:
        server.should_exit = True
        thread.join(10)
