"""The search for leaks sees what it looks for, in files and in databases, and passes over where it belongs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ops.home import Home
from ops.leaks import prove, search

DOOR = {"cms.password": b"geheim-und-lang"}
OPENID = {"openid of citizen 1": b"oAbCdEf0123456789"}
NAME = {"name of citizen 1": "欧阳明".encode(), "name of citizen 1 as JSON": rb"\u6b27\u9633\u660e"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, 1, 2, 3)
    made.make()
    return made


def database(file: Path, **row: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as made:
        made.execute(f"CREATE TABLE t ({', '.join(row)})")
        made.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        made.commit()


def found(home: Home) -> list[str]:
    return list(search(home, DOOR, OPENID, NAME))


def test_a_log_a_table_and_json_are_seen(home: Home) -> None:
    (home.log / "scheduler.log").write_text("… geheim-und-lang …", encoding="utf-8")
    database(home.airflow / "airflow.db", value='{"name": "\\u6b27\\u9633\\u660e"}', other=b"oAbCdEf0123456789")
    assert sorted(found(home)) == [
        "airflow/airflow.db: table t, column other: openid of citizen 1",
        "airflow/airflow.db: table t, column value: name of citizen 1 as JSON",
        "log/scheduler.log: cms.password",
    ]


def test_the_ledger_may_hold_names_but_neither_openids_nor_secrets(home: Home) -> None:
    database(home.var / "ledger.db", payload="欧阳明 oAbCdEf0123456789 geheim-und-lang")
    assert sorted(line.rpartition(": ")[2] for line in found(home)) == ["cms.password", "openid of citizen 1"]


def test_what_belongs_there_is_passed_over_in_either_home(home: Home) -> None:
    for place in (home.var, home.var / "by-hand"):
        for file in (place / "secrets.json", place / "demo" / "bindings.csv", place / "sandbox" / "x.txt"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"geheim-und-lang oAbCdEf0123456789")
    assert found(home) == []
    (home.var / "by-hand" / "log").mkdir()
    (home.var / "by-hand" / "log" / "x.log").write_bytes(b"geheim-und-lang")
    assert found(home) == ["by-hand/log/x.log: cms.password"]


def test_the_search_is_proved_before_it_is_believed(home: Home) -> None:
    prove(home, {**DOOR, **OPENID, **NAME})
    assert found(home) == []
