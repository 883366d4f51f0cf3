"""Bytes to an upstream and back, over requests. It knows no descriptor and retries nothing.

What it adds to requests: deadlines over a whole answer, a bound on its size, redirects left alone, neither proxies
nor log-ins out of the surroundings (netrc, HTTP_PROXY), a place on disk for long answers, and the one fact a write
depends on: whether the first byte of the request had left when it failed.
"""

from __future__ import annotations

import http.client
import io
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError

from adapters.pins import Pins
from adapters.spool import Body, Spooled

_CHUNK = 1 << 16
_IN_MEMORY = 2 << 20  # bytes of an answer; a longer one goes to disk
_USER_AGENT = "Weigov"
_LONGEST_WAIT_S = 86_400.0

# Their lines show addresses whole, and some systems want their key there: the pool's at DEBUG, the connection's at
# WARNING when a header cannot be read.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, between two pieces of an answer, and for the whole of it; bytes of an answer."""

    connect_s: float = 5
    read_s: float = 30
    total_s: float = 120
    max_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole. Header names compare without case."""

    status: int
    headers: Mapping[str, str]
    content: Body = field(repr=False)  # bytes, or on disk when there are many

    @property
    def body(self) -> bytes:
        """The whole of it in memory, however long."""
        return self.content if isinstance(self.content, bytes) else self.content.whole()

    def with_body(self, body: bytes) -> Reply:
        """The same answer with another content: what was sealed, opened."""
        return replace(self, content=body)

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "")


class NotSent(Exception):
    """It failed before the first byte of the request left."""


class NoAnswer(Exception):
    """The request left, at least in part; no whole answer came."""


class TooLarge(NoAnswer):
    """The answer is longer than allowed."""


class Wire:
    """A requests session, tamed."""

    def __init__(
        self, session: requests.Session | None = None, limits: Limits | None = None, *, verify: bool | str = True,
        cert: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        """``verify``: a file of CAs, or the usual ones. ``cert``: the files of our own certificate and its key."""
        self.limits = limits or Limits()
        self._session = session or requests.Session()
        self._session.trust_env = False
        self._session.verify = verify
        self._session.cert = cert
        self._session.headers["User-Agent"] = _USER_AGENT
        self._adapter = _Adapter()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], params: Mapping[str, Any] | str | None = None,
        data: bytes | None = None, fresh: bool = False, max_bytes: int | None = None, pins: Pins | None = None,
    ) -> Reply:  # fmt: skip
        """One request, one answer. ``fresh`` opens a new connection: a kept one may have died unnoticed, and a write
        that fails on it could not tell whether it was heard. ``pins`` say where a new connection may lead.

        Raises NotSent, NoAnswer, TooLarge; Forbidden by ``pins``. Their messages hold no URL.
        """
        if fresh:
            self._adapter.poolmanager.clear()
        until = time.monotonic() + self.limits.total_s
        _left.value, _left.until, _left.pins = False, until, pins
        try:
            response = self._session.request(
                method, url, params=params, data=data, headers=dict(headers), stream=True, allow_redirects=False,
                timeout=(self.limits.connect_s, self.limits.read_s),
            )  # fmt: skip
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            if getattr(_left, "value", False):
                raise NoAnswer(self._late(until) or _why(error)) from None
            raise NotSent(_why(error)) from None
        try:
            body = self._body(response, until, max_bytes or self.limits.max_bytes)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            response.close()
            raise NoAnswer(self._late(until) or _why(error)) from None
        except NoAnswer:
            response.close()
            raise
        response.close()
        return Reply(response.status_code, response.headers, body)

    def close(self) -> None:
        self._session.close()

    def _late(self, until: float) -> str:
        over = time.monotonic() >= until
        return f"the answer was not whole after {self.limits.total_s:g} s" if over else ""

    def _body(self, response: requests.Response, until: float, max_bytes: int) -> Body:
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise TooLarge(f"the answer is {announced} bytes long, more than {max_bytes}")
        pieces: list[bytes] = []
        spooled: Spooled | None = None
        size = 0
        # read1 returns after one receive, so that a long answer is bounded as it comes.
        while piece := response.raw.read1(_CHUNK, decode_content=True):
            size += len(piece)
            if spooled is not None:
                spooled.write(piece)
            else:
                pieces.append(piece)
                if size > _IN_MEMORY:
                    spooled = Spooled()
                    for early in pieces:
                        spooled.write(early)
                    pieces.clear()
            if size > max_bytes:
                raise TooLarge(f"the answer is longer than {max_bytes} bytes")
            if late := self._late(until):
                raise NoAnswer(late)
        return b"".join(pieces) if spooled is None else spooled


def shown(address: str) -> str:
    """An address fit for a message: no query, no log-in."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def retry_after_s(reply: Reply, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """What Retry-After says, in seconds or as a date, a day at most; None when it says nothing."""
    value = reply.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(min(int(value[:10]), _LONGEST_WAIT_S))
    try:
        until = parsedate_to_datetime(value)
        # By the clock that wrote it, where that is known: ours may be wrong by more than the wait.
        date = parsedate_to_datetime(reply.headers["Date"]) if "Date" in reply.headers else now()
        return min(max((until - date).total_seconds(), 0.0), _LONGEST_WAIT_S)
    except (ValueError, TypeError):
        return None


_left = threading.local()


class _Bounded(io.RawIOBase):
    """What arrives on a socket, with one deadline for all of it. A timeout alone begins anew with each byte, and a
    server may go on for ever within its status line, its headers, or one interim answer after the other."""

    def __init__(self, raw: io.RawIOBase, sock: Any, until: float) -> None:
        self._raw, self._sock, self._until = raw, sock, until
        self._piece_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left_s if self._piece_s is None else min(left_s, self._piece_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        until = getattr(_left, "until", math.inf)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock, until))


class _Marking:
    """Notes when the first byte of a request leaves; the bytes of a handshake do not count."""

    _connecting = False
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        """To the pinned address; the name stays what the certificate and the Host header go by."""
        pins: Pins | None = getattr(_left, "pins", None)
        if pins is None:
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        name = self._dns_host
        try:
            self._dns_host = pins.address(name.rstrip("."), self.port)  # type: ignore[attr-defined]
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error  # type: ignore[arg-type]
        finally:
            self._dns_host = name

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        if getattr(self, "sock", None) is None:
            self.connect()
        if not self._connecting:
            _left.value = True
        super().send(data)  # type: ignore[misc]


class _PlainConnection(_Marking, HTTPConnection):
    response_class = _BoundedResponse


class _TlsConnection(_Marking, HTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


def _why(error: BaseException) -> str:
    """A few words, without the URL that requests puts into its messages."""
    text = f"{error!r} {error.__cause__!r}"
    for sign, words in _SIGNS:
        if sign in text:
            return words
    return type(error).__name__


#: What requests' and urllib3's errors show → what an operator reads.
_SIGNS = (
    ("NameResolutionError", "its name cannot be resolved"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted"),
    ("Connection refused", "nothing listens there (connection refused)"),
    ("ConnectTimeout", "it did not accept a connection in time"),
    ("No route to host", "there is no route to it"),
    ("Network is unreachable", "the network is unreachable"),
    ("SSLError", "the TLS handshake failed"),
    ("IncompleteRead", "the answer broke off"),
    ("ReadTimeout", "it did not answer in time"),
    ("Read timed out", "it did not answer in time"),
    ("RemoteDisconnected", "it closed the connection without an answer"),
    ("Connection reset", "it reset the connection"),
    ("Connection aborted", "it closed the connection without an answer"),
    ("DecodeError", "the answer's compression is broken"),
    ("No space left", "there is no room on our disk for the answer"),
    ("InvalidURL", "its address is not valid"),
    ("MissingSchema", "its address has no http:// or https://"),
    ("InvalidHeader", "a header holds a character HTTP does not allow"),
)
