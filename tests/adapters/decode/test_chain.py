"""Bytes → values and rows, through every chain."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.decode import Answer, Undecodable, XmlAnswer, read, repair_references
from adapters.decode.text import tree
from adapters.vocabulary import JsonStep, XmlStep

GBK = XmlStep(xml="gbk")


def envelope(inner: str, *, encoding: str = "utf-8") -> bytes:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<s:Header/><s:Body><GetListResponse xmlns="urn:x"><GetListResult>{inner}</GetListResult></GetListResponse>'
        "</s:Body></s:Envelope>"
    )
    return text.encode("gb18030" if encoding in ("gbk", "gb2312") else encoding)


LIST = (
    '<?xml version="1.0" encoding="GBK"?><result><Status>1</Status><Total>2</Total><Cases>'
    "<Case><No>A1</No><Name>王镕𠮷</Name></Case><Case><No>A2</No><Name>a&amp;b</Name></Case></Cases></result>"
)


def rows(answer: Answer) -> list[dict[str, Any]]:
    return [dict(row) for row in answer.rows()]


@pytest.mark.parametrize(
    "body",
    [
        envelope(f"<![CDATA[{LIST}]]>"),
        envelope(LIST.replace("&", "&amp;").replace("<", "&lt;")),
        envelope(f"<![CDATA[{LIST}]]>", encoding="gbk"),
        envelope(f"<![CDATA[{LIST}]]>", encoding="gb2312"),
    ],
    ids=["cdata", "escaped", "envelope in gbk", "envelope called gb2312"],
)
def test_xml_in_a_soap_string_is_read_whatever_its_prolog_says(body: bytes) -> None:
    answer = read(body, ["soap_string", GBK], records="//Case", values=["/result/Status", "/result/Total"])
    assert rows(answer) == [{"No": "A1", "Name": "王镕𠮷"}, {"No": "A2", "Name": "a&b"}]
    assert (answer.value("/result/Status"), answer.value("/result/Total")) == ("1", "2")
    assert not answer.damaged


def test_json_in_a_soap_string_is_read() -> None:
    answer = read(envelope("{&quot;status&quot;:&quot;0&quot;}"), ["soap_string", "json"])
    assert answer.value("status") == "0"


def test_a_fault_in_place_of_the_string_keeps_its_code_and_text() -> None:
    body = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        b"<faultcode>s:Client.Auth</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    answer = read(body, ["soap_string", "xml"], records="//Case")
    assert isinstance(answer, XmlAnswer) and answer.fault == ("Client.Auth", "no") and rows(answer) == []


def test_bytes_called_gbk_are_read_as_gb18030() -> None:
    body = '<?xml version="1.0" encoding="gb2312"?><a><r><n>镕𠮷</n></r></a>'.encode("gb18030")
    assert rows(read(body, ["xml"], records="//r")) == [{"n": "镕𠮷"}]
    assert rows(read(body.replace(b"gb2312", b"utf-8"), [GBK], records="//r")) == [{"n": "镕𠮷"}]  # it lies: override


def test_characters_that_cannot_be_decoded_are_marked_not_invented() -> None:
    body = b'<?xml version="1.0" encoding="gbk"?><a><r><n>\xff\xfe</n></r></a>'
    answer = read(body, ["xml"], records="//r")
    assert answer.damaged and "�" in rows(answer)[0]["n"]


def test_rows_keep_structure_attributes_repeats_and_nil() -> None:
    body = (
        b'<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:y"><row id="7"><x>1</x><x>2</x>'
        b"<y><z/></y>"
        b'<w i:nil="true"/><!-- note --><v>t<!-- c -->u</v></row></a>'
    )
    assert rows(read(body, ["xml"], records="/a/row")) == [
        {"@id": "7", "x": ["1", "2"], "y": {"z": ""}, "w": None, "v": "tu"}
    ]


def test_a_path_tells_apart_elements_of_one_name() -> None:
    body = b"<result><Status>1</Status><Case><Status>12</Status></Case></result>"
    answer = read(body, ["xml"], records="//Case", values=["/result/Status", "//Case/Status"])
    assert answer.value("/result/Status") == "1" and rows(answer) == [{"Status": "12"}]


def test_surrogate_references_become_the_character_they_mean() -> None:
    assert repair_references(b"<n>&#xD842;&#xDFB7;&#55362;&#57271;</n>") == b"<n>&#x20BB7;&#x20BB7;</n>"
    assert repair_references(b"<n>&#xD842;</n>&#65;") == b"<n>&#xFFFD;</n>&#65;"
    assert rows(read(b"<a><r><n>&#xD842;&#xDFB7;</n></r></a>", ["xml"], records="//r")) == [{"n": "𠮷"}]


def test_json_numbers_stay_exact() -> None:
    answer = read(b'{"data":{"rows":[{"id":1705810283303333889,"p":1.50,"q":170581028330333388912345}]}}', ["json"],
                  records="data.rows")  # fmt: skip
    assert rows(answer) == [{"id": 1705810283303333889, "p": "1.50", "q": 170581028330333388912345}]


def test_json_in_gbk_is_read_where_the_descriptor_or_the_header_says_so() -> None:
    body = '{"rows":[{"t":"镕"}]}'.encode("gbk")
    assert rows(read(body, [JsonStep(json="gbk")], records="rows")) == [{"t": "镕"}]
    assert rows(read(body, ["json"], content_type="application/json;charset=GBK", records="rows")) == [{"t": "镕"}]


@pytest.mark.parametrize(
    ("body", "chain", "told"),
    [
        (b"<!DOCTYPE html><html><body>log in</body></html>", ["json"], "an HTML page came"),
        (b"\n <html><body/></html>", ["xml"], "an HTML page came"),
        (b'{"data": {"rows": [{"id": 1}', ["json"], "no whole JSON: it is cut short"),
        (b"<a><b>", ["xml"], "no whole XML: it is cut short"),
        (b"", ["json"], "is empty, not JSON"),
        (b"  ", ["soap_string", "xml"], "is empty, not SOAP envelope"),
        (b"OK", ["json"], "no JSON"),
        (b"<a/>", ["soap_string", "xml"], "no whole SOAP envelope: it has no body"),
        (envelope(""), ["soap_string", "xml"], "returned no string"),
    ],
)
def test_what_came_instead_is_named(body: bytes, chain: list[Any], told: str) -> None:
    with pytest.raises(Undecodable, match=told):
        read(body, chain, records=".")


def test_a_list_that_is_not_there_is_not_an_empty_list() -> None:
    assert rows(read(b'{"data":{"rows":null}}', ["json"], records="data.rows")) == []
    for body in (b'{"data":{}}', b'{"data":null}', b'{"data":{"rows":"x"}}', b'{"data":{"rows":["x"]}}'):
        with pytest.raises(Undecodable, match=r"at data\.rows"):
            rows(read(body, ["json"], records="data.rows"))


def test_entities_of_a_hostile_answer_are_not_expanded(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("geheim")
    body = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]><a><r><n>&x;</n></r></a>'.encode()
    with pytest.raises(Undecodable, match="an entity of its own"):
        read(body, ["xml"], records="//r")


def test_half_a_surrogate_pair_in_json_costs_one_character_and_not_the_page() -> None:
    body = rb'{"rows": [{"id": "1", "t": "cut \ud83d"}, {"id": "2", "t": "\ud83d\ude00 \\ud83d"}]}'
    answer = read(body, chain=["json"], records="rows")
    assert [row["t"] for row in answer.rows()] == ["cut \ufffd", "\U0001f600 \\ud83d"]


def test_what_is_no_row_between_rows_does_not_cost_the_others() -> None:
    assert list(read(b'{"rows": [{"id": "1"}, null, 5]}', chain=["json"], records="rows").rows()) == [
        {"id": "1"},
        {},
        {},
    ]
    with pytest.raises(Undecodable, match="no list of rows"):
        read(b'{"rows": ["1", "2"]}', chain=["json"], records="rows").rows()


@pytest.mark.parametrize(
    "prolog",
    ['<!DOCTYPE a [<!ENTITY x "y">]>', '<!DOCTYPE a [<!ENTITY % p SYSTEM "p.dtd">]>', '<!DOCTYPE a SYSTEM "a.dtd">'],
    ids=["of its own", "a parameter", "declared elsewhere"],
)
def test_no_entity_is_followed_wherever_it_is_declared(prolog: str) -> None:
    with pytest.raises(Undecodable, match="an entity of its own"):
        read(f"<!-- {'-x' * 50_000} -->{prolog}<a><r><n>&x;</n></r></a>".encode(), ["xml"], records="//r")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gbk"])
def test_a_document_taken_whole_brings_no_entity_in_either(encoding: str) -> None:
    document = '<!DOCTYPE a [<!ENTITY x "yy"><!ENTITY z "&x;&x;">]><a><r k="&z;"/></a>'.encode(encoding)
    with pytest.raises(Undecodable, match="an entity of its own"):
        tree(document, "gbk" if encoding == "gbk" else "", set())
    assert tree("<!DOCTYPE a><a><r k='1'/></a>".encode(encoding), encoding if encoding == "gbk" else "", set())


def test_a_row_inside_a_row_is_a_row_of_its_own() -> None:
    body = b"<a><r><n>1</n><r><n>2</n></r></r><r nil='1'><b><r><n>3</n></r></b></r></a>"
    assert rows(read(body, ["xml"], records="//r")) == [
        {"n": "2"}, {"n": "1", "r": ""}, {"n": "3"}, {"@nil": "1", "b": {"r": ""}},
    ]  # fmt: skip


def test_elements_nested_without_end_are_refused() -> None:
    with pytest.raises(Undecodable, match="nested too deep"):
        read(b"<a>" * 50_000 + b"</a>" * 50_000, ["xml"], records="//r")
