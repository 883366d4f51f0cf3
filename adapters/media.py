"""Files an upstream links to: images and attachments. Only from its own address and the hosts the site lists.

An address comes out of an article's HTML, so anybody who can edit an article chooses it: hosts are compared before
every request, redirects included, what a name resolves to is looked at once and kept (``pins``), and the size is
bounded while bytes arrive. No log-in is sent along.

A host that could not be reached three times in a row is left alone for a while: hundreds of articles with pictures
would otherwise wait through all attempts, each for itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urljoin, urlsplit

from adapters import retry
from adapters.pins import Forbidden, Pins, Resolve, by_system
from adapters.wire import NoAnswer, NotSent, Reply, TooLarge, Wire, retry_after_s, shown
from weigov.errors import RateLimited, RemoteRefused, RemoteUnavailable

_MAX_REDIRECTS = 5
_IN_A_ROW = 3  # failures of one host, each after all its attempts
_ALONE_S = 60.0
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Media:
    """Fetches for one system. ``media_hosts`` are ``HOST`` (ports 80 and 443) or ``HOST:PORT``."""

    def __init__(
        self, system: str, wire: Wire, base_url: str, media_hosts: Sequence[str], sleep: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic, resolve: Resolve = by_system,
    ) -> None:  # fmt: skip
        self._system, self._wire, self._base_url, self._sleep = system, wire, base_url, sleep
        self._allowed = own_hosts(base_url, media_hosts)
        self._pins = Pins(self._allowed, resolve)
        self._monotonic = monotonic
        self._failed: Counter[str] = Counter()  # host → failures in a row
        self._alone_until: dict[str, float] = {}

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        """As ``ports.SourceSystem.fetch``; a relative address is taken from the system's own."""
        address = self._joined(self._base_url + "/", url)
        for _ in range(_MAX_REDIRECTS):
            reply = self._get(address, max_bytes)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply.body, reply.content_type.partition(";")[0].strip().lower()
            address = self._joined(address, reply.headers.get("Location", ""))
        raise self._refused(address, f"was reached after {_MAX_REDIRECTS} redirects; that is enough")

    def _get(self, address: str, max_bytes: int) -> Reply:
        try:
            host = _host_port(address)
        except ValueError:
            raise self._refused(address, "is no address to fetch a file from") from None
        if host not in self._allowed:
            raise self._refused(address, "is on a host that is not in the system's media_hosts")
        if self._monotonic() < self._alone_until.get(host, 0):
            raise RemoteUnavailable(self._system, "fetch", f"{shown(address)} is not asked: {host} did not answer")
        try:
            reply = self._patiently(address, max_bytes)
        except RemoteUnavailable:
            self._failed[host] += 1
            if self._failed[host] >= _IN_A_ROW:
                self._alone_until[host] = self._monotonic() + _ALONE_S
            raise
        except RemoteRefused:
            self._failed[host] = 0
            raise
        self._failed[host] = 0
        return reply

    def _patiently(self, address: str, max_bytes: int) -> Reply:
        for attempt in retry.reads(self._sleep):
            with attempt:
                return self._once(address, max_bytes)
        raise AssertionError("the policy always raises or returns")

    def _once(self, address: str, max_bytes: int) -> Reply:
        try:
            reply = self._wire.send("GET", address, headers={"Accept": "*/*"}, max_bytes=max_bytes, pins=self._pins)
        except Forbidden as error:
            raise self._refused(address, f"is not fetched: its name {error}") from None
        except TooLarge as error:
            raise self._refused(address, f"was not taken: {error}") from None
        except (NotSent, NoAnswer) as error:
            raise RemoteUnavailable(self._system, "fetch", f"{shown(address)} could not be read: {error}") from None
        said = f"{shown(address)} answered HTTP {reply.status}"
        if reply.status == 429:
            raise RateLimited(self._system, "fetch", said, code=429, retry_after_s=retry_after_s(reply))
        if reply.status >= 500:
            raise RemoteUnavailable(self._system, "fetch", said, code=reply.status)
        if reply.status >= 400:
            raise RemoteRefused(self._system, "fetch", said, code=reply.status)
        return reply

    def _joined(self, base: str, url: str) -> str:
        try:
            return urljoin(base, url)
        except ValueError:  # such as http://[::1, which also cannot be shown
            raise RemoteRefused(
                self._system, "fetch", "what stands there is no address to fetch a file from"
            ) from None

    def _refused(self, address: str, why: str) -> RemoteRefused:
        return RemoteRefused(self._system, "fetch", f"{shown(address)} {why}")


def own_hosts(base_url: str, media_hosts: Sequence[str]) -> set[str]:
    """The ``HOST:PORT`` of a system and of what it lists. Raises ValueError when ``base_url`` is no http address."""
    return {_host_port(base_url), *_listed(media_hosts)}


def _host_port(address: str) -> str:
    """``host:port`` of an http(s) address. Raises ValueError for any other."""
    parts = urlsplit(address)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def _listed(hosts: Sequence[str]) -> Iterator[str]:
    for host in hosts:
        if ":" in host:
            yield host.lower()
        else:
            yield from (f"{host.lower()}:{port}" for port in _DEFAULT_PORTS.values())
