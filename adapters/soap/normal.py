"""What every WSDL document undergoes before zeep reads it. Pure functions over lxml trees; nothing is fetched.

These changes are safe for any WSDL: they only spare zeep what it cannot read or need not. Names of ports and bindings
lose their colons; bindings that are not SOAP over HTTP are left out (one over JMS makes zeep refuse all); a body
inside ``mime:multipartRelated`` becomes a plain ``soap:body`` without the parts that are attachments (zeep loses such
operations, or with them everything); imports of well-known namespaces point to the schemas under ``schemas/``.
Rules: WSDL 1.1, sections 3 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

WSDL_NS = "http://schemas.xmlsoap.org/wsdl/"
XSD_NS = "http://www.w3.org/2001/XMLSchema"
XML_NS = "http://www.w3.org/XML/1998/namespace"
MIME_NS = "http://schemas.xmlsoap.org/wsdl/mime/"
SOAP_NS = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")
#: The namespaces whose schemas are bundled → the file under ``schemas/``.
BUNDLED: Mapping[str, str] = {
    "http://schemas.xmlsoap.org/soap/encoding/": "soap-encoding-11.xsd",
    "http://www.w3.org/2003/05/soap-encoding": "soap-encoding-12.xsd",
    "http://xml.apache.org/xml-soap": "xml-soap.xsd",
    XML_NS: "xml.xsd",
}
#: The attributes that hold a qualified name.
NAMED_BY = ("type", "base", "ref", "element", "message", "binding", "itemType", "substitutionGroup")

ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_HTTP = ("http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/")


def unsafe_parser(*, recover: bool = False) -> Any:
    """A parser for documents strangers wrote: no entities, no network. (``unsafe`` are the documents.)"""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


def parse(content: bytes) -> Any:
    """The root element. Raises etree.XMLSyntaxError; ValueError when the document brings its own entities."""
    root = etree.fromstring(content, unsafe_parser())
    if root.getroottree().docinfo.doctype:
        raise ValueError("it has a DOCTYPE, which a WSDL does not need and an attacker does")
    return root


def local(element: Any) -> str:
    """An element's name without its namespace; empty for a comment."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def schemas_of(root: Any) -> Iterator[Any]:
    """The ``xsd:schema`` elements of a document: itself, or those under ``wsdl:types``."""
    yield from root.iter(f"{{{XSD_NS}}}schema")


def rooted(root: Any, prefixes: Mapping[str, str]) -> Any:
    """``root`` with further prefixes declared on it: the same element where it has them, else a new one."""
    wanted = {p: uri for p, uri in prefixes.items() if root.nsmap.get(p) != uri}
    if not wanted:
        return root
    new = etree.Element(root.tag, root.attrib, nsmap={**root.nsmap, **wanted})
    new.text, new.tail = root.text, root.tail
    for child in list(root):
        new.append(child)
    if (parent := root.getparent()) is not None:
        parent.replace(root, new)
    return new


def normal(root: Any) -> Any:
    """``root``, made readable. The document is changed in place where it can be; the root may be a new one."""
    if local(root) == "schema":
        root = _hoisted(root)
    else:
        _without_colons(root)
        _only_soap_over_http(root)
        _without_attachments(root)
    _import_bundled(root)
    return root


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation as a document binds it to SOAP. ``encoding`` is the style of ``use="encoded"``, else empty."""

    binding: str
    name: str
    style: str
    encoding: str


def operations(root: Any) -> Iterator[Bound]:
    """Every operation a document binds to SOAP."""
    for binding in root.findall(f"{{{WSDL_NS}}}binding"):
        usual = _soap(binding, "binding")
        for operation in binding.findall(f"{{{WSDL_NS}}}operation"):
            soap = _soap(operation, "operation")
            asked = operation.find(f"{{{WSDL_NS}}}input")
            body = _soap(asked, "body") if asked is not None else None
            style = (soap.get("style") if soap is not None else None) or (
                usual.get("style", "document") if usual is not None else "document"
            )
            encoding = ""
            if body is not None and body.get("use") == "encoded":
                encoding = (body.get("encodingStyle") or ENCODING).split()[0]
            yield Bound(binding.get("name", ""), operation.get("name", ""), style, encoding)


def _without_colons(root: Any) -> None:
    """Axis names bindings and ports after the service, and a service may be called ``trs:Import``: no name of XML."""
    renamed = {}
    for element in root.iter(
        *(f"{{{WSDL_NS}}}{tag}" for tag in ("message", "portType", "binding", "service", "port"))
    ):
        name = element.get("name", "")
        if ":" in name:
            renamed[name] = name.replace(":", "_")
            element.set("name", renamed[name])
    for element in root.iter(etree.Element) if renamed else ():
        for attribute in ("message", "binding", "type"):
            value = element.get(attribute, "")
            for old, new in renamed.items():
                if value == old or value.endswith(f":{old}"):
                    element.set(attribute, value.removesuffix(old) + new)


def _soap(element: Any, name: str) -> Any | None:
    return next((found for ns in SOAP_NS if (found := element.find(f"{{{ns}}}{name}")) is not None), None)


def _only_soap_over_http(root: Any) -> None:
    dropped = set()
    for binding in root.findall(f"{{{WSDL_NS}}}binding"):
        soap = _soap(binding, "binding")
        if soap is None or soap.get("transport") not in _HTTP:
            dropped.add(binding.get("name"))
            root.remove(binding)
    for service in root.findall(f"{{{WSDL_NS}}}service"):
        for port in service.findall(f"{{{WSDL_NS}}}port"):
            if (port.get("binding") or "").rpartition(":")[2] in dropped:
                service.remove(port)


def _without_attachments(root: Any) -> None:
    messages = {m.get("name"): m for m in root.findall(f"{{{WSDL_NS}}}message")}
    port_types = {p.get("name"): p for p in root.findall(f"{{{WSDL_NS}}}portType")}
    for binding in root.findall(f"{{{WSDL_NS}}}binding"):
        abstract = port_types.get((binding.get("type") or "").rpartition(":")[2])
        for operation in binding.findall(f"{{{WSDL_NS}}}operation"):
            for way in ("input", "output"):
                bound = operation.find(f"{{{WSDL_NS}}}{way}")
                if bound is None:
                    continue
                attached = _flatten(bound)
                message = _message(abstract, operation.get("name"), way, messages)
                if message is not None:
                    _keep_parts(message, bound, attached)


def _flatten(bound: Any) -> set[str]:
    """Puts the SOAP parts of a multipart in its place; the names of the parts that are attachments."""
    attached: set[str] = set()
    for multipart in bound.findall(f"{{{MIME_NS}}}multipartRelated"):
        for part in multipart.findall(f"{{{MIME_NS}}}part"):
            for inner in list(part):
                if etree.QName(inner).namespace in SOAP_NS:
                    bound.append(inner)
                elif inner.get("part"):
                    attached.add(inner.get("part"))
        bound.remove(multipart)
    return attached


def _keep_parts(message: Any, bound: Any, attached: set[str]) -> None:
    """zeep does not read ``soap:body parts``: what it leaves out is taken out of the message."""
    body = _soap(bound, "body")
    listed = set((body.get("parts") or "").split()) if body is not None else set()
    in_headers = {node.get("part") for node in bound if local(node) == "header"}
    for part in message.findall(f"{{{WSDL_NS}}}part"):
        name = part.get("name")
        if name in attached or (listed and name not in listed | in_headers):
            message.remove(part)


def _message(port_type: Any | None, operation: str, way: str, messages: Mapping[str, Any]) -> Any | None:
    if port_type is None:
        return None
    for one in port_type.findall(f"{{{WSDL_NS}}}operation"):
        node = one.find(f"{{{WSDL_NS}}}{way}") if one.get("name") == operation else None
        if node is not None:
            return messages.get((node.get("message") or "").rpartition(":")[2])
    return None


def _import_bundled(root: Any) -> None:
    """Imports what a document names of the bundled namespaces and does not define itself."""
    schemas = list(schemas_of(root))
    defined = {(schema.get("targetNamespace"), node.get("name")) for schema in schemas for node in schema}
    used = {
        (uri, word)
        for element in root.iter(etree.Element)
        for name in NAMED_BY
        for prefix, colon, word in [element.get(name, "").partition(":")]
        if colon and (uri := XML_NS if prefix == "xml" else element.nsmap.get(prefix)) in BUNDLED
    }
    wanted = {uri for uri, word in used if (uri, word) not in defined}
    for schema in schemas:
        for node in schema.findall(f"{{{XSD_NS}}}import"):
            uri = node.get("namespace")
            if uri == XSD_NS:
                schema.remove(node)  # zeep knows it; the published file is a DTD with entities
            elif uri in wanted:
                node.set("schemaLocation", uri)
                wanted.discard(uri)
            elif uri in BUNDLED:
                node.attrib.pop("schemaLocation", None)  # nothing of it is missing
    if wanted:
        _add_imports(root, wanted)


def _add_imports(root: Any, wanted: set[str]) -> None:
    if local(root) == "schema":
        holder = root
    else:
        types = root.find(f"{{{WSDL_NS}}}types")
        if types is None:
            types = etree.Element(f"{{{WSDL_NS}}}types")
            root.insert(0, types)
        # Of its own namespace, so that nothing is imported into itself.
        holder = etree.Element(f"{{{XSD_NS}}}schema", targetNamespace="urn:weigov:imports")
        types.insert(0, holder)
    for uri in sorted(wanted):
        node = etree.Element(f"{{{XSD_NS}}}import", namespace=uri, schemaLocation=uri)
        holder.insert(0, node)


def _hoisted(root: Any) -> Any:
    """Prefixes declared inside a schema, declared on its root: zeep moves the content of included schemas, and
    loses what is declared further in."""
    inner: dict[str, str] = {}
    for element in root.iter(etree.Element):
        for prefix, uri in element.nsmap.items():
            if prefix is not None and inner.setdefault(prefix, uri) != uri:
                return root  # one prefix, two meanings: left as it is
    return rooted(root, inner)
