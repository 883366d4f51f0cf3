"""Rows → records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters.rows import RowPlan
from adapters.vocabulary import Descriptor
from weigov.errors import RecordRejected
from weigov.records import Record

WALL = {"format": "%Y-%m-%d %H:%M:%S", "zone": "Asia/Shanghai"}


def plan(fields: dict[str, Any], *, kind: str = "article", **more: Any) -> RowPlan:
    stream = {
        "kind": kind, "schedule": "* * * * *", "request": {"path": "/x"}, "records": "rows", "key": "id",
        "fields": fields, **more,
    }  # fmt: skip
    descriptor = Descriptor.model_validate(
        {"system": "x", "title": "x", "engine": "rest", "time": WALL, "streams": {"s": stream}}
    )
    return RowPlan(descriptor.streams["s"], descriptor, "http://cms.example/")


def one(fields: dict[str, Any], row: dict[str, Any], **more: Any) -> Record:
    it = plan(fields, **more)
    return it.record(row, it.key(row))


def test_types_follow_the_canonical_field() -> None:
    record = one(
        {"title": "t", "published_at": "p", "written_on": "w", "html": "h", "attachments": "a"},
        {
            "id": 1705810283303333889, "t": "标题", "p": "2026-01-05 09:00:00", "w": "2026-01-04",
            "h": "<p>&amp;</p>",
            "a": [{"name": "表.doc", "url": "/f/1.doc"}, "http://img.example/附件.pdf"],
        },
    )  # fmt: skip
    assert record.key == "1705810283303333889"
    assert record.fields == {
        "title": "标题", "published_at": datetime(2026, 1, 5, 1, tzinfo=UTC), "written_on": date(2026, 1, 4),
        "html": "<p>&amp;</p>",
        "attachments": [
            {"name": "表.doc", "url": "http://cms.example/f/1.doc"},
            {"name": "附件.pdf", "url": "http://img.example/附件.pdf"},
        ],
    }  # fmt: skip


def test_what_no_field_names_is_kept_in_extra_as_text() -> None:
    record = one({"title": "a.b"}, {"id": "1", "a": {"b": "x", "c": "y"}, "n": 2**60, "f": "1.50", "t": True,
                                    "none": None, "empty": "", "list": [1]})  # fmt: skip
    assert record.fields == {"title": "x"}
    assert record.extra == {"n": "1152921504606846976", "f": "1.50", "t": "true"}


def test_a_nested_value_can_be_named_into_extra() -> None:
    assert one({"extra.version": "meta.ver"}, {"id": "1", "meta": {"ver": 3}}).get("extra.version") == "3"


def test_empty_texts_are_absent() -> None:
    assert (
        one({"title": "t", "summary": "s", "published_at": "p"}, {"id": "1", "t": "", "s": None, "p": ""}).fields
        == {}
    )


@pytest.mark.parametrize(
    ("steps", "value", "expected"),
    [
        (["unescape", "strip"], " A &#038; B&nbsp;", "A & B"),
        (["text_only"], "<p>一 &amp;\n<b>二</b></p><p>三</p>", "一 & 二 三"),
        (["text_only"], "通<b class=x>𠮷</b>知 1 &lt; 2", "通𠮷知 1 < 2"),
        (["text_only"], "镇<文明实践>超市 1 < 2<!-- x --> > 0</p>", "镇<文明实践>超市 1 < 2 > 0"),
        (
            ["paragraphs"],
            "您好！<18岁 & >60岁免费\r\n\n其他人半价",
            "<p>您好！&lt;18岁 &amp; &gt;60岁免费</p><p>其他人半价</p>",
        ),
        (["absolute_url"], "/a.png", "http://cms.example/a.png"),
        (["parent_code_2"], "010203", "0102"),
        (["parent_code_2"], "01", None),
        (["zero_is_none"], 0, None),
        (["zero_is_none"], 10, "10"),
    ],
)
def test_steps(steps: list[str], value: Any, expected: str | None) -> None:
    assert one({"title": {"from": "t", "steps": steps}}, {"id": "1", "t": value}).get("title") == expected


def test_what_is_left_out_is_kept_nowhere() -> None:
    record = one({"title": "t"}, {"id": "1", "t": "标题", "tel": "13800000000", "no": "7"}, leave_out=["tel"])
    assert record.fields == {"title": "标题"} and record.extra == {"no": "7"}


def test_all_reasons_are_given_and_no_value_is_quoted() -> None:
    with pytest.raises(RecordRejected) as caught:
        one({"title": "t", "published_at": "p", "attachments": "a"},
            {"id": "1", "t": {"x": 1}, "p": "13800138000", "a": [{"name": "n"}]})  # fmt: skip
    assert caught.value.reasons == (
        "title (column t): is no text but a structure",
        "published_at (column p): is no time in the format the descriptor gives",
        "attachments (column a): an item has no url",
    )


@pytest.mark.parametrize(("value", "expected"), [("3", 3), (3, 3), ("3.5", 3.5), ("", None)])
def test_numbers(value: Any, expected: Any) -> None:
    assert one({"position": "n"}, {"id": "1", "n": value}, kind="column").get("position") == expected


@pytest.mark.parametrize("value", [True, "drei", [3], "nan", "1e999"])
def test_what_is_no_number_is_rejected(value: Any) -> None:
    with pytest.raises(RecordRejected, match="is no number"):
        one({"position": "n"}, {"id": "1", "n": value}, kind="column")


def test_a_withdrawn_row_is_never_rejected() -> None:
    flag = {"withdrawn": {"field": "state", "values": [0, "del"]}}
    for state in (0, "0", "del"):
        record = one({"published_at": "p"}, {"id": "1", "p": "kaputt", "state": state}, **flag)
        assert record.withdrawn and record.fields == {}
    assert not one({}, {"id": "1", "state": 1}, **flag).withdrawn


def test_one_of_several_rules_is_enough_to_be_withdrawn() -> None:
    rules = {"withdrawn": [{"field": "state", "values": ["del"]}, {"field": "body.locked", "values": ["true"]}]}
    for row in ({"state": "del"}, {"state": "ok", "body": {"locked": True}}):
        assert one({}, {"id": "1", **row}, **rules).withdrawn
    assert not one({}, {"id": "1", "state": "ok", "body": {"locked": False}}, **rules).withdrawn


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": ""}, {"id": " "}, {"id": True}, {"id": {"a": 1}}])
def test_a_row_without_a_key_has_an_empty_one(row: dict[str, Any]) -> None:
    assert plan({}).key(row) == ""


def test_a_field_may_come_from_the_parent() -> None:
    it = plan({"column": {"parent": "key"}}, for_each={"stream": "s", "as": "c"})
    assert it.record({"id": "1"}, "1", parent=Record("column", "0102", {})).get("column") == "0102"


def test_undecodable_characters_reject_the_row_that_has_them() -> None:
    it = plan({"title": "t"})
    with pytest.raises(RecordRejected, match="charset"):
        it.record({"id": "1", "t": "a�"}, "1", damaged=True)
    assert it.record({"id": "1", "t": "ab"}, "1", damaged=True).get("title") == "ab"
    assert it.record({"id": "1", "t": "a�"}, "1").get("title") == "a�"  # the upstream's own


def test_a_changed_mapping_changes_the_rows_digest() -> None:
    row = {"id": "1", "t": "x"}
    assert plan({"title": "t"}).digest(row) == plan({"title": "t"}).digest(dict(reversed(row.items())))
    assert plan({"title": "t"}).digest(row) != plan({"summary": "t"}).digest(row)
    assert plan({"title": "t"}).digest(row) == plan({"title": "t"}, schedule="5 * * * *").digest(row)
