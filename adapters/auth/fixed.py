"""Kinds that send the same on every call: what the connection holds, in the place the system looks at."""

from __future__ import annotations

import base64
from typing import Protocol

from adapters import vocabulary
from adapters.auth.base import Given, NoAuth
from adapters.outgoing import Outgoing


class Placed(Protocol):
    """As ``vocabulary.ApiKeyAuth``: one of the four is set."""

    @property
    def header(self) -> str | None: ...
    @property
    def query(self) -> str | None: ...
    @property
    def body(self) -> str | None: ...
    @property
    def cookie(self) -> str | None: ...
    @property
    def prefix(self) -> str: ...


def place(out: Outgoing, where: Placed, value: str) -> None:
    """Put ``value`` where the rule says."""
    value = where.prefix + value
    if where.header is not None:
        out.headers[where.header] = value
    elif where.query is not None:
        out.query[where.query] = value
    elif where.body is not None:
        out.body[where.body] = value
    elif where.cookie is not None:
        others = out.headers.get("Cookie")
        out.headers["Cookie"] = f"{others}; {where.cookie}={value}" if others else f"{where.cookie}={value}"


class Basic(NoAuth):
    """Login and password as HTTP Basic (RFC 7617)."""

    def __init__(self, rule: vocabulary.BasicAuth, given: Given) -> None:
        pair = f"{given.part('login')}:{given.part('password')}"
        self._header = "Basic " + base64.b64encode(pair.encode()).decode()

    def fill(self, out: Outgoing) -> None:
        out.headers["Authorization"] = self._header


class Bearer(NoAuth):
    """The password as a bearer token (RFC 6750)."""

    def __init__(self, rule: vocabulary.BearerAuth, given: Given) -> None:
        self._header = "Bearer " + given.part("password")

    def fill(self, out: Outgoing) -> None:
        out.headers["Authorization"] = self._header


class ApiKey(NoAuth):
    """A fixed key."""

    def __init__(self, rule: vocabulary.ApiKeyAuth, given: Given) -> None:
        self._rule, self._value = rule, given.part(rule.part)

    def fill(self, out: Outgoing) -> None:
        place(out, self._rule, self._value)


class BodyParams(NoAuth):
    """Login and password as parameters of every call, as old SOAP services want it."""

    def __init__(self, rule: vocabulary.BodyParamsAuth, given: Given) -> None:
        self._params = {rule.login: given.part("login"), rule.password: given.part("password")}

    def fill(self, out: Outgoing) -> None:
        out.body.update(self._params)
