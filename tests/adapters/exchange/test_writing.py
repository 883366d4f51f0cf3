"""Writing into exchange tables: one row, once, and honest about what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.exchange.table import TableSystem
from tests.adapters.exchange.databases import connection, described
from weigov.errors import ConfigError, OutcomeUnknown, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection, SourceSystem

TEXT = """
system: it
title: 例
engine: table
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
operations:
  state:
    table: {update: CASES, key: {ID: "{id}"}, set: {STATE: "{state}", AT: "{at}"}}
    params: [id, state, at]
    idempotency: overwrite
  keep:
    table: {upsert: CASES, key: {ID: "{id}"}, set: {STATE: "{state}"}}
    params: [id, state]
    idempotency: overwrite
  say:
    table: {insert: WORDS, values: {NO: "{idempotency_key}", SAID: "{said}", AT: "{now}"}}
    params: [said]
    idempotency: key
  say_it:
    table: {insert: WORDS, values: {NO: "{no}", SAID: "{said}"}, key: {NO: "{no}"}}
    params: [no, said]
    idempotency: query_first
  scribble:
    table: {insert: NOTES, values: {NO: "{idempotency_key}", SAID: "{said}"}}
    params: [said]
    idempotency: key
"""


class Desk:
    """Three tables and an engine over them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = sa.create_engine(url)
        meta = sa.MetaData()
        self.cases = sa.Table(
            "CASES", meta, sa.Column("ROW", sa.Integer, primary_key=True), sa.Column("ID", sa.String(20)),
            sa.Column("STATE", sa.String(8)), sa.Column("AT", sa.String(19)),
        )  # fmt: skip
        self.words = sa.Table(
            "WORDS", meta, sa.Column("NO", sa.String(40), primary_key=True), sa.Column("SAID", sa.String(8)),
            sa.Column("AT", sa.DateTime),
        )  # fmt: skip
        sa.Table("NOTES", meta, sa.Column("NO", sa.String(40)), sa.Column("SAID", sa.String(8)))
        meta.create_all(self.engine)
        with self.engine.begin() as db:
            db.execute(self.cases.insert(), [{"ID": "a"}, {"ID": "b"}, {"ID": "b"}])
        self.system: SourceSystem = described(TEXT, folder, connection(url))

    def rows(self, table: sa.Table) -> list[tuple[Any, ...]]:
        with self.engine.connect() as db:
            return [tuple(row) for row in db.execute(sa.select(table).order_by(*table.c))]

    def close(self) -> None:
        self.system.close()
        self.engine.dispose()


@pytest.fixture
def desk(exchange_url: str, tmp_path: Path) -> Iterator[Desk]:
    it = Desk(exchange_url, tmp_path)
    yield it
    it.close()


@pytest.fixture
def served(served_url: str, tmp_path: Path) -> Iterator[Desk]:
    """On a server: a file takes texts of any length, and has no connection to lose."""
    it = Desk(served_url, tmp_path)
    yield it
    it.close()


def test_an_update_overwrites_its_row_and_repeating_it_is_no_refusal(desk: Desk) -> None:
    at = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
    for _ in range(2):
        desk.system.write("state", {"id": "a", "state": "done", "at": at}, key="k")
    assert desk.rows(desk.cases)[0] == (1, "a", "done", "2026-01-05 09:00:00")


def test_an_update_that_would_touch_none_or_several_rows_is_refused_and_touches_none(desk: Desk) -> None:
    before = desk.rows(desk.cases)
    with pytest.raises(RemoteRefused, match="there is no such row in CASES"):
        desk.system.write("state", {"id": "z", "state": "x"}, key="k")
    with pytest.raises(RemoteRefused, match="2 rows have this key; none was changed"):
        desk.system.write("state", {"id": "b", "state": "x"}, key="k")
    with pytest.raises(RemoteRefused, match="column ID of its key is empty"):
        desk.system.write("state", {"state": "x"}, key="k")
    assert desk.rows(desk.cases) == before


def test_an_upsert_inserts_what_is_missing_and_overwrites_what_is_there(desk: Desk) -> None:
    for state in ("one", "two"):
        desk.system.write("keep", {"id": "new", "state": state}, key="k")
    assert [row[1:3] for row in desk.rows(desk.cases)][3:] == [("new", "two")]


def test_an_insert_with_a_key_is_there_once(desk: Desk) -> None:
    for _ in range(2):
        desk.system.write("say", {"said": "好"}, key="d-1")
    desk.system.write("say", {"said": "好"}, key="d-2")
    assert [row[:2] for row in desk.rows(desk.words)] == [("d-1", "好"), ("d-2", "好")]
    assert abs((desk.rows(desk.words)[0][2] - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) < 9 * 3600


def test_a_key_that_nothing_makes_unique_is_told_before_anything_is_written(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="needs a unique column in NOTES"):
        desk.system.write("scribble", {"said": "x"}, key="k")


def test_whether_a_write_took_effect_can_be_asked(desk: Desk) -> None:
    assert desk.system.find("say_it", {"no": "7", "said": "好"}, key="k") is None
    desk.system.write("say_it", {"no": "7", "said": "好"}, key="k")
    assert desk.system.find("say_it", {"no": "7", "said": "好"}, key="k") is not None
    with pytest.raises(RemoteUnavailable, match="holds other values, which may have come after ours"):
        desk.system.find("keep", {"id": "a", "state": "done"}, key="k")


def test_a_refusal_quotes_no_value(served: Desk) -> None:
    with pytest.raises(RemoteRefused, match="refused: a value is too long for its column") as caught:
        served.system.write("say", {"said": "秘密" * 9}, key="d-3")
    assert "秘密" not in str(caught.value) and "秘密" not in repr(caught.value.__cause__)


def cut(desk: Desk, moment: str) -> None:
    """Let the database end our session at a moment of the next write."""
    system = desk.system
    assert isinstance(system, TableSystem)
    system.write("keep", {"id": "warm", "state": "up"}, key="k")
    ours = system._database._opened()

    done: list[int] = []

    def end(db: sa.Connection, *_: Any) -> None:
        if done or not db.get_execution_options().get("weigov_writing"):
            return
        done.append(1)
        if desk.engine.dialect.name == "mysql":
            name, ending = "SELECT connection_id()", "KILL {}"
        else:
            name, ending = "SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"
        session = db.exec_driver_sql(name).scalar_one()
        with desk.engine.connect() as other:
            other.exec_driver_sql(ending.format(session))

    sa.event.listen(ours, moment, end)


def test_a_connection_lost_while_committing_leaves_it_unknown(served: Desk) -> None:
    cut(served, "commit")
    with pytest.raises(OutcomeUnknown, match="the connection was lost before it was confirmed"):
        served.system.write("say", {"said": "好"}, key="d-1")
    served.system.write("say", {"said": "好"}, key="d-1")
    assert len(served.rows(served.words)) == 1


def test_a_connection_lost_before_the_statement_was_sent_wrote_nothing(postgres_url: str, tmp_path: Path) -> None:
    # Not so on MySQL: it has tables that keep what was never committed, and there it stays unknown.
    desk = Desk(postgres_url, tmp_path)
    cut(desk, "begin")
    with pytest.raises(RemoteUnavailable, match="was not written"):
        desk.system.write("say", {"said": "好"}, key="d-1")
    assert desk.rows(desk.words) == []
    desk.close()


def test_a_database_that_is_not_there_was_surely_not_written_to(tmp_path: Path) -> None:
    text = TEXT.partition("  scribble:")[0]
    for url in ("postgresql://127.0.0.1:9/x", "mysql://127.0.0.1:9/x", "sqlite:////nowhere/x.db"):
        system = described(text, tmp_path, connection(url))
        with pytest.raises(RemoteUnavailable):
            system.write("keep", {"id": "a", "state": "b"}, key="k")
        system.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "has no database URL"),
        ("https://cases.internal", "https is no database we speak to"),
        ("oracle://db.internal/x", "oracle is no database we speak to"),
        ("mysql://u:s3cret@db.internal/x", "the password stands in its url"),
        ("mysql://db.internal", "its url names no database"),
    ],
)
def test_a_connection_that_is_none_is_said_without_its_secrets(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        described(TEXT.partition("  scribble:")[0], tmp_path, Connection("exchange", extra={"url": url}))
    assert "s3cret" not in str(caught.value)


def test_a_wrong_password_is_a_refusal_that_names_the_connection(mysql_url: str, tmp_path: Path) -> None:
    where = Connection("exchange", "", mysql_url.replace("root@", ""), "nobody-we-know", "wr0ng")
    system = described(TEXT.partition("  scribble:")[0], tmp_path, where)
    with pytest.raises(RemoteRefused, match="login and password of connection exchange") as caught:
        system.write("keep", {"id": "a", "state": "b"}, key="k")
    assert "wr0ng" not in str(caught.value) and "nobody" not in str(caught.value)
    system.close()
