"""An insert that may meet an existing row does the same on both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Text, cast, select

from weigov.ledger.dialect import insert_ignore, insert_many, is_one_of, one_value, upsert
from weigov.ledger.engine import Ledger
from weigov.ledger.tables import cursor

KEY = ["site", "system", "stream", "partition"]


def row(partition: str, value: str, now: datetime) -> dict[str, Any]:
    return {
        "site": "s", "system": "cms", "stream": "articles", "partition": partition, "value": value, "updated_at": now,
    }  # fmt: skip


def stored(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as connection:
        return {r.partition: r.value for r in connection.execute(select(cursor.c.partition, cursor.c.value))}


def test_insert_ignore_counts_what_is_new_and_leaves_the_rest(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        assert insert_ignore(connection, cursor, []) == 0
        assert insert_ignore(connection, cursor, [row("a", "1", now), row("b", "1", now)]) == 2
        assert insert_ignore(connection, cursor, [row("b", "2", now), row("c", "2", now), row("c", "3", now)]) == 1
    assert stored(ledger) == {"a": "1", "b": "1", "c": "2"}


def test_insert_ignore_counts_across_many_statements(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        assert insert_ignore(connection, cursor, [row(f"{n}", "1", now) for n in range(3000)]) == 3000
        assert insert_ignore(connection, cursor, [row(f"{n}", "1", now) for n in range(1500, 4500)]) == 1500


def test_upsert_overwrites_only_what_it_names_and_the_last_wins(ledger: Ledger, now: datetime) -> None:
    later = now.replace(year=2027)
    with ledger.begin() as connection:
        upsert(connection, cursor, [], key=KEY, update=["value"])
        upsert(connection, cursor, [row("a", "1", now)], key=KEY, update=["value"])
        news = [row("a", "2", later), row("a", "3", later), row("b", "4", later)]
        upsert(connection, cursor, news, key=KEY, update=["value"])
        assert connection.execute(select(cursor.c.updated_at).where(cursor.c.partition == "a")).scalar_one() == now
    assert stored(ledger) == {"a": "3", "b": "4"}


def test_an_insert_that_another_writer_undoes_is_new_again(ledger: Ledger, now: datetime) -> None:
    with pytest.raises(RuntimeError), ledger.begin() as connection:
        insert_ignore(connection, cursor, [row("a", "1", now)])
        raise RuntimeError
    with ledger.begin() as connection:
        assert insert_ignore(connection, cursor, [row("a", "2", now)]) == 1


def test_many_at_once_stand_there_as_one_by_one_they_would(ledger: Ledger, now: datetime) -> None:
    moment = now.replace(microsecond=0)  # which a driver left to itself writes another way
    with ledger.begin() as connection:
        common = {name: value for name, value in row("", "", moment).items() if name not in ("partition", "value")}
        insert_many(connection, cursor, common, ("partition", "value"), [])
        insert_many(connection, cursor, common, ("partition", "value"), [("a", "一".encode()), ("b", b"2")])
        connection.execute(cursor.insert(), [row("c", "3", moment)])
        raw = connection.execute(select(cast(cursor.c.updated_at, Text))).scalars().all()
    assert stored(ledger) == {"a": "一", "b": "2", "c": "3"}
    assert len(raw) == 3 and len(set(raw)) == 1


@pytest.mark.parametrize("wanted", [[], ["a"], ["b", "no", "'\"\\"], [str(n) for n in range(40_000)]])
def test_is_one_of_finds_what_in_would(ledger: Ledger, now: datetime, wanted: list[str]) -> None:
    with ledger.begin() as connection:
        upsert(
            connection, cursor, [row(name, "1", now) for name in ("a", "b", "'\"\\", "7")], key=KEY, update=["value"]
        )
        dialect = ledger.dialect
        query = select(cursor.c.partition).where(is_one_of(dialect, cursor.c.partition))
        found = connection.execute(query, {"values": one_value(dialect, wanted)}).scalars()
        assert set(found) == {"a", "b", "'\"\\", "7"} & set(wanted)
