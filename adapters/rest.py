"""REST upstreams: a descriptor's requests over HTTP, their answers JSON or XML."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from adapters.engine import Engine
from adapters.listing import Call, Get
from adapters.template import fill, fill_path
from adapters.wire import Reply
from weigov.errors import RemoteRefused

_ENCODER = msgspec.json.Encoder()


class RestSystem(Engine):
    """``ports.SourceSystem`` over REST."""

    default_chain = ("json",)

    def _prepare(self, it: Call, get: Get, *, sign: bool = True) -> Any:
        request = it.request
        headers = {"Accept": "application/json, application/xml;q=0.9, */*;q=0.1"}
        headers.update({name: str(value) for name, value in fill(request.headers, get).items()})
        body = fill(request.body, get)
        if sign:
            self._auth.sign(headers, body)
        data: bytes | None = None
        if request.method != "GET":
            try:
                data = urlencode(body).encode() if request.encode == "form" else _ENCODER.encode(body)
            except (TypeError, ValueError, UnicodeError) as error:
                raise RemoteRefused(self.name, it.name, f"a value cannot be sent: {error}") from None
            form = request.encode == "form"
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        return request.method, self._base_url + fill_path(request.path, get), headers, fill(request.query, get), data

    def _exchange(self, prepared: Any, *, fresh: bool = False) -> Reply:
        method, url, headers, params, data = prepared
        return self._wire.send(method, url, headers=headers, params=params, data=data, fresh=fresh)
