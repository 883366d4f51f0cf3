"""Answers that other projects recorded: each decodes to what its source says, read short or read long."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.decode import Answer, XmlAnswer, read
from adapters.spool import Spooled

pytestmark = pytest.mark.interop


@pytest.fixture
def recorded() -> Path:
    """The folder of recorded answers: WEIGOV_SHARED, or ``shared`` beside the project."""
    folder = Path(os.environ.get("WEIGOV_SHARED", Path(__file__).parents[4] / "shared"))
    if not (folder / "fixtures" / "upstream").is_dir():
        pytest.skip("other projects' recorded answers are not here (set WEIGOV_SHARED)")
    return folder / "fixtures" / "upstream"


def both(body: bytes, chain: list[Any], records: str, **more: Any) -> tuple[list[dict[str, Any]], Answer]:
    """The rows and the answer; a long answer must say the same."""
    answer = read(body, chain, records=records, **more)
    rows = [dict(row) for row in answer.rows()]
    spooled = Spooled()
    spooled.write(body)
    assert list(read(spooled, chain, records=records, **more).rows()) == rows
    return rows, answer


def soap(recorded: Path, name: str) -> bytes:
    return (recorded / "soap" / name).read_bytes()


# ---- SOAP


def test_every_recorded_soap_answer_is_decoded_here(recorded: Path) -> None:
    files = [file for file in (recorded / "soap").rglob("*") if file.suffix in (".xml", ".txt")]
    answers = {
        file.relative_to(recorded / "soap").as_posix() for file in files if not file.name.startswith("request")
    }
    assert answers == {
        "node-soap/GetAccountXml__non_xmlns_attributes_should_be_returned/response.xml",
        "node-soap/SendCDATA__cdata_is_handled_correctly/response.xml",
        "node-soap/multiCall__rpc_stype_request_xsi_attributes/response.xml",
        "savon/authentication.xml",
        "savon/multi_ref.xml",
        "savon/soap_fault.xml",
        "soap-client/www.dneonline.com_POST_calculator.asmx_fd199.txt",
    }


def test_an_xml_document_inside_an_answer_keeps_its_attributes(recorded: Path) -> None:
    folder = "node-soap/GetAccountXml__non_xmlns_attributes_should_be_returned"
    said = json.loads(soap(recorded, f"{folder}/response.json"))
    account = said["AccountXml"]["Foo"]["Foo"]
    tree = {f"@{name}": value for name, value in account["Tree"]["attributes"].items()}
    rows, answer = both(
        soap(recorded, f"{folder}/response.xml"), ["soap"], "//AccountXml/Foo/Foo", values=["//ResultCode"]
    )  # fmt: skip
    assert rows == [
        {
            **{f"@{name}": value for name, value in account["attributes"].items()},
            "Tree": {**tree, "FilteredTransitions": ""},
        }
    ]
    assert answer.value("//ResultCode") == str(said["ResultCode"])


def test_cdata_is_the_text_it_holds(recorded: Path) -> None:
    folder = "node-soap/SendCDATA__cdata_is_handled_correctly"
    rows, _ = both(soap(recorded, f"{folder}/response.xml"), ["soap"], "//TestResponse")
    assert rows == [json.loads(soap(recorded, f"{folder}/response.json"))]


def test_an_rpc_array_is_a_list_and_its_types_are_no_columns(recorded: Path) -> None:
    folder = "node-soap/multiCall__rpc_stype_request_xsi_attributes"
    said = json.loads(soap(recorded, f"{folder}/response.json"))["multiCallReturn"]["item"]["$value"]
    body = soap(recorded, f"{folder}/response.xml")
    assert both(body, ["soap"], "//multiCallReturn")[0] == [{"item": said}]
    assert both(body, ["multiref", "soap"], "//multiCallResponse")[0] == [{"multiCallReturn": [said]}]


def test_a_wrapped_answer_is_read(recorded: Path) -> None:
    rows, answer = both(
        soap(recorded, "savon/authentication.xml"), ["soap"], "//authenticationValue", values=["//return/success"]
    )
    assert rows == [
        {
            "token": "a68d1d6379b62ff339a0e0c69ed4d9cf",
            "tokenHash": "AAAJxA;cIedoT;mY10ExZwG6JuKgp2OYKxow==",
            "client": "radclient",
        }
    ]
    assert answer.value("//return/success") == "true"


def test_multi_references_of_axis_are_followed_in_the_order_of_the_array(recorded: Path) -> None:
    rows, _ = both(soap(recorded, "savon/multi_ref.xml"), ["multiref", "soap"], "//listReturn/listReturn")
    common = {"location": "Archive", "referenceId": "0", "state": "Original"}
    assert rows == [
        common
        | {
            "date": "2009-04-30T06:38:34.000Z",
            "mailId": "708021",
            "subject": "Mail from 04-29-2009: Technical support",
        },
        common | {"date": "2009-09-22T13:47:23.000Z", "mailId": "855763", "subject": "Mail from 09-22-2009: Misc"},
        common | {"date": "2009-12-18T15:43:21.000Z", "mailId": "972219", "subject": "Mail from 12-17-2009: Misc"},
    ]


def test_a_fault_is_a_fault_with_every_chain(recorded: Path) -> None:
    for chain in (["soap"], ["soap_string", "xml"], ["multiref", "soap"]):
        answer = read(soap(recorded, "savon/soap_fault.xml"), chain, records="//return")
        assert isinstance(answer, XmlAnswer) and list(answer.rows()) == []
        assert answer.fault == ("Server", "Fault occurred while processing.")


def test_what_a_live_asmx_said_is_read(recorded: Path) -> None:
    head, _, body = soap(recorded, "soap-client/www.dneonline.com_POST_calculator.asmx_fd199.txt").partition(
        b"\r\n\r\n"
    )
    kind = re.search(r"^Content-Type: (.*)$", head.decode(), re.MULTILINE)
    assert kind is not None
    assert both(body, ["soap"], "//AddResponse", content_type=kind[1])[0] == [{"AddResult": "3"}]


# ---- REST


@pytest.mark.parametrize(
    ("file", "records", "count", "columns"),
    [
        ("services.xml", "/services/service", 36, 7),
        ("service_requests.xml", "//service_requests/request", 2, 17),
        ("service_requests_empty.xml", "//service_requests/request", 0, 0),
        ("get_service_request.xml", "//request", 1, 17),
        ("post_service_request.xml", "//request", 1, 3),
        ("request_id_from_token.xml", "//request", 1, 2),
        ("service_definition.xml", "//attribute", 1, 8),
        ("get_service_request_not_found.xml", "//request", 0, 0),
    ],
)
def test_open311_answers_have_the_rows_and_fields_their_sources_have(
    recorded: Path, file: str, records: str, count: int, columns: int
) -> None:
    body = (recorded / "open311/open311/fixtures" / file).read_bytes()
    rows, _ = both(body, ["xml"], records, values=["//error/code"])
    assert len(rows) == count and all(len(row) == columns for row in rows)


def test_an_open311_error_has_its_code(recorded: Path) -> None:
    body = (recorded / "open311/open311/fixtures/get_service_request_not_found.xml").read_bytes()
    assert read(body, ["xml"], records="//request", values=["//error/code"]).value("//error/code") == "404"


@pytest.mark.parametrize(
    ("file", "records", "count", "columns"),
    [
        ("discourse/discourse_api/latest.json", "topic_list.topics", 3, 25),
        ("discourse/discourse_api/categories.json", "category_list.categories", 3, 18),
        ("discourse/discourse_api/topic.json", "post_stream.posts", 4, 36),
        ("discourse/discourse_api/search.json", ".", 1, 4),
        ("open311/311/liveSamResponse.json", "features", 38, 2),
    ],
)
def test_json_answers_have_the_rows_and_fields_their_sources_have(
    recorded: Path, file: str, records: str, count: int, columns: int
) -> None:
    body = (recorded / file).read_bytes()
    rows, _ = both(body, ["json"], records)
    assert len(rows) == count and len(rows[0]) == columns
    # Numbers with a point keep their digits as text; everything else is what any reader of JSON says.
    found: Any = json.loads(body, parse_float=str)
    for part in records.split(".") if records != "." else ():
        found = found[part]
    assert rows == (found if isinstance(found, list) else [found])
