"""Records keep their values through the mirror, and equal values have one digest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weigov.records import KINDS, Kind, Record, digest, digest_of, digest_of_dump, dump, load

BEIJING = timezone(timedelta(hours=8))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(),
    "html": st.text(),
    "time": st.datetimes(datetime(1, 1, 2), timezones=st.sampled_from([UTC, BEIJING])),
    "date": st.dates(),
    "number": st.integers(-(2**53), 2**53),
    "list": st.lists(st.fixed_dictionaries({"name": st.text(), "url": st.text()}), max_size=2),
}


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind: Kind = draw(st.sampled_from(get_args(Kind)))
    fields = {name: draw(st.none() | _VALUES[field_type]) for name, field_type in KINDS[kind].items()}
    return Record(kind, draw(st.text(min_size=1)), fields, draw(st.dictionaries(st.text(), st.text(), max_size=3)))


@given(records())
def test_what_is_dumped_is_loaded(record: Record) -> None:
    again = load(record.kind, record.key, dump(record))
    assert dict(again.fields) == dict(record.fields) and again.extra == record.extra
    assert dump(again) == dump(record)


@given(records(), st.booleans())
def test_the_digest_the_mirror_keeps_is_that_of_the_payload_and_a_byte(record: Record, withdrawn: bool) -> None:
    payload = dump(record)
    assert digest_of_dump(payload, withdrawn) == sha256(payload + (b"-" if withdrawn else b"+")).hexdigest()
    assert digest_of_dump(payload, withdrawn) != digest_of_dump(payload, not withdrawn)


@given(records())
def test_a_record_read_back_has_the_digest_it_had(record: Record) -> None:
    names = {*KINDS[record.kind], "key", "extra.a"}
    again = load(record.kind, record.key, dump(record))
    assert digest_of(again, names) == digest_of(record, names)


def test_the_order_of_keys_and_the_zone_of_a_time_do_not_count() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    noon = datetime(2026, 3, 10, 12, tzinfo=BEIJING)
    first = Record("case", "1", {"updated_at": noon})
    second = load("case", "1", dump(Record("case", "1", {"updated_at": noon.astimezone(UTC)})))
    assert digest_of(first, ["updated_at"]) == digest_of(second, ["updated_at"])


def test_only_the_named_fields_count_and_an_absent_one_is_none() -> None:
    one = Record("case", "1", {"status": "11", "office": "甲"})
    assert digest_of(one, ["status"]) == digest_of(Record("case", "1", {"status": "11"}), ["status"])
    assert digest_of(one, ["status"]) != digest_of(Record("case", "1", {"status": "12"}), ["status"])
    assert digest_of(one, ["url"]) == digest_of(Record("case", "1", {"url": None}), ["url"])


def test_keys_fields_and_extra_are_read_by_name() -> None:
    one = Record("article", "7", {"title": "t"}, {"title": "other", "层级": "市"})
    assert (one.get("key"), one.get("title"), one.get("extra.title")) == ("7", "t", "other")
    assert (one.get("extra.层级"), one.get("extra.none"), one.get("html")) == ("市", None, None)


def test_dates_and_times_come_back_as_such() -> None:
    made = {"written_on": date(2026, 3, 9), "published_at": datetime(2026, 3, 10, 1, 2, 3, tzinfo=UTC)}
    assert load("article", "1", dump(Record("article", "1", made))).fields == made


def test_a_repr_shows_nothing_of_a_citizen() -> None:
    assert "王建国" not in repr(Record("case", "1", {"applicant_name": "王建国"}, {"x": "王建国"}))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_fields_of_known_types(kind: Kind) -> None:
    assert set(KINDS[kind].values()) <= set(_VALUES)


def test_a_record_shows_none_of_its_values() -> None:
    one = Record("case", "1", {"applicant_name": "张三"}, {"phone": "13800000000"}, row_digest="abc")
    assert repr(one) == "Record('case', '1', partition='', withdrawn=False)"
