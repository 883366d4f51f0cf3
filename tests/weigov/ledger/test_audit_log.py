"""The audit log: a chain that shows what was done to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.weigov.command import command
from weigov.errors import ReviewRejected
from weigov.ledger import audit_log, decisions
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate

Rows = list[dict[str, Any]]


def add(ledger: Ledger, now: datetime, n: int, **more: str) -> None:
    for each in range(n):
        with ledger.begin() as connection:
            values = {"about": f"delivery {each}", "person": "王芳", "reason": "核对过", "was": "in_doubt"} | more
            audit_log.append(connection, "demo", "settle", at=now, now="given_up", **values)


def rows(ledger: Ledger) -> Rows:
    with ledger.read() as connection:
        return [entry.as_text() for entry in audit_log.entries(connection)]


def test_a_chain_nobody_touched_is_whole_also_after_it_was_exported(ledger: Ledger, now: datetime) -> None:
    add(ledger, now, 3)
    found = audit_log.verify(rows(ledger))
    assert (found.rows, found.problem, found.head) == (3, "", rows(ledger)[-1]["hash"])
    assert audit_log.verify(json.loads(json.dumps(rows(ledger)))) == found
    assert audit_log.verify([]) == audit_log.Verified(0, audit_log.BEGINNING, "")


def _forge(rows: Rows) -> Rows:
    """The whole chain anew, without its second row."""
    made: Rows = []
    for n, row in enumerate([rows[0], *rows[2:]], start=1):
        body = {k: v for k, v in row.items() if k != "hash"} | {
            "n": n,
            "before": made[-1]["hash"] if made else audit_log.BEGINNING,
        }
        made.append(body | {"hash": audit_log._hash(body)})
    return made


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (lambda rows: [rows[0] | {"person": "李强"}, *rows[1:]], "row 1 was changed"),
        (lambda rows: [rows[0], rows[1] | {"reason": ""}, rows[2]], "row 2 was changed"),
        (lambda rows: [rows[0], rows[2]], "row 2 is missing"),
        (lambda rows: [rows[0], rows[1], rows[1] | {"n": 3}], "row 3 does not follow row 2"),
        (lambda rows: rows[1:], "row 1 is missing"),
        (lambda rows: rows[:2], "is not in it: rows were cut off"),
        (_forge, "is not in it: rows were cut off, or all of it was rewritten"),
    ],
)
def test_whatever_was_done_to_it_is_said(
    done: Callable[[Rows], Rows], says: str, ledger: Ledger, now: datetime
) -> None:
    add(ledger, now, 3)
    head = rows(ledger)[-1]["hash"]
    assert audit_log.verify(rows(ledger), head=head).problem == ""
    assert says in audit_log.verify(done(rows(ledger)), head=head).problem


@pytest.mark.parametrize("sql", ["UPDATE audit_log SET reason = 'x'", "DELETE FROM audit_log WHERE n = 1"])
def test_the_database_refuses_to_change_it(ledger: Ledger, now: datetime, sql: str) -> None:
    add(ledger, now, 1)
    with pytest.raises(DBAPIError, match="only added to"), ledger.begin() as connection:
        connection.execute(text(sql))
    assert audit_log.verify(rows(ledger)).rows == 1


def test_two_who_decide_at_once_make_one_chain(ledger: Ledger, now: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda person: add(ledger, now, 5, person=person), ("a", "b", "c", "d")))
    assert audit_log.verify(rows(ledger)) == audit_log.Verified(20, rows(ledger)[-1]["hash"], "")


def test_a_decision_that_is_not_carried_out_leaves_no_row(ledger: Ledger, now: datetime) -> None:
    with pytest.raises(ZeroDivisionError), ledger.begin() as connection:
        audit_log.append(connection, "demo", "stop", about="site demo", person="wang", reason="x", at=now)
        raise ZeroDivisionError
    with pytest.raises(ReviewRejected, match="needs a name"), ledger.begin() as connection:
        audit_log.append(connection, "demo", "stop", about="site demo", person=" ", reason="x", at=now)
    assert rows(ledger) == []


def test_every_decision_is_in_it_with_the_door_it_came_through(ledger: Ledger, now: datetime) -> None:
    ledger.door = "board"
    try:
        with ledger.begin() as connection:
            decisions.note(connection, "demo", "stop", person="wang", reason="机房断电", at=now)
    finally:
        ledger.door = "shell"
    with ledger.read() as connection:
        (entry,) = audit_log.newest(connection, "demo", limit=5)
        assert audit_log.newest(connection, "other", limit=5) == []
    assert replace(entry, before="", hash="") == audit_log.Entry(
        1, "demo", now, "board", "wang", "stop", "site demo", "", "", "机房断电", "", ""
    )


def test_it_is_exported_and_verified_by_command(tmp_path: Path, now: datetime) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"weigov_master_key": {"conn_type": "generic", "password": "' + "d3d3" * 10 + 'd3c="}}')
    environ = {"WEIGOV_HOME": str(tmp_path), "WEIGOV_LEDGER_URL": url, "WEIGOV_SECRETS_FILE": str(secrets)}
    ledger = Ledger(url)
    add(ledger, now, 2, reason="=HYPERLINK(1)")
    head = rows(ledger)[0]["hash"]
    exported = command(environ, "log", "export").good()
    assert [json.loads(line)["n"] for line in exported.splitlines()] == [1, 2]
    assert "'=HYPERLINK(1)" in command(environ, "log", "export", "--format", "csv", "--since", "2").good()
    assert "2 rows, whole; head " in command(environ, "log", "verify", "--head", head).good()
    file = tmp_path / "log.jsonl"
    file.write_text(exported, encoding="utf-8")
    assert "2 rows, whole" in command(environ, "log", "verify", str(file)).good()
    file.write_text(exported.replace("王芳", "李强", 1), encoding="utf-8")
    broken = command(environ, "log", "verify", str(file))
    assert (broken.code, broken.err.count("\n")) == (1, 1) and "row 1 was changed" in broken.err
    missing = command(environ, "log", "verify", "--head", "f" * 64)
    assert missing.code == 1 and "cut off" in missing.err
    ledger.close()
