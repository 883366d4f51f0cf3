"""Carries one request and its answer, and draws the line between "not sent" and "not answered" once.

``exchange`` raises NotSent when the request failed before its first byte left, NoAnswer when it failed later; no
other error of the network comes out, and neither text holds the URL (it carries the access token). Nothing here
retries, follows a redirect or waits without limit. Many calls at once are ``lanes``' business.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.connection
import urllib3.connectionpool
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

MAX_ANSWER_BYTES = 64 * 1024 * 1024  # 20 drafts of 8 articles stay well below


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of the answer, and for the whole exchange once connected."""

    connect_s: float = 5.0
    read_s: float = 20.0
    total_s: float = 40.0


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NotSent(Exception):
    """It failed before the first byte of the request left."""


class NoAnswer(Exception):
    """It failed after that: whether it was done is not known."""


_progress = threading.local()  # .left: whether a byte of this thread's present request may have left


class _Marking:
    """Mixed into a connection: notes when connecting begins and when the request's first byte goes."""

    sock: Any

    def connect(self) -> None:
        _progress.left = False
        try:
            super().connect()  # type: ignore[misc]
        finally:
            _progress.left = False  # a proxy's CONNECT and the TLS handshake are not the request

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _progress.left = True
        super().send(data)  # type: ignore[misc]


class _HTTPConnection(_Marking, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Marking, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class Wire(HTTPAdapter):
    """The adapter of requests whose connections note what has left. A SOCKS proxy's do not: there all is doubtful."""

    def __init__(self) -> None:
        super().__init__(max_retries=Retry(0, read=False), pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager


def prepare(http: requests.Session, base_url: str) -> requests.Session:
    """``http`` made fit for ``base_url``: our adapter there, and no proxy on the way to this very machine."""
    if not isinstance(http.get_adapter(base_url + "/"), Wire):
        http.mount(base_url, Wire())
    if _is_loopback(urlsplit(base_url).hostname or ""):
        http.trust_env = False
    return http


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def exchange(
    http: requests.Session, method: str, url: str, *, timeouts: Timeouts = DEFAULT_TIMEOUTS, **request: Any
) -> Answer:
    """Send one request and read its whole answer. ``request`` is what requests takes (params, data, files, headers).

    Raises NotSent or NoAnswer.
    """
    _progress.left = True  # until a connection says otherwise: a reused one never does
    try:
        with http.request(
            method,
            url,
            timeout=(timeouts.connect_s, timeouts.read_s),
            allow_redirects=False,
            stream=True,
            **request,
        ) as response:
            _progress.left = True
            return Answer(
                response.status_code, response.headers, _read(response.iter_content(64 * 1024), timeouts.total_s)
            )
    except requests.RequestException as error:
        if _progress.left:
            raise NoAnswer(f"no answer after sending: {why(error)}") from None
        raise NotSent(f"not reached: {why(error)}") from None


def _read(pieces: Iterable[bytes], total_s: float) -> bytes:
    end = time.monotonic() + total_s
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise NoAnswer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > end:
            raise NoAnswer(f"the answer took longer than {total_s:.0f} s")
    return bytes(body)


def why(error: BaseException) -> str:
    """The innermost reason in the system's words: an exception's own text would carry the URL."""
    seen: list[BaseException] = [error]
    for one in seen:
        if isinstance(one, OSError) and one.strerror and not isinstance(one, requests.RequestException):
            return one.strerror
        linked = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        seen += [e for e in linked if isinstance(e, BaseException) and all(e is not s for s in seen)]
    return type(error).__name__


_SECRETS = re.compile(r"(?i)\b(access_token|secret|openid)=[^&\s\"]+")


class _MaskQuery(logging.Filter):
    """urllib3 logs every URL at DEBUG, and at WARNING that of an answer whose headers are broken; the token and the
    openid in it are masked."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_SECRETS.sub(r"\1=***", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_MaskQuery())
