"""``town``: the demo site before its first round. ``calm``: everything collected, nothing to tell yet.

One sandbox serves the package and is put back to its first day between tests; so is the ledger of ``calm``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.conftest import _database
from tests.servers import copied
from tests.weigov.flow import quick
from tests.weigov.flow.deployment import MORNING, Deployment, Lived, OtherSide, calm_site, other_side
from weigov.ledger.migrate import migrate


@pytest.fixture(scope="package", autouse=True)
def _yaml_read_once() -> Iterator[None]:
    with quick.reading():
        yield


@pytest.fixture(scope="package")
def sandbox_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSide]:
    with other_side(tmp_path_factory.mktemp("sandbox") / "sandbox.db") as other:
        yield other


@pytest.fixture
def other(sandbox_running: OtherSide) -> OtherSide:
    sandbox_running.restore()
    return sandbox_running


@pytest.fixture
def town(other: OtherSide, migrated_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """The demo site over an empty ledger, on each database."""
    town = Deployment.prepare(other, tmp_path / "home", migrated_url).start()
    yield town
    town.stop()


@pytest.fixture(scope="package")
def calm_sqlite(sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ledger that has seen everything that was there on the first day, to be copied."""
    home = tmp_path_factory.mktemp("calm")
    url = f"sqlite:///{home / 'ledger.db'}"
    _fill(sandbox_running, home, url)
    return url


@pytest.fixture(scope="package")
def calm_postgresql(
    _postgres: URL | str, sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with _database(_postgres) as url:
        _fill(sandbox_running, tmp_path_factory.mktemp("calm"), url)
        yield url


def _fill(other: OtherSide, home: Path, url: str) -> None:
    other.restore()
    other.world.clock.set(MORNING - timedelta(minutes=10))  # the tests' morning is later than all of this
    migrate(url)
    made = Deployment.prepare(other, home, url, calm_site(home)).start()
    made.bind_everyone()
    made.collect()
    made.compose("notices", "policies", "case_progress", "answers")
    made.stop()


@pytest.fixture(scope="package")
def calm_lived(
    calm_sqlite: str, sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    """``calm``, to begin at as often as one likes."""
    folder = tmp_path_factory.mktemp("calm_lived")
    sandbox_running.restore()
    with copied(calm_sqlite, folder) as url:
        town = Deployment.prepare(sandbox_running, folder / "home", url, calm_site(folder)).start()
        lived = Lived(town)
        yield lived
        lived.close()
        town.stop()


@pytest.fixture
def calm(calm_lived: Lived) -> Deployment:
    """Everything was collected and nothing is due: what a test changes upstream is all there is to tell."""
    return calm_lived.again()


@pytest.fixture(params=["sqlite", "postgresql"])
def calm_on_each(request: pytest.FixtureRequest, sandbox_running: OtherSide, tmp_path: Path) -> Iterator[Deployment]:
    """The same, on each database: for what a database decides."""
    template = request.getfixturevalue(f"calm_{request.param}")
    sandbox_running.restore()
    with copied(template, tmp_path) as url:
        calm = Deployment.prepare(sandbox_running, tmp_path / "home", url, calm_site(tmp_path)).start()
        yield calm
        calm.stop()
