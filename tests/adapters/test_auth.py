"""Proving who we are."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.auth import KINDS, LoginRefused, LoginToken, open_auth
from adapters.outgoing import Outgoing
from adapters.vocabulary import Descriptor, LoginTokenAuth
from weigov.errors import ConfigError
from weigov.ports import Connection

CONNECTION = Connection("cms", "", "http://x", "weigov", "geheim")


def opened(rule: dict[str, Any], connection: Connection = CONNECTION) -> Any:
    it = Descriptor.model_validate({"system": "x", "title": "x", "engine": "rest", "auth": rule})
    return open_auth(it.auth, connection, "cms", lambda rule: lambda path: None)


@pytest.mark.parametrize(
    ("rule", "headers", "body"),
    [
        ({"kind": "none"}, {}, {"a": 1}),
        ({"kind": "basic"}, {"Authorization": "Basic d2VpZ292OmdlaGVpbQ=="}, {"a": 1}),
        ({"kind": "api_key", "header": "X-Api-Key"}, {"X-Api-Key": "geheim"}, {"a": 1}),
        (
            {"kind": "api_key", "header": "Authorization", "prefix": "token "},
            {"Authorization": "token geheim"},
            {"a": 1},
        ),
        ({"kind": "body_params", "login": "u", "password": "p"}, {}, {"a": 1, "u": "weigov", "p": "geheim"}),
    ],
)
def test_each_kind_signs_in_its_place(rule: dict[str, Any], headers: dict[str, str], body: dict[str, Any]) -> None:
    it = opened(rule)
    out = Outgoing("POST", "http://x", body={"a": 1})
    it.fill(out)
    it.sign(out)
    assert (out.headers, out.body) == (headers, body)
    assert not it.renew() and "geheim" not in repr(it)


@pytest.mark.parametrize("rule", [{"kind": "basic"}, {"kind": "body_params", "login": "u", "password": "p"}])
def test_a_connection_without_its_parts_is_named(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="connection cms has no password"):
        opened(rule, Connection("cms", "", "http://x", "weigov"))


def test_every_kind_of_the_vocabulary_is_in_the_registry() -> None:
    assert set(KINDS) == {"none", "basic", "api_key", "login_token", "body_params"}


def token_auth(answers: list[dict[str, Any]], **more: Any) -> tuple[LoginToken, list[float]]:
    rule = LoginTokenAuth.model_validate(
        {"kind": "login_token", "request": {"path": "/login"}, "token": "token", "header": "X", **more}
    )
    now = [0.0]
    return LoginToken(rule, lambda rule: answers.pop(0).get, "cms", clock=lambda: now[0]), now


def signed(it: LoginToken) -> str:
    out = Outgoing("GET", "http://x")
    it.fill(out)
    return out.headers["X"]


def test_a_token_is_fetched_once_and_again_before_it_runs_out() -> None:
    it, now = token_auth([{"token": "a", "life": "100"}, {"token": "b", "life": 100}], expires_in="life")
    assert signed(it) == "a"
    now[0] = 89
    assert signed(it) == "a"
    now[0] = 90
    assert signed(it) == "b"


def test_a_renewed_token_is_fetched_anew() -> None:
    it, _ = token_auth([{"token": "a"}, {"token": 17}], prefix="Bearer ")
    assert signed(it) == "Bearer a"
    assert it.renew()
    assert signed(it) == "Bearer 17"


@pytest.mark.parametrize("answer", [{}, {"token": None}, {"token": " "}, {"token": {}}, {"token": True}])
def test_an_answer_without_a_token_is_a_refusal(answer: dict[str, Any]) -> None:
    it, _ = token_auth([answer])
    with pytest.raises(LoginRefused, match="cms log-in: gave no token at token"):
        signed(it)
