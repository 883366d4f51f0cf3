"""What the tests of real systems share: progress on the screen, and a WordPress, which takes long to fill."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.real.machine import Say, running
from tests.real.wordpress import WordPress


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
