"""Tokens: where they come from, how long they last, and that a log-in goes through the same gateway."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from requests.structures import CaseInsensitiveDict

from adapters.auth import Auth, LogIn, LoginRefused, look_up
from adapters.wire import Reply
from tests.adapters.auth.kinds import NOW, SECRET, Answer, opened, sent, served, system, titles
from weigov.errors import ConfigError
from weigov.ports import Connection

LIFE = "header: X\nexpires_in: life"
LOGIN = "kind: login_token\nrequest: {path: /login}\ntoken: token\n"


def token_auth(answers: list[dict[str, Any]], more: str = "header: X") -> tuple[Auth, list[float]]:
    now = [0.0]
    it = opened(LOGIN + more, fetch=lambda asked: answers.pop(0).get, monotonic=lambda: now[0])
    return it, now


def header(it: Auth) -> str:
    return sent(it).headers["X"]


def test_a_token_is_fetched_once_and_again_before_it_runs_out() -> None:
    it, now = token_auth([{"token": "a", "life": "100"}, {"token": "b", "life": 100}], LIFE)
    assert header(it) == "a"
    now[0] = 89
    assert header(it) == "a"
    now[0] = 90
    assert header(it) == "b"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("{path: until, format: epoch_ms}", int(NOW.timestamp() * 1000) + 100_000),
        ("{path: until, format: epoch_s}", str(int(NOW.timestamp()) + 100)),
        ('{path: until, format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}', "2026-01-05 09:31:55"),
    ],
)
def test_an_answer_may_say_until_when(rule: str, value: Any) -> None:
    it, now = token_auth([{"token": "a", "until": value}, {"token": "b"}], f"header: X\nexpires_at: {rule}")
    assert header(it) == "a"
    now[0] = 89.9
    assert header(it) == "a"
    now[0] = 90
    assert header(it) == "b"


def test_a_life_nobody_can_read_is_the_descriptors() -> None:
    it, now = token_auth(
        [{"token": "a", "life": "bald"}, {"token": "b"}], "header: X\nexpires_in: life\nexpires_in_s: 10"
    )
    header(it)
    now[0] = 9
    assert header(it) == "b"


def test_a_renewed_token_is_fetched_anew() -> None:
    it, _ = token_auth([{"token": "a"}, {"token": 17}], "header: X\nprefix: 'Bearer '")
    assert header(it) == "Bearer a"
    assert it.renew()
    assert header(it) == "Bearer 17"


@pytest.mark.parametrize("answer", [{}, {"token": None}, {"token": " "}, {"token": {}}, {"token": True}])
def test_an_answer_without_a_token_is_a_refusal(answer: dict[str, Any]) -> None:
    it, _ = token_auth([answer])
    with pytest.raises(LoginRefused, match="gw log-in: gave no token at token"):
        header(it)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data.t", "body"),
        ("http.header.x-token", "head"),
        ("http.cookie.SESSION", "s1"),
        ("http.cookie.lang", "zh"),
        ("http.cookie.ESSION", None),
        ("http.header.absent", None),
    ],
)
def test_a_token_is_found_in_the_body_a_header_or_a_cookie(path: str, expected: str | None) -> None:
    cookies = 'SESSION=s1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT, lang="zh"; HttpOnly'
    reply = Reply(200, CaseInsensitiveDict({"X-Token": "head", "Set-Cookie": cookies}), b"")
    assert look_up({"data.t": "body"}.get, reply)(path) == expected


# ---- through the engine


def rows(more: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"code": "0", "data": {"rows": [{"id": "1", "title": "标题"}]}} | (more or {})).encode()


def gateway(log: list[str], lives: list[bool]) -> Callable[[BaseHTTPRequestHandler, bytes], Answer]:
    """Checks the gateway's signature on every call, then the token of the system behind it, from a cookie."""

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        at, nonce = request.headers["x-tif-timestamp"], request.headers["x-tif-nonce"]
        wanted = hashlib.sha256(f"{at}{SECRET}{nonce}{at}".encode()).hexdigest()
        if request.headers["x-tif-signature"] != wanted:
            return 403, {}, b"{}"
        if request.path == "/login":
            log.append(f"login {json.loads(body)['u']} {request.headers.get('X-Token', '-')}")
            lives[0] = True
            return 200, {"Set-Cookie": f"sid=t{len(log)}; Path=/"}, b'{"code": "0"}'
        log.append(f"{request.path} {request.headers['X-Token']}")
        return (200, {}, rows()) if lives[0] else (200, {}, b'{"code": "expired"}')

    return answer


BEHIND_A_GATEWAY = """- kind: signed_headers
  algorithm: sha256
  text: "{timestamp}{secret}{nonce}{timestamp}"
  headers:
    x-tif-paasid: "{login}"
    x-tif-timestamp: "{timestamp}"
    x-tif-nonce: "{nonce}"
    x-tif-signature: "{signature}"
- kind: login_token
  request: {method: POST, path: /login, body: {u: "{login}", p: "{password}"}}
  token: http.cookie.sid
  header: X-Token
"""


def connection(url: str, **extra: Any) -> Connection:
    return Connection("gw", "", url, "weigov", SECRET, extra)


def test_a_log_in_behind_a_gateway_is_signed_too_and_done_again_when_the_token_is_refused(tmp_path: Path) -> None:
    log: list[str] = []
    lives = [True]
    with served(gateway(log, lives)) as url:
        it = system(tmp_path, BEHIND_A_GATEWAY, connection(url))
        assert titles(it) == ["标题"]
        lives[0] = False
        assert titles(it) == ["标题"]
        it.close()
    assert log == ["login weigov -", "/items t1", "/items t1", "login weigov -", "/items t4"]


def token_server(asked: list[dict[str, str]], *, refresh: bool) -> Callable[[BaseHTTPRequestHandler, bytes], Answer]:
    def answer(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        if request.path != "/oauth/token":
            good = request.headers["Authorization"] == f"Bearer t{len(asked)}"
            return (200, {}, rows()) if good else (200, {}, b'{"code": "expired"}')
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        asked.append(form | ({"basic": base64.b64decode(pair).decode()} if scheme == "Basic" else {}))
        if form["grant_type"] == "refresh_token" and not refresh:
            return 400, {}, b'{"error": "invalid_grant"}'
        granted = {"access_token": f"t{len(asked)}", "expires_in": 3600, "refresh_token": f"r{len(asked)}"}
        return 200, {}, json.dumps(granted).encode()

    return answer


@pytest.mark.parametrize("refresh", [True, False], ids=["refresh token good", "refresh token refused"])
def test_oauth2_takes_a_token_and_renews_it_by_the_refresh_token_or_else_anew(tmp_path: Path, refresh: bool) -> None:
    asked: list[dict[str, str]] = []
    with served(token_server(asked, refresh=refresh)) as url:
        it = system(tmp_path, "kind: oauth2\ntoken_url: /oauth/token\nscope: read", connection(url))
        assert titles(it) == ["标题"]
        asked.append({})  # the server forgets: the next token has another number
        assert titles(it) == ["标题"]
        it.close()
    grants = [one.get("grant_type") for one in asked]
    assert grants == ["client_credentials", None, "refresh_token"] + ([] if refresh else ["client_credentials"])
    assert asked[0] == {"grant_type": "client_credentials", "scope": "read", "basic": f"weigov:{SECRET}"}
    assert asked[2]["refresh_token"] == "r1"


def test_oauth2_sends_its_credentials_in_the_body_where_asked_for() -> None:
    seen: list[LogIn] = []

    def fetch(asked: LogIn) -> Any:
        seen.append(asked)
        return {"access_token": "t"}.get

    rule = "{kind: oauth2, token_url: /t, client_auth: body, params: {audience: api}}"
    out = sent(opened(rule, fetch=fetch))
    assert out.headers == {"Authorization": "Bearer t"}
    ready = seen[0].ready
    assert ready is not None and ready.data is not None and "Authorization" not in ready.headers
    assert parse_qs(ready.data.decode()) == {
        "grant_type": ["client_credentials"], "audience": ["api"], "client_id": ["weigov"], "client_secret": [SECRET],
    }  # fmt: skip
    assert SECRET not in repr(seen[0])


def test_oauth2_says_what_the_token_server_said_but_not_our_secret(tmp_path: Path) -> None:
    with served(lambda request, body: (401, {}, b'{"error": "invalid_client"}')) as url:
        it = system(tmp_path, "kind: oauth2\ntoken_url: /oauth/token", connection(url))
        with pytest.raises(LoginRefused, match="invalid_client: check login and password of connection gw") as caught:
            titles(it)
        it.close()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "fits"),
    [({}, False), ({"auth_hosts": "other.test"}, False), ({"auth_hosts": "a.test, sso.test"}, True),
     ({"auth_hosts": ["sso.test"]}, True)],
)  # fmt: skip
def test_a_secret_goes_to_token_hosts_the_connection_names_only(extra: dict[str, Any], fits: bool) -> None:
    rule = "{kind: oauth2, token_url: 'https://sso.test/token'}"
    one = Connection("gw", "", "https://api.test/v1", "weigov", SECRET, extra)
    if fits:
        opened(rule, one)
    else:
        with pytest.raises(ConfigError, match="connection gw: auth_hosts does not name sso"):
            opened(rule, one)
    opened("{kind: oauth2, token_url: 'https://api.test/token'}", one)


def test_only_what_the_log_in_sends_must_be_in_the_connection() -> None:
    text = 'kind: login_token\nrequest: {path: /me, query: {key: "{password}"}}\ntoken: t\nheader: X'
    opened(text, Connection("cms", "", "http://x", "", "geheim"))
    with pytest.raises(ConfigError, match="connection cms has no password"):
        opened(text, Connection("cms", "", "http://x", "weigov", ""))
