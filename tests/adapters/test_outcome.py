"""What an answer means."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.outcome import judge, parse, said
from adapters.vocabulary import OutcomeRule


def rules(*written: dict[str, str]) -> list[OutcomeRule]:
    return [OutcomeRule.model_validate(one) for one in written]


CODES = rules(
    {"when": "code == '401'", "is": "relogin", "message": "msg"},
    {"when": "code == 900", "is": "empty"},
    {"when": "http.header.TRSNotLogin", "is": "relogin"},
    {"when": "code != '200'", "is": "refuse", "message": "msg"},
)


@pytest.mark.parametrize(
    ("body", "status", "headers", "expected"),
    [
        ({"code": 200}, 200, {}, ("ok", "")),
        ({"code": "200"}, 200, {}, ("ok", "")),
        ({"code": 401, "msg": "过期"}, 200, {}, ("relogin", "过期")),
        ({"code": 900}, 200, {}, ("empty", "")),
        ({"code": 500, "msg": "坏\n了"}, 200, {}, ("refuse", "坏 了")),
        ({}, 200, {}, ("refuse", "")),  # a success flag that is missing is no success
        ({"code": 200}, 200, {"TRSNotLogin": "1"}, ("relogin", "")),
        ({}, 502, {}, ("retry", "")),  # a gateway's own JSON has no flag
        ({}, 429, {}, ("rate_limited", "")),
        (None, 200, {}, ("ok", "")),  # an unreadable body: no rule on it can fit
        (None, 204, {}, ("empty", "")),  # done, and nothing to say
        (None, 401, {}, ("relogin", "")),
        (None, 404, {}, ("refuse", "")),
        (None, 302, {}, ("refuse", "")),
        (None, 503, {}, ("retry", "")),
    ],
)
def test_the_first_rule_that_fits_decides_and_http_after_it(
    body: dict[str, Any] | None, status: int, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    verdict = judge(CODES, body.get if body is not None else None, status, headers)
    assert (verdict.meaning, verdict.message) == expected


def test_true_compares_as_text() -> None:
    assert parse("ok == 'true'").holds(True) and not parse("ok == 'true'").holds(None)
    assert parse("ok").holds("x") and not parse("ok").holds(False) and not parse("ok").holds("")
    assert parse("/result/Status != '1'").holds("0") and not parse("//a/@b == 'c d'").holds("c")


@pytest.mark.parametrize("wrong", ["", "a b", "a = 1", "a == 'x", "http.body == 1", "a > 3", "a has"])
def test_a_condition_that_cannot_be_read_says_how_to_write_one(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"write PATH|is unknown"):
        parse(wrong)


def test_a_condition_may_look_for_words_in_what_a_system_says() -> None:
    condition = parse("0 has 'Status changed'")
    assert condition.path == "0"
    assert condition.holds("Ticket 3: Status changed from 'new' to 'open'")
    assert not condition.holds("Ticket 3: 'gone' is no valid status") and not condition.holds(None)
    assert parse("hash == 'x'").sign == "==" and parse("has").path == "has"


def test_what_a_system_says_holds_nothing_that_is_not_seen() -> None:
    assert said("错\x00误\x1b[2J \u202e反\ufeff\ud800\r\n\x9b一") == "错误[2J 反 一"


def test_an_upstreams_words_are_kept_short() -> None:
    assert len(said("长" * 5000)) == 201


def test_what_a_system_says_is_kept_without_the_numbers_of_people() -> None:
    text = "张某 13800138000 11010119900101123X zhang@gov.example 查询失败，受理号 20260310000123456789"
    assert said(text) == "张某 *** *** *** 查询失败，受理号 20260310000123456789"
