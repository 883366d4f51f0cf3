"""How we prove to an upstream who we are: one small class a kind, one registry.

A kind signs a request that is otherwise ready; some must log in first, and only they can ``renew``. Secrets come from
the connection and go into headers and bodies, never into addresses, messages or reprs.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from adapters import vocabulary
from adapters.outgoing import Outgoing
from adapters.wire import Reply
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Connection

#: Calls the log-in request with the connection's login and password; gives a look-up into the answer.
LogIn = Callable[[vocabulary.LoginTokenAuth], Callable[[str], Any]]


class LoginRefused(RemoteRefused):
    """The system does not accept our log-in; asking again may lock the account."""


class Auth(Protocol):
    def fill(self, out: Outgoing) -> None:
        """Before the body is written: query, headers, parameters. May log in, and so raise what a read raises."""
        ...

    def sign(self, out: Outgoing) -> None:
        """After it is written: headers over the bytes, a signature inside the envelope, an encrypted body."""
        ...

    def open(self, reply: Reply) -> Reply:
        """The answer, with what the other side encrypted undone."""
        ...

    def renew(self) -> bool:
        """Forget what was granted, because the system no longer honours it; False where there is nothing to renew."""
        ...


class NoAuth:
    """Open to everybody, or guarded by the network."""

    def fill(self, out: Outgoing) -> None:
        pass

    def sign(self, out: Outgoing) -> None:
        pass

    def open(self, reply: Reply) -> Reply:
        return reply

    def renew(self) -> bool:
        return False


class Basic(NoAuth):
    """Login and password on every call."""

    def __init__(self, login: str, password: str) -> None:
        self._header = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()

    def fill(self, out: Outgoing) -> None:
        out.headers["Authorization"] = self._header


class ApiKey(NoAuth):
    """A fixed key in a header."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def fill(self, out: Outgoing) -> None:
        out.headers[self._header] = self._value


class BodyParams(NoAuth):
    """Login and password as parameters of every call, as old SOAP services want it."""

    def __init__(self, names: tuple[str, str], values: tuple[str, str]) -> None:
        self._params = dict(zip(names, values, strict=True))

    def fill(self, out: Outgoing) -> None:
        out.body.update(self._params)


class LoginToken(NoAuth):
    """Log in once, send the token in a header until shortly before it expires."""

    #: Of a token's life: at its very end it may run out on the way.
    _USABLE = 0.9

    def __init__(
        self, rule: vocabulary.LoginTokenAuth, log_in: LogIn, system: str, *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._rule, self._log_in, self._system, self._clock = rule, log_in, system, clock
        self._token = ""
        self._until = 0.0

    def fill(self, out: Outgoing) -> None:
        if not self._token or self._clock() >= self._until:
            self._fetch()
        out.headers[self._rule.header] = self._rule.prefix + self._token

    def renew(self) -> bool:
        self._token = ""
        return True

    def _fetch(self) -> None:
        asked_at = self._clock()
        value = self._log_in(self._rule)
        token = value(self._rule.token)
        if not isinstance(token, (str, int)) or isinstance(token, bool) or not str(token).strip():
            raise LoginRefused(
                self._system, "log-in", f"gave no token at {self._rule.token}: check login and password"
            )
        lifetime_s = float(self._rule.expires_in_s)
        if self._rule.expires_in is not None:
            try:
                lifetime_s = float(value(self._rule.expires_in))
            except (TypeError, ValueError):
                pass  # the descriptor's own figure holds
        self._token = str(token)
        self._until = asked_at + lifetime_s * self._USABLE


def open_auth(rule: Any, connection: Connection, system: str, log_in: LogIn) -> Auth:
    """The auth a descriptor asks for, bound to a connection. Raises ConfigError when the connection lacks a part."""
    for kind, build in KINDS.items():
        if rule.kind == kind:
            return build(rule, connection, system, log_in)
    raise ConfigError(f"nobody knows the auth kind {rule.kind!r}")


def _basic(rule: Any, connection: Connection, system: str, log_in: LogIn) -> Auth:
    return Basic(_part(connection, "login"), _part(connection, "password"))


def _api_key(rule: Any, connection: Connection, system: str, log_in: LogIn) -> Auth:
    return ApiKey(rule.header, rule.prefix + _part(connection, "password"))


def _login_token(rule: Any, connection: Connection, system: str, log_in: LogIn) -> Auth:
    _part(connection, "login"), _part(connection, "password")
    return LoginToken(rule, log_in, system)


def _body_params(rule: Any, connection: Connection, system: str, log_in: LogIn) -> Auth:
    return BodyParams(
        (rule.login, rule.password), (_part(connection, "login"), _part(connection, "password"))
    )  # fmt: skip


KINDS: Mapping[str, Callable[[Any, Connection, str, LogIn], Auth]] = {
    "none": lambda rule, connection, system, log_in: NoAuth(),
    "basic": _basic,
    "api_key": _api_key,
    "login_token": _login_token,
    "body_params": _body_params,
}


def _part(connection: Connection, name: str) -> str:
    value: str = getattr(connection, name)
    if not value:
        raise ConfigError(f"connection {connection.name} has no {name}, which its system's log-in needs")
    return value
