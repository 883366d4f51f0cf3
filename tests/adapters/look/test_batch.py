"""Of exchange tables the first batch is judged, their signs are counted, and nothing is signed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from adapters.descriptor import load_descriptor
from adapters.look.check import Checked, check
from tests.adapters.exchange.databases import connection, described

NOW = datetime(2026, 1, 10, tzinfo=UTC)

TABLE = """
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
    table: {name: ITEMS, sign: {column: SIGN}}
"""


def test_of_an_exchange_table_the_first_batch_is_judged_and_nothing_is_signed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'front.db'}"
    with closing(sqlite3.connect(tmp_path / "front.db")) as db, db:
        db.execute("CREATE TABLE ITEMS (ID TEXT PRIMARY KEY, TITLE TEXT, CHANGED TEXT, SIGN TEXT, LINKMAN TEXT)")
        rows = [
            (f"{n}", f"标题{n}", "2026-01-05" if n == 3 else "2026-01-05 08:00:00", "0", "李四") for n in range(4)
        ]
        db.executemany("INSERT INTO ITEMS VALUES (?, ?, ?, ?, ?)", rows)
    system = described(TABLE, tmp_path, connection(url))
    (found,) = check(system, load_descriptor(tmp_path / "it.yaml"), "", NOW)
    system.close()
    assert found.facts["rows"] == "4 in the first batch" and found.facts["of people"].startswith("LINKMAN: ")
    (line,) = found.contradictions
    assert (
        "1 of 4 rows would be quarantined: updated_at" in line
        and "it.yaml:11 streams.items.fields.updated_at" in line
    )
    assert "李四" not in str(found)
    with closing(sqlite3.connect(tmp_path / "front.db")) as db:
        assert db.execute("SELECT DISTINCT SIGN FROM ITEMS").fetchall() == [("0",)]


FRONT = TABLE.replace(
    "sign: {column: SIGN}}",
    """sign: {column: SIGN, failed: "3"}, version: VER}
    withdrawn: {field: GONE, values: ["1"]}
operations:
  evaluate:
    table: {insert: MARKS, values: {ID: "{idempotency_key}", ITEM: "{id}", SCORE: "{score}"}}
    params: [id, score]
    idempotency: key""",
)


def looked_at_front(where: Path, marks: str, signs: str) -> list[Checked]:
    """A table whose rows have ``signs``, beside one that is written to, with the columns ``marks``."""
    with closing(sqlite3.connect(where / "front.db")) as db, db:
        db.execute(
            "CREATE TABLE ITEMS (ID TEXT PRIMARY KEY, TITLE TEXT, CHANGED TEXT, SIGN TEXT, VER TEXT, GONE TEXT)"
        )
        db.execute(f"CREATE TABLE MARKS ({marks})")
        rows = [(f"{n}", "标题", "2026-01-05 08:00:00", sign, "1", f"{n % 2}") for n, sign in enumerate(signs)]
        db.executemany("INSERT INTO ITEMS VALUES (?, ?, ?, ?, ?, ?)", rows)
    system = described(FRONT, where, connection(f"sqlite:///{where / 'front.db'}"))
    try:
        return list(check(system, load_descriptor(where / "it.yaml"), "", NOW))
    finally:
        system.close()


MARKS = "ID TEXT PRIMARY KEY, ITEM TEXT, SCORE TEXT"


def test_of_a_table_its_signs_are_counted_and_no_column_a_word_names_is_unmapped(tmp_path: Path) -> None:
    items, evaluate = looked_at_front(tmp_path, MARKS, "000113x")
    assert items.sound and items.facts == {
        "rows": "3 in the first batch",
        "sign": "SIGN: 3 unread, 2 read already, 1 failed, 1 of neither",
        "version": "VER: every row has one",
        "withdrawn": "GONE: 1 of 3 rows are withdrawn",
    }
    assert evaluate.sound and evaluate.operation and evaluate.facts == {"writes": "MARKS: ID, ITEM, SCORE"}


def test_a_table_that_was_read_already_says_so(tmp_path: Path) -> None:
    items, _ = looked_at_front(tmp_path, MARKS, "1111")
    assert items.sound and items.facts["sign"] == "SIGN: 0 unread, 4 read already"


def test_a_table_an_operation_cannot_write_to_contradicts_the_descriptor(tmp_path: Path) -> None:
    _, evaluate = looked_at_front(tmp_path, MARKS.replace("SCORE", "SCORES"), "0")
    (line,) = evaluate.contradictions
    number = next(n for n, one in enumerate(FRONT.splitlines(), 1) if "insert: MARKS" in one)
    assert line.startswith("it evaluate: table MARKS has no column SCORE (did you mean SCORES?)")
    assert f"it.yaml:{number} operations.evaluate.table" in line


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    system = described(TABLE, tmp_path, connection(f"sqlite:///{tmp_path / 'none.db'}"))
    (found,) = check(system, load_descriptor(tmp_path / "it.yaml"), "", NOW)
    system.close()
    assert found.problem and "\n" not in found.problem and not found.sound
