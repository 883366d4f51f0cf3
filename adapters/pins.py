"""Which address a host name stands for, asked once and kept: for hosts that come out of an article's HTML.

A name on the site's list may be pointed elsewhere between the check and the connection (DNS rebinding), or may have
been pointed at this machine or a cloud's metadata service all along. So the connection is made to the address that
was looked at, and to no other for as long as these pins live.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection

#: Where clouds hand out log-ins to whoever asks from inside, beside what is link-local anyway.
_METADATA = frozenset({"100.100.100.200", "fd00:ec2::254"})

_INTO_IPV4 = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))

#: name, port → its addresses. Raises OSError when it has none.
Resolve = Callable[[str, int], Collection[str]]


class Forbidden(Exception):
    """The name leads where nothing may be fetched from; the message says where."""


def by_system(name: str, port: int) -> list[str]:
    """The addresses the operating system gives for a name, IPv4 and IPv6, in its order."""
    return [str(found[4][0]) for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]


class Pins:
    """``written`` are the ``HOST:PORT`` the site wrote down: an address may be any of those, a name may not."""

    def __init__(self, written: Collection[str], resolve: Resolve = by_system) -> None:
        self._written = frozenset(written)
        self._resolve = resolve
        self._pinned: dict[tuple[str, int], str] = {}

    def address(self, name: str, port: int) -> str:
        """The address to connect to. Raises Forbidden, or OSError when the name has none."""
        if _is_address(name) or name == "localhost" or name.endswith(".localhost"):
            return name  # the site wrote exactly this
        if (name, port) not in self._pinned:
            found = list(self._resolve(name, port))
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "no address")
            for address in found:  # one bad among them is reason enough
                if (what := _special(address)) and f"{address}:{port}" not in self._written:
                    raise Forbidden(f"resolves to {address}, {what}; if that is meant, list it in media_hosts")
            self._pinned[name, port] = found[0]
        return self._pinned[name, port]


class PublicPins(Pins):
    """For addresses nobody listed: what the site did not write down must be on the public internet."""

    def address(self, name: str, port: int) -> str:
        if f"{name}:{port}" in self._written:
            return super().address(name, port)
        if name == "localhost" or name.endswith(".localhost"):
            raise Forbidden("is this machine itself")
        if (name, port) not in self._pinned:
            found = [name] if _is_address(name) else list(self._resolve(name, port))
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "no address")
            for address in found:
                if not _is_public(address) and f"{address}:{port}" not in self._written:
                    raise Forbidden("is not on the public internet; if that is meant, list it in media_hosts")
            self._pinned[name, port] = found[0]
        return self._pinned[name, port]


def _is_public(address: str) -> bool:
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    if isinstance(found, ipaddress.IPv6Address):
        if any(found in network for network in _INTO_IPV4):
            return False  # a gateway makes an IPv4 address of it, whichever
        found = found.ipv4_mapped or found
    return found.is_global and not _special(str(found))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _special(address: str) -> str:
    """What is wrong with an address of a name; '' for an ordinary one, private networks included."""
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found.is_loopback:
        return "this machine itself"
    if str(found) in _METADATA:
        return "a cloud's metadata service"
    if found.is_link_local:
        return "a link-local address"
    if found.is_multicast or found.is_unspecified or (found.is_reserved and found.version == 4):
        return "no address of a server"
    return ""
