"""What the tests of real systems share: progress on the screen, and a WordPress, which takes long to fill."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.api_server import api_server
from tests.real.machine import Say, running
from tests.real.wordpress import WordPress
from tests.weigov.board.town import Town, made
from tests.weigov.flow.deployment import other_side


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Progress, shown while it happens: these runs take minutes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    began = time.monotonic()

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{time.monotonic() - began:5.0f} s  {text}", end="", flush=True)

    return line


@pytest.fixture(scope="session")
def wordpress(say: Say) -> Iterator[WordPress]:
    with running(WordPress, say) as site:
        yield site


@pytest.fixture(scope="session")
def board_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A deployment in which something of everything happened."""
    home = tmp_path_factory.mktemp("board")
    with other_side(home / "sandbox.db") as other, made(other, home) as town:
        yield town


@pytest.fixture(scope="session")
def airflow(board_town: Town, tmp_path_factory: pytest.TempPathFactory, say: Say) -> Iterator[str]:
    """The address of Airflow's API server, which shows that deployment."""
    say("starting Airflow's API server")
    with api_server(tmp_path_factory.mktemp("airflow"), board_town.it.environ) as base:
        yield base
