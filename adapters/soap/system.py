"""SOAP upstreams: zeep reads the WSDL and builds the envelope; the answer is read from its bytes.

zeep's own reading of answers is not used: it is slow, and where an answer differs from its WSDL it drops values
without a word. The WSDL is a file beside the descriptor, so that a system that is down, or whose WSDL names an
internal host, changes nothing; where to send comes from the connection. It is loaded, and the descriptor compared
with it, when the first request is built: what only looks at a site pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from adapters import decode
from adapters.engine import Engine
from adapters.outgoing import Outgoing
from adapters.soap.check import asked, faults_of
from adapters.soap.envelope import Envelopes, Misfit
from adapters.soap.wsdl import load_rule
from adapters.template import fill, holes
from adapters.vocabulary import Descriptor
from adapters.walk import Call, Get
from adapters.wire import NoAnswer, NotSent, Reply, shown
from weigov.errors import ConfigError, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
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
        self._envelopes: Envelopes | None = None

    def check_wsdl(self) -> None:
        """Load the WSDL and compare the descriptor with it. Raises ConfigError with every fault; RemoteError."""
        self._ready()

    def _ready(self) -> Envelopes:
        if self._envelopes is None:
            rule = self._descriptor.wsdl
            if rule is None:
                raise ConfigError(f"{self._descriptor.file}: soap needs `wsdl`, a file beside this one")
            loaded = load_rule(rule, self._folder, self._fetch_import)
            if faults := faults_of(self._descriptor, loaded):
                raise ConfigError(faults)
            self._envelopes = Envelopes(loaded, loaded.port(rule, asked(self._descriptor)), self._base_url)
        return self._envelopes

    def _prepare(self, it: Call, get: Get) -> Outgoing:
        envelopes = self._ready()
        for hole in sorted(holes(it.request.body)):
            if any(_NOT_XML.search(text) for text in _texts(get(hole))):
                raise RemoteRefused(self.name, it.name, f"{hole} holds a control character, which XML cannot carry")
        body = envelopes.empty(it.request.op, it.request.body) | fill(it.request.body, get)
        out = Outgoing("POST", self._base_url + self._path(it, get), body=body)
        self._auth.fill(out)
        try:
            out.envelope, soap_headers = envelopes.build(it.request.op, out.body)
        except Misfit as error:
            raise RemoteRefused(self.name, it.name, f"does not fit {it.request.op} of the WSDL: {error}") from None
        out.headers = soap_headers | out.headers
        self._auth.sign(out)
        out.data = etree.tostring(out.envelope, xml_declaration=True, encoding="utf-8")
        return out

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        return self._wire.send(
            "POST", prepared.url, headers=prepared.headers, params=prepared.search(), data=prepared.data, fresh=fresh
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


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
