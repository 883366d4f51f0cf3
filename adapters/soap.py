"""SOAP upstreams: zeep reads the WSDL and builds the envelope; the answer is read from its bytes.

zeep's own reading of answers is not used: it is slow, and where an answer differs from its WSDL it drops values
without a word (``real-systems.md``). The WSDL is a file beside the descriptor, so that a system that is down, or
whose WSDL names an internal host, changes nothing; where to send comes from the connection.
"""

# mypy: disable-error-code="no-untyped-call"
# zeep ships no types.

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import zeep
import zeep.exceptions
import zeep.transports
from lxml import etree

from adapters import decode
from adapters.engine import Engine
from adapters.outgoing import Outgoing
from adapters.template import fill, holes
from adapters.vocabulary import Descriptor
from adapters.walk import Call, Get
from adapters.wire import Limits, Reply
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Connection

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class SoapSystem(Engine):
    """``ports.SourceSystem`` over SOAP 1.1 and 1.2."""

    default_chain = ("soap",)

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (),
        session: requests.Session | None = None, sleep: Callable[[float], None] | None = None,
        limits: Limits | None = None, wsdl_dir: Path | None = None,
    ) -> None:  # fmt: skip
        more = {} if sleep is None else {"sleep": sleep}
        super().__init__(
            name, descriptor, connection, media_hosts=media_hosts, session=session, limits=limits, **more
        )  # fmt: skip
        wsdl = (wsdl_dir or descriptor.file.parent) / (descriptor.wsdl or "")
        self._service = _service(wsdl, self._base_url, descriptor)

    def _prepare(self, it: Call, get: Get, *, sign: bool = True) -> Outgoing:
        for hole in sorted(holes(it.request.body)):
            if isinstance(value := get(hole), str) and _NOT_XML.search(value):
                raise RemoteRefused(self.name, it.name, f"{hole} holds a control character, which XML cannot carry")
        body = fill(it.request.body, get)
        out = Outgoing("POST", self._base_url, body=body)
        if sign:
            self._auth.fill(out)
        try:
            out.envelope, soap_headers = self._service[it.request.op](**out.body)
        except (zeep.exceptions.Error, ValueError, TypeError) as error:
            # zeep's validation errors name the parameter; its others quote the value, or something of Python's.
            named = str(error) if isinstance(error, zeep.exceptions.ValidationError) else "a value has another type"
            raise RemoteRefused(self.name, it.name, f"does not fit {it.request.op} of the WSDL: {named}") from None
        out.headers = soap_headers | out.headers
        if sign:
            self._auth.sign(out)
        out.data = etree.tostring(out.envelope, xml_declaration=True, encoding="utf-8")
        return out

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        return self._wire.send(
            "POST", prepared.url, headers=prepared.headers, params=prepared.query, data=prepared.data, fresh=fresh
        )  # fmt: skip

    def _fault(self, answer: decode.Answer) -> tuple[str, str] | None:
        return answer.fault if isinstance(answer, decode.XmlAnswer) else None


class _Builder(zeep.transports.Transport):
    """Where zeep would send, it hands over what it built; where it would download, it says no."""

    def load(self, url: str) -> bytes:
        if urlsplit(url).scheme in ("http", "https", "ftp"):
            raise ConfigError(f"it imports {url}: keep that file beside it and import it by its name")
        loaded: bytes = super().load(url)
        return loaded

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        return envelope, dict(headers)


def _service(wsdl: Path, address: str, descriptor: Descriptor) -> Any:
    """A zeep service proxy whose operations build requests. Raises ConfigError naming what the WSDL lacks."""
    try:
        # raw_response hands back whatever the transport returned: here, the request.
        client = zeep.Client(str(wsdl), transport=_Builder(), settings=zeep.Settings(raw_response=True, strict=True))
    except ConfigError as error:
        raise ConfigError(f"{wsdl}: {error}") from None
    except (OSError, etree.XMLSyntaxError, zeep.exceptions.Error, LookupError, ValueError) as error:
        raise ConfigError(f"{wsdl}: the WSDL cannot be loaded: {type(error).__name__}: {error}") from None
    ports = [port for service in client.wsdl.services.values() for port in service.ports.values()]
    if not ports:
        raise ConfigError(f"{wsdl}: the WSDL describes no service")
    asked = {s.request.op for s in descriptor.streams.values()} | {
        o.request.op for o in descriptor.operations.values()
    }
    asked |= {s.detail.request.op for s in descriptor.streams.values() if s.detail}
    asked |= {s.attachments.request.op for s in descriptor.streams.values() if s.attachments}
    for port in ports:
        offered = set(port.binding._operations)
        if asked <= offered:
            return client.create_service(port.binding.name, address)
    missing = sorted(asked - set(ports[0].binding._operations))
    offers = ", ".join(sorted(ports[0].binding._operations))
    raise ConfigError(f"{wsdl}: the WSDL has no operation {', '.join(missing)} (it has {offers})")
