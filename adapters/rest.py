"""REST upstreams: a descriptor's requests over HTTP, their answers JSON or XML."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

import msgspec

from adapters.engine import Engine
from adapters.outgoing import Outgoing, form
from adapters.template import fill
from adapters.walk import Call, Get
from adapters.wire import NotSent, Reply
from weigov.errors import RemoteRefused

_ENCODER = msgspec.json.Encoder()
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RestSystem(Engine):
    """``ports.SourceSystem`` over REST."""

    default_chain = ("json",)

    def _prepare(self, it: Call, get: Get) -> Outgoing:
        request = it.request
        headers = {"Accept": "application/json, application/xml;q=0.9, */*;q=0.1"}
        headers.update({name: str(value) for name, value in fill(request.headers, get).items()})
        body = fill(request.body, get)
        if it.url:
            url, query = self._linked(it)
        else:
            url, query = self._base_url + self._path(it, get), fill(request.query, get)
        out = Outgoing(request.method, url, query, headers, body, form=request.encode == "form")
        try:
            self._auth.fill(out)
            if request.method != "GET":
                out.data = self._written_body(it, out)
                headers["Content-Type"] = "application/x-www-form-urlencoded" if out.form else "application/json"
            self._auth.sign(out)
        except UnicodeError:
            raise RemoteRefused(self.name, it.name, "a value cannot be sent: it is no text") from None
        return out

    def _written_body(self, it: Call, out: Outgoing) -> bytes:
        try:
            return form(out.body).encode() if out.form else _ENCODER.encode(out.body)
        except UnicodeError:
            raise
        except (TypeError, ValueError) as error:
            raise RemoteRefused(self.name, it.name, f"a value cannot be sent: {error}") from None

    def _linked(self, it: Call) -> tuple[str, dict[str, Any]]:
        """A next page's address, taken apart. It was written by the other side, and our log-in goes along with it."""
        try:
            parts = urlsplit(urljoin(self._base_url + "/", it.url))
            same = host(parts) == host(urlsplit(self._base_url))
        except ValueError:
            same = False
        if not same or parts.username is not None:
            raise RemoteRefused(self.name, it.name, "the link to its next page leads to another host")
        query: dict[str, Any] = {}
        # Their bytes need not be UTF-8, and must come back to them as they are.
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape"):
            before = query.get(name)
            query[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
        return f"{parts.scheme}://{parts.netloc}{parts.path}", query

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        out = prepared
        try:
            search = out.search()
        except UnicodeError:
            raise NotSent("a value in its query is no text") from None
        return self._wire.send(out.method, out.url, headers=out.headers, params=search, data=out.data, fresh=fresh)


def host(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Who is asked: a port that goes without saying is the same said."""
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
