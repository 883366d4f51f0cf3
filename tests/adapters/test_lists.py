"""The contract of a pull, kept by every engine with every way a list goes on and every cursor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.adapters.lists import BEGIN, CURSORS, ENGINES, PAGINGS, Shop, address, descriptor, fits, opened, serving
from tests.adapters.upstream import Mirror
from weigov.errors import RemoteUnavailable
from weigov.ports import SourceSystem, Window

NOW = datetime(2026, 1, 10, tzinfo=UTC)
WAYS = [
    pytest.param((engine, paging, cursor), id=f"{engine}-{paging}-{cursor}".replace(" ", "_"))
    for engine in ENGINES
    for paging in PAGINGS
    for cursor in CURSORS
    if fits(engine, paging, cursor)
]
Way = tuple[str, str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[Shop]:
    with serving(Shop()) as shop:
        yield shop


@pytest.fixture
def shop(server: Shop) -> Shop:
    """Eight rows of three days, two of which share a second."""
    fresh = Shop(url=server.url)
    server.__dict__.update(fresh.__dict__)
    for n in range(8):
        server.now = BEGIN + timedelta(hours=6 * (n - n % 2))
        server.put(f"A{n}")
    server.now = BEGIN + timedelta(days=3)
    return server


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def system(way: Way, shop: Shop, tmp_path: Path) -> Iterator[SourceSystem]:
    it = opened(descriptor(*way), address(*way, shop.url), tmp_path)
    yield it
    it.close()


def pull(system: SourceSystem, mirror: Mirror) -> Mirror:
    mirror.take(system.pull("items", mirror.state(), NOW))
    return mirror


def held(mirror: Mirror) -> dict[str, str]:
    return {key: record.fields["title"] for key, record in mirror.records.items() if not record.withdrawn}


def test_a_pull_keeps_its_contract_in_every_way(system: SourceSystem, shop: Shop, way: Way) -> None:
    """One list through its life: read, nothing new, new and edited and withdrawn rows, ties, trouble in the midst."""
    mirror = pull(system, Mirror())
    assert held(mirror) == shop.live() and mirror.last.complete and not mirror.last.incomplete
    assert len(mirror.records) == 8

    # Nothing new: the same again, or nothing at all, and the cursor stays where it is.
    cursors, asked = dict(mirror.cursors), len(shop.asked)
    shop.asked.clear()
    pull(system, mirror)
    assert mirror.cursors == cursors and held(mirror) == shop.live()
    if way[2] not in ("none", "client", "newest first", "span"):
        assert len(shop.asked) < asked  # it was asked for less than the whole list
    if way[2] != "none":
        assert mirror.cursors  # there is one

    # A row of the very second the cursor stands at, one edited, one withdrawn.
    shop.now = max(row.updated for row in shop.rows.values())
    shop.put("B1")
    shop.now += timedelta(hours=1)
    shop.put("A0", "改过的标题")
    shop.put("A1", gone=True)
    pull(system, mirror)
    assert held(mirror) == shop.live() and mirror.last.complete
    assert mirror.records["A1"].withdrawn

    # It goes down in the midst: what was read stays, the cursor does not move past what was not.
    for n in range(7):
        shop.now += timedelta(minutes=1)
        shop.put(f"C{n}")
    before = dict(mirror.cursors)
    shop.asked.clear()
    shop.down_from = 2
    with pytest.raises(RemoteUnavailable):
        pull(system, mirror)
    if way[2] != "opaque":  # whose token says exactly how far it came
        assert mirror.cursors == before
    shop.down_from = None
    pull(system, mirror)
    assert held(mirror) == shop.live()


@pytest.mark.parametrize("edited", [2, 3])
def test_an_edit_between_two_pages_loses_nothing_in_any_way(
    system: SourceSystem, shop: Shop, way: Way, edited: int
) -> None:
    def edit(number: int) -> None:
        if number == edited:
            shop.put("A0", "翻页之间改的")  # it jumps to the end, every row behind it one place forward

    shop.before = edit
    mirror = pull(system, Mirror())
    shop.before = None
    pull(system, mirror)
    assert held(mirror) == shop.live()


def test_a_system_that_ignores_what_page_is_asked_for_is_noticed(system: SourceSystem, shop: Shop, way: Way) -> None:
    shop.frozen = True
    mirror = pull(system, Mirror())
    assert mirror.last.incomplete and not mirror.last.complete
    assert "" not in mirror.cursors or way[2] == "opaque"
    assert len(shop.asked) <= 8


@pytest.mark.parametrize("cursor", ["time", "exclusive", "client", "span"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_stretch_of_time_is_read_again_and_moves_nothing(
    engine: str, cursor: str, shop: Shop, tmp_path: Path
) -> None:
    way = (engine, "total", cursor)
    system = opened(descriptor(*way), address(*way, shop.url), tmp_path)
    mirror = Mirror()
    window = Window(BEGIN + timedelta(hours=11), BEGIN + timedelta(hours=25))
    mirror.take(system.pull("items", mirror.state(window=window), NOW))
    assert {"A2", "A3", "A4", "A5"} <= set(mirror.records) and not {"A0", "A1"} & set(mirror.records)
    assert mirror.cursors == {} and mirror.last.complete
    if cursor == "span":
        assert not {"A6", "A7"} & set(mirror.records)  # it can be told where to end
    system.close()
