"""What is no longer upstream: noticed in every way it can show, and never taken away by the upstream's mistake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.adapters.lists import BEGIN, Shop, address, descriptor, opened, serving
from tests.adapters.test_histories import gone_rule
from tests.adapters.upstream import Mirror
from weigov.ports import SourceSystem

NOW = datetime(2026, 1, 10, tzinfo=UTC)
KEYS = 'request: {path: /json/list, query: {page: "{page}", size: "{size}"}}, records: rows, key: id'

PAGING = "{kind: page, size: 4, total: total}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving(Shop()) as shop:
        for n in range(8):
            shop.now = BEGIN + timedelta(hours=n)
            shop.put(f"A{n}")
        shop.now = BEGIN + timedelta(days=2)
        yield shop


def system(shop: Shop, where: Path, withdrawn: str, cursor: str = "time", engine: str = "json") -> SourceSystem:
    way = (engine, "total", cursor)
    return opened(descriptor(*way, withdrawn=withdrawn), address(*way, shop.url), where)


def pull(system: SourceSystem, mirror: Mirror, now: datetime = NOW, **more: object) -> Mirror:
    mirror.take(system.pull("items", mirror.state(**more), now))
    return mirror


def live(mirror: Mirror) -> list[str]:
    return sorted(key for key, record in mirror.records.items() if not record.withdrawn)


# comparing keys


@pytest.mark.parametrize("engine", ["json", "xml", "soap"])
def test_what_is_deleted_is_withdrawn_at_the_next_comparison(engine: str, shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 50%}}", engine=engine)
    mirror = pull(it, Mirror())
    shop.delete("A3")
    pull(it, mirror)  # only what is new is asked for: nothing can be seen yet
    assert "A3" in live(mirror)
    pull(it, mirror, NOW + timedelta(days=1))
    assert "A3" not in live(mirror) and len(live(mirror)) == 7
    assert mirror.last.complete and not any(batch.incomplete for batch in mirror.batches)
    it.close()


@pytest.mark.parametrize("cursor", ["none", "client"])
def test_where_every_pull_lists_everything_every_pull_compares(cursor: str, shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 50%}}", cursor)
    mirror = pull(it, Mirror())
    shop.delete("A3")
    pull(it, mirror)
    assert "A3" not in live(mirror)
    it.close()


@pytest.mark.parametrize(
    ("brake", "deleted", "stopped"), [("25%", 2, False), ("25%", 3, True), ("12.5 %", 1, False), ("12%", 1, True)]
)
def test_more_at_once_than_the_brake_allows_withdraws_nothing_and_asks(
    brake: str, deleted: int, stopped: bool, shop: Shop, tmp_path: Path
) -> None:
    it = system(shop, tmp_path, f'{{vanished: {{brake: "{brake}"}}}}', "none")
    mirror = pull(it, Mirror())
    for n in range(deleted):
        shop.delete(f"A{n}")
    pull(it, mirror)
    assert len(live(mirror)) == (8 if stopped else 8 - deleted)
    said = "; ".join(batch.incomplete for batch in mirror.batches if batch.incomplete)
    if not stopped:
        assert said == ""
        return
    assert said.startswith(f"{deleted} of 8 records are no longer listed, more than")
    assert said.endswith("weigov collect shop items --accept-vanished")
    pull(it, mirror)  # it goes on asking
    assert mirror.last.incomplete
    pull(it, mirror, accept_vanished=True)
    assert len(live(mirror)) == 8 - deleted and not mirror.last.incomplete
    it.close()


def test_an_empty_upstream_is_an_incident_whatever_the_brake(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 99.9%}}", "none")
    mirror = pull(it, Mirror())
    shop.rows.clear()
    pull(it, mirror)
    assert len(live(mirror)) == 8 and "8 of 8 records are no longer listed" in mirror.last.incomplete
    it.close()


def test_a_key_that_only_one_of_two_readings_lacks_is_not_gone(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 90%}}", "none")
    mirror = pull(it, Mirror())
    row = shop.rows.pop("A3")  # hidden while the list is read …
    shop.asked.clear()
    shop.before = lambda number: shop.rows.update({"A3": row}) if number == 4 else None  # … and there the second time
    pull(it, mirror)
    assert len(live(mirror)) == 8 and not mirror.last.incomplete
    it.close()


def test_an_incomplete_list_compares_nothing(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 90%}}", "none")
    mirror = pull(it, Mirror())
    shop.delete("A3")
    shop.frozen = True
    pull(it, mirror)
    assert len(live(mirror)) == 8
    it.close()


def test_a_cheaper_list_of_keys_is_compared_instead(shop: Shop, tmp_path: Path) -> None:
    rule = f"{{vanished: {{brake: 50%, every: PT1H, keys: {{{KEYS}, paging: {PAGING}}}}}}}"
    it = system(shop, tmp_path, rule)
    mirror = pull(it, Mirror())
    shop.delete("A3")
    shop.asked.clear()
    pull(it, mirror, NOW + timedelta(minutes=59))
    assert all("since" in asked for asked in shop.asked) and "A3" in live(mirror)
    pull(it, mirror, NOW + timedelta(hours=1))
    assert "A3" not in live(mirror)
    it.close()


# a list of what was deleted


@pytest.mark.parametrize("engine", ["json", "xml", "soap"])
def test_what_the_system_lists_as_deleted_is_withdrawn(engine: str, shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, gone_rule(engine, "tombstones"), engine=engine)
    mirror = pull(it, Mirror())
    shop.delete("A3")
    pull(it, mirror)
    assert len(live(mirror)) == 7 and "A3" not in live(mirror)
    it.close()


def test_what_lives_again_is_not_deleted_a_second_time(shop: Shop, tmp_path: Path) -> None:
    """The overlap lists the old deletion again, and the record itself is not listed any more."""
    it = system(shop, tmp_path, gone_rule("json", "tombstones"))
    mirror = pull(it, Mirror())
    shop.delete("A3")
    pull(it, mirror)
    shop.now += timedelta(minutes=1)
    shop.put("A3", "恢复")
    shop.now += timedelta(minutes=1)
    shop.put("B1")
    for _ in range(3):
        pull(it, mirror)
        assert "A3" in live(mirror)
    shop.now += timedelta(minutes=1)
    shop.delete("A3")
    pull(it, mirror)
    assert "A3" not in live(mirror)
    it.close()


def test_only_new_deletions_are_asked_for(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, gone_rule("json", "tombstones"))
    shop.delete("A3")
    mirror = pull(it, Mirror())
    shop.asked.clear()
    pull(it, mirror)
    asked = [asked.get("since") for asked in shop.asked if asked.get("list") == "deleted"]
    assert asked == ["2026-01-02 23:00:00"]  # an hour of overlap
    it.close()


def test_what_is_deleted_twice_within_a_second_is_gone_in_the_end(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, gone_rule("json", "tombstones"))
    shop.delete("A3")
    shop.put("A3", "恢复")
    mirror = pull(it, Mirror())
    assert "A3" in live(mirror)
    shop.delete("A3")
    pull(it, mirror)
    assert "A3" not in live(mirror)
    it.close()


# an error in the guise of an answer


@pytest.mark.parametrize(
    ("engine", "answer"),
    [
        ("xml", b"<Error><Msg>db down</Msg></Error>"),
        ("json", b'{"rows": null, "error": "db down"}'),
        (
            "soap",
            b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><x/></s:Body></s:Envelope>',
        ),
    ],
)
def test_an_answer_without_rows_that_does_not_say_so_takes_nothing_away(
    engine: str, answer: bytes, shop: Shop, tmp_path: Path
) -> None:
    way = (engine, "empty", "none")
    it = opened(descriptor(*way, withdrawn="{vanished: {brake: 99%}}"), address(*way, shop.url), tmp_path)
    mirror = pull(it, Mirror())
    shop.says = answer
    pull(it, mirror)
    assert len(live(mirror)) == 8
    assert "an answer came without rows, and nothing in it says that there are none" in mirror.last.incomplete
    it.close()


def test_a_row_without_a_key_might_be_any(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{vanished: {brake: 90%}}", "none")
    mirror = pull(it, Mirror())
    shop.rows[""] = shop.rows.pop("A3")
    shop.rows[""].key = ""
    pull(it, mirror)
    assert "A3" in live(mirror) and "a row has no key (column id)" in mirror.last.incomplete
    it.close()


def test_what_came_back_behind_the_cursor_is_said(shop: Shop, tmp_path: Path) -> None:
    rule = f"{{vanished: {{brake: 50%, every: PT1H, keys: {{{KEYS}, paging: {PAGING}}}}}}}"
    it = system(shop, tmp_path, rule)
    mirror = pull(it, Mirror())
    hidden = shop.rows.pop("A3")
    pull(it, mirror, NOW + timedelta(hours=1))
    assert "A3" not in live(mirror)
    shop.rows["A3"] = hidden
    pull(it, mirror, NOW + timedelta(hours=2))
    (note,) = [note for batch in mirror.batches for note in batch.notes]
    assert note.startswith("1 listed records are not in the mirror, or withdrawn there: weigov reset shop items")
    it.close()


def test_a_list_of_deletions_without_times_takes_each_once(shop: Shop, tmp_path: Path) -> None:
    rule = "{tombstones: {request: {path: /json/list, query: {list: deleted}}, records: rows, key: id}}"
    it = system(shop, tmp_path, rule)
    mirror = pull(it, Mirror())
    shop.delete("A3")
    pull(it, mirror)
    assert "A3" not in live(mirror)
    shop.now += timedelta(minutes=1)
    shop.put("A3", "恢复")
    pull(it, mirror)
    shop.now += timedelta(hours=1)
    shop.put("B1")
    pull(it, mirror)
    assert "A3" in live(mirror)  # it is not listed any more, and its old deletion still is
    it.close()


def test_a_deletion_that_cannot_be_dated_is_said_and_kills_nothing(shop: Shop, tmp_path: Path) -> None:
    rule = gone_rule("json", "tombstones").replace("field: at", "field: id")
    it = system(shop, tmp_path, rule)
    shop.delete("A3")
    mirror = pull(it, Mirror())
    said = [batch.incomplete for batch in mirror.batches if batch.incomplete]
    assert said == ["the list of what was deleted: 1 of its rows do not say readably when they were deleted"]
    assert len(live(mirror)) == 7
    it.close()
