"""Whether what a descriptor sends fits its WSDL: every operation and every parameter, also those the log-in
adds; all faults at once.

Reads the WSDL and nothing else. Values are known only when a request is built; a missing one is said then, by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from adapters.soap.source import Fetch
from adapters.soap.wsdl import Loaded, Parameter, load_rule, parameters_of
from adapters.vocabulary import (
    ApiKeyAuth,
    BodyParamsAuth,
    Descriptor,
    LoginTokenAuth,
    Request,
    SignedParamsAuth,
)
from adapters.vocabulary.wsdl import Wsdl
from weigov.errors import ConfigError, Fault
from weigov.yamlfile import Loc, YamlFile, did_you_mean


def check(descriptor: Descriptor, fetch: Fetch | None = None) -> None:
    """Raises ConfigError with every request of ``descriptor`` that its WSDL does not describe; RemoteError where the
    descriptor lets imports be fetched and ``fetch`` fails."""
    assert descriptor.wsdl is not None
    loaded = load_rule(descriptor.wsdl, descriptor.file.parent, fetch)
    if faults := faults_of(descriptor, loaded):
        raise ConfigError(faults)


def faults_of(descriptor: Descriptor, loaded: Loaded) -> list[Fault]:
    """As ``check``, on a WSDL that is loaded."""
    found = list(_faults(descriptor, loaded))
    if not found:
        return []
    try:
        place = YamlFile(descriptor.file).fault
    except ConfigError:  # a descriptor that never was a file
        return [Fault(descriptor.system, message, path=".".join(map(str, loc)), hint=h) for loc, message, h in found]
    return [place(*one) for one in found]


def requests_of(part: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Request]]:
    """Every request in a descriptor or a part of it, with its place."""
    if isinstance(part, Request):
        yield loc, part
    elif isinstance(part, BaseModel):
        for name, info in type(part).model_fields.items():
            yield from requests_of(getattr(part, name), (*loc, info.alias or name))
    elif isinstance(part, Mapping):
        for name, inner in part.items():
            yield from requests_of(inner, (*loc, name))
    elif isinstance(part, (tuple, list)):
        for i, inner in enumerate(part):
            yield from requests_of(inner, (*loc, i))


def asked(descriptor: Descriptor) -> set[str]:
    """The operations a descriptor uses."""
    return {request.op for _, request in requests_of(descriptor) if request.op}


_Found = tuple[Loc, str, str]


def _faults(descriptor: Descriptor, loaded: Loaded) -> Iterator[_Found]:
    rule: Wsdl | None = descriptor.wsdl
    assert rule is not None
    try:
        port = loaded.port(rule, asked(descriptor))
    except LookupError as error:
        yield ("wsdl", "port" if rule.port else "service"), f"the WSDL {error.args[0]}", ""
        return
    by_auth = set(_texts(descriptor.auth))
    called: dict[str, list[Parameter]] = {}
    for loc, request in requests_of(descriptor):
        operation = port.binding._operations.get(request.op)
        if operation is None:
            hint = did_you_mean(request.op, port.binding._operations)
            yield (*loc, "op"), f"the WSDL has no operation {request.op} at port {port.name}", hint
            continue
        parameters = list(parameters_of(operation))
        if loc[0] != "auth":
            called[request.op] = parameters
        yield from _unknown(request.body, parameters, request.op, (*loc, "body"))
        for one in parameters:
            if one.required and one.name not in request.body and one.name not in by_auth:
                yield (*loc, "body"), f"{request.op} of the WSDL needs {one.name}", 'send "" where it has no value'

    for i, auth in enumerate(descriptor.auth):
        for loc, name in _filled_in(auth):
            without = [op for op, parameters in called.items() if name not in {one.name for one in parameters}]
            if without:
                hint = _hint(name, {one.name for one in called[without[0]]})
                yield ("auth", i, *loc), f"{', '.join(without)} of the WSDL: no parameter {name}", hint


def _filled_in(rule: Any) -> Iterator[tuple[Loc, str]]:
    """The parameters a rule of ``auth`` adds to every call but its own log-in, with the word that names each."""
    if isinstance(rule, BodyParamsAuth):
        yield ("login",), rule.login
        yield ("password",), rule.password
    elif isinstance(rule, ApiKeyAuth | LoginTokenAuth) and rule.body is not None:
        yield ("body",), rule.body
    elif isinstance(rule, SignedParamsAuth) and rule.in_ == "body":
        yield ("sign",), rule.sign
        for name in rule.params:
            yield ("params", name), name


def _unknown(body: Mapping[str, Any], parameters: Sequence[Parameter], within: str, loc: Loc) -> Iterator[_Found]:
    known = {one.name: one for one in parameters}
    for name, value in body.items():
        if name not in known:
            yield (*loc, name), f"{within} of the WSDL has no parameter {name}", _hint(name, known)
            continue
        for inner in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(inner, Mapping) and "xml" not in inner and not known[name].open:
                yield from _unknown(inner, known[name].parts, f"{within}.{name}", (*loc, name))


def _hint(name: str, known: Collection[str]) -> str:
    hint = did_you_mean(name, known)
    return f"{hint} known: {', '.join(sorted(known))}" if hint.startswith("did") and len(known) > 1 else hint


def _texts(value: Any) -> Iterator[str]:
    """Every text in the rules of an auth kind: some of them are parameters it fills in."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
