"""REST upstreams: a descriptor's requests over HTTP, their answers JSON or XML."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import msgspec

from adapters.engine import Engine
from adapters.outgoing import Outgoing
from adapters.template import fill, fill_path
from adapters.walk import Call, Get
from adapters.wire import Reply
from weigov.errors import RemoteRefused

_ENCODER = msgspec.json.Encoder()


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
            url, query = self._base_url + fill_path(request.path, get), fill(request.query, get)
        out = Outgoing(request.method, url, query, headers, body)
        self._auth.fill(out)
        if request.method != "GET":
            form = request.encode == "form"
            try:
                out.data = urlencode(out.body).encode() if form else _ENCODER.encode(out.body)
            except (TypeError, ValueError, UnicodeError) as error:
                raise RemoteRefused(self.name, it.name, f"a value cannot be sent: {error}") from None
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        self._auth.sign(out)
        return out

    def _linked(self, it: Call) -> tuple[str, dict[str, Any]]:
        """A next page's address, taken apart. It was written by the other side, and our log-in goes along with it."""
        base = urlsplit(self._base_url)
        try:
            parts = urlsplit(urljoin(self._base_url + "/", it.url))
            same = (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port)
        except ValueError:
            same = False
        if not same or parts.username is not None:
            raise RemoteRefused(self.name, it.name, "the link to its next page leads to another host")
        query: dict[str, Any] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query[name] = [*query[name], value] if name in query else [value]
        return f"{parts.scheme}://{parts.netloc}{parts.path}", query

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        out = prepared
        return self._wire.send(
            out.method, out.url, headers=out.headers, params=out.query, data=out.data, fresh=fresh
        )  # fmt: skip
