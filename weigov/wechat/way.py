"""How a base address is reached from here: by which proxy, trusting which certificates. Opens bare connections.

What the environment says about that (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE…) is requests' business, a proxy's
tunnel and the TLS handshake are urllib3's: the way is the same as for every other call of the session.
"""

from __future__ import annotations

import os
import socket
import ssl
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH
from requests.exceptions import RequestException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.proxy import connection_requires_http_tunnel
from urllib3.util.ssl_ import create_urllib3_context

from weigov.wechat.transport import DEFAULT_TIMEOUTS, NotSent, Timeouts, Wire, prepare, why


class Way:
    """The way of ``http`` to ``base_url``. ``open`` may be called by many threads.

    Raises NotSent where a proxy cannot be understood.
    """

    def __init__(self, http: requests.Session, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._timeout_s = timeouts.connect_s
        address = urlsplit(base_url)
        wire = prepare(http, base_url).get_adapter(base_url + "/")
        assert isinstance(wire, Wire)
        try:
            told: Any = http.merge_environment_settings(base_url, {}, True, None, None)
            request = requests.Request("POST", base_url).prepare()
            pool = wire.get_connection_with_tls_context(request, told["verify"], proxies=told["proxies"])
        except (RequestException, HTTPError) as error:
            raise NotSent(f"not reached: {why(error)}") from None
        self._verify: bool | str = told["verify"]
        assert isinstance(pool, HTTPConnectionPool)
        self._pool, proxy = pool, pool.proxy
        self._tunnel = connection_requires_http_tunnel(proxy, pool.proxy_config, address.scheme)
        #: Whether its connections can be read without waiting: those through a proxy that speaks TLS itself cannot.
        self.is_plain = proxy is None or proxy.scheme == "http"
        headers = {"Host": address.netloc.rpartition("@")[2], "Accept": "*/*", "Accept-Encoding": "identity"}
        self._before = address.path.rstrip("/")
        if proxy is not None and not self._tunnel:
            headers |= dict(pool.proxy_headers)
            self._before = base_url
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def head(self, path: str) -> bytes:
        """The head of a POST of JSON to ``path``, but for its length and the empty line."""
        line = f"POST {self._before}{path} HTTP/1.1\r\n"
        return f"{line}{self._headers}Content-Type: application/json\r\n".encode("latin-1")

    def open(self) -> socket.socket:
        """A connection on which the request may be written as it is. Raises NotSent."""
        connection = self._pool._new_conn()
        assert isinstance(connection, HTTPConnection)
        connection.timeout = self._timeout_s
        try:
            if isinstance(connection, HTTPSConnection):
                connection.ssl_context, connection.ca_certs, connection.ca_cert_dir = self._trust, None, None
            if self._tunnel:
                self._pool._prepare_proxy(connection)
            else:
                connection.connect()
        except (HTTPError, OSError) as error:
            connection.close()
            raise NotSent(f"not reached: {why(error)}") from None
        sock, connection.sock = connection.sock, None
        assert isinstance(sock, socket.socket)
        return sock

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Read once for all connections: it is 140 certificates."""
        context = create_urllib3_context()
        if self._verify:
            place = self._verify if isinstance(self._verify, str) else DEFAULT_CA_BUNDLE_PATH
            context.load_verify_locations(**{"capath" if os.path.isdir(place) else "cafile": place})
        return context
