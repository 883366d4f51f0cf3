"""Kinds that are granted a token for a while: a log-in of the system's own, and OAuth 2 client credentials.

A token is asked for when it is first needed and again shortly before it ends. While one logs in it signs nothing
itself, but the kinds beside it do: the gateway in front of a log-in wants its signature too.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from adapters import times, vocabulary
from adapters.auth.base import Given, LogIn, LoginRefused, LookUp, NoAuth, granted
from adapters.auth.fixed import place
from adapters.outgoing import Outgoing
from adapters.template import holes

#: Of a token's life: at its very end it may run out on the way.
_USABLE = 0.9


class LoginToken(NoAuth):
    """Log in once, send the token until shortly before it expires."""

    def __init__(self, rule: vocabulary.LoginTokenAuth, given: Given) -> None:
        for part in sorted(holes(rule.request.model_dump()) & {"login", "password"}):
            given.part(part)
        self._rule, self._given = rule, given
        self._asked = LogIn(
            tuple(p for p in (rule.token, rule.expires_in, rule.expires_at and rule.expires_at.path) if p),
            rule.token, rule, rule.outcome, rule.request,
        )  # fmt: skip
        self._token = ""
        self._until = 0.0
        self._logging_in = False

    def fill(self, out: Outgoing) -> None:
        if self._logging_in:
            return
        if not self._token or self._given.monotonic() >= self._until:
            self._log_in()
        place(out, self._rule, self._token)

    def renew(self) -> bool:
        self._token = ""
        return True

    def held(self) -> Sequence[str]:
        return (self._token,)

    def _log_in(self) -> None:
        asked_at = self._given.monotonic()
        self._logging_in = True
        try:
            value = self._given.fetch(self._asked)
        finally:
            self._logging_in = False
        token = granted(value(self._rule.token))
        if not token:
            raise LoginRefused(
                self._given.system, "log-in", f"gave no token at {self._rule.token}: check login and password"
            )
        self._token = token
        self._until = asked_at + self._lifetime_s(value) * _USABLE

    def _lifetime_s(self, value: LookUp) -> float:
        """The first the answer gives; a figure nobody can read counts as none."""
        rule = self._rule
        if rule.expires_in is not None and (seconds := _seconds(value(rule.expires_in))) is not None:
            return seconds
        if rule.expires_at is not None and (until := _moment(value(rule.expires_at.path), rule.expires_at)):
            return max((until - self._given.now()).total_seconds(), 0.0)
        return float(rule.expires_in_s)


class OAuth2(NoAuth):
    """A token from a token endpoint; with the refresh token when one was given (RFC 6749, 4.4 and 6)."""

    #: RFC 6749, 5.2. What is temporary there says so.
    _OUTCOME = tuple(
        vocabulary.OutcomeRule.model_validate(rule)
        for rule in (
            {"when": "error == 'temporarily_unavailable'", "is": "retry", "message": "error_description"},
            {"when": "error == 'server_error'", "is": "retry", "message": "error_description"},
            {"when": "error", "is": "refuse", "message": "error"},
        )
    )
    _WANTED = ("access_token", "expires_in", "refresh_token")

    def __init__(self, rule: vocabulary.OAuth2Auth, given: Given) -> None:
        self._rule, self._given = rule, given
        self._url = _token_url(rule.token_url, given)
        self._client = (given.part("login"), given.part("password"))
        self._token = ""
        self._refresh = ""
        self._until = 0.0

    def fill(self, out: Outgoing) -> None:
        if not self._token or self._given.monotonic() >= self._until:
            self._obtain()
        out.headers["Authorization"] = f"Bearer {self._token}"

    def renew(self) -> bool:
        self._token = ""
        return True

    def held(self) -> Sequence[str]:
        return (self._token, self._refresh)

    def _obtain(self) -> None:
        if self._refresh:
            refresh, self._refresh = self._refresh, ""
            try:
                return self._ask({"grant_type": "refresh_token", "refresh_token": refresh})
            except LoginRefused:
                pass  # it ran out before the token did; our credentials may still hold
        return self._ask({"grant_type": "client_credentials"})

    def _ask(self, grant: dict[str, str]) -> None:
        asked_at = self._given.monotonic()
        value = self._given.fetch(
            LogIn(self._WANTED, self._WANTED[0], self._rule, self._OUTCOME, ready=self._request(grant))
        )
        token = granted(value("access_token"))
        if not token:
            raise LoginRefused(self._given.system, "log-in", "gave no access_token: check login and password")
        seconds = _seconds(value("expires_in"))
        self._token, self._refresh = token, granted(value("refresh_token"))
        self._until = asked_at + (self._rule.expires_in_s if seconds is None else seconds) * _USABLE

    def _request(self, grant: dict[str, str]) -> Outgoing:
        out = Outgoing("POST", self._url, headers={"Accept": "application/json"})
        out.headers["Content-Type"] = "application/x-www-form-urlencoded"
        params = grant | self._rule.params | ({"scope": self._rule.scope} if self._rule.scope else {})
        client_id, client_secret = self._client
        if self._rule.client_auth == "body":
            params |= {"client_id": client_id, "client_secret": client_secret}
        else:
            pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"  # RFC 6749, 2.3.1
            out.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        out.data = urlencode(params).encode()
        return out


def _token_url(url: str, given: Given) -> str:
    """Where tokens come from. Raises ConfigError for a host the connection does not name: it would get the secret."""
    base = given.connection.base_url.rstrip("/")
    if url.startswith("/"):
        return base + url
    named = given.connection.extra.get("auth_hosts", ())
    allowed = set(named.replace(",", " ").split() if isinstance(named, str) else named)
    parts = urlsplit(url)
    if parts.hostname not in allowed | {urlsplit(base).hostname} or parts.username is not None:
        raise given.unfit("auth_hosts", f"does not name {parts.hostname}, where the descriptor asks for tokens")
    return url


def _seconds(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _moment(value: Any, rule: vocabulary.ExpiryRule) -> datetime | None:
    try:
        return times.reader((rule.format,), rule.zone)(value)
    except ValueError:
        return None
