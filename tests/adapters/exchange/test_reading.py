"""How exchange tables are read, whatever their columns: each way of following one, and each database's own types."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.adapters.exchange.databases import NOW, connection, described, pull
from tests.adapters.upstream import Mirror
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import SourceSystem, Window

HEAD = """
system: it
title: 例
engine: table
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
streams:
  items:
    kind: article
    schedule: "*/10 * * * *"
    key: ID
    fields: {title: TITLE, updated_at: CHANGED}
    table:
      name: ITEMS
"""
SIGNED = HEAD + "      sign: {column: SIGN}\n"


class Items:
    """A table ITEMS of any shape, in any database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.engine = sa.create_engine(url)
        self.table: sa.Table
        self._systems: list[SourceSystem] = []

    def create(self, *columns: sa.Column[Any], name: str = "ITEMS") -> None:
        self.table = sa.Table(name, sa.MetaData(), *columns)
        self.table.create(self.engine)

    def signed(self, *columns: sa.Column[Any]) -> None:
        """ID, TITLE, CHANGED, SIGN, and what is given."""
        self.create(
            sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.String(200)),
            sa.Column("CHANGED", sa.String(19)), sa.Column("SIGN", sa.String(1)), *columns,
        )  # fmt: skip

    def add(self, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as db:
            db.execute(self.table.insert(), list(rows))

    def set(self, key: Any, **values: Any) -> None:
        with self.engine.begin() as db:
            db.execute(self.table.update().where(self.table.c.ID == key).values(**values))

    def all(self) -> list[dict[str, Any]]:
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(sa.select(self.table).order_by(*self.table.c)).mappings()]

    def system(self, text: str) -> SourceSystem:
        self._systems.append(described(text, self.folder, connection(self.url)))
        return self._systems[-1]

    def close(self) -> None:
        for system in self._systems:
            system.close()
        self.engine.dispose()


@pytest.fixture
def items(exchange_url: str, tmp_path: Path) -> Iterator[Items]:
    it = Items(exchange_url, tmp_path)
    yield it
    it.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Items]:
    """On SQLite alone: for what no database decides."""
    (tmp_path / "it.db").touch()
    it = Items(f"sqlite:///{tmp_path / 'it.db'}", tmp_path)
    yield it
    it.close()


def row(key: Any, changed: str = "2026-01-05 09:00:00", title: str = "题", **more: Any) -> dict[str, Any]:
    return {"ID": key, "TITLE": title, "CHANGED": changed, **more}


# the sign


def test_without_a_version_a_row_that_changed_in_between_is_told_by_its_cells(items: Items) -> None:
    items.signed()
    items.add(row("a"), row("b"))
    system = items.system(SIGNED)
    mirror = pull(system, "items", Mirror(), between=lambda _: items.set("a", TITLE="新"))
    assert {one["ID"]: one["SIGN"] for one in items.all()} == {"a": None, "b": "1"}
    assert pull(system, "items", mirror).records["a"].get("title") == "新"
    assert {one["SIGN"] for one in items.all()} == {"1"}


def test_no_column_but_the_sign_is_written_and_no_row_signed_by_somebody_else(items: Items) -> None:
    items.signed(sa.Column("OTHER", sa.String(9)))
    items.add(row("a", OTHER="x", SIGN=None), row("b", OTHER="y", SIGN="2"))
    before = items.all()
    pull(items.system(SIGNED), "items", Mirror(), between=lambda _: items.set("a", SIGN="7"))
    assert [one | {"SIGN": ""} for one in items.all()] == [one | {"SIGN": ""} for one in before]
    assert {one["ID"]: one["SIGN"] for one in items.all()} == {"a": "7", "b": "2"}


def test_rows_left_unread_do_not_stop_the_others_or_the_run(items: Items) -> None:
    items.signed()
    items.add(*(row(f"{n:03d}", "broken" if n % 2 else "2026-01-05 09:00:00") for n in range(30)))
    system = items.system(SIGNED + "      size: 4\n")
    for _ in range(2):
        mirror = pull(system, "items", Mirror())
        assert len(mirror.rejected) == 15 and len(mirror.batches) <= 8
    assert {one["ID"] for one in items.all() if one["SIGN"] == "1"} == {f"{n:03d}" for n in range(0, 30, 2)}


def test_of_several_versions_of_a_key_the_newest_counts_in_whatever_order_they_come(items: Items) -> None:
    items.create(
        sa.Column("ROW", sa.Integer, primary_key=True), sa.Column("ID", sa.String(40)),
        sa.Column("TITLE", sa.String(200)), sa.Column("CHANGED", sa.String(19)), sa.Column("SIGN", sa.String(1)),
        sa.Column("VER", sa.String(9)),
    )  # fmt: skip
    items.add(
        row("a", title="十", VER="10", ROW=1), row("a", title="九", VER="9", ROW=2), row("b", VER="1", ROW=3),
        row("a", title="二", VER="2", ROW=4),
    )  # fmt: skip
    system = items.system(SIGNED + "      version: VER\n      order: ROW\n      size: 1\n")
    mirror = pull(system, "items", Mirror())
    assert mirror.records["a"].get("title") == "十" and sorted(mirror.records) == ["a", "b"]
    assert {one["SIGN"] for one in items.all()} == {"1"}
    items.add(row("a", title="迟到的旧版", VER="8", ROW=5))
    assert pull(system, "items", mirror).records["a"].get("title") == "十"
    items.add(row("a", title="十一", VER="11", ROW=6))
    assert pull(system, "items", mirror).records["a"].get("title") == "十一"


def test_rows_tied_in_every_column_are_all_read(items: Items) -> None:
    items.create(  # without a primary key, as such tables often are
        sa.Column("ID", sa.String(40)), sa.Column("TITLE", sa.String(200)), sa.Column("CHANGED", sa.String(19)),
        sa.Column("SIGN", sa.String(1)), sa.Column("AT", sa.String(9)),
    )  # fmt: skip
    items.add(*(row("same", title=f"{n}", AT=None) for n in range(7)), row("z", AT="1"), row("Z", AT="1"))
    system = items.system(SIGNED + "      order: AT\n      size: 2\n")
    mirror = pull(system, "items", Mirror())
    assert set(mirror.records) == {"same", "z", "Z"}
    assert {one["SIGN"] for one in items.all()} == {"1"}


def test_a_key_of_several_columns_and_conditions(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("STEP", sa.Integer, primary_key=True),
        sa.Column("TITLE", sa.String(200)), sa.Column("CHANGED", sa.String(19)), sa.Column("SIGN", sa.Integer),
        sa.Column("AREA", sa.String(9)),
    )  # fmt: skip
    items.add(*(row("a", STEP=n, AREA="3701" if n < 3 else "3702", SIGN=0) for n in range(5)))
    items.add(row("a", STEP=9, AREA=None, SIGN=0))
    text = SIGNED + "      key_then: STEP\n      where: {AREA: [3701, null]}\n      size: 2\n"
    mirror = pull(items.system(text), "items", Mirror())
    assert sorted(mirror.records) == ["a-0", "a-1", "a-2", "a-9"]
    assert sorted(one["STEP"] for one in items.all() if one["SIGN"] == 1) == [0, 1, 2, 9]


# cursors


FOLLOWED = HEAD + "      cursor: {column: CHANGED, overlap: PT1M}\n      size: 3\n"


def at(minute: int, second: int = 0) -> str:
    return f"{datetime(2026, 1, 5, 9, 0) + timedelta(minutes=minute, seconds=second):%Y-%m-%d %H:%M:%S}"


def test_a_time_column_is_followed_and_ties_lose_nothing(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.String(9)),
        sa.Column("CHANGED", sa.String(19)),
    )  # fmt: skip
    items.add(*(row(f"k{n}", at(n // 4)) for n in range(10)))
    system = items.system(FOLLOWED)
    mirror = pull(system, "items", Mirror())
    assert len(mirror.records) == 10 and mirror.cursors[""] == "2026-01-05T01:02:00Z"
    items.add(row("a-tie", at(2)), row("late", at(1, 30)), row("empty", None))
    items.set("k0", CHANGED=at(5), TITLE="新")
    pull(system, "items", mirror)
    assert {"a-tie", "late", "empty"} <= set(mirror.records) and mirror.records["k0"].get("title") == "新"
    items.add(row("future", "2099-01-01 00:00:00"))
    assert pull(system, "items", mirror).cursors[""] == "2026-03-01T00:00:00Z"
    assert all(batch.token is None for batch in mirror.batches)


def test_a_stretch_of_time_is_read_again_without_moving_the_cursor(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.String(9)),
        sa.Column("CHANGED", sa.String(19)),
    )  # fmt: skip
    items.add(*(row(f"k{n}", at(n)) for n in range(10)))
    system = items.system(FOLLOWED)
    mirror = pull(system, "items", Mirror())
    cursors = dict(mirror.cursors)
    window = Window(datetime(2026, 1, 5, 1, 2, tzinfo=UTC), datetime(2026, 1, 5, 1, 4, tzinfo=UTC))
    state = mirror.state()
    again = list(system.pull("items", type(state)(cursors=mirror.cursors, window=window), NOW))
    assert [record.key for batch in again for record in batch.records] == ["k2", "k3", "k4"]
    assert {batch.cursor for batch in again} <= {None, *cursors.values()}
    signed = HEAD + "      sign: {column: TITLE, unread: [x]}\n"
    with pytest.raises(RemoteRefused, match="has no column of times to read a stretch of time by"):
        list(items.system(signed).pull("items", type(state)(window=window), NOW))


@pytest.mark.parametrize("column", [sa.Integer(), sa.Numeric(20, 0)], ids=["integer", "numeric"])
def test_a_number_column_is_followed(items: Items, column: Any) -> None:
    items.create(
        sa.Column("ID", column, primary_key=True, autoincrement=False), sa.Column("TITLE", sa.String(9)),
        sa.Column("CHANGED", sa.String(19)),
    )  # fmt: skip
    items.add(*(row(n) for n in range(1, 8)))
    system = items.system(HEAD + "      cursor: {column: ID, kind: number, back: 2}\n      size: 3\n")
    mirror = pull(system, "items", Mirror())
    assert sorted(mirror.records) == [f"{n}" for n in range(1, 8)] and mirror.cursors[""] == "7"
    items.add(row(9), row(8))
    again = pull(system, "items", mirror)
    assert [record.key for batch in again.batches for record in batch.records] == ["5", "6", "7", "8", "9"]


def test_times_of_the_database_itself_get_the_zone_of_the_descriptor(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.Numeric(30, 3)),
        sa.Column("CHANGED", sa.DateTime),
    )  # fmt: skip
    moment = datetime(2026, 1, 5, 9, 0)
    items.add(*(row(f"k{n}", moment + timedelta(minutes=n), Decimal("12345678901234567.890")) for n in range(4)))
    if items.engine.dialect.name == "sqlite":  # which has no times of its own, and keeps these with their fractions
        text = FOLLOWED.replace('format: "%Y-%m-%d %H:%M:%S"', 'format: "%Y-%m-%d %H:%M:%S.%f"')
    else:
        text = FOLLOWED
    system = items.system(text)
    mirror = pull(system, "items", Mirror())
    assert mirror.records["k1"].get("updated_at") == datetime(2026, 1, 5, 1, 1, tzinfo=UTC)
    assert mirror.cursors[""] == "2026-01-05T01:03:00Z"
    if items.engine.dialect.name != "sqlite":
        assert mirror.records["k1"].get("title") == "12345678901234567.890"
    items.add(row("k9", moment + timedelta(minutes=2, seconds=30), 1))
    assert "k9" in pull(system, "items", mirror).records


def test_a_text_that_does_not_sort_by_time_is_refused_before_rows_are_skipped(lite: Items) -> None:
    lite.create(sa.Column("ID", sa.String(9), primary_key=True), sa.Column("TITLE", sa.String(9)), sa.Column("CHANGED", sa.String(30)))  # fmt: skip  # noqa: E501
    text = FOLLOWED.replace('format: "%Y-%m-%d %H:%M:%S"', 'format: "%d.%m.%Y %H:%M"')
    with pytest.raises(ConfigError, match="column CHANGED holds texts, and their format does not sort by time"):
        pull(lite.system(text), "items", Mirror())


def test_numbers_in_a_column_of_texts_are_refused_before_rows_are_skipped(items: Items) -> None:
    items.signed()
    with pytest.raises(ConfigError, match="column ID holds texts, which do not sort as numbers"):
        pull(items.system(HEAD + "      cursor: {column: ID, kind: number, back: 0}\n"), "items", Mirror())


def test_without_sign_and_cursor_everything_is_read_each_time(items: Items) -> None:
    items.signed()
    items.add(*(row(f"k{n}", SIGN="1") for n in range(5)))
    system = items.system(HEAD + "      size: 2\n")
    for _ in range(2):
        mirror = pull(system, "items", Mirror())
        assert len(mirror.records) == 5 and mirror.last.complete and mirror.cursors == {}


# what stands in the cells


def test_texts_stored_as_bytes_are_read_by_their_charset(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.LargeBinary),
        sa.Column("CHANGED", sa.String(19)), sa.Column("PHOTO", sa.LargeBinary),
    )  # fmt: skip
    items.add(row("a", title="𠮷祥街道".encode("gb18030"), PHOTO=b"\0"), row("b", title=b"\xff\xff\xff", PHOTO=b"\0"))  # type: ignore[arg-type]
    mirror = pull(items.system(HEAD + "      charset: gbk\n"), "items", Mirror())
    assert mirror.records["a"].get("title") == "𠮷祥街道" and mirror.records["a"].get("extra.PHOTO") is None
    assert mirror.rejected == {"b": "column TITLE: is bytes that are no gbk text: is `charset` right?"}


def test_names_are_found_whatever_their_case(items: Items) -> None:
    items.create(
        sa.Column("id", sa.String(40), primary_key=True), sa.Column("title", sa.String(200)),
        sa.Column("changed", sa.String(19)), sa.Column("sign", sa.CHAR(4)), name="items",
    )  # fmt: skip
    with items.engine.begin() as db:
        db.execute(items.table.insert(), {"id": "a", "title": "题", "changed": at(0), "sign": "0"})
    mirror = pull(items.system(SIGNED), "items", Mirror())
    assert mirror.records["a"].get("title") == "题" and items.all()[0]["sign"].strip() == "1"


def test_all_faults_of_a_row_come_at_once(lite: Items) -> None:
    lite.signed()
    lite.add(row("a", "nonsense"), {"ID": "x\u202ey", "TITLE": "t", "CHANGED": at(0)})
    mirror = pull(lite.system(SIGNED), "items", Mirror())
    assert mirror.rejected["a"] == "updated_at (column CHANGED): is no time in the format the descriptor gives"
    assert "row 2 of its batch" in mirror.rejected


# many, and many at once


def test_fifty_thousand_rows_take_little_memory(lite: Items) -> None:
    lite.signed(sa.Column("VER", sa.Integer))
    many = [row(f"{n:06d}", at(n // 60, n % 60), "标题" * 20, VER=1, SIGN="0") for n in range(50_000)]
    lite.add(*many)
    del many
    system = lite.system(SIGNED + "      version: VER\n      order: CHANGED\n      size: 1000\n")
    count, blocks = 0, []
    for batch in system.pull("items", Mirror().state(), NOW):
        count += len(batch.records)
        blocks.append(sys.getallocatedblocks())
        if count % 10_000 == 0:
            system.acknowledge("items", batch.token)
    assert count == 50_000 and max(blocks) < blocks[1] + 50_000  # a row that were kept would be a dozen of them


def test_writers_at_work_while_we_read_lose_nothing(items: Items) -> None:
    items.signed(sa.Column("VER", sa.Integer))
    items.add(*(row(f"{n:03d}", VER=1, SIGN="0") for n in range(60)))
    system = items.system(SIGNED + "      version: VER\n      size: 7\n")
    stop = threading.Event()
    failed: list[BaseException] = []

    def report() -> None:
        try:
            for n in range(2, 400):
                if stop.is_set():
                    return
                items.set(f"{n * 7 % 60:03d}", VER=n, TITLE=f"第{n}版", SIGN="0")
        except BaseException as error:
            failed.append(error)

    writer = threading.Thread(target=report)
    mirror = Mirror()
    writer.start()
    for _ in range(4):
        pull(system, "items", mirror)
    stop.set()
    writer.join()
    pull(system, "items", mirror)
    assert failed == []
    assert {key: record.get("title") for key, record in mirror.records.items()} == {
        one["ID"]: one["TITLE"] for one in items.all()
    }
    assert {one["SIGN"] for one in items.all()} == {"1"}


def test_a_sign_may_be_a_number_or_a_truth(items: Items) -> None:
    items.create(
        sa.Column("ID", sa.String(40), primary_key=True), sa.Column("TITLE", sa.String(200)),
        sa.Column("CHANGED", sa.String(19)), sa.Column("SIGN", sa.Boolean),
    )  # fmt: skip
    items.add(row("a", SIGN=False), row("b", SIGN=True), row("c", SIGN=None))
    text = HEAD + "      sign: {column: SIGN, unread: [0, null], read: 1}\n"
    assert sorted(pull(items.system(text), "items", Mirror()).records) == ["a", "c"]
    assert {bool(one["SIGN"]) for one in items.all()} == {True}
