"""SOAP requests: what reaches a server for each style, and what is said when it cannot be built."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.soap.system import SoapSystem
from adapters.wire import Limits
from tests.adapters.upstream import SAMPLES, Mirror
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Connection

XSI = "http://www.w3.org/2001/XMLSchema-instance"
ENC = "http://schemas.xmlsoap.org/soap/encoding/"
ENVELOPE = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}


class Heard:
    """What a server heard: the path, the headers, and the envelope."""

    path: str
    headers: Mapping[str, str]
    envelope: Any

    @property
    def call(self) -> Any:
        """The one element inside the Body."""
        (body,) = self.envelope
        (call,) = body
        return call


@contextmanager
def listening() -> Iterator[tuple[str, Heard]]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            heard.path, heard.headers = self.path, dict(self.headers)
            heard.envelope = etree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
            version = etree.QName(heard.envelope).namespace
            answer = f'<e:Envelope xmlns:e="{version}"><e:Body><r><ref>R1</ref></r></e:Body></e:Envelope>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def opened(where: Path, url: str, wsdl: str, op: str, body: str, params: str, more: str = "") -> SoapSystem:
    """A system with one operation, ``write``; ``wsdl`` is the descriptor's word."""
    for sample in SAMPLES.glob("*.wsdl"):
        (where / sample.name).write_bytes(sample.read_bytes())
    path = where / "one.yaml"
    path.write_text(
        f"system: one\ntitle: 例\nengine: soap\nwsdl: {wsdl}\n{more}\noperations:\n  write:\n"
        f"    request:\n      op: {op}\n      body: {body}\n    params: {params}\n    remote_id: //ref\n",
        encoding="utf-8",
    )
    system = open_system("cms", load_descriptor(path), Connection("c", "", url, "u", "p"), limits=Limits(2, 2, 4))
    assert isinstance(system, SoapSystem)
    return system


def sent(where: Path, wsdl: str, op: str, body: str, values: Mapping[str, Any], path: str = "/x") -> Heard:
    with listening() as (url, heard):
        system = opened(where, url + path, wsdl, op, body, f"[{', '.join(values)}]")
        assert system.write("write", values, key="k").remote_id == "R1"
        system.close()
    return heard


def texts(element: Any) -> list[tuple[str, str | None]]:
    return [(child.tag, child.text) for child in element]


SAVE = '{id: "{id}", note: "{note}"}'
T = "{http://tempuri.org/}"


def test_document_wrapped(tmp_path: Path) -> None:
    heard = sent(tmp_path, "styles.wsdl", "Save", SAVE, {"id": "1", "note": "𠮷<&>"})
    assert heard.envelope.tag == f"{{{ENVELOPE['1.1']}}}Envelope"
    assert heard.headers["SOAPAction"] == '"http://tempuri.org/Save"'
    assert heard.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert (heard.call.tag, texts(heard.call)) == (f"{T}Save", [(f"{T}id", "1"), (f"{T}note", "𠮷<&>")])


def test_the_soap_12_port_is_spoken_to_in_soap_12(tmp_path: Path) -> None:
    heard = sent(tmp_path, "{file: styles.wsdl, port: MainSoap12}", "Save", SAVE, {"id": "1", "note": ""})
    assert heard.envelope.tag == f"{{{ENVELOPE['1.2']}}}Envelope"
    assert heard.headers["Content-Type"] == ('application/soap+xml; charset=utf-8; action="http://tempuri.org/Save"')
    assert heard.call.tag == f"{T}Save"


def test_document_bare(tmp_path: Path) -> None:
    heard = sent(tmp_path, "styles.wsdl", "Find", '{Number: "{no}"}', {"no": "粤123"})
    assert (heard.call.tag, heard.call.text) == (f"{T}Number", "粤123")
    assert heard.headers["SOAPAction"] == '"urn:find"'


def test_rpc_literal(tmp_path: Path) -> None:
    wsdl = "{file: styles.wsdl, service: Other}"
    heard = sent(tmp_path, wsdl, "rate", '{id: "{id}", score: "{score}", tags: []}', {"id": "1", "score": 5})
    assert (heard.call.tag, texts(heard.call)) == ("{urn:rpc}rate", [("id", "1"), ("score", "5"), ("tags", None)])


def test_rpc_encoded_names_its_encoding_its_types_and_the_length_of_its_arrays(tmp_path: Path) -> None:
    body = '{in0: "{a}", in1: 2, in2: {channel: "{b}", from: ""}, in3: [x, "{a}", z]}'
    path = "/wcm/services/trs:Service"  # a colon in the service's name
    heard = sent(tmp_path, "rpc_encoded.wsdl", "query", body, {"a": "甲", "b": "id"}, path)
    assert heard.path == path
    call = heard.call
    assert call.tag == "{http://service.example}query"
    assert call.get(f"{{{ENVELOPE['1.1']}}}encodingStyle") == ENC

    def type_of(element: Any) -> str:
        prefix, _, name = element.get(f"{{{XSI}}}type").partition(":")
        return f"{{{element.nsmap[prefix]}}}{name}"

    in0, in1, in2, in3 = call
    assert (in0.text, type_of(in0)) == ("甲", "{http://www.w3.org/2001/XMLSchema}string")
    assert (in1.text, type_of(in1)) == ("2", "{http://www.w3.org/2001/XMLSchema}int")
    assert (texts(in2), type_of(in2)) == ([("channel", "id"), ("from", None)], "{http://service.example}Filter")
    assert type_of(in2[0]) == f"{{{ENC}}}string"
    assert (texts(in3), type_of(in3)) == ([("item", "x"), ("item", "甲"), ("item", "z")], f"{{{ENC}}}Array")
    prefix, _, counted = in3.get(f"{{{ENC}}}arrayType").partition(":")
    assert (in3.nsmap[prefix], counted) == ("http://www.w3.org/2001/XMLSchema", "string[3]")


def test_an_operation_with_an_attachment_survives_without_it(tmp_path: Path) -> None:
    heard = sent(tmp_path, "rpc_encoded.wsdl", "import", '{name: "{name}"}', {"name": "a.zip"})
    assert texts(heard.call) == [("name", "a.zip")]


def test_a_list_fills_a_structure_of_one_repeated_element(tmp_path: Path) -> None:
    wsdl = "{file: styles.wsdl, port: Rpc}"
    body = '{id: "1", score: 1, tags: ["{a}", b]}'
    heard = sent(tmp_path, wsdl, "rate", body, {"a": "x"})
    assert texts(heard.call.find("tags")) == [(f"{T}tag", "x"), (f"{T}tag", "b")]


# What is said


def refused(where: Path, body: str, values: Mapping[str, Any], more: str = "", wsdl: str = "styles.wsdl") -> str:
    system = opened(where, "http://127.0.0.1:9", wsdl, "Save", body, f"[{', '.join(values)}]", more)
    with pytest.raises(RemoteRefused) as caught:
        system.write("write", values, key="k")
    return str(caught.value)


SECRET_VALUE = "11010119900307123X"


FIRST_PULL = """streams:
  s:
    {kind: article, schedule: "0 1 * * *", records: //r, key: id, fields: {title: t}, time: {format: iso, zone: UTC},
     cursor: {field: t}, request: %s}"""


def test_a_required_text_without_a_value_travels_empty(tmp_path: Path) -> None:
    stream = FIRST_PULL % '{op: Save, body: {id: "{cursor}", tag: "{cursor}"}}'
    with listening() as (url, heard):
        system = opened(tmp_path, url, "styles.wsdl", "Save", SAVE, "[id, note]", stream)
        assert len(list(system.pull("s", Mirror().state(), datetime.now(UTC)))) == 1  # the first: it has no cursor
    assert texts(heard.call) == [(f"{T}id", None), (f"{T}note", None)]


def test_a_missing_parameter_is_named(tmp_path: Path) -> None:
    stream = FIRST_PULL % '{op: rate, body: {id: "1", score: "{cursor}", tags: []}}'
    body = '{id: "{a}", score: 1, tags: []}'
    system = opened(tmp_path, "http://127.0.0.1:9", "{file: styles.wsdl, port: Rpc}", "rate", body, "[a]", stream)
    with pytest.raises(RemoteRefused, match=r"^cms s: does not fit rate of the WSDL: Missing element score \("):
        list(system.pull("s", Mirror().state(), datetime.now(UTC)))


@pytest.mark.parametrize("value", [f"{SECRET_VALUE}\x00", [SECRET_VALUE, "\x1b"], {"a": "\ufffe"}])
def test_a_control_character_is_named_by_its_parameter_at_any_depth(tmp_path: Path, value: Any) -> None:
    said = refused(tmp_path, SAVE, {"id": "1", "note": value})
    assert said == "cms write: note holds a control character, which XML cannot carry"


def test_a_value_of_another_type_is_never_quoted(tmp_path: Path) -> None:
    said = refused(tmp_path, SAVE, {"id": {"name": SECRET_VALUE}, "note": ""})
    assert said.startswith("cms write: does not fit Save of the WSDL: a value has another type than id: string")
    assert SECRET_VALUE not in said


@pytest.mark.parametrize(
    ("op", "body", "told"),
    [
        (
            "query",
            '{in0: ["{a}", b], in1: 1, in2: {channel: "", from: ""}, in3: []}',
            "in0 takes one value, not a list",
        ),
        ("query", '{in0: x, in1: 1, in2: "{a}", in3: []}', "in2 takes a structure of channel, from"),
        ("query", '{in0: x, in1: 1, in2: [{channel: "{a}", from: ""}], in3: []}', "in2 takes one value, not a list"),
        ("query", '{in0: x, in1: 1, in2: {channel: "", from: ""}, in3: "{a}"}', "in3 takes a list"),
    ],
)
def test_what_would_be_dropped_in_silence_is_refused(tmp_path: Path, op: str, body: str, told: str) -> None:
    system = opened(tmp_path, "http://127.0.0.1:9", "rpc_encoded.wsdl", op, body, "[a]")
    with pytest.raises(RemoteRefused, match=f"does not fit query of the WSDL: {told}$"):
        system.write("write", {"a": SECRET_VALUE}, key="k")


@pytest.mark.parametrize(
    ("auth", "unknown"),
    [
        ("{kind: body_params, login: userName, password: tag}", {"login": "userName"}),
        ("{kind: api_key, body: Note}", {"body": "Note"}),
        (
            "{kind: signed_params, algorithm: md5, in: body, sign: sign, params: {ts: '{timestamp}'}}",
            {"sign": "sign", "params.ts": "ts"},
        ),
        ("{kind: api_key, header: X-Key}", {}),
        ("{kind: body_params, login: note, password: tag}", {}),
    ],
)
def test_a_parameter_only_the_log_in_adds_is_checked_too(tmp_path: Path, auth: str, unknown: dict[str, str]) -> None:
    system = opened(tmp_path, "http://127.0.0.1:9", "styles.wsdl", "Save", '{id: "{a}"}', "[a]", f"auth: {auth}")
    said: list[str] = []
    try:
        system.check_wsdl()
    except ConfigError as error:
        said = [str(fault).partition("one.yaml:")[2].partition(" (")[0] for fault in error.faults]
    assert said == [f"5: auth.{word}: Save of the WSDL: no parameter {name}" for word, name in unknown.items()]


def test_everything_the_wsdl_does_not_know_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    system = opened(
        tmp_path, "http://127.0.0.1:9", "styles.wsdl", "Save", '{nott: "{a}", id: {x: "{a}"}}', "[a]",
        "streams:\n  s: {kind: article, schedule: '0 1 * * *', request: {op: Lst, body: {}}, records: //r, key: id,"
        " fields: {title: t}}",
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        system.check_wsdl()
    file = tmp_path / "one.yaml"
    assert [str(fault) for fault in caught.value.faults] == [
        f"{file}:6: streams.s.request.op: the WSDL has no operation Lst at port MainSoap (known: Save)",
        f"{file}:11: operations.write.request.body.nott: Save of the WSDL has no parameter nott"
        " (did you mean note? known: id, note, tag)",
    ]


def test_a_required_parameter_the_request_leaves_out_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    system = opened(tmp_path, "http://127.0.0.1:9", "styles.wsdl", "Save", '{note: "{a}"}', "[a]")
    with pytest.raises(ConfigError, match=r"write.request.body: Save of the WSDL needs id"):
        system.check_wsdl()


def test_a_port_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    system = opened(tmp_path, "http://127.0.0.1:9", "{file: styles.wsdl, port: Mian}", "Save", SAVE, "[id, note]")
    with pytest.raises(ConfigError, match=r"wsdl.port: the WSDL has no such port: it has Main MainSoap12, Main Main"):
        system.check_wsdl()


def test_opening_a_system_reads_no_wsdl(tmp_path: Path) -> None:
    system = opened(tmp_path, "http://127.0.0.1:9", "styles.wsdl", "Save", SAVE, "[id, note]")
    (tmp_path / "styles.wsdl").unlink()
    with pytest.raises(ConfigError, match=r"styles.wsdl cannot be read: No such file or directory"):
        system.write("write", {"id": "1", "note": ""}, key="k")
