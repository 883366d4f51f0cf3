"""A no names what to look at: the rule that fitted, the descriptor's line, the names an answer does have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from adapters.auth import LoginRefused
from tests.adapters.auth.kinds import Answer, served
from tests.adapters.upstream import REST, opened
from weigov.errors import RemoteRefused
from weigov.ports import PullState

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def told(tmp_path: Path, answers: Mapping[str, Answer], text: str = REST) -> str:
    """What a pull of ``items`` is refused with, by a server that gives ``answers`` by path."""

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        return answers[request.path.partition("?")[0]]

    with served(answer) as url:
        system = opened("rest", url, tmp_path, text=text)
        try:
            with pytest.raises(RemoteRefused) as caught:
                list(system.pull("items", PullState(), NOW))
        finally:
            system.close()
    assert isinstance(caught.value, LoginRefused) == ("log-in" in str(caught.value))
    return str(caught.value).replace(url, "URL").replace(f"{tmp_path}/", "")


def line(part: str) -> int:
    return next(n for n, one in enumerate(REST.splitlines(), 1) if part in one)


@pytest.mark.parametrize("status", [404, 405])
def test_a_log_in_that_is_not_there_asks_for_the_path_and_not_for_the_password(tmp_path: Path, status: int) -> None:
    assert told(tmp_path, {"/login": (status, {}, b"")}) == (
        f"cms log-in: there is none (HTTP {status}): is the path right (descriptor items.yaml:{line('path: /login')} "
        "auth.request.path)? is URL the right address in connection cms_conn?"
    )


@pytest.mark.parametrize(
    ("body", "has"),
    [
        (b'{"code": "0", "data": {"access": {"tok": "s3cret"}, "life": 60}}', "code, data.access.tok, data.life"),
        (b'{"code": "0", "data": {"13800138000": 1}}', "code, data"),
        (b'{"code": "0"}', "code"),
    ],
)
def test_a_log_in_without_a_token_names_the_line_and_what_the_answer_has(
    tmp_path: Path, body: bytes, has: str
) -> None:
    said = told(tmp_path, {"/login": (200, {}, body)})
    assert said.startswith(
        f"cms log-in: gave no token at data.token (descriptor items.yaml:{line('token: data.token')} auth.token): "
        f"the answer has {has}. "
    )
    assert "s3cret" not in said


def test_a_token_that_should_be_a_header_is_missed_among_the_headers(tmp_path: Path) -> None:
    text = REST.replace("token: data.token", "token: http.header.X-Auth")
    assert "X-Session" in told(tmp_path, {"/login": (200, {"X-Session": "s3cret"}, b'{"code": "0"}')}, text)


def test_the_names_in_an_answer_of_xml_are_paths_into_xml(tmp_path: Path) -> None:
    text = REST.replace("token: data.token", "token: //token\n  outcome: []").replace(
        "streams:", "decode: [xml]\nstreams:"
    )
    text = (
        text.replace("record: data}", "record: //data}")
        .replace("data.", "//")
        .replace('{when: "code', '{when: "//code')
    )
    said = told(tmp_path, {"/login": (200, {}, b"<r xmlns='u'><code>0</code><d><tok>s3cret</tok></d></r>")}, text)
    assert "the answer has //code, //tok. " in said and "s3cret" not in said


@pytest.mark.parametrize(
    ("log_in", "items", "said"),
    [
        (
            {"code": "7", "msg": "口令错误"}, {},
            "refused: 口令错误 (by the rule `when: code != '0'`): check login and password of connection cms_conn",
        ),
        (
            {"code": "7"}, {},
            "refused: HTTP 200, by the rule `when: code != '0'`: check login and password of connection cms_conn",
        ),
        ({"code": "0", "data": {"token": "t"}}, {"code": "9"}, "refused: HTTP 200, by the rule `when: code != '0'`"),
        ({"code": "0", "data": {"token": "t"}}, {"code": "9", "msg": "无权限"}, "refused: 无权限"),
    ],
)  # fmt: skip
def test_a_refusal_by_a_rule_names_the_rule_where_the_system_gave_no_reason(
    tmp_path: Path, log_in: dict[str, Any], items: dict[str, Any], said: str
) -> None:
    answers = {path: (200, {}, json.dumps(it).encode()) for path, it in (("/login", log_in), ("/items", items))}
    assert told(tmp_path, answers).endswith(f": {said}")
