"""What .NET and Axis 1 check and how they answer: the traps an adapter must survive are really there."""

from xml.sax.saxutils import escape

import pytest
from lxml import etree

from sandbox.vendors import epoint, hanweb, trs_wcm
from tests.sandbox.vendors.conftest import Client


def asmx(operation: str, paras: str, token: str = epoint.TOKEN, namespace: str = epoint.NAMESPACE) -> str:
    document = escape(f'<?xml version="1.0" encoding="gb2312"?><paras>{paras}</paras>')
    return (
        f'<{operation} xmlns="{epoint.NAMESPACE}"><ValidateData xmlns="{namespace}">{token}</ValidateData>'
        f"<ParasXml>{document}</ParasXml></{operation}>"
    )


def ask_epoint(client: Client, operation: str, paras: str, **more: str) -> etree._Element:
    status, text = client.soap(epoint.PATH, asmx(operation, paras, **more), epoint.NAMESPACE + operation)
    assert status == 200 and text.startswith('<?xml version="1.0" encoding="gb2312"?>')
    return etree.fromstring(text.partition("?>")[2])


def axis(namespace: str, operation: str, *values: str) -> str:
    inside = "".join(f"<arg{n}>{escape(value)}</arg{n}>" for n, value in enumerate(values))
    return f'<q:{operation} xmlns:q="{namespace}">{inside}</q:{operation}>'


# Epoint


def test_asmx_goes_by_soapaction(client: Client) -> None:
    status, text = client.soap(epoint.PATH, asmx("GetInfoList", ""), "http://tempuri.org/NoSuch")
    assert status == 500 and "was expected" in text
    status, text = client.soap(epoint.PATH, asmx("GetInfoList", ""))
    assert status == 500 and "SOAPAction" in text


def test_asmx_takes_a_parameter_of_another_namespace_for_null(client: Client) -> None:
    answer = ask_epoint(client, "GetCategoryList", "", namespace="")
    assert answer.findtext(".//Status") == "False" and answer.findtext(".//Description") == "身份验证失败"


def test_epoint_lists_a_column_with_or_without_bars_newest_first(client: Client) -> None:
    page = "<CategoryNum>{}</CategoryNum><CurrentPageIndex>1</CurrentPageIndex><PageSize>50</PageSize>"
    bars, plain = (ask_epoint(client, "GetInfoList", page.format(n)) for n in ("028|003", "028003"))
    assert etree.tostring(bars) == etree.tostring(plain)
    dates = [one.text or "" for one in bars.iter("InfoDate")]
    assert len(dates) == int(bars.findtext(".//TotalNumCount") or 0) > 10
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(
    "paras",
    ["<PageSize>51</PageSize>", "<CurrentPageIndex>0</CurrentPageIndex>", "<PageSize>ten</PageSize>"],
)
def test_epoint_refuses_pages_that_cannot_be(client: Client, paras: str) -> None:
    answer = ask_epoint(client, "GetInfoList", "<CurrentPageIndex>1</CurrentPageIndex>" + paras)
    assert answer.findtext(".//Status") == "False"


def test_epoint_keeps_what_is_written_back(client: Client) -> None:
    key = epoint.info_id(4)
    done = ask_epoint(client, "UpdateInfo", f"<InfoID>{key}</InfoID><WeChatState>confirmed</WeChatState>")
    assert done.findtext(".//Status") == "True"
    assert [one["id"] for one in client.control("GET", "/epoint/write-backs")] == [key]


# Axis 1


def test_axis_finds_an_operation_by_the_number_of_its_parameters(client: Client) -> None:
    status, text = client.soap(hanweb.PATH, axis(hanweb.NAMESPACE, "zxreceive", *["x"] * 30))
    assert status == 500 and "No such operation" in text


def test_axis_does_not_look_at_names(client: Client) -> None:
    values = {**dict.fromkeys(hanweb.ZX, ""), "questioncode": "A1", "name": "王", "title": "t", "content": "c",
              "usertype": "2", "platform": "1", "area": "370100", "zxuniqueid": "370100A1", "sign": hanweb.SIGN,
              "submitdate": "2026-01-05 09:00:00"}  # fmt: skip
    _, text = client.soap(hanweb.PATH, axis(hanweb.NAMESPACE, "zxreceive", *values.values()))
    assert '"status": "0"' in text
    shifted = [*list(values.values())[1:], ""]
    _, text = client.soap(hanweb.PATH, axis(hanweb.NAMESPACE, "zxreceive", *shifted))
    assert '"status": "2"' in text  # the secret does not stand in its place


def test_axis_sends_what_lies_outside_the_bmp_as_two_halves(client: Client) -> None:
    query = ("", "2000-01-01 00:00:00", "2100-01-01 00:00:00", "1", "50", "1", hanweb.SIGN)
    body = axis(hanweb.NAMESPACE, "zxquery", *query)
    envelope = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'
    answer = client.call("POST", hanweb.PATH, content=envelope.encode(), headers={"Content-Type": "text/xml"})
    assert "&#xD842;&#xDFB7;田先生" in answer.text
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)


def test_wcm_reports_inside_a_cdata_section_and_answers_bare_booleans(client: Client) -> None:
    path = trs_wcm.SERVICES + "WCMDocumentService"
    query = ("2000-01-01 00:00:00", "2100-01-01 00:00:00", "1", "5")
    _, text = client.soap(path, axis(trs_wcm.NAMESPACE, "queryDocuments", *query))
    report = etree.fromstring(text)
    assert report.findtext("IS-SUCCESS") == "true" and len(report.findall(".//WCMDOCUMENT")) == 5
    key = trs_wcm.document_id(2)
    assert client.soap(path, axis(trs_wcm.NAMESPACE, "deleteDocument", key, "true", "true"))[1] == "true"
    both = f"{key},999"
    assert client.soap(path, axis(trs_wcm.NAMESPACE, "publishDocument", both))[1] == "false"
    states = {one["id"]: one["state"] for one in client.control("GET", "/trs_wcm/articles")}
    assert states[key] == trs_wcm.DELETED  # one of the two is not there: none was touched


@pytest.mark.parametrize("path", [epoint.PATH, hanweb.PATH, trs_wcm.SERVICES + "ImportService"])
def test_the_description_names_the_address_it_was_asked_at(client: Client, path: str) -> None:
    tree = etree.fromstring(client.call("GET", path + "?wsdl").content)
    (address,) = tree.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address.get("location") == client.world.base_url + path
