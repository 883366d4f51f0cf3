"""SOAP upstreams: zeep reads the WSDL and builds the envelope; the answer is read from its bytes.

zeep's own reading of answers is not used: it is slow, and where an answer differs from its WSDL it drops values
without a word. The WSDL is a file beside the descriptor, so that a system that is down, or whose WSDL names an
internal host, changes nothing; where to send comes from the connection. It is loaded, and the descriptor compared
with it, when the first request is built: what only looks at a site pays nothing.
"""

# mypy: disable-error-code="no-untyped-call"
# zeep ships no types.

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import zeep
import zeep.exceptions
import zeep.xsd
from lxml import etree

from adapters import decode
from adapters.engine import Engine
from adapters.outgoing import Outgoing
from adapters.template import fill, holes
from adapters.vocabulary import Descriptor
from adapters.walk import Call, Get
from adapters.wire import NoAnswer, NotSent, Reply, shown
from adapters.wsdl import Loaded, is_bare_value, load_rule, parameters_of
from adapters.wsdl_check import asked, faults_of
from adapters.wsdl_normal import ENCODING
from weigov.errors import ConfigError, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection
from weigov.yamlfile import did_you_mean

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_IMPORTS_MAX_BYTES = 8 * 1024 * 1024


class SoapSystem(Engine):
    """``ports.SourceSystem`` over SOAP 1.1 and 1.2."""

    default_chain = ("soap",)

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, wsdl_dir: Path | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, descriptor, connection, **options)
        self._folder = wsdl_dir or descriptor.file.parent
        self._builder: _Builder | None = None

    def check_wsdl(self) -> None:
        """Load the WSDL and compare the descriptor with it. Raises ConfigError with every fault; RemoteError."""
        self._ready()

    def _ready(self) -> _Builder:
        if self._builder is None:
            rule = self._descriptor.wsdl
            if rule is None:
                raise ConfigError(f"{self._descriptor.file}: soap needs `wsdl`, a file beside this one")
            loaded = load_rule(rule, self._folder, self._fetch_import)
            if faults := faults_of(self._descriptor, loaded):
                raise ConfigError(faults)
            self._builder = _Builder(loaded, loaded.port(rule, asked(self._descriptor)), self._base_url)
        return self._builder

    def _prepare(self, it: Call, get: Get) -> Outgoing:
        builder = self._ready()
        for hole in sorted(holes(it.request.body)):
            if any(_NOT_XML.search(text) for text in _texts(get(hole))):
                raise RemoteRefused(self.name, it.name, f"{hole} holds a control character, which XML cannot carry")
        body = builder.empty(it.request.op, it.request.body) | fill(it.request.body, get)
        out = Outgoing("POST", self._base_url, body=body)
        self._auth.fill(out)
        try:
            out.envelope, soap_headers = builder.build(it.request.op, out.body)
        except Misfit as error:
            raise RemoteRefused(self.name, it.name, f"does not fit {it.request.op} of the WSDL: {error}") from None
        out.headers = soap_headers | out.headers
        self._auth.sign(out)
        out.data = etree.tostring(out.envelope, xml_declaration=True, encoding="utf-8")
        return out

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        return self._wire.send(
            "POST", prepared.url, headers=prepared.headers, params=prepared.query, data=prepared.data, fresh=fresh
        )  # fmt: skip

    def _fault(self, answer: decode.Answer) -> tuple[str, str] | None:
        return answer.fault if isinstance(answer, decode.XmlAnswer) else None

    def _fetch_import(self, url: str) -> bytes:
        try:
            reply = self._wire.send("GET", url, headers={"Accept": "*/*"}, max_bytes=_IMPORTS_MAX_BYTES)
        except (NotSent, NoAnswer) as error:
            raise RemoteUnavailable(self.name, "wsdl", f"{shown(url)} could not be read: {error}") from None
        if reply.status != 200:
            raise RemoteUnavailable(self.name, "wsdl", f"{shown(url)} answers {reply.status}")
        return reply.body


class Misfit(Exception):
    """The values do not fit the operation. The message names parameters and never quotes a value."""


class _Builder:
    """Envelopes for one port."""

    def __init__(self, loaded: Loaded, port: Any, address: str) -> None:
        self._loaded = loaded
        self._port = port
        self._service = loaded.client.create_service(port.binding.name, address)

    def empty(self, name: str, asked: Collection[str]) -> dict[str, Any]:
        """Empty texts for those of ``asked`` that must not be left out: a first pull has no cursor to send."""
        parameters = parameters_of(self._port.binding._operations[name])
        return {one.name: "" for one in parameters if one.required and one.type_ == "string" and one.name in asked}

    def build(self, name: str, body: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
        """The envelope and its headers. Raises Misfit."""
        operation = self._port.binding._operations[name]
        parameters = parameters_of(operation)
        known = [one.name for one in parameters]
        for unknown in sorted(set(body) - set(known)):
            raise Misfit(f"it has no parameter {unknown} ({did_you_mean(unknown, known)})")
        try:
            if is_bare_value(operation):
                if known[0] not in body:
                    raise Misfit(f"Missing element {known[0]}")
                envelope, headers = self._service[name](*body.values())
            else:
                type_ = operation.input.body.type if parameters else None
                envelope, headers = self._service[name](**_fitted(body, type_))
        except zeep.exceptions.ValidationError as error:
            raise Misfit(str(error)) from None  # it names the parameter
        except (zeep.exceptions.Error, ValueError, TypeError, AttributeError, KeyError):
            # What these say quotes the value, or is something of Python's.
            raise Misfit(f"a value has another type than {_types(parameters)}") from None
        bound = self._loaded.bound.get((self._port.binding.name.localname, name))
        if bound is not None and bound.encoding:
            _encoded(envelope, operation, bound.encoding)
        return envelope, dict(headers)


def _types(parameters: Sequence[Any]) -> str:
    return ", ".join(f"{one.name}: {one.type_}" for one in parameters) or "nothing at all"


def _fitted(value: Any, type_: Any) -> Any:
    """``value`` with the lists that are SOAP arrays as zeep takes them: each item under an element of its own."""
    array = getattr(type_, "_array_type", None)
    if array is not None and isinstance(value, (list, tuple)):
        item = zeep.xsd.Element("item", array.array_type)
        return type_([zeep.xsd.AnyObject(item, _fitted(one, array.array_type)) for one in value])
    if isinstance(value, (list, tuple)):
        return [_fitted(one, type_) for one in value]
    if isinstance(value, Mapping):
        types = {name: getattr(element, "type", None) for name, element in getattr(type_, "elements", ())}
        return {name: _fitted(one, types.get(name)) for name, one in value.items()}
    return value


def _encoded(envelope: Any, operation: Any, encoding: str) -> None:
    """What rpc/encoded asks for and zeep leaves out: the name of the encoding, and the type of each parameter."""
    namespace = etree.QName(envelope).namespace
    call = next(iter(envelope.find(f"{{{namespace}}}Body")), None)
    if call is not None:
        call.set(f"{{{namespace}}}encodingStyle", encoding)
        _typed(call, operation.input.body.type)


def _typed(element: Any, type_: Any) -> None:
    types = {name: inner.type for name, inner in type_.elements if hasattr(inner, "type")}
    for child in element:
        inner = types.get(etree.QName(child).localname)
        if inner is None or inner.qname is None or f"{{{_XSI}}}nil" in child.attrib:
            continue
        array = getattr(inner, "_array_type", None)
        if array is not None:
            child.set(f"{{{_XSI}}}type", etree.QName(ENCODING, "Array"))
            # Only in an attribute's whole value does lxml find a prefix: the count is added behind it.
            child.set(f"{{{ENCODING}}}arrayType", array.array_type.qname)
            child.set(f"{{{ENCODING}}}arrayType", f"{child.get(f'{{{ENCODING}}}arrayType')}[{len(child)}]")
        elif inner.qname.localname != "anyType":
            child.set(f"{{{_XSI}}}type", inner.qname)
            if hasattr(inner, "elements"):
                _typed(child, inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
