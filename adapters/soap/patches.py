"""The named patches for WSDLs that cannot be read as they are. A closed list; a descriptor says which it needs.

Each changes one document before zeep sees it, if it finds anything to change. None invents a parameter
or an operation: they repair how things are referred to, or leave out what is not needed to build a request. What
every WSDL gets without being asked is in ``wsdl_normal``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.soap.normal import NAMED_BY, WSDL_NS, XSD_NS, local, rooted, schemas_of, unsafe_parser

#: Prefixes people write without declaring them → what they always mean.
_USUAL = {
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "wsdl": WSDL_NS,
    "wsdlsoap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "http": "http://schemas.xmlsoap.org/wsdl/http/",
    "mime": "http://schemas.xmlsoap.org/wsdl/mime/",
    "xs": XSD_NS,
    "xsd": XSD_NS,
    "s": XSD_NS,
    "soapenc": "http://schemas.xmlsoap.org/soap/encoding/",
    "SOAP-ENC": "http://schemas.xmlsoap.org/soap/encoding/",
    "apachesoap": "http://xml.apache.org/xml-soap",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
}
_1999 = re.compile(rb"http://www\.w3\.org/(?:1999|2000/10)/XMLSchema")
#: Simple types that had another name before 2001.
_RENAMED = {"timeInstant": "dateTime", "uriReference": "anyURI", "binary": "base64Binary", "timeDuration": "duration"}


@dataclass(frozen=True, slots=True)
class Around:
    """What a patch may know beside its document: the namespace of the schema that includes it, if one does, and a
    look at another document by its location (None where it cannot be had)."""

    included_by: str | None
    peek: Callable[[str], Any | None]


@dataclass(frozen=True, slots=True)
class Patch:
    """``bytes_`` sees a document before it is parsed; ``tree`` its root after, and gives back the root to go on with,
    or None where there was nothing to change. One of the two is there."""

    why: str
    bytes_: Callable[[bytes], bytes] | None = None
    tree: Callable[[Any, Around], Any | None] | None = None


def _declare_missing_prefix(content: bytes) -> bytes:
    try:
        root = etree.fromstring(content, unsafe_parser(recover=True))
    except etree.XMLSyntaxError:
        return content
    if root is None:
        return content
    missing: set[str] = set()
    for element in root.iter(etree.Element):
        names = [element.tag, *element.attrib]
        # Of a name whose prefix is not declared, recovery keeps the colon in the local name.
        missing |= {name.partition(":")[0] for name in names if not name.startswith("{") and ":" in name}
        for name in NAMED_BY:
            prefix, colon, _ = element.get(name, "").partition(":")
            if colon and prefix not in element.nsmap:
                missing.add(prefix)
    missing -= {"xml", "xmlns"}
    if not missing:
        return content
    own = root.get("targetNamespace", "")
    known = {**_USUAL, "tns": own} if own else _USUAL
    declared = "".join(f' xmlns:{p}="{known.get(p, f"urn:undeclared:{p}")}"' for p in sorted(missing))
    start = re.search(rb"<(?![?!])[^\s/>]+", content)
    assert start is not None  # it has a root element
    return content[: start.end()] + declared.encode() + content[start.end() :]


def _schema_1999(content: bytes) -> bytes:
    mended = _1999.sub(XSD_NS.encode(), content)
    if mended == content:
        return content
    for old, new in _RENAMED.items():
        mended = re.sub(rb'((?:type|base)\s*=\s*["\'][^"\':]+:)' + old.encode() + rb'(?=["\'])',
                        rb"\g<1>" + new.encode(), mended)  # fmt: skip
    return mended


def _import_namespace_mismatch(root: Any, around: Around) -> Any | None:
    changed = False
    for schema in schemas_of(root):
        for node in schema.findall(f"{{{XSD_NS}}}import"):
            location, named = node.get("schemaLocation"), node.get("namespace")
            other = around.peek(location) if location and named else None
            if other is not None and (actual := other.get("targetNamespace")) and actual != named:
                node.set("namespace", actual)
                changed = True
    return root if changed else None


def _include_without_namespace(root: Any, around: Around) -> Any | None:
    """A schema without a namespace takes that of the schema including it, and so do the names it uses bare."""
    if local(root) != "schema" or root.get("targetNamespace") or not around.included_by:
        return None
    root.set("targetNamespace", around.included_by)
    known = {node.get("name") for node in root if node.get("name")}
    prefixed = rooted(root, {"chameleon": around.included_by})
    for element in prefixed.iter(etree.Element):
        for name in NAMED_BY:
            value = element.get(name)
            if value and ":" not in value and (value in known or None not in element.nsmap):
                element.set(name, f"chameleon:{value}")
    return prefixed


def _drop_unresolvable_import(root: Any, around: Around) -> Any | None:
    changed = False
    for node in list(root.iter(f"{{{XSD_NS}}}import", f"{{{XSD_NS}}}include", f"{{{WSDL_NS}}}import")):
        location = node.get("schemaLocation") or node.get("location")
        if location and around.peek(location) is None:
            node.getparent().remove(node)
            changed = True
    return root if changed else None


def _forget_answers(root: Any, around: Around) -> Any | None:
    asked: set[str] = set()
    answered: set[str] = set()
    for operation in root.iter(f"{{{WSDL_NS}}}operation"):
        for node in operation:
            message = (node.get("message") or "").rpartition(":")[2] if isinstance(node.tag, str) else ""
            if message:
                (asked if local(node) == "input" else answered).add(message)
    changed = False
    for message in root.findall(f"{{{WSDL_NS}}}message"):
        if message.get("name") in answered - asked:
            for part in message.findall(f"{{{WSDL_NS}}}part"):
                message.remove(part)
                changed = True
    return root if changed else None


#: In the order they are applied: what cannot be parsed first.
PATCHES: Mapping[str, Patch] = {
    "declare_missing_prefix": Patch(
        "a namespace prefix is used that the document never declares", bytes_=_declare_missing_prefix
    ),
    "schema_1999_to_2001": Patch("its types are written in a draft of XML Schema", bytes_=_schema_1999),
    "drop_unresolvable_import": Patch(
        "it imports a document that cannot be had", tree=_drop_unresolvable_import
    ),
    "import_namespace_mismatch": Patch(
        "an import names another namespace than the imported document has", tree=_import_namespace_mismatch
    ),
    "include_without_namespace": Patch(
        "an included schema names no namespace and refers to its own types bare", tree=_include_without_namespace
    ),
    "forget_answers": Patch(
        "it describes answers by types that do not exist; answers are read without it", tree=_forget_answers
    ),
}  # fmt: skip
