"""Long answers, read from disk row by row: the same rows and values as of short ones, and nothing used too early."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.decode import Undecodable, read
from adapters.decode import json as json_decode
from adapters.spool import Spooled
from adapters.vocabulary import JsonStep, XmlStep


class Dripping(Spooled):
    """Comes in pieces so small that every boundary is met."""

    def pieces(self, at: int = 0, length: int = 1) -> Iterator[bytes]:
        return super().pieces(at, 7)


def on_disk(data: bytes, kind: type[Spooled] = Dripping) -> Spooled:
    body = kind()
    body.write(data)
    return body


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_decode, "_SLICE", 5)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
SCALAR = TEXT | st.integers() | st.booleans() | st.none()
ROWS = st.lists(
    st.dictionaries(TEXT, SCALAR | st.lists(SCALAR | st.dictionaries(TEXT, TEXT), max_size=3), max_size=4), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.dictionaries(st.sampled_from(["code", "rows", "a"]), SCALAR | ROWS), st.booleans(), st.booleans())
def test_a_long_json_answer_says_what_a_short_one_says(
    rows: list[Any], around: dict[str, Any], ascii_only: bool, first: bool
) -> None:
    inner = {"rows": rows, "total": len(rows)}
    document = {"data": inner, "around": around} if first else {"around": around, "data": inner}
    data = json.dumps(document, ensure_ascii=ascii_only).encode()
    before, json_decode._SLICE = json_decode._SLICE, 5
    try:
        short = read(data, ["json"], records="data.rows")
        long = read(on_disk(data), ["json"], records="data.rows", conditions=["data.total"])
        assert long.value("data.total") == len(rows)  # known before the first row, wherever it stands
        assert list(long.rows()) == list(short.rows()) == rows
        assert long.value("around") == short.value("around")
    finally:
        json_decode._SLICE = before


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, max_size=5), st.sampled_from(["utf-8", "gb18030"]), st.booleans())
def test_a_long_xml_answer_says_what_a_short_one_says(names: list[str], encoding: str, code_last: bool) -> None:
    cases = "".join(f"<Case><N>{escape(name)}</N><E>&#xD83D;&#xDE00;</E></Case>" for name in names)
    code = "<Code>0</Code>"
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><R>{"" if code_last else code}{cases}{code if code_last else ""}'
    )
    data = f"{text}</R><!-- end -->\n".encode(encoding)
    short = read(data, ["xml"], records="//Case", values=["//Code"])
    long = read(on_disk(data), ["xml"], records="//Case", conditions=["//Code"])
    assert long.value("//Code") == "0"
    assert list(long.rows()) == list(short.rows()) == [{"N": name, "E": "😀"} for name in names]
    assert not long.damaged and ("surrogate_references" in long.repairs) == bool(names)


@pytest.mark.parametrize(
    ("data", "chain", "records"),
    [
        (b'{"rows": [{"id": 1}, {"id": 2}', ["json"], "rows"),
        (b'{"rows": [{"id": 1}, {"id": 2}]', ["json"], "rows"),
        (b'{"rows": [{"id": 1}, {"id": "2}]}', ["json"], "rows"),
        (b'{"rows": [{"id": 1}}]', ["json"], "rows"),
        (b"<R><Case><N>1</N></Case><Case><N>2</N></Case>", ["xml"], "//Case"),
        (b"<R><Case><N>1</N></Case><Case><N>2</N></Case></", ["soap"], "//Case"),
    ],
)
def test_a_long_answer_that_was_cut_short_is_refused_before_its_first_row(
    data: bytes, chain: list[Any], records: str
) -> None:
    with pytest.raises(Undecodable, match="cut short"):
        read(on_disk(data), chain, records=records)


def test_a_long_answer_that_is_broken_in_its_midst_says_so_there() -> None:
    rows = iter(read(on_disk(b"<R><C><N>1</N></C><C><N>2</C></R>"), ["xml"], records="//C").rows())
    assert next(rows) == {"N": "1"}
    with pytest.raises(Undecodable, match="no whole XML"):
        list(rows)


def test_a_long_answer_in_another_charset_is_read_and_its_damage_marked(narrow: None) -> None:
    data = '{"rows":[{"t":"镕𠮷"}],"code":"好"}'.encode("gb18030")
    answer = read(on_disk(data), [JsonStep(json="gbk")], records="rows")
    assert (list(answer.rows()), answer.value("code"), answer.damaged) == ([{"t": "镕𠮷"}], "好", False)
    torn = read(on_disk(data.replace("镕".encode("gb18030"), b"\xff\xff")), [JsonStep(json="gbk")], records="rows")
    assert "\ufffd" in next(iter(torn.rows()))["t"] and torn.damaged
    torn = read(on_disk(b'{"rows":[{"t":"\xe9\x95"}]}'), ["json"], records="rows")
    assert list(torn.rows()) == [{"t": "\ufffd"}] and torn.damaged
    body = b"<R><C><N>\xff\xff</N></C></R>"
    xml = read(on_disk(body), [XmlStep(xml="gbk")], records="//C")
    assert "\ufffd" in next(iter(xml.rows()))["N"] and xml.damaged


def test_numbers_of_a_long_answer_are_as_exact_as_of_a_short_one(narrow: None) -> None:
    data = b'{"rows":[{"id":170581028330333388912345,"p":1.50,"q":1e2,"t":"cut \\ud83d"}, null, 5]}'
    answer = read(on_disk(data), ["json"], records="rows")
    assert list(answer.rows()) == list(read(data, ["json"], records="rows").rows())
    assert answer.repairs == {"surrogate_escapes"}


def test_rows_that_are_no_list_are_said_of_a_long_answer_too(narrow: None) -> None:
    for data in (b'{"rows": ["a", "b"]}', b'{"rows": "x"}', b'{"other": {"rows": [{"id": 1}]}}'):
        with pytest.raises(Undecodable, match="at rows"):
            list(read(on_disk(data), ["json"], records="rows").rows())
    assert list(read(on_disk(b'{"rows": null}'), ["json"], records="rows").rows()) == []
    assert list(read(on_disk(b' [{"id": 1}] '), ["json"], records=".").rows()) == [{"id": 1}]
    assert list(read(on_disk(b'{"a": [{"r": [{"id": 1}]}]}'), ["json"], records="a.0.r").rows()) == [{"id": 1}]


def test_one_row_of_a_long_answer_can_be_looked_into(narrow: None) -> None:
    data = b'{"d": {"rows": [{"id": 1, "x": {"y": "a"}}, {"id": 2}]}}'
    for body in (data, on_disk(data)):
        answer = read(body, ["json"], records="d.rows")
        assert [answer.value(f"d.rows.{p}") for p in ("1.id", "0.x.y", "9.id")] == [2, "a", None]
    assert read(on_disk(b'[{"id": 1}]'), ["json"], records=".").value("0.id") == 1


def test_what_has_no_rows_is_not_gathered_in_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.decode.packed.MAX_BYTES", 100)
    with pytest.raises(Undecodable, match="no row in its first"):
        read(on_disk(b"<R>" + b"<X/>" * 100 + b"</R>"), ["xml"], records="//C")
    with pytest.raises(Undecodable, match="longer than"):
        read(on_disk(b'{"a": [%s1]}' % (b"1," * 100)), ["json"], records="rows")


def test_a_comment_before_the_root_is_not_taken_for_it() -> None:
    body = on_disk(b"<!-- <x> --><R><C><N>1</N></C></R>")
    assert list(read(body, ["xml"], records="//C").rows()) == [{"N": "1"}]


def test_the_rows_of_a_long_answer_can_be_asked_for_again() -> None:
    answer = read(on_disk(b"<R><C><N>1</N></C><C><N>2</N></C></R>"), ["xml"], records="//C")
    assert list(answer.rows()) == list(answer.rows()) == [{"N": "1"}, {"N": "2"}]


def test_a_long_text_in_an_envelope_is_read_and_one_too_long_to_hold_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"<E><Body><R><s>&lt;a&gt;&lt;c&gt;&lt;n&gt;1&lt;/n&gt;&lt;/c&gt;&lt;/a&gt;</s></R></Body></E>"
    assert list(read(on_disk(data), ["soap_string", "xml"], records="//c").rows()) == [{"n": "1"}]
    monkeypatch.setattr("adapters.decode.packed.MAX_BYTES", 10)
    with pytest.raises(Undecodable, match="this chain must hold whole"):
        read(on_disk(data), ["soap_string", "xml"], records="//c")


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_a_long_json_answer_without_a_bottom_is_not_followed_down(bracket: bytes) -> None:
    with pytest.raises(Undecodable, match="nested more than 1000 deep"):
        read(on_disk(bracket * 300_000, Spooled), ["json"], records="rows")
