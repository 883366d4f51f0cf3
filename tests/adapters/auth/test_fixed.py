"""Kinds that send the same on every call, and what all kinds have in common."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from adapters import vocabulary
from adapters.auth import KINDS
from adapters.outgoing import Outgoing
from tests.adapters.auth.kinds import CONNECTION, SECRET, opened, sent
from weigov.errors import ConfigError
from weigov.ports import Connection


@pytest.mark.parametrize(
    ("rule", "place", "expected"),
    [
        ("{kind: none}", "headers", {}),
        ("{kind: basic}", "headers", {"Authorization": "Basic d2VpZ292OmdlaGVpbQ=="}),
        ("{kind: bearer}", "headers", {"Authorization": "Bearer geheim"}),
        ("{kind: api_key, header: X-Api-Key}", "headers", {"X-Api-Key": "geheim"}),
        ("{kind: api_key, header: Authorization, prefix: 'token '}", "headers", {"Authorization": "token geheim"}),
        ("{kind: api_key, header: Api-Username, part: login}", "headers", {"Api-Username": "weigov"}),
        ("{kind: api_key, query: key}", "query", {"key": "geheim"}),
        ("{kind: api_key, cookie: sid}", "headers", {"Cookie": "sid=geheim"}),
        ("{kind: api_key, body: ValidateData}", "body", {"ValidateData": "geheim"}),
        ("{kind: body_params, login: u, password: p}", "body", {"u": "weigov", "p": "geheim"}),
        (
            "[{kind: api_key, header: Api-Key}, {kind: api_key, header: Api-Username, part: login}]",
            "headers",
            {"Api-Key": "geheim", "Api-Username": "weigov"},
        ),
        ("[{kind: api_key, cookie: a}, {kind: api_key, cookie: b}]", "headers", {"Cookie": "a=geheim; b=geheim"}),
    ],
)
def test_each_kind_sends_in_its_place_and_nowhere_else(rule: str, place: str, expected: dict[str, str]) -> None:
    it = opened(rule)
    out = sent(it, Outgoing("POST", "http://x"))
    parts: dict[str, Any] = {"headers": out.headers, "query": out.query, "body": out.body}
    assert parts == {"headers": {}, "query": {}, "body": {}} | {place: expected}
    assert not it.renew()


@pytest.mark.parametrize(
    "rule",
    ["{kind: basic}", "{kind: bearer}", "{kind: api_key, query: k}", "{kind: body_params, login: u, password: p}"],
)
def test_a_connection_without_its_parts_is_named(rule: str) -> None:
    with pytest.raises(ConfigError, match="connection gw has no password"):
        opened(rule, Connection("gw", "", "http://x", "weigov"))


@pytest.mark.parametrize("places", ["", ", header: A, query: b"])
def test_a_key_has_exactly_one_place(places: str) -> None:
    with pytest.raises(ValidationError, match="needs one place: header, query, body or cookie"):
        opened(f"{{kind: api_key{places}}}")


def test_every_kind_of_the_vocabulary_is_in_the_registry() -> None:
    union, _ = get_args(vocabulary.Auth)
    assert {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union)} == set(KINDS)


#: A rule of each kind that is opened with the plain connection.
RULES = [
    "{kind: none}",
    "{kind: basic}",
    "{kind: bearer}",
    "{kind: api_key, header: X}",
    "{kind: body_params, login: u, password: p}",
    "{kind: login_token, request: {path: /login}, token: t, header: X}",
    "{kind: oauth2, token_url: /token}",
    "{kind: signed_params, algorithm: md5, sign: sign}",
    "{kind: signed_headers, algorithm: md5, text: '{secret}', headers: {X: '{signature}'}}",
    "{kind: wss_username}",
]


@pytest.mark.parametrize("rule", RULES)
def test_no_kind_shows_a_secret(rule: str) -> None:
    it = opened(rule)
    out = Outgoing("GET", "http://x", query={"key": SECRET}, headers={"A": SECRET}, body={"p": SECRET})
    shown = f"{it!r} {it} {out!r} {CONNECTION!r} {getattr(it, '_given', '')!r}"
    assert SECRET not in shown
