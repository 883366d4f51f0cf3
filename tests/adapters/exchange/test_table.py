"""Exchange tables, against the real databases: nothing lost, nothing signed that was not stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from sandbox.exchange.cases import EVALUATE, Exchange
from tests.adapters.exchange.databases import closing, proven, pull
from tests.adapters.upstream import Mirror
from weigov.errors import RemoteRefused, RemoteUnavailable
from weigov.ports import SourceSystem


@pytest.fixture
def exchange(exchange_url: str) -> Iterator[Exchange]:
    it = Exchange(exchange_url)
    it.create()
    yield it
    it.close()


@pytest.fixture
def cases(exchange: Exchange, exchange_url: str) -> Iterator[SourceSystem]:
    with closing(proven(exchange_url)) as system:
        yield system


def test_cases_are_read_in_full_and_signed(cases: SourceSystem, exchange: Exchange) -> None:
    numbers = exchange.seed(40)
    mirror = pull(cases, "cases", Mirror())
    assert sorted(mirror.records) == sorted(numbers) and mirror.last.complete and not mirror.rejected
    assert set(exchange.signs().values()) == {"1"}
    by_number = {row["PROJID"]: row for row in exchange.rows()}
    for number, record in mirror.records.items():
        row = by_number[number]
        assert record.get("item_name") == row["ITEMNAME"] and record.get("stdver") == row["STDVER"]
        assert record.get("updated_at").astimezone(UTC).date() >= datetime(2026, 1, 24, tzinfo=UTC).date()
        assert record.get("extra.PROJPWD") is None  # nobody named it
        assert record.get("extra.SIGNSTATE") is None
    assert {r.get("extra.done_result") for r in mirror.records.values() if r.get("status") == "4"} <= {"0", "5", "6"}
    assert pull(cases, "cases", mirror).last.records == []


def test_a_case_reported_anew_is_read_anew(cases: SourceSystem, exchange: Exchange) -> None:
    numbers = exchange.seed(5)
    mirror = pull(cases, "cases", Mirror())
    exchange.finish(numbers[2], "6")
    exchange.report(numbers[3], DATASTATE="0")
    pull(cases, "cases", mirror)
    assert mirror.records[numbers[2]].get("extra.done_result") == "6"
    assert mirror.records[numbers[3]].withdrawn
    assert set(exchange.signs().values()) == {"1"}


def test_a_report_between_reading_and_signing_is_not_signed_away(cases: SourceSystem, exchange: Exchange) -> None:
    numbers = exchange.seed(5)
    mirror = pull(cases, "cases", Mirror(), between=lambda _: exchange.report(numbers[0], PROJECTSTATE="9"))
    assert mirror.records[numbers[0]].get("status") != "9"
    assert exchange.signs() == {numbers[0]: "0"} | {number: "1" for number in numbers[1:]}
    assert pull(cases, "cases", mirror).records[numbers[0]].get("status") == "9"


def test_killed_between_storing_and_signing_the_rows_come_again(cases: SourceSystem, exchange: Exchange) -> None:
    numbers = exchange.seed(5)
    mirror = pull(cases, "cases", Mirror(), acknowledging=False)
    assert not set(exchange.signs().values()) & {"1", "3"}
    before = dict(mirror.records)
    pull(cases, "cases", mirror)
    assert mirror.records == before and sorted(before) == sorted(numbers)
    assert set(exchange.signs().values()) == {"1"}


def test_signing_twice_does_no_harm(cases: SourceSystem, exchange: Exchange) -> None:
    numbers = exchange.seed(3)
    mirror = pull(cases, "cases", Mirror())
    exchange.report(numbers[0])
    cases.acknowledge("cases", mirror.last.token)
    assert exchange.signs()[numbers[0]] == "0"


def test_a_row_that_cannot_be_used_is_signed_failed_with_all_its_faults(
    cases: SourceSystem, exchange: Exchange
) -> None:
    numbers = exchange.seed(4)
    exchange.report(numbers[1], RECEIVETIME="yesterday", PROMISEDATE="soon")
    mirror = pull(cases, "cases", Mirror())
    assert mirror.rejected == {
        numbers[1]: "accepted_at (column RECEIVETIME): is no time in the format the descriptor gives; "
        "promised_on (column PROMISEDATE): is no time in the format the descriptor gives"
    }
    assert exchange.signs()[numbers[1]] == "3" and sorted(mirror.records) == sorted({*numbers} - {numbers[1]})


def test_an_evaluation_is_written_once_for_its_key(cases: SourceSystem, exchange: Exchange) -> None:
    (number,) = exchange.seed(1)
    for _ in range(2):
        cases.write("evaluate", {"id": number, "score": 5, "comment": "很好"}, key="d-1")
    (row,) = exchange.rows(EVALUATE)
    assert (row["EVALUATEID"], row["PROJID"], row["SATISFACTION"], row["EVALCONTENT"]) == ("d-1", number, 5, "很好")
    with pytest.raises(RemoteRefused, match="SATISFACTION takes numbers only") as caught:
        cases.write("evaluate", {"id": number, "score": "a secret word", "comment": "x"}, key="d-2")
    assert "secret" not in str(caught.value)


def test_a_missing_column_is_named_once_with_its_table(cases: SourceSystem, exchange: Exchange) -> None:
    with exchange.engine.begin() as connection:
        for column in ("DATAVER", "ITEMNO"):
            quoted = connection.dialect.identifier_preparer.quote(column)
            table = connection.dialect.identifier_preparer.quote("PRE_APASINFO")
            connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {quoted}"))
    with pytest.raises(RemoteRefused, match="table PRE_APASINFO has no column DATAVER, ITEMNO"):
        pull(cases, "cases", Mirror())


def test_a_database_that_is_gone_is_unavailable(exchange: Exchange, exchange_url: str) -> None:
    url = sa.make_url(exchange_url)
    url = url.set(database="/nowhere/it.db") if url.get_backend_name() == "sqlite" else url.set(port=9)
    with closing(proven(url.render_as_string(hide_password=False))) as system, pytest.raises(RemoteUnavailable):
        pull(system, "cases", Mirror())
