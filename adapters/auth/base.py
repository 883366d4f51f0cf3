"""What every auth kind is, and what it is built from. The kinds are beside this file, a family a file."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from adapters import times
from adapters.outgoing import Outgoing
from adapters.vocabulary import NonceRule, OutcomeRule, Request, TimestampRule
from adapters.wire import Reply
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Connection

#: A place in an answer → what stands there. ``http.header.NAME`` and ``http.cookie.NAME`` are places too.
LookUp = Callable[[str], Any]

_HEADER, _COOKIE = "http.header.", "http.cookie."
_ALPHABETS: Mapping[str, str] = {
    "hex": "0123456789abcdef",
    "digits": "0123456789",
    "alphanumeric": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
}


class LoginRefused(RemoteRefused):
    """The system does not accept our log-in; asking again may lock the account."""


class Untrusted(Exception):
    """An answer that cannot be shown to be the system's own. Its message may be shown."""


class Auth(Protocol):
    def fill(self, out: Outgoing) -> None:
        """Before the body is written: query, headers, parameters. May log in, and so raise what a read raises."""
        ...

    def sign(self, out: Outgoing) -> None:
        """After it is written: headers over the bytes, a signature inside the envelope, an encrypted body."""
        ...

    def open(self, reply: Reply) -> Reply:
        """The answer, with what the other side encrypted undone. Raises Untrusted."""
        ...

    def renew(self) -> bool:
        """Forget what was granted, because the system no longer honours it; False where there is nothing to renew."""
        ...

    def held(self) -> Sequence[str]:
        """What was granted and opens doors now, for who must keep it out of what is passed on."""
        ...


@dataclass(frozen=True, slots=True)
class LogIn:
    """A call that logs in: a descriptor's ``request``, or one that is ``ready`` to be sent as it is."""

    wanted: Sequence[str]  # the places that will be looked at
    token: str  # the one of them that must hold something
    rule: Any  # of the descriptor's ``auth``, for messages
    outcome: Sequence[OutcomeRule] = ()
    request: Request = field(default_factory=Request, repr=False)
    ready: Outgoing | None = field(default=None, repr=False)


class Fetch(Protocol):
    """Carries a log-in as a read is carried. Raises LoginRefused, RemoteUnavailable."""

    def __call__(self, asked: LogIn) -> LookUp: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Given:
    """What a kind is built from; clocks and chance are here so that a known answer can be shown to come out."""

    connection: Connection
    system: str
    fetch: Fetch
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = secrets.token_bytes
    choose: Callable[[str], str] = secrets.choice

    def part(self, name: str) -> str:
        """``login`` or ``password`` of the connection. Raises ConfigError when it is empty."""
        value: str = getattr(self.connection, name)
        if not value:
            raise ConfigError(f"connection {self.connection.name} has no {name}, which its system's log-in needs")
        return value

    def extra(self, name: str) -> str:
        """A further part of the connection. Raises ConfigError when it is missing."""
        value = self.connection.extra.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(
                f"connection {self.connection.name} has no {name} in its extra, which its system's log-in needs"
            )
        return value.strip()

    def unfit(self, name: str, why: str) -> ConfigError:
        """The fault of a part that is there and of no use; ``why`` never quotes it."""
        return ConfigError(f"connection {self.connection.name}: {name} {why}")

    def timestamp(self, rule: TimestampRule) -> str:
        return str(times.writer(rule.format, rule.zone)(self.now()))

    def nonce(self, rule: NonceRule) -> str:
        return "".join(self.choose(_ALPHABETS[rule.of]) for _ in range(rule.length))


def look_up(body: LookUp, reply: Reply) -> LookUp:
    """A look-up into an answer whose ``http.header.NAME`` and ``http.cookie.NAME`` are places as well."""

    def value(path: str) -> Any:
        if path.startswith(_HEADER):
            return reply.headers.get(path.removeprefix(_HEADER))
        if path.startswith(_COOKIE):
            # Several Set-Cookie headers arrive as one, joined by commas; dates in them hold commas too.
            name = re.escape(path.removeprefix(_COOKIE))
            found = re.search(rf"(?:^|,)\s*{name}=([^;,\s]*)", reply.headers.get("Set-Cookie", ""))
            return found[1].strip('"') if found else None
        return body(path)

    return value


def granted(value: Any) -> str:
    """A token as it is sent; '' for what is none."""
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


class NoAuth:
    """Open to everybody, or guarded by the network. The other kinds say what they do differently."""

    def fill(self, out: Outgoing) -> None:
        pass

    def sign(self, out: Outgoing) -> None:
        pass

    def open(self, reply: Reply) -> Reply:
        return reply

    def renew(self) -> bool:
        return False

    def held(self) -> Sequence[str]:
        return ()


class Several(NoAuth):
    """Kinds one behind the other: a gateway's signature and the token of the system behind it, say."""

    def __init__(self, kinds: Sequence[Auth]) -> None:
        self._kinds = tuple(kinds)

    def fill(self, out: Outgoing) -> None:
        for kind in self._kinds:
            kind.fill(out)

    def sign(self, out: Outgoing) -> None:
        for kind in self._kinds:
            kind.sign(out)

    def open(self, reply: Reply) -> Reply:
        for kind in reversed(self._kinds):
            reply = kind.open(reply)
        return reply

    def renew(self) -> bool:
        return any([kind.renew() for kind in self._kinds])  # a list: every one of them forgets

    def held(self) -> Sequence[str]:
        return [one for kind in self._kinds for one in kind.held()]
