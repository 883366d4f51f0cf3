"""Rows read by the pattern of the row before them are those a parser makes; what is no such row stays its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.decode import Undecodable, read
from adapters.decode import xml as xml_decode
from adapters.decode.alike import Alike
from adapters.decode.growing import Growing
from adapters.spool import Spooled
from tests.adapters.decode.test_long import on_disk


class _Unlike(Alike):
    """Leaves everything to the parser."""

    def tags_are_tags(self, piece: bytes, utf8: bool) -> bool:
        return False


class _InPieces(Spooled):
    """Comes in pieces about as long as three rows, which end anywhere."""

    def pieces(self, at: int = 0, length: int = 1) -> Iterator[bytes]:
        return super().pieces(at, 79)


def _rows_of(data: bytes, kind: type[Alike], records: str) -> list[Any]:
    """Of the document in one, and in pieces."""
    found: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_decode, "Alike", kind)
        for body in (data, on_disk(data, _InPieces)):
            try:
                answer = read(body, ["xml"], records=records, values=["//total"])
                found.append(([*answer.rows()], answer.value("//total")))
            except Undecodable:
                found.append("undecodable")
    return found


def _same(data: bytes, records: str = "//r") -> list[Any]:
    found = _rows_of(data, Alike, records)
    assert found == _rows_of(data, _Unlike, records)
    return found


_ODD = [
    "<r><a>1</a><b/></r>",
    "<r><a>1</a><b></b></r>",
    "<r><a>1</a></r>",
    "<r/>",
    "<r><a>1</a><b>2</b><c>3</c></r>",
    '<r n="1"><a>1</a><b>2</b></r>',
    '<r><a n="1">1</a><b>2</b></r>',
    "<r><a>1</a><a>2</a></r>",
    '<r><a>1</a><b xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/></r>',
    "<r><a>1</a><b><d>2</d></b></r>",
    "<r>text<a>1</a><b>2</b></r>",
    "<r><a>1</a><b>2</b>text</r>",
    "<r><a>1</a><b>&#20851;&amp;</b></r>",
    "<r><a>&amp;lt;</a><b>&quot;&apos;</b></r>",
    "<r><a>]]&gt;</a><b>></b></r>",
    "<r><a>1</a><b><![CDATA[</b></r><r><a>x</a><b>y</b></r>]]></b></r>",
    "<!-- <r><a>x</a><b>y</b></r> -->",
    "<?x <r><a>x</a><b>y</b></r> ?>",
    "<r><r><a>1</a><b>2</b></r></r>",
    "<r><a>1</a><b>2</b><r><a>1</a><b>2</b></r></r>",
    "<r><a>1</a><total>9</total></r>",
    "</l><l>",
    "</l><k><r><a>k</a><b>k</b></r></k><l>",
    "<other/>",
    "<other>text</other>",
    "<n:r xmlns:n='urn:n'><n:a>1</n:a><n:b>2</n:b></n:r>",
    "<r>\r\n <a>1\r\n2</a>\r<b>\r</b>\r\n</r>",
    "<r ><a>1</a ><b>2</b></r >",
    "<r><a>1</a>\n\t<b>2</b>\n</r>",
]
_BAD = [
    "<r><a>]]></a><b>2</b></r>", "<r><a>\x01</a><b>2</b></r>", "<r><a>\uffff</a><b>2</b></r>",
    "<r><a>&x;</a><b>2</b></r>", "<r><a>&</a><b>2</b></r>", "<r><a>1</b><b>2</b></r>", "<r><a>1</a><b>2</r>",
    "<n:r><n:a>1</n:a></n:r>", "</l>",
]  # fmt: skip
_VALUE = st.text(st.sampled_from("关x \n]>;&\"'"), max_size=5).map(lambda text: text.replace("&", "&amp;"))
_PLAIN = st.builds("<r><a>{}</a><b>{}</b></r>".format, _VALUE, _VALUE).filter(lambda row: "]]>" not in row)
_MANY = _PLAIN.flatmap(lambda row: st.integers(1, 4).map(lambda times: row * times))


@settings(max_examples=100, deadline=None)
@given(st.lists(_MANY | st.sampled_from(_ODD), max_size=9), st.sampled_from(["//r", "//l/r", "/e/l/r"]))
def test_whatever_stands_among_rows_they_are_those_of_the_parser(pieces: list[str], records: str) -> None:
    _same(f'<?xml version="1.0"?><e><l>{"".join(pieces)}</l><total>7</total></e>'.encode(), records)


@pytest.mark.parametrize("bad", _BAD)
def test_what_is_no_xml_is_refused_as_ever(bad: str) -> None:
    plain = "<r><a>1</a><b>2</b></r>" * 3
    assert _same(f"<e><l>{plain}{bad}{plain}</l></e>".encode()) == ["undecodable"] * 2
    assert _same(f"<e><l>{plain}</l></e>".encode().replace(b"2", b"\xff", 2)) == ["undecodable"] * 2


def test_rows_written_in_a_text_or_comment_are_no_rows() -> None:
    plain, false = "<r><a>1</a><b>2</b></r>" * 2, "<r><a>f</a><b>f</b></r>" * 3
    for hidden in (f"<x><![CDATA[{false}]]></x>", f"<!--{false}-->", f"<?x {false}?>"):
        found = _same(f"<e><l>{plain}{hidden}{plain}</l></e>".encode())
        assert found == [([{"a": "1", "b": "2"}] * 4, None)] * 2


def test_another_encoding_is_read_as_what_it_is() -> None:
    rows = "<r><a>é</a><b>2</b></r>" * 3
    for encoding in ("iso-8859-1", "utf-8", "gbk", "utf-16"):
        data = f"<?xml version='1.0' encoding='{encoding}'?><e><l>{rows}</l></e>".encode(encoding)
        assert _same(data) == [([{"a": "é", "b": "2"}] * 3, None)] * 2


def test_the_parser_is_given_one_row_of_many_that_are_written_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[bytes] = []
    feed = Growing.feed

    def fed_with(self: Growing, piece: bytes) -> None:
        fed.append(piece)
        feed(self, piece)

    monkeypatch.setattr(Growing, "feed", fed_with)
    root = '<e xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><l>'
    rows = "".join(f"<r><a>{n}</a><b>&lt;p&gt;关&lt;/p&gt;</b></r>" for n in range(500))
    answer = read(f"{root}{rows}</l></e>".encode(), ["xml"], records="//r")
    assert [*answer.rows()] == [{"a": str(n), "b": "<p>关</p>"} for n in range(500)]
    assert b"".join(fed) == f"{root}<r><a>0</a><b>&lt;p&gt;关&lt;/p&gt;</b></r></l></e>".encode()


@pytest.mark.parametrize(
    ("pieces", "utf8", "expected"),
    [
        ([b"<?xml version='1.0'?><e>", b"<r>!?</r>"], False, True),
        ([b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><e>"], False, True),
        ([b"<?xml version='1.0' encoding='gbk'?><e>"], False, False),  # and nobody said that it is not so
        ([b"<?xml version='1.0' encoding='gbk'?><e>"], True, True),  # who read it knew better
        ([b"<!DOCTYPE e><e>"], True, False),
        ([b"<e>", b"<r><![CDATA["], True, False),
        ([b"<e><", b"!-- -->"], True, False),  # cut in two
        ([b"<e><", b"?x ?>"], True, False),
    ],
)
def test_tags_are_tags_up_to_the_first_sign_that_hides_some(
    pieces: list[bytes], utf8: bool, expected: bool
) -> None:  # fmt: skip
    alike = Alike("r")
    assert [alike.tags_are_tags(piece, utf8) for piece in pieces][-1] is expected
