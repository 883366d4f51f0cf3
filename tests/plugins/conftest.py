"""Airflow in a home of the tests' own, and the demo site with its notices held for review.

Airflow reads where its home is when it is first imported, so this comes before any import of it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

import pytest

from tests.weigov.flow.deployment import Deployment, OtherSide, other_side
from weigov.flow.review import Held, held
from weigov.ledger.migrate import migrate


@pytest.fixture(scope="package")
def sandbox_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSide]:
    with other_side(tmp_path_factory.mktemp("sandbox") / "sandbox.db") as other:
        yield other


@pytest.fixture(scope="package")
def notices_held(sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which every notice of the demo waits for two people, to be copied."""
    home = tmp_path_factory.mktemp("held")
    file = home / "ledger.db"
    migrate(f"sqlite:///{file}")
    made = Deployment.prepare(sandbox_running, home, f"sqlite:///{file}").start()
    made.collect("cms")
    made.compose("notices")
    made.stop()
    return file


@pytest.fixture
def town(
    notices_held: Path, sandbox_running: OtherSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """That deployment; the environment of this process describes it, as a task's does."""
    file = tmp_path / "ledger.db"
    shutil.copy(notices_held, file)
    town = Deployment.prepare(sandbox_running, tmp_path / "home", f"sqlite:///{file}").start()
    for name, value in town.environ.items():
        monkeypatch.setenv(name, value)
    yield town
    town.stop()


@pytest.fixture
def notice(town: Deployment) -> Held:
    """One that waits."""
    return held(town.ctx)[0]
