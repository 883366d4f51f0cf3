"""REST upstreams: a descriptor's requests over HTTP, their answers JSON or XML."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from adapters.engine import Engine
from adapters.listing import Call, Get
from adapters.outgoing import Outgoing
from adapters.template import fill, fill_path
from adapters.wire import Reply
from weigov.errors import RemoteRefused

_ENCODER = msgspec.json.Encoder()


class RestSystem(Engine):
    """``ports.SourceSystem`` over REST."""

    default_chain = ("json",)

    def _prepare(self, it: Call, get: Get, *, sign: bool = True) -> Outgoing:
        request = it.request
        headers = {"Accept": "application/json, application/xml;q=0.9, */*;q=0.1"}
        headers.update({name: str(value) for name, value in fill(request.headers, get).items()})
        body = fill(request.body, get)
        out = Outgoing(
            request.method, self._base_url + fill_path(request.path, get), fill(request.query, get), headers, body
        )
        if sign:
            self._auth.fill(out)
        if request.method != "GET":
            form = request.encode == "form"
            try:
                out.data = urlencode(out.body).encode() if form else _ENCODER.encode(out.body)
            except (TypeError, ValueError, UnicodeError) as error:
                raise RemoteRefused(self.name, it.name, f"a value cannot be sent: {error}") from None
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        if sign:
            self._auth.sign(out)
        return out

    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        out = prepared
        return self._wire.send(
            out.method, out.url, headers=out.headers, params=out.query, data=out.data, fresh=fresh
        )  # fmt: skip
