"""Each step of the chain, and what old SOAP stacks do to an answer."""

from __future__ import annotations

import base64
import gzip
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args
from xml.sax.saxutils import escape

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.decode import Undecodable, chain, read
from adapters.descriptor import load_descriptor
from adapters.spool import Spooled
from adapters.vocabulary import BareStep, Decode, MimeStep, SoapStringStep, TextStep, XmlStep
from tests.adapters.upstream import REST
from weigov.errors import ConfigError

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
ENC = 'xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:a="http://xml.apache.org/xml-soap"'


def enveloped(inner: str, behind: str = "") -> bytes:
    return (
        f'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" {XSI} {ENC}><soapenv:Body>'
        f'<ns1:listResponse xmlns:ns1="urn:x">{inner}</ns1:listResponse>{behind}</soapenv:Body></soapenv:Envelope>'
    ).encode()


def rows(body: bytes, chain: list[Any], records: str, **more: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in read(body, chain, records=records, **more).rows()]


# ---- texts inside documents


def test_a_string_in_a_string_in_a_string_is_unwrapped_step_by_step() -> None:
    inner = "<a><c><n>镕</n></c></a>"
    middle = f'<?xml version="1.0" encoding="GBK"?><REPORTS><OK>true</OK><R><![CDATA[{inner}]]></R></REPORTS>'
    body = enveloped(f"<r>{escape(middle)}</r>")
    answer = read(body, ["soap_string", TextStep(text="//R"), "xml"], records="//c", values=["//OK"])
    assert list(answer.rows()) == [{"n": "镕"}] and answer.value("//OK") == "true"


def test_json_in_a_text_of_json_is_read_and_the_outer_flag_is_still_seen() -> None:
    chain = [TextStep(text="data"), "json"]
    answer = read(rb'{"code":"0","data":"{\"rows\":[{\"id\":1}]}"}', chain, records="rows", values=["code"])
    assert list(answer.rows()) == [{"id": 1}] and answer.value("code") == "0"
    refused = read(b'{"code":"401","data":null}', chain, records="rows", values=["code"])
    assert refused.value("code") == "401"
    with pytest.raises(Undecodable, match="no text at data"):
        refused.rows()


def test_of_several_values_an_operation_returns_none_is_chosen_by_us() -> None:
    body = enveloped("<listReturn>&lt;c/&gt;</listReturn><errMsg/>")
    with pytest.raises(Undecodable, match=r"several values \(listReturn, errMsg\): name the one"):
        read(body, ["soap_string", "xml"])
    assert rows(body, [SoapStringStep(soap_string="//listReturn"), "xml"], "//c") == [{}]
    with pytest.raises(Undecodable, match="3 times"):
        read(enveloped("<s>1</s>" * 3), [SoapStringStep(soap_string="//s"), "xml"])
    with pytest.raises(Undecodable, match="holds elements"):
        read(enveloped("<s><t/></s>"), [SoapStringStep(soap_string="//s"), "xml"])


def test_a_condition_that_is_said_twice_and_differently_is_not_decided_by_us() -> None:
    body = b"<R><Head><Code>0</Code></Head><Code>9</Code><Case><Code>7</Code></Case></R>"
    with pytest.raises(Undecodable, match="//Code stands in several places"):
        read(body, ["xml"], records="//Case", conditions=["//Code"])
    answer = read(body, ["xml"], records="//Case", conditions=["/R/Head/Code"])
    assert answer.value("/R/Head/Code") == "0"
    same = b"<R><Code>0</Code><Case><Code>7</Code></Case></R>"  # a row's own is no other place
    assert read(same, ["xml"], records="//Case", conditions=["//Code"]).value("//Code") == "0"


def test_rows_that_stand_elsewhere_are_not_no_rows() -> None:
    with pytest.raises(Undecodable, match="elements called Case, but none where"):
        read(b"<R><Cases><Case/></Cases></R>", ["xml"], records="/R/Case")
    assert rows(b"<R><Total>0</Total></R>", ["xml"], "/R/Case") == []


def test_an_empty_array_called_as_its_elements_are_is_no_row_elsewhere() -> None:
    assert rows(b"<R><row/></R>", ["xml"], "//row/row") == []
    assert rows(b"<R><row><row><id>1</id></row></row></R>", ["xml"], "//row/row") == [{"id": "1"}]
    with pytest.raises(Undecodable, match="elements called row, but none where"):
        read(b"<R><row><id>1</id></row></R>", ["xml"], records="//row/row")


# ---- bytes inside texts


def test_base64_and_gzip_give_bytes_whose_own_prolog_counts_again() -> None:
    inner = '<?xml version="1.0" encoding="GBK"?><a><c><n>镕</n></c></a>'.encode("gbk")
    text = base64.encodebytes(gzip.compress(inner, mtime=0)).decode()
    assert rows(enveloped(f"<r>{text}</r>"), ["soap_string", "base64", "gzip", "xml"], "//c") == [{"n": "镕"}]
    bare = base64.b64encode(inner.replace(b"GBK", b"utf-8")).decode().rstrip("=")
    assert rows(enveloped(f"<r>{bare}</r>"), ["soap_string", "base64", XmlStep(xml="gbk")], "//c") == [{"n": "镕"}]
    assert rows(b'cb({"rows": [{"id": 1}]});', ["jsonp", "json"], "rows") == [{"id": 1}]


@pytest.mark.parametrize(
    ("body", "chain", "told"),
    [
        (b"%%%", ["base64", "xml"], "no whole base64"),
        (gzip.compress(b"<a/>", mtime=0)[:-9], ["gzip", "xml"], "no whole gzip"),
        (b"<a/>", ["gzip", "xml"], "no whole gzip"),
        (b"{}", ["jsonp", "json"], "no JSONP"),
        (b"<a/>", ["multiref"], "end it with xml or json"),
    ],
)
def test_what_cannot_be_unpacked_is_said(body: bytes, chain: list[Any], told: str) -> None:
    with pytest.raises(Undecodable, match=told):
        read(body, chain)


def test_what_unpacks_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.decode.packed.MAX_BYTES", 1000)
    with pytest.raises(Undecodable, match="unpacks to more than"):
        read(zlib.compress(bytes(100_000)), ["gzip", "xml"])


# ---- Axis: references, Map, Vector, Array


def test_references_are_resolved_wherever_they_lead() -> None:
    body = enveloped(
        '<listReturn xsi:type="soapenc:Array" soapenc:arrayType="ns2:Case[2]"><listReturn href="#id0"/>'
        '<listReturn href="#id1"/></listReturn>',
        '<multiRef id="id1"><no>2</no><dept href="#id2"/><more xsi:nil="true"/></multiRef><multiRef id="id0">'
        '<no>1</no><dept href="#id2"/></multiRef><multiRef id="id2"><name>城管</name><tel href="#id3"/></multiRef>'
        '<multiRef id="id3" xsi:type="xsd:string">12345</multiRef>',
    )
    dept = {"name": "城管", "tel": "12345"}
    assert rows(body, ["multiref", "soap"], "//listReturn/listReturn") == [
        {"no": "1", "dept": dept}, {"no": "2", "dept": dept, "more": None},
    ]  # fmt: skip


def test_maps_vectors_and_arrays_become_dicts_and_lists() -> None:
    entry = "<item><key>{}</key><value{}>{}</value></item>".format
    one = entry("编号", "", "A1") + entry("空", " xsi:nil='true'", "")
    one += entry("files", " xsi:type='a:Vector'", "<item>x</item><item>y</item>")
    inner = (
        f'<r xsi:type="a:Vector"><item xsi:type="a:Map">{one}</item><item xsi:type="a:Map"/>'
        '<item xsi:nil="true"/></r>'
    )
    assert rows(enveloped(inner), ["multiref", "soap"], "//r/item") == [
        {"编号": "A1", "空": None, "files": ["x", "y"]}, {}, {},
    ]  # fmt: skip
    assert rows(enveloped('<r><c><tags xsi:type="soapenc:Array"/></c></r>'), ["multiref", "soap"], "//c") == [
        {"tags": []}
    ]


_SIXTY = '<multiRef id="{}">' + '<x href="#{}"/>' * 60 + "</multiRef>"
_LAUGHS = "".join(_SIXTY.replace("{}", a, 1).replace("{}", b) for a, b in pairwise("abcdef")) + '<multiRef id="f"/>'


@pytest.mark.parametrize(
    ("referred", "told"),
    [
        ('<multiRef id="a"><x href="#b"/></multiRef><multiRef id="b"><x href="#a"/></multiRef>', "in a circle"),
        ('<multiRef id="a"><x href="#nowhere"/></multiRef>', "something that is not in it"),
        (_LAUGHS, "beyond measure"),
    ],
)
def test_references_that_lead_nowhere_or_everywhere_are_refused(
    referred: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.decode.multiref._MAX_COPIES", 20_000)
    with pytest.raises(Undecodable, match=told):
        read(enveloped('<r href="#a"/>', referred), ["multiref", "soap"], records="//r")


def test_an_array_of_strings_inside_a_bean_keeps_its_values() -> None:
    """zeep's lax reading makes an empty list of it (SOAP 4)."""
    inner = "<r><c><no>1</no><tags><tags>x</tags><tags>y</tags></tags></c></r>"
    assert rows(enveloped(inner), ["soap"], "//c") == [{"no": "1", "tags": {"tags": ["x", "y"]}}]


def test_an_empty_text_and_nil_are_told_apart() -> None:
    """They look the same in zeep's objects of rpc/encoded values (SOAP 3)."""
    inner = '<r><c><a xsi:type="xsd:string"/><b xsi:type="xsd:string" xsi:nil="true"/></c><c xsi:nil="true"/></r>'
    assert rows(enveloped(inner), ["soap"], "//c") == [{"a": "", "b": None}, {}]


def test_nil_with_a_prefix_nobody_declared_is_read() -> None:
    """node-soap writes it (SOAP 6)."""
    body = b'<?xml version="1.0"?><E><Body><R><c><a xsi:nil="true"/></c></R></Body></E>'
    long = Spooled()
    long.write(body)
    for answer in (read(body, ["soap"], records="//c"), read(long, ["soap"], records="//c")):
        assert list(answer.rows()) == [{"a": None}]


def test_a_character_beyond_the_plane_in_two_references_is_joined_and_noted() -> None:
    """Axis writes it so (SOAP 2); with every chain that reads XML."""
    body = enveloped("<c><n>&#xD842;&#xDFB7;</n></c>")
    for steps in (["soap"], ["multiref", "soap"]):
        answer = read(body, steps, records="//c")
        assert list(answer.rows()) == [{"n": "𠮷"}] and answer.repairs == {"surrogate_references"}


def test_line_ends_and_times_are_left_as_they_came() -> None:
    """Axis answers UTC and PHP +08:00, which the descriptor's zone decides (SOAP 8)."""
    inner = "<c><t>2024-05-01T02:00:00.000Z</t><n>a&#xD;\nb</n></c>"
    assert rows(enveloped(inner), ["soap"], "//c") == [{"t": "2024-05-01T02:00:00.000Z", "n": "a\r\nb"}]


def test_bytes_in_another_encoding_than_declared_name_the_remedy() -> None:
    body = '<?xml version="1.0" encoding="utf-8"?><R><c><n>王镕</n></c></R>'.encode("gbk")
    with pytest.raises(Undecodable, match=r"as in \{xml: gbk\}"):
        read(body, ["xml"], records="//c")
    assert rows(body, [XmlStep(xml="gb2312")], "//c") == [{"n": "王镕"}]


def test_what_a_header_says_counts_where_nothing_else_is_said_and_never_what_servers_say_unasked() -> None:
    body = "<R><s>&lt;c>&lt;n>王镕&lt;/n>&lt;/c></s></R>"
    soap = f"<E><Body>{body}</Body></E>".encode("gbk")
    assert rows(soap, ["soap_string", "xml"], "//c", content_type="text/xml; charset=GBK") == [{"n": "王镕"}]
    plain = "<R><c><n>王镕</n></c></R>".encode()
    assert rows(plain, ["xml"], "//c", content_type="text/xml; charset=iso-8859-1") == [{"n": "王镕"}]


def test_a_value_s_own_attributes_are_kept_and_the_protocol_s_are_not() -> None:
    inner = '<c id="7"><n xsi:type="xsd:string" lang="zh">王</n>text</c><c lang="en">only text</c>'
    assert rows(enveloped(inner), ["soap"], "//c") == [
        {"@id": "7", "n": "王", "n@lang": "zh"}, {"@lang": "en", "#text": "only text"},
    ]  # fmt: skip


# ---- .NET DataSet


def test_a_dataset_gives_the_rows_as_they_stand_now() -> None:
    diffgram = """<GetResult><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" id="NewDataSet"><xs:element
      name="NewDataSet"/></xs:schema><diffgr:diffgram xmlns:msdata="urn:schemas-microsoft-com:xml-msdata"
      xmlns:diffgr="urn:schemas-microsoft-com:xml-diffgram-v1"><NewDataSet xmlns="">
      <Table diffgr:id="Table1" msdata:rowOrder="0"><ID>1</ID><Name>甲</Name></Table>
      <Table diffgr:id="Table2" msdata:rowOrder="1" diffgr:hasChanges="modified"><ID>2</ID></Table>
      <Table diffgr:id="Table4" diffgr:hasChanges="deleted"><ID>4</ID></Table></NewDataSet>
      <diffgr:before><Table diffgr:id="Table2" msdata:rowOrder="1" xmlns=""><ID>2</ID><Name>old</Name></Table>
      <Table diffgr:id="Table3" xmlns=""><ID>3</ID></Table></diffgr:before></diffgr:diffgram></GetResult>"""
    assert rows(enveloped(diffgram), ["dataset", "soap"], "//Table") == [{"ID": "1", "Name": "甲"}, {"ID": "2"}]


# ---- attachments


def multipart(root: str, attachment: bytes, cid: str = "file@x") -> tuple[bytes, str]:
    head = b"--B\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root@x>\r\n\r\n"
    part = f"\r\n--B\r\nContent-Type: application/octet-stream\r\nContent-ID: <{cid}>\r\n\r\n".encode()
    body = b"preamble\r\n" + head + root.encode() + part + attachment + b"\r\n--B--\r\n"
    return body, 'multipart/related; boundary="B"; start="<root@x>"; type="text/xml"'


def test_xop_includes_and_cid_references_become_what_they_stand_for() -> None:
    data = b"\x00\r\n\x85\xff--B\n"
    include = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:file%40x"/>'
    for reference in (f"<f>{include}</f>", '<f href="cid:file@x"/>'):
        body, kind = multipart(f"<R><c><n>镕</n>{reference}</c></R>", data)
        (row,) = rows(body, ["mime", "soap"], "//c", content_type=kind)
        assert row["n"] == "镕" and base64.b64decode(row["f"]) == data


def test_an_attachment_is_read_by_its_name_or_number() -> None:
    data = '<?xml version="1.0" encoding="gbk"?><a><c><n>镕</n></c></a>'.encode("gbk")
    body, kind = multipart("<R/>", data)
    for name in ("file@x", "1"):
        assert rows(body, [MimeStep(mime=name), "xml"], "//c", content_type=kind) == [{"n": "镕"}]
    with pytest.raises(Undecodable, match="no attachment '2'"):
        read(body, [MimeStep(mime="2"), "xml"], content_type=kind)


@pytest.mark.parametrize(
    ("cut", "told"),
    [(-12, "cut short"), (0, "multipart"), (None, "did not come with it")],
    ids=["end", "all", "part"],
)
def test_a_multipart_that_is_not_whole_is_refused(cut: int | None, told: str) -> None:
    body, kind = multipart('<R><f href="cid:another"/></R>', b"x")
    with pytest.raises(Undecodable, match=told):
        read(body[:cut], ["mime", "soap"], content_type=kind)
    with pytest.raises(Undecodable, match="names no boundary"):
        read(body, ["mime", "soap"], content_type="text/xml")


# ---- words


@pytest.mark.parametrize(
    ("steps", "fits"),
    [
        (["soap_string", {"xml": "gbk"}], True),
        ([{"soap_string": "//a"}, "base64", "gzip", "json"], True),
        (["mime", "multiref", "soap"], True),
        ([], True),
        (["soap_string"], False),
        (["json", "xml"], False),
        ([{"xml": "gbq"}], False),
        ([{"xml": "gbk", "json": "gbk"}], False),
        (["cdata", "xml"], False),
        ([{"soap_string": "a.b"}, "xml"], False),
        ([{"text": "//a//b"}, "xml"], False),
        ([{"text": "data"}, "xml"], True),
    ],
)
def test_a_chain_is_checked_when_it_is_loaded(steps: list[Any], fits: bool) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Decode)
    if fits:
        adapter.validate_python(steps)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(steps)


def test_what_stands_around_a_text_is_named_in_the_language_it_is_in(tmp_path: Path) -> None:
    def loads(steps: str) -> None:
        text = REST.replace("records: data.rows", f"records: //row\n    decode: {steps}", 1)
        (tmp_path / "it.yaml").write_text(text.partition("  full:")[0], "utf-8")
        load_descriptor(tmp_path / "it.yaml")

    loads("[{text: data.text}, xml]")  # its rules ask for `code`, its paging for data.total
    with pytest.raises(ConfigError, match=r"'data\.total' is no path into XML"):
        loads("[xml]")


def test_every_word_of_a_chain_has_a_step() -> None:
    assert set(chain._STEPS) == {*get_args(BareStep), "text"}
