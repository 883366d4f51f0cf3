"""The three upstream systems, served over a real port, as their clients meet them."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn

from sandbox import cases, cms, qa
from sandbox.app import create_app
from sandbox.wire import ClosableProtocol
from sandbox.world import World


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state: Path = tmp_path_factory.mktemp("sandbox") / "sandbox.db"
    world = World.open(state, f"http://127.0.0.1:{port}")
    app = create_app(world, {"cms": cms, "cases": cases, "qa": qa})
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, http=ClosableProtocol, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the sandbox did not start"
        time.sleep(0.02)
    yield world.base_url
    server.should_exit = True
    thread.join(10)
    world.close()


@pytest.fixture
def base(served: str) -> Iterator[str]:
    """The address of the sandbox; what a test changed is undone after it."""
    before = requests.get(f"{served}/_sandbox/clock", timeout=5).json()
    yield served
    requests.delete(f"{served}/_sandbox/faults", timeout=5)
    changed = requests.get(f"{served}/_sandbox/clock", timeout=5).json()["offset_s"] != before["offset_s"]
    if changed:
        requests.post(f"{served}/_sandbox/reset", json={}, timeout=30)
