"""How we prove to an upstream who we are: one small class a kind, one registry.

A kind completes a request that is otherwise ready; some must log in first, and only they can ``renew``. Secrets come
from the connection and go into headers, bodies and, where a system insists, queries; never into messages, logs or
reprs. Which words a kind has is in ``adapters.vocabulary.auth``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.auth.base import (
    Auth,
    Fetch,
    Given,
    LogIn,
    LoginRefused,
    LookUp,
    NoAuth,
    Several,
    Untrusted,
    granted,
    look_up,
)
from adapters.auth.fixed import ApiKey, Basic, Bearer, BodyParams
from adapters.auth.sealed import SealedBody
from adapters.auth.signed import SignedHeaders, SignedParams
from adapters.auth.tls import client_certificate
from adapters.auth.token import LoginToken, OAuth2
from adapters.auth.wss import WssUsername, WssX509
from weigov.errors import ConfigError

__all__ = [
    "KINDS",
    "Auth",
    "Fetch",
    "Given",
    "LogIn",
    "LoginRefused",
    "LookUp",
    "Untrusted",
    "client_certificate",
    "granted",
    "look_up",
    "open_auth",
]

KINDS: Mapping[str, Callable[[Any, Given], Auth]] = {
    "none": lambda rule, given: NoAuth(),
    "basic": Basic,
    "bearer": Bearer,
    "api_key": ApiKey,
    "body_params": BodyParams,
    "login_token": LoginToken,
    "oauth2": OAuth2,
    "signed_params": SignedParams,
    "signed_headers": SignedHeaders,
    "sealed_body": SealedBody,
    "wss_username": WssUsername,
    "wss_x509": WssX509,
}


def open_auth(rules: Sequence[Any], given: Given) -> Auth:
    """The auth a descriptor asks for, bound to a connection. Raises ConfigError when the connection lacks a part."""
    for rule in rules:
        if rule.kind not in KINDS:
            raise ConfigError(f"nobody knows the auth kind {rule.kind!r}")
    kinds = [KINDS[rule.kind](rule, given) for rule in rules]
    return kinds[0] if len(kinds) == 1 else Several(kinds)
