"""SOAP envelopes for one port of a WSDL: values go in by name, what the WSDL describes comes out, or a Misfit.

zeep builds them. Added here is what it leaves out (the types and the encoding of rpc/encoded, SOAP arrays out of
plain lists), and refused is what it would drop without a word. Nothing is sent, and no message holds a value.
"""

# mypy: disable-error-code="no-untyped-call"
# zeep ships no types.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import zeep
import zeep.exceptions
import zeep.xsd
from lxml import etree

from adapters.soap.normal import ENCODING
from adapters.soap.wsdl import Loaded, Parameter, is_bare_value, parameters_of
from weigov.yamlfile import did_you_mean

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class Misfit(Exception):
    """The values do not fit the operation. The message names parameters and never quotes a value."""


class Envelopes:
    """Builds the envelopes of one port, addressed to ``address``."""

    def __init__(self, loaded: Loaded, port: Any, address: str) -> None:
        self._loaded = loaded
        self._port = port
        self._service = loaded.client.create_service(port.binding.name, address)
        self._parameters = {name: parameters_of(operation) for name, operation in port.binding._operations.items()}

    def empty(self, name: str, asked: Collection[str]) -> dict[str, Any]:
        """Empty texts for those of ``asked`` that must not be left out: a first pull has no cursor to send."""
        return {
            one.name: ""
            for one in self._parameters[name]
            if one.required and one.type_ == "string" and one.name in asked
        }

    def build(self, name: str, body: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
        """The envelope and its headers. Raises Misfit."""
        operation = self._port.binding._operations[name]
        parameters = self._parameters[name]
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


def _types(parameters: Sequence[Parameter]) -> str:
    return ", ".join(f"{one.name}: {one.type_}" for one in parameters) or "nothing at all"


def _fitted(body: Mapping[str, Any], type_: Any) -> dict[str, Any]:
    """``body`` as zeep takes it. What zeep would drop without a word is a Misfit: of a list where one structure is
    wanted it sends the first item."""
    elements = dict(type_.elements) if type_ is not None else {}
    return {name: _fit(value, elements[name], name) if name in elements else value for name, value in body.items()}


def _fit(value: Any, element: Any, name: str) -> Any:
    type_: Any = getattr(element, "type", None)
    inner: Any = getattr(type_, "elements", None) or ()
    array = getattr(type_, "_array_type", None)
    if value is None:
        return None
    if element.accepts_multiple:
        return [_fit_one(one, type_, name) for one in value] if _is_list(value) else _fit_one(value, type_, name)
    if array is not None:
        if not _is_list(value):
            raise Misfit(f"{name} takes a list")
        item = zeep.xsd.Element("item", array.array_type)
        return type_([zeep.xsd.AnyObject(item, _fit_one(one, array.array_type, name)) for one in value])
    if _is_list(value):
        if len(inner) != 1 or not inner[0][1].accepts_multiple:
            raise Misfit(f"{name} takes one value, not a list")
        value = {inner[0][0]: value}  # a literal array: a structure of one repeated element
    return _fit_one(value, type_, name)


def _fit_one(value: Any, type_: Any, name: str) -> Any:
    inner: Any = getattr(type_, "elements", None) or ()
    if value is None or not inner:
        return value
    if isinstance(value, Mapping):
        return _fitted(value, type_)
    if inner[0][0] != "_value_1":
        raise Misfit(f"{name} takes a structure of {', '.join(part for part, _ in inner)}")
    return {"_value_1": value}  # a text that may have attributes


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


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
