"""Is there anything at an address? HEAD, and GET where HEAD is not understood; nothing is kept of the answer.

Anybody who can edit an article chooses the address, so: http and https only, no log-in is sent, and the name must
lead to the public internet unless it is a system's own or a listed host (``pins``), redirects included. WeChat says
200 of articles that are gone, and names made for examples belong to nobody: neither is asked.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

from adapters.pins import Forbidden, PublicPins, Resolve, by_system
from adapters.wire import Limits, NoAnswer, NotSent, TooLarge, Wire
from weigov.ports import LinkAnswer

_MAX_REDIRECTS = 5
_AT_ONCE = 4
_IN_A_ROW = 2  # times a host did not answer; then its other addresses are left for another time
_LIMITS = Limits(connect_s=4, read_s=5, total_s=8, max_bytes=2 << 20)
_GONE = (404, 410)
_PORTS = {"http": 80, "https": 443}
_NEVER = ("mp.weixin.qq.com",)
_EXAMPLES = (".example", ".invalid", ".test")
#: A name that surely has no address; other failures of the name service may be ours.
_NO_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class LinkProber:
    """Asks for a site. ``written``: the ``HOST:PORT`` of its systems and of what they list."""

    def __init__(
        self, written: Collection[str], *, resolve: Resolve = by_system, limits: Limits = _LIMITS,
    ) -> None:  # fmt: skip
        self._written, self._resolve, self._limits = frozenset(written), resolve, limits
        self._here = threading.local()
        self._wires: list[Wire] = []
        self._lock = threading.Lock()
        self._silent: Counter[str] = Counter()

    def ask(self, urls: Sequence[str], budget_s: float) -> dict[str, LinkAnswer]:
        """Some at a time; those that were asked before ``budget_s`` had passed. Never raises for what it meets."""
        until = time.monotonic() + budget_s
        self._silent.clear()

        def one(url: str) -> LinkAnswer | None:
            return self._one(url) if time.monotonic() < until else None

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="links") as pool:
            answers = dict(zip(urls, pool.map(one, urls), strict=True))
        self.close()
        return {url: answer for url, answer in answers.items() if answer is not None}

    def close(self) -> None:
        """Give up connections."""
        with self._lock:
            for wire in self._wires:
                wire.close()
            self._wires.clear()
            self._here = threading.local()

    def _one(self, url: str) -> LinkAnswer | None:
        address = url
        pins = PublicPins(self._written, self._resolve)
        for _ in range(_MAX_REDIRECTS):
            place = _place(address)
            if place is None:
                return None if address == url else LinkAnswer("unsure", "leads to what is not asked")
            host, port = place
            if self._silent[host] >= _IN_A_ROW:
                return None
            try:
                pins.address(host, port)
                status, location = self._status(address, pins)
            except Forbidden as error:
                return LinkAnswer("unsure", f"not asked: {error}")
            except socket.gaierror as error:
                if error.errno in _NO_NAME:
                    return LinkAnswer("dead", "no such host name")
                return LinkAnswer("unsure", "the name service did not answer")
            except (OSError, UnicodeError):
                return LinkAnswer("unsure", "the name cannot be resolved")
            except TooLarge:
                return LinkAnswer("alive", "a long answer")
            except (NotSent, NoAnswer) as error:
                self._silent[host] += 1
                return LinkAnswer("unsure", str(error))
            self._silent[host] = 0
            if status in (301, 302, 303, 307, 308) and location:
                try:
                    address = urljoin(address, location)
                except ValueError:
                    return LinkAnswer("unsure", "leads to what is no address")
                continue
            return _judged(status)
        return LinkAnswer("unsure", f"more than {_MAX_REDIRECTS} redirects")

    def _status(self, address: str, pins: PublicPins) -> tuple[int, str]:
        """The HTTP status, and where it leads."""
        wire = self._wire()
        reply = wire.send("HEAD", address, headers={"Accept": "*/*"}, pins=pins)
        if reply.status >= 400:  # many servers know no HEAD, or answer it with something else
            reply = wire.send("GET", address, headers={"Accept": "*/*"}, pins=pins)
        return reply.status, reply.headers.get("Location", "")

    def _wire(self) -> Wire:
        """This thread's own."""
        found = getattr(self._here, "wire", None)
        if found is None:
            found = self._here.wire = Wire(limits=self._limits)
            with self._lock:
                self._wires.append(found)
        assert isinstance(found, Wire)
        return found


def _judged(status: int) -> LinkAnswer:
    said = f"HTTP {status}"
    if status in _GONE:
        return LinkAnswer("dead", said)
    return LinkAnswer("alive" if status < 400 else "unsure", said)


def _place(address: str) -> tuple[str, int] | None:
    """Host and port of an address that may be asked; None for any other."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        return None
    if host in _NEVER or host.endswith(_EXAMPLES):
        return None
    return host, port or _PORTS[parts.scheme]
