"""What an upstream promised of its rows, and what a row that breaks it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Promise
from adapters.vocabulary import Contract
from tests.adapters.upstream import REST, SOAP, Mirror, Upstream, opened, serving

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def promise(columns: dict[str, Any], others: str = "accept", named: frozenset[str] = frozenset()) -> Promise:
    return Promise(Contract.model_validate({"columns": columns, "others": others}), named)


@pytest.mark.parametrize(
    ("rule", "row", "broken"),
    [
        ("integer", {"c": "17"}, ""),
        ("integer", {"c": 17}, ""),
        ("integer", {"c": "十七"}, "is no integer"),
        ("integer", {"c": True}, "is no integer"),
        ("number", {"c": "1.50"}, ""),
        ("number", {"c": "viel"}, "is no number"),
        ("boolean", {"c": "0"}, ""),
        ("boolean", {"c": "vielleicht"}, "is no boolean"),
        ("text", {"c": {"d": 1}}, "is no text"),
        ("list", {"c": []}, ""),
        ("list", {"c": "x"}, "is no list"),
        ("object", {"c": [1]}, "is no object"),
        ("any", {"c": [1]}, ""),
        ("text", {}, ""),
        ({"required": True}, {}, "is missing"),
        ({"required": True}, {"c": None}, "is missing"),
        ({"required": True}, {"c": ""}, "is missing"),
        ({"values": [0, 1]}, {"c": 1}, ""),
        ({"values": [0, 1]}, {"c": "7"}, "holds none of the agreed values"),
        ({"max": 3}, {"c": "三个字"}, ""),
        ({"max": 3}, {"c": "四个字的"}, "is longer than 3 characters"),
    ],
)
def test_each_rule_holds_what_it_says(rule: Any, row: dict[str, Any], broken: str) -> None:
    expected = [f"column c: {broken}, against the contract"] if broken else []
    assert promise({"c": rule}).broken(row) == expected


def test_a_place_inside_a_column_can_be_meant() -> None:
    it = promise({"title.rendered": {"required": True}}, "warn")
    assert it.broken({"title": {"rendered": "标题"}}) == []
    assert it.broken({"title": {}}) == ["column title.rendered: is missing, against the contract"]
    assert it.notes() == []  # title itself is known by it


def test_each_column_says_what_its_drift_costs_and_all_are_told_at_once() -> None:
    it = promise({
        "a": {"type": "integer"}, "b": {"type": "integer"}, "c": {"type": "integer", "drift": "warn"},
        "d": {"type": "integer", "drift": "accept"},
    })  # fmt: skip
    row = {"a": "x", "b": "geheimer Name", "c": "x", "d": "x"}
    assert it.broken(row) == [f"column {c}: is no integer, against the contract" for c in "ab"]
    assert it.broken({"a": 1, "b": 2, "c": "y"}) == []
    assert it.notes() == ["column c: is no integer (2 rows)"]
    assert it.notes() == []  # each run tells its own


def test_new_columns_are_told_once_for_all_their_rows() -> None:
    it = promise({"a": "any"}, "warn", named=frozenset({"id"}))
    for _ in range(3):
        it.broken({"id": 1, "a": 2, "neu": 3})
    assert it.notes() == ["column neu is new: nobody has named it (3 rows)"]


# in a pull

CONTRACT = """    contract:
      columns:
        title: {required: true, max: 4}
        updated: {required: true}
        gone: {values: [0, 1], drift: warn}
      others: warn
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Upstream()) as it:
        for n in range(1, 6):
            it.add(f"A{n}", f"2026-01-0{n} 08:00:00")
        yield it


@pytest.mark.parametrize(("kind", "text"), [("rest", REST), ("soap", SOAP)])
def test_a_broken_promise_costs_its_row_the_publication_and_nothing_else(
    kind: str, text: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.edit("A2", "2026-01-02 08:00:00", title="太长的标题了")
    upstream.edit("A3", "2026-01-03 08:00:00", gone="9", neu="x")
    upstream.edit("A4", "2026-01-04 08:00:00", title="", updated_by="x", gone="1")
    system = opened(kind, upstream.url, tmp_path, text=text.replace("  full:\n", CONTRACT + "  full:\n", 1))
    mirror = Mirror()
    mirror.take(system.pull("items", mirror.state(), NOW))
    assert sorted(mirror.records) == ["A1", "A3", "A4", "A5"]
    assert mirror.rejected == {"A2": "column title: is longer than 4 characters, against the contract"}
    assert mirror.records["A4"].withdrawn  # of what is withdrawn nothing is promised
    notes = [note for batch in mirror.batches for note in batch.notes]
    assert notes == [
        "column gone: holds none of the agreed values (1 row)",
        "column neu is new: nobody has named it (1 row)",
    ]
    assert mirror.cursors[""] == "2026-01-05T00:00:00Z"
    system.close()
