"""Loading WSDLs: what is mended for all, what by name, where documents come from, and what they may not reach."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from lxml import etree

from adapters.descriptor import all_descriptors, load_descriptor
from adapters.soap.check import check
from adapters.soap.normal import BUNDLED, normal
from adapters.soap.patches import PATCHES
from adapters.soap.source import SCHEMAS, Source, from_file, listed
from adapters.soap.wsdl import Loaded, Unloadable, load, load_rule
from adapters.vocabulary.wsdl import Patch, Wsdl
from tests.adapters.upstream import SAMPLES
from weigov.errors import ConfigError

XSD = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def wsdl(types: str, *, parts: str = '<part name="a" element="t:A"/>', answer: str = "", root: str = XSD) -> str:
    """A service with one operation, ``go``; ``root`` declares further prefixes."""
    return f"""<?xml version="1.0"?>
    <definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
        xmlns:t="urn:t" targetNamespace="urn:t" {root}>
      <types>{types}</types>
      <message name="In">{parts}</message>
      <message name="Out">{answer}</message>
      <portType name="P"><operation name="go"><input message="t:In"/><output message="t:Out"/></operation></portType>
      <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
        <operation name="go"><soap:operation soapAction=""/><input><soap:body use="literal"/></input>
        <output><soap:body use="literal"/></output></operation></binding>
      <service name="S"><port name="P" binding="t:B"><soap:address location="http://10.0.0.8/x"/></port></service>
    </definitions>"""


def schema(content: str, *, namespace: str = "urn:t", more: str = "") -> str:
    target = f'targetNamespace="{namespace}"' if namespace else ""
    return f'<xs:schema {XSD} {target} xmlns:t="urn:t" {more}>{content}</xs:schema>'


A = '<xs:element name="A"><xs:complexType><xs:sequence>{}</xs:sequence></xs:complexType></xs:element>'
PLAIN = schema(A.format('<xs:element name="x" type="xs:string"/>'))


def read(where: Path, content: str, *patches: str, **files: str) -> Loaded:
    (where / "s.wsdl").write_text(content, encoding="utf-8")
    for name, text in files.items():
        (where / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return load(from_file(where / "s.wsdl"), patches)


def parameters(loaded: Loaded) -> dict[str, list[str]]:
    return {offer.name: [one.name for one in offer.parameters] for offer in loaded.offers}


def reaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("something was asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


# What every WSDL gets


def test_what_the_encoding_and_apache_describe_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    reaches_nothing(monkeypatch)
    loaded = load(from_file(SAMPLES / "rpc_encoded.wsdl"))
    assert loaded.lost == ()
    assert parameters(loaded) == {"import": ["name"], "query": ["in0", "in1", "in2", "in3"]}


@pytest.mark.parametrize(
    ("namespace", "use"),
    [
        ("http://schemas.xmlsoap.org/soap/encoding/", '<xs:element name="x" type="e:string"/>'),
        ("http://www.w3.org/2003/05/soap-encoding", '<xs:element name="x" type="e:Array"/>'),
        ("http://xml.apache.org/xml-soap", '<xs:element name="x" type="e:DataHandler"/>'),
        ("http://xml.apache.org/xml-soap", '<xs:element name="x" type="e:Map"/>'),
    ],
)
@pytest.mark.parametrize(
    "imported", ["", '<xs:import namespace="{0}"/>', '<xs:import namespace="{0}" schemaLocation="{0}"/>']
)
def test_a_well_known_namespace_is_found_however_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, namespace: str, use: str, imported: str
) -> None:
    reaches_nothing(monkeypatch)
    types = schema(imported.format(namespace) + A.format(use), more=f'xmlns:e="{namespace}"')
    loaded = read(tmp_path, wsdl(types))
    assert (loaded.lost, parameters(loaded)) == ((), {"go": ["x"]})


def test_xml_lang_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reaches_nothing(monkeypatch)
    types = schema(
        '<xs:import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="http://www.w3.org/2001/xml.xsd"/>'
        '<xs:element name="A"><xs:complexType><xs:attribute ref="xml:lang"/></xs:complexType></xs:element>'
    )
    assert parameters(read(tmp_path, wsdl(types))) == {"go": ["lang"]}


def test_a_type_apache_describes_itself_is_taken_from_there(tmp_path: Path) -> None:
    apache = "http://xml.apache.org/xml-soap"
    own = schema(
        '<xs:complexType name="Map"><xs:sequence><xs:element name="mine" type="xs:string"/></xs:sequence>'
        "</xs:complexType>",
        namespace=apache,
    )
    types = own + schema(A.format('<xs:element name="x" type="e:Map"/>'), more=f'xmlns:e="{apache}"')
    (offer,) = read(tmp_path, wsdl(types)).offers
    assert [part.name for part in offer.parameters[0].parts] == ["mine"]


def test_every_bundled_schema_is_one_and_of_its_namespace() -> None:
    for namespace, name in BUNDLED.items():
        root = etree.parse(SCHEMAS / name).getroot()
        assert root.get("targetNamespace") == namespace
        if name != "xml.xsd":  # libxml2 brings its own notion of xml:
            etree.XMLSchema(root)


@pytest.mark.parametrize("use", ["encoded", "literal"])
def test_an_attachment_is_left_out_and_its_operation_stays(tmp_path: Path, use: str) -> None:
    text = (SAMPLES / "rpc_encoded.wsdl").read_text("utf-8").replace('use="encoded"', f'use="{use}"')
    assert parameters(read(tmp_path, text))["import"] == ["name"]


def test_a_body_takes_only_the_parts_it_lists(tmp_path: Path) -> None:
    parts = '<part name="a" element="t:A"/><part name="head" element="t:A"/>'
    text = wsdl(PLAIN, parts=parts).replace('<soap:body use="literal"/>', '<soap:body parts="a" use="literal"/>', 1)
    assert parameters(read(tmp_path, text)) == {"go": ["x"]}


def test_bindings_no_http_client_can_speak_to_are_left_out() -> None:
    loaded = load(from_file(SAMPLES / "styles.wsdl"))
    assert [(o.port, o.soap, o.name, o.style) for o in loaded.offers] == [
        ("MainSoap12", "1.2", "Save", "document/literal"),
        ("MainSoap", "1.1", "Save", "document/literal"),
        ("Bare", "1.1", "Find", "document/literal"),
        ("Rpc", "1.1", "rate", "rpc/literal"),
    ]


def test_an_overloaded_operation_is_said_to_be_one(tmp_path: Path) -> None:
    once = '<operation name="go"><soap:operation soapAction=""/><input><soap:body use="literal"/></input>'
    text = wsdl(PLAIN).replace(once, f"{once}</operation>{once}", 1)
    loaded = read(tmp_path, text)
    assert loaded.lost == ("go: described more than once; only the last can be called",)
    assert parameters(loaded) == {"go": ["x"]}


def test_what_is_whole_is_not_changed() -> None:
    root = etree.parse(SAMPLES / "items.wsdl").getroot()
    before = etree.tostring(root)
    assert etree.tostring(normal(root)) == before


# Named patches: each fails without, loads with, and changes nothing where there is nothing to mend

CHAMELEON = schema('<xs:complexType name="B"><xs:sequence><xs:element name="y" type="C"/></xs:sequence>'
                   '</xs:complexType><xs:simpleType name="C"><xs:restriction base="xs:string"/></xs:simpleType>',
                   namespace="", more='xmlns="http://www.w3.org/2001/XMLSchema"')  # fmt: skip
BROKEN: dict[str, tuple[str, dict[str, str], str]] = {
    "declare_missing_prefix": (wsdl(PLAIN + '<wsp:Policy wsu:Id="p"/>'), {}, "Namespace prefix wsu"),
    "schema_1999_to_2001": (
        wsdl(PLAIN.replace("2001/XMLSchema", "1999/XMLSchema").replace("xs:string", "xs:timeInstant"), root=""),
        {},
        "1999/XMLSchema",
    ),
    "import_namespace_mismatch": (
        wsdl(
            schema('<xs:import namespace="urn:wrong" schemaLocation="o.xsd"/>'
                   + A.format('<xs:element name="x" type="o:B"/>'), more='xmlns:o="urn:o"')
        ),
        {"o_xsd": schema('<xs:simpleType name="B"><xs:restriction base="xs:string"/></xs:simpleType>',
                         namespace="urn:o")},
        "namespace defined on the xsd:import doesn't match",
    ),
    "include_without_namespace": (
        wsdl(schema('<xs:include schemaLocation="o.xsd"/>' + A.format('<xs:element name="x" type="t:B"/>'))),
        {"o_xsd": CHAMELEON},
        "Unable to resolve type",
    ),
    "drop_unresolvable_import": (
        wsdl(schema('<xs:import namespace="urn:o" schemaLocation="http://10.0.0.8/o.xsd"/>'
                    + A.format('<xs:element name="x" type="xs:string"/>'))),
        {},
        "it imports http://10.0.0.8/o.xsd: 10.0.0.8 is not among the hosts allowed for it",
    ),
    "forget_answers": (wsdl(PLAIN, answer='<part name="r" element="t:Nowhere"/>'), {}, "go: "),
}  # fmt: skip


def test_every_patch_has_a_word_a_reason_and_a_case() -> None:
    assert set(get_args(Patch)) == set(PATCHES) == set(BROKEN)
    assert all(patch.why for patch in PATCHES.values())


@pytest.mark.parametrize("patch", BROKEN)
def test_a_patch_mends_what_it_is_named_for_and_no_other_does(tmp_path: Path, patch: str) -> None:
    content, files, told = BROKEN[patch]
    others = [one for one in PATCHES if one != patch]
    for tried in ([], others):
        try:
            loaded = read(tmp_path, content, *tried, **files)
        except Unloadable as error:
            assert told in str(error)
        else:
            assert [lost for lost in loaded.lost if told in lost], loaded
    mended = read(tmp_path, content, patch, **files)
    assert (mended.lost, mended.patched, parameters(mended)) == ((), (patch,), {"go": ["x"]})


@pytest.mark.parametrize("patch", BROKEN)
def test_a_patch_leaves_a_whole_wsdl_alone(patch: str) -> None:
    loaded = load(from_file(SAMPLES / "items.wsdl"), [patch])
    assert loaded.patched == () or patch == "forget_answers"  # which does not ask whether they were needed
    assert [len(offer.parameters) for offer in loaded.offers] == [3, 5, 4]


def test_a_name_declared_inside_an_included_schema_is_found(tmp_path: Path) -> None:
    other = schema(
        '<xs:complexType name="B"><xs:sequence><xs:element name="y" type="n:C" xmlns:n="urn:t"/></xs:sequence>'
        '</xs:complexType><xs:simpleType name="C"><xs:restriction base="xs:string"/></xs:simpleType>'
    )
    types = schema('<xs:include schemaLocation="o.xsd"/>' + A.format('<xs:element name="x" type="t:B"/>'))
    (offer,) = read(tmp_path, wsdl(types), o_xsd=other).offers
    assert [part.name for part in offer.parameters[0].parts] == ["y"]


# What a stranger's document may not do

ENTITIES = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]><d>&e;</d>'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not xml", "Start tag expected"),
        ("<html/>", "describes"),
        (ENTITIES, "it has a DOCTYPE"),
        (wsdl(schema('<xs:import namespace="urn:o" schemaLocation="/etc/hostname"/>')), "it is outside the folder"),
        (wsdl(schema('<xs:import namespace="urn:o" schemaLocation="../o.xsd"/>')), "it is outside the folder"),
        (wsdl(schema('<xs:import namespace="urn:o" schemaLocation="file:///etc/hostname"/>')), "only http and https"),
        (wsdl(schema('<xs:import namespace="urn:o" schemaLocation="ftp://h/o.xsd"/>')), "o.xsd"),
        (wsdl(schema('<xs:import namespace="urn:o" schemaLocation="gone.xsd"/>')), "gone.xsd cannot be read"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_or_must_not_be_read_is_said_in_one_line(
    tmp_path: Path, content: str, told: str
) -> None:
    try:
        loaded = read(tmp_path, content)
    except Unloadable as error:
        assert told in str(error) and "\n" not in str(error)
    else:
        assert told == "describes" and loaded.offers == ()


def test_a_descriptors_folder_is_not_left_by_a_link_and_may_be_full_of_links_within_it(tmp_path: Path) -> None:
    kept = tmp_path / "mounted" / "..data"
    kept.mkdir(parents=True)
    (kept / "s.wsdl").write_text(wsdl(PLAIN), encoding="utf-8")
    (tmp_path / "mounted" / "s.wsdl").symlink_to(kept / "s.wsdl")
    assert load(from_file(tmp_path / "mounted" / "s.wsdl")).offers
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "s.wsdl").symlink_to(kept / "s.wsdl")
    with pytest.raises(Unloadable, match="outside the folder"):
        load(from_file(tmp_path / "other" / "s.wsdl"))


@pytest.mark.parametrize(
    ("address", "hosts", "allowed"),
    [
        ("http://h/x", ["h"], True),
        ("https://H/x", ["h"], True),
        ("http://h:8080/x", ["h"], False),
        ("http://h:8080/x", ["h:8080"], True),
        ("http://h/x", ["h:80"], True),
        ("http://h.evil/x", ["h"], False),
        ("http://h@evil/x", ["h"], False),
        ("http://h:99999/x", ["h"], False),
    ],
)
def test_imports_go_to_listed_hosts_only(address: str, hosts: list[str], allowed: bool) -> None:
    assert listed(address, hosts) is allowed


def fetching(documents: dict[str, str]) -> Callable[[str], bytes]:
    return lambda url: documents[url].encode()


def test_an_import_of_a_listed_host_is_fetched(tmp_path: Path) -> None:
    content, _, _ = BROKEN["drop_unresolvable_import"]
    (tmp_path / "s.wsdl").write_text(content, encoding="utf-8")
    other = schema('<xs:simpleType name="B"><xs:restriction base="xs:string"/></xs:simpleType>', namespace="urn:o")
    source = from_file(
        tmp_path / "s.wsdl", hosts=["10.0.0.8"], fetch=fetching({"http://10.0.0.8/o.xsd": other})
    )  # fmt: skip
    assert parameters(load(source)) == {"go": ["x"]}


# Bundles


def bundle(where: Path, documents: dict[str, str], **files: str) -> Path:
    where.mkdir()
    for name, text in files.items():
        (where / name.replace("_", ".")).write_text(text, encoding="utf-8")
    (where / "manifest.json").write_text(json.dumps({"wsdl": "s.wsdl", "documents": documents}), encoding="utf-8")
    return where


def test_a_bundle_answers_for_addresses_and_for_paths_above_it(tmp_path: Path) -> None:
    types = schema(
        '<xs:import namespace="urn:o" schemaLocation="http://10.0.0.8/o.xsd"/>'
        '<xs:include schemaLocation="../common/c.xsd"/>' + A.format('<xs:element name="x" type="o:B"/>'),
        more='xmlns:o="urn:o"',
    )
    simple = '<xs:simpleType name="B"><xs:restriction base="xs:string"/></xs:simpleType>'
    bundle(
        tmp_path / "b", {"http://10.0.0.8/o.xsd": "o.xsd", "../common/c.xsd": "c.xsd"},
        s_wsdl=wsdl(types), o_xsd=schema(simple, namespace="urn:o"), c_xsd=schema(simple),
    )  # fmt: skip
    loaded = load_rule(Wsdl(file="b/s.wsdl", bundle="b"), tmp_path)
    assert parameters(loaded) == {"go": ["x"]}


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("{", "is no manifest"),
        ("[]", "is no manifest"),
        ('{"documents": {"http://h/x": "../../etc/hostname"}}', "http://h/x is not in the bundle's folder"),
        ('{"documents": {"http://h/x": "/etc/hostname"}}', "http://h/x is not in the bundle's folder"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_manifest_that_is_none_is_said(tmp_path: Path, manifest: str | None, told: str) -> None:
    (tmp_path / "s.wsdl").write_text(wsdl(PLAIN), encoding="utf-8")
    (tmp_path / "b").mkdir()
    if manifest is not None:
        (tmp_path / "b" / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_rule(Wsdl(file="s.wsdl", bundle="b"), tmp_path)


@pytest.mark.parametrize("file", ["/etc/x.wsdl", "../x.wsdl", "a/../../x.wsdl", "http://h/x.wsdl", ""])
def test_a_wsdl_is_named_beside_its_descriptor(file: str) -> None:
    with pytest.raises(ValueError, match=r"beside the descriptor|at least 1 character"):
        Wsdl(file=file)


# Once per process


def test_a_wsdl_is_loaded_once_until_a_file_changes(tmp_path: Path) -> None:
    types = schema('<xs:include schemaLocation="o.xsd"/>' + A.format('<xs:element name="x" type="t:B"/>'))
    simple = schema('<xs:simpleType name="B"><xs:restriction base="xs:string"/></xs:simpleType>')
    read(tmp_path, wsdl(types), o_xsd=simple)
    rule = Wsdl(file="s.wsdl")
    (tmp_path / "gone.xsd").symlink_to(tmp_path / "nowhere")  # belongs to nobody, and must not stop anybody
    first = load_rule(rule, tmp_path)
    assert load_rule(Wsdl(file="s.wsdl", port="P"), tmp_path) is first
    assert load_rule(Wsdl(file="s.wsdl", patches=("forget_answers",)), tmp_path) is not first
    os.utime(tmp_path / "o.xsd", ns=(1, 1))
    assert load_rule(rule, tmp_path) is not first


def test_a_wsdl_that_cannot_be_read_leads_to_the_doctor(tmp_path: Path) -> None:
    (tmp_path / "s.wsdl").write_text("<a>", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"s\.wsdl: Premature end .* \(weigov doctor wsdl s\.wsdl says which"):
        load_rule(Wsdl(file="s.wsdl"), tmp_path)


def test_nothing_of_a_system_stays_with_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "s.wsdl").write_text(wsdl(PLAIN), encoding="utf-8")
    loaded = load_rule(Wsdl(file="s.wsdl", hosts=("h",)), tmp_path, fetching({}))
    source: Source = loaded.client.transport._source
    assert (source.fetch, source.held) == (None, {})


# What ships


SHIPPED = {name: path for name, path in all_descriptors() if "\nengine: soap" in path.read_text("utf-8")}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_descriptor_sends_what_its_wsdl_describes(name: str) -> None:
    check(load_descriptor(SHIPPED[name]))
