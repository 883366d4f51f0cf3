"""The doctor: what it says of a WSDL, what it asks for, and that its bundle is enough for a descriptor."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from typer.testing import CliRunner

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.soap.doctor import Diagnosis, diagnose, open_source, report, write_bundle
from adapters.soap.system import SoapSystem
from adapters.wire import Limits, Wire
from tests.adapters.soap.test_wsdl import BROKEN, PLAIN, A, parameters, reaches_nothing, schema, wsdl
from tests.adapters.upstream import SAMPLES
from weigov.cli import app
from weigov.errors import ConfigError, RemoteUnavailable
from weigov.ports import Connection


def look(file: Path) -> Diagnosis:
    return diagnose(open_source(str(file)), file.name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in" / "s.wsdl"


# What it says


def test_a_whole_wsdl_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    reaches_nothing(monkeypatch)
    assert list(report(look(SAMPLES / "rpc_encoded.wsdl"))) == [
        "rpc_encoded.wsdl: loads as it is",
        "  service ServiceService, port trs_Service, SOAP 1.1",
        "    import(name) rpc/encoded",
        "    query(in0, in1: int, in2: {channel, from}, in3[]: ArrayOf_xsd_string) rpc/encoded",
    ]


@pytest.mark.parametrize("patch", BROKEN)
def test_the_patch_that_mends_it_is_found(file: Path, patch: str) -> None:
    content, files, told = BROKEN[patch]
    write(file, content, files)
    found = look(file)
    assert (found.patches, found.still, parameters(found)) == ((patch,), "", {"go": ["x"]})  # type: ignore[arg-type]
    assert told in found.why


def test_several_patches_are_found_and_none_that_is_not_needed(file: Path) -> None:
    text = BROKEN["declare_missing_prefix"][0].replace(
        '<message name="Out">', '<message name="Out"><part name="r" element="t:No"/>'
    )
    write(file, text, {})
    assert look(file).patches == ("declare_missing_prefix", "forget_answers")


def test_what_no_patch_mends_is_said_with_its_reason(file: Path) -> None:
    write(file, wsdl(PLAIN).replace('element="t:A"', 'element="t:B"'), {})
    lines = list(report(look(file)))
    assert lines[0] == "s.wsdl: cannot be used"
    assert lines[1].startswith(
        "  as it is: lacks go: The wsdl:message for '{urn:t}In' contains an invalid part ('a')"
    )


def test_an_operation_that_is_lost_does_not_hide_the_others(file: Path) -> None:
    text = wsdl(PLAIN).replace(
        "</binding>",
        '<operation name="gone"><input><soap:body use="literal"/></input></operation></binding>',
    )  # fmt: skip
    write(file, text, {})
    found = look(file)
    assert found.usable and "lacks gone: The wsdl:operation 'gone' was not found" in found.why
    assert next(report(found)) == "s.wsdl: loads in part"


def test_a_part_of_a_wsdl_is_told_from_a_broken_one(file: Path) -> None:
    write(file, wsdl(PLAIN).partition("<binding")[0] + "</definitions>", {})
    assert look(file).why == "describes no operation over SOAP: it may be a part of another WSDL"


def write(file: Path, content: str, files: Mapping[str, str]) -> None:
    file.write_text(content, encoding="utf-8")
    for name, text in files.items():
        (file.parent / name.replace("_", ".")).write_text(text, encoding="utf-8")


def opened(where: Path, url: str, words: str, op: str = "", body: str = "") -> SoapSystem:
    """A system described in the folder ``where`` by ``words``, with at most one operation."""
    written = f"system: one\ntitle: 例\nengine: soap\n{words}\n"
    if op:
        written += (
            f"operations:\n  w: {{request: {{op: {op}, body: {body}}}, params: [a], remote_id: //list_casesResult}}\n"
        )
    (where / "one.yaml").write_text(written, encoding="utf-8")
    system = open_system("cms", load_descriptor(where / "one.yaml"), Connection("c", "", url))
    assert isinstance(system, SoapSystem)
    return system


# What it asks for

OTHER = schema('<xs:simpleType name="B"><xs:restriction base="xs:string"/></xs:simpleType>', namespace="urn:o")


@contextmanager
def serving(documents: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """``documents`` by path and query, on loopback; HOST in them is this server. Also what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            found = documents.get(self.path)
            body = (found or "no").replace("HOST", self.headers["Host"]).encode()
            self.send_response(302 if found == "" else 200 if found else 404)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def importing(location: str) -> str:
    element = A.format('<xs:element name="x" type="o:B"/>')
    return wsdl(
        schema(f'<xs:import namespace="urn:o" schemaLocation="{location}"/>{element}', more='xmlns:o="urn:o"')
    )


def test_an_address_is_read_with_its_imports_and_bundled_for_a_network_that_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {"/a/S.asmx?wsdl": importing("http://HOST/a/S.asmx?xsd=1"), "/a/S.asmx?xsd=1": OTHER}
    with serving(documents) as (url, asked):
        source = open_source(f"{url}/a/S.asmx?wsdl")
        found = diagnose(source, "S")
        words = write_bundle(found, source, tmp_path / "site" / "bundle")
    assert asked == ["/a/S.asmx?wsdl", "/a/S.asmx?xsd=1"]
    assert words == "wsdl: {file: bundle/S-wsdl.wsdl, bundle: bundle}"
    shutil.move(tmp_path / "site", tmp_path / "moved")
    reaches_nothing(monkeypatch)
    opened(tmp_path / "moved", "http://127.0.0.1:9", words, "go", "{x: '{a}'}").check_wsdl()


def test_a_file_is_bundled_with_its_neighbours(tmp_path: Path, file: Path) -> None:
    write(file, importing("../xsd/o.xsd"), {})
    (tmp_path / "xsd").mkdir()
    (tmp_path / "xsd" / "o.xsd").write_text(OTHER, encoding="utf-8")
    source = open_source(str(file), folder=tmp_path)
    words = write_bundle(diagnose(source, "s"), source, tmp_path / "out")
    assert words == "wsdl: {file: out/s.wsdl, bundle: out}"
    shutil.rmtree(tmp_path / "xsd")
    found = diagnose(open_source(str(tmp_path / "out" / "s.wsdl")), "s")
    assert "o.xsd" in found.why  # the manifest is needed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "o.xsd", "s.wsdl"]


PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    "location", ["../.ssh/id_rsa", "/proc/self/environ", "link.xsd", "linked/id_rsa", "pipe.xsd"]
)
def test_a_wsdl_has_nothing_read_that_is_not_a_file_of_its_folder(tmp_path: Path, file: Path, location: str) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_rsa").write_text(PRIVATE)
    (file.parent / "link.xsd").symlink_to(tmp_path / ".ssh" / "id_rsa")
    (file.parent / "linked").symlink_to(tmp_path / ".ssh")
    os.mkfifo(file.parent / "pipe.xsd")
    write(file, importing(location), {})
    source = open_source(str(file))
    found = diagnose(source, "s")
    assert set(source.held) == set(found.documents) == {str(file)}
    assert "outside the folder" in found.why or "is no file" in found.why


def test_a_bundle_holds_wsdls_and_schemas_and_nothing_else_an_import_led_to(tmp_path: Path, file: Path) -> None:
    for name, content in (("id_rsa", PRIVATE), ("settings.xml", "<settings><password>x</password></settings>")):
        (file.parent / name).write_text(content)
        write(file, importing(name), {})
        source = open_source(str(file))
        found = diagnose(source, "s")
        write_bundle(found, source, tmp_path / name)
        assert name not in found.documents and sorted(p.name for p in (tmp_path / name).iterdir()) == [
            "manifest.json", "s.wsdl",
        ]  # fmt: skip


def test_another_host_is_asked_only_when_it_is_named() -> None:
    with serving({"/o.xsd": OTHER}) as (other, asked):
        with serving({"/s?wsdl": importing(f"{other}/o.xsd")}) as (url, _):
            refused = diagnose(open_source(f"{url}/s?wsdl"), "s")
            port = other.rpartition(":")[2]
            assert f"127.0.0.1:{port} is not among the hosts allowed for it" in refused.why
            assert asked == []
            assert diagnose(open_source(f"{url}/s?wsdl", [f"127.0.0.1:{port}"]), "s").why == ""
            assert asked == ["/o.xsd"]


def test_a_descriptor_fetches_imports_of_its_hosts_when_it_is_first_used(tmp_path: Path) -> None:
    with serving({"/o.xsd": OTHER}) as (url, asked):
        host = url.removeprefix("http://")
        (tmp_path / "s.wsdl").write_text(importing(f"{url}/o.xsd"), encoding="utf-8")
        system = opened(tmp_path, url, f'wsdl: {{file: s.wsdl, hosts: ["{host}"]}}', "go", "{x: '{a}'}")
        assert asked == []
        system.check_wsdl()
        assert asked == ["/o.xsd"]
    (tmp_path / "s.wsdl").write_text(importing(f"{url}/gone.xsd"), encoding="utf-8")
    system = opened(tmp_path, url, f'wsdl: {{file: s.wsdl, hosts: ["{host}"]}}', "go", "{x: '{a}'}")
    with pytest.raises(RemoteUnavailable, match=r"^cms wsdl: http://.*/gone.xsd could not be read: nothing listens"):
        system.write("w", {"a": "1"}, key="k")  # nothing was sent to the service itself


def test_what_wsdl_names_must_be_beside_the_descriptor(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, "http://127.0.0.1:9", "wsdl: {file: s.wsdl, bundle: b, patches: [forget]}")
    assert "wsdl.patches.0: 'forget' is not a word here (did you mean forget_answers?)" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, "http://127.0.0.1:9", "wsdl: {file: s.wsdl, bundle: b}")
    said = str(caught.value)
    assert "wsdl.file: there is no s.wsdl beside this file" in said
    assert "wsdl.bundle: there is no b beside this file" in said


@pytest.mark.parametrize(("path", "told"), [("/none", "HTTP 404"), ("/moved", "HTTP 302"), ("/big", "more than 50")])
def test_an_address_that_answers_otherwise_is_said(path: str, told: str) -> None:
    wire = Wire(limits=Limits(2, 2, 2, max_bytes=50))
    with serving({"/moved": "", "/big": "x" * 100}) as (url, asked):
        found = diagnose(open_source(url + path, wire=wire), "s")
    assert told in found.why and not found.usable
    assert set(asked) == {path}  # redirects are not followed


@pytest.mark.parametrize("address", ["ftp://h/x", "http://u:p@h/x", "http:///x"])
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="without a log-in"):
        open_source(address)


def test_a_bundle_does_not_mix_with_other_files(tmp_path: Path) -> None:
    source = open_source(str(SAMPLES / "items.wsdl"))
    found = diagnose(source, "items")
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ConfigError, match="holds other files: name a new folder"):
        write_bundle(found, source, tmp_path)
    write_bundle(found, source, tmp_path / "new")
    write_bundle(found, source, tmp_path / "new")  # a bundle may be written again


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_live_service_is_described_as_it_serves_itself_and_called_by_its_bundle(
    tmp_path: Path, version: str
) -> None:
    with spyne_serving(version) as url:
        source = open_source(f"{url}/?wsdl")
        found = diagnose(source, "cases")
        words = write_bundle(found, source, tmp_path / "b")
        assert [line.strip() for line in report(found)][-1] == "list_cases(since, page?: integer) document/literal"
        assert {offer.soap for offer in found.offers} == {version}
        system = opened(tmp_path, url, words, "list_cases", "{since: '{a}', page: 2}")
        assert system.write("w", {"a": "今"}, key="k").remote_id == "今/2"
        system.close()


@contextmanager
def spyne_serving(version: str) -> Iterator[str]:
    import sandbox.cases.spyne_import  # noqa: F401  # before anything of spyne

    from spyne import Application, Integer, ServiceBase, Unicode, rpc  # isort: skip
    from spyne.protocol.soap import Soap11, Soap12
    from spyne.server.wsgi import WsgiApplication

    class Cases(ServiceBase):  # type: ignore[misc]
        @rpc(Unicode(min_occurs=1, nillable=False), Integer, _returns=Unicode)  # type: ignore[untyped-decorator]
        def list_cases(ctx, since, page):  # type: ignore[no-untyped-def]
            return f"{since}/{page}"

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    protocol = {"1.1": Soap11, "1.2": Soap12}[version]
    application = WsgiApplication(Application([Cases], "urn:cases", in_protocol=protocol(), out_protocol=protocol()))
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# The command


def test_the_command_says_it_and_fails_when_there_is_nothing_to_use(tmp_path: Path, file: Path) -> None:
    run = CliRunner().invoke
    said = run(app, ["doctor", "wsdl", str(SAMPLES / "items.wsdl"), "--out", str(tmp_path / "b")])
    assert said.exit_code == 0
    assert "ListItems(user, secret, page: int, size: int, since?) document/literal" in said.output
    assert "in a descriptor beside it: wsdl: {file: b/items.wsdl, bundle: b}" in said.output
    write(file, BROKEN["declare_missing_prefix"][0], {})
    said = run(app, ["doctor", "wsdl", str(file)])
    assert "wsdl: {file: s.wsdl, patches: [declare_missing_prefix]}" in said.output
    said = run(app, ["doctor", "wsdl", str(tmp_path / "none.wsdl")])
    assert (said.exit_code, "none.wsdl cannot be read: No such file" in said.output) == (1, True)


# WSDLs of other projects

PART = "describes no operation over SOAP: it may be a part of another WSDL"
#: file → the patches it needs; a text: why it cannot be used.
EXPECTED: dict[str, tuple[str, ...] | str] = {
    "soap/node-soap/GetAccountXml__non_xmlns_attributes_should_be_returned/soap.wsdl": (),
    "soap/node-soap/SendCDATA__cdata_is_handled_correctly/soap.wsdl": (),
    "soap/node-soap/multiCall__rpc_stype_request_xsi_attributes/soap.wsdl": (),
    "wsdl/axis-axis1-java/DataService.wsdl": (),
    "wsdl/axis-axis1-java/GetQuote.wsdl": (),
    "wsdl/axis-axis1-java/MultiRefTest.wsdl": ("schema_1999_to_2001",),
    "wsdl/cxf/doc_lit_bare.wsdl": (),
    "wsdl/node-soap/default_namespace_soap12.wsdl": ("declare_missing_prefix",),
    "wsdl/node-soap/json_response.wsdl": ("forget_answers",),
    "wsdl/node-soap/ws-policy.wsdl": ("declare_missing_prefix",),
    "wsdl/node-soap/wsdlImport/main.wsdl": (),
    "wsdl/node-soap/wsdlImport/overridden.wsdl": PART,
    "wsdl/node-soap/wsdlImport/sub.wsdl": PART,
    "wsdl/python-zeep/claim.wsdl": (),
    "wsdl/python-zeep/soap.wsdl": (),
    "wsdl/python-zeep/soap_import_2.wsdl": PART,
    "wsdl/python-zeep/soap_import_main.wsdl": (),
    "wsdl/soap-client/calculator.wsdl": (),
    "wsdl/wasabi/authentication.wsdl": (),
}


@pytest.fixture
def upstream_files() -> Path:
    """The folder of other projects' WSDLs: under WEIGOV_SHARED, or ``shared`` beside the project."""
    folder = Path(os.environ.get("WEIGOV_SHARED", Path(__file__).parents[4] / "shared")) / "fixtures" / "upstream"
    if not folder.is_dir():
        pytest.skip("other projects' WSDLs are not here (set WEIGOV_SHARED)")
    return folder


@pytest.mark.interop
def test_every_wsdl_of_other_projects_loads_or_has_its_reason(
    upstream_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaches_nothing(monkeypatch)
    found: dict[str, tuple[str, ...] | str] = {}
    for path in sorted(upstream_files.rglob("*.wsdl")):
        it = look(path)
        found[path.relative_to(upstream_files).as_posix()] = it.patches if it.usable and not it.still else it.why
    assert found == EXPECTED


@pytest.mark.interop
def test_the_bundle_of_every_wsdl_of_other_projects_stands_alone(upstream_files: Path, tmp_path: Path) -> None:
    for i, (name, expected) in enumerate(EXPECTED.items()):
        if isinstance(expected, tuple):
            source = open_source(str(upstream_files / name))
            found = diagnose(source, name)
            words = write_bundle(found, source, tmp_path / f"b{i}")
            (tmp_path / "one.yaml").write_text(f"system: one\ntitle: t\nengine: soap\n{words}\n", encoding="utf-8")
            system = open_system(
                "x", load_descriptor(tmp_path / "one.yaml"), Connection("c", "", "http://127.0.0.1:9")
            )
            system.check_wsdl()  # type: ignore[attr-defined]
