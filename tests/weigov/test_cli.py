"""What the command line says and answers, whatever the verbs come to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from weigov import cli
from weigov.errors import RemoteUnavailable
from weigov.flow import deliver as verb
from weigov.flow.deliver import Drained


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """account → what deliver comes to there, an error or a value."""
    found: dict[str, Any] = {}

    def deliver(ctx: Any, account: str, *, limit: int | None = None) -> Drained:
        if isinstance(found[account], Exception):
            raise found[account]
        return Drained(account, **found[account])

    @contextmanager
    def context() -> Iterator[Any]:
        yield SimpleNamespace(site=SimpleNamespace(accounts=found))

    monkeypatch.setattr(cli, "_context", context)
    monkeypatch.setattr(verb, "deliver", deliver)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["weigov", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_verb_that_could_not_work_is_one_line_and_exit_code_1_and_the_rest_had_its_turn(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers |= {"a": RemoteUnavailable("wechat", "draft/add", "not reached"), "b": {"states": {"accepted": 2}}}
    assert run(monkeypatch, "deliver") == 1
    shown = capsys.readouterr()
    assert shown.err == "a: wechat draft/add: not reached\n"
    assert shown.out == "b: accepted 2\n"


def test_a_drain_that_stopped_early_is_a_failure_too(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers |= {"a": {"stopped": "the account is blocked"}}
    assert run(monkeypatch, "deliver") == 1
    assert "the account is blocked" in capsys.readouterr().out


def test_a_verb_that_worked_is_exit_code_0(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers |= {"a": {}}
    assert run(monkeypatch, "deliver") == 0
    assert capsys.readouterr().out == "a: nothing\n"


def test_a_wrong_command_line_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "deliver", "a", "b") == 2
