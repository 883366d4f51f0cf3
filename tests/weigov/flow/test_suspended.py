"""A machine suspended between an intent and its call: the key may be forgotten meanwhile, so no call is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.weigov.flow.deployment import MORNING, Deployment
from tests.weigov.flow.test_abreast import expected, moved
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move, told
from weigov import wiring
from weigov.flow import step
from weigov.flow.deliver import deliver
from weigov.ledger.tables import attempt
from weigov.wechat.client import AccountClient

__all__ = ["moved"]  # a fixture
SENDS = "message/template/send"


def asleep(monkeypatch: pytest.MonkeyPatch, nap: Callable[[], None], *, nth: int = 1) -> None:
    """Let ``nap`` happen between the nth intent, which is committed, and its call."""
    look, count = step.stood_still, [0]

    def woken(*args: Any) -> bool:
        count[0] += 1
        if count[0] == nth:
            nap()
        return look(*args)

    monkeypatch.setattr(step, "stood_still", woken)


def ready(town: Deployment, *people: str) -> list[str]:
    """A case of each of them went on, and the messages are ready; the cases' numbers."""
    numbers = [case_of(town.other, person) for person in people]
    for number in numbers:
        move(town.other, number, "12")
    town.collect("cases")
    town.compose("case_progress")
    return numbers


def test_a_call_is_not_made_after_a_long_sleep_and_its_intent_is_taken_back(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = ready(calm, ORDINARY[2])
    asleep(monkeypatch, lambda: calm.other.advance(hours=1))
    assert calm.deliver(limit=1).states == {"ready": 1}
    assert calm.other.calls(SENDS) == 0
    calm.drain()
    assert told(calm.other, number) == ["补正"] and calm.other.calls(SENDS) == 1


def test_what_somebody_else_sent_meanwhile_is_not_sent_a_day_later(
    calm_on_each: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = calm_on_each
    (number,) = ready(town, ORDINARY[2])

    def nap() -> None:
        town.other.advance(minutes=2)
        with wiring.opened(town.settings) as another:
            town.other.clocks.append(another.clock)
            deliver(another, "city")
            town.other.advance(minutes=1)
            deliver(another, "city")
        town.other.at(MORNING + timedelta(days=1))

    asleep(monkeypatch, nap)
    assert town.deliver(limit=1).states == {"taken over": 1}
    assert town.other.calls(SENDS) == 1
    town.drain()
    assert told(town.other, number) == ["补正"]


def test_a_repetition_after_a_long_sleep_is_not_made_and_stays_unknown(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm.other.fault("lose_answer", SEND, times=1)
    calm.other.fault("drop_event", SEND)
    (number,) = ready(calm, ORDINARY[4])
    assert calm.deliver().states == {"unknown": 1}
    calm.other.advance(minutes=1)
    asleep(monkeypatch, lambda: calm.other.advance(hours=24))
    assert calm.deliver().states == {"unknown": 1}
    calm.drain()
    assert told(calm.other, number) == ["补正"] and calm.other.calls(SENDS) == 1
    assert len(calm.status()["in_doubt"]) == 1


def test_a_repetition_that_waited_too_long_for_those_before_it_is_not_made(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm.other.fault("lose_answer", SEND)
    calm.other.fault("drop_event", SEND)
    numbers = ready(calm, *ORDINARY[2:5])
    assert calm.deliver().states == {"unknown": 3}
    calm.other.advance(minutes=1)
    send = AccountClient.send_template

    def slow(client: AccountClient, **message: Any) -> str:
        try:
            return send(client, **message)
        finally:
            calm.other.advance(minutes=8)  # a proxy that lets every call run into its time-out, many times over

    monkeypatch.setattr(AccountClient, "send_template", slow)
    assert calm.deliver().states == {"unknown": 3}
    assert calm.other.calls(SENDS) == 3 + 1
    calm.other.advance(minutes=5)
    calm.drain()
    assert [told(calm.other, number) for number in numbers] == [["补正"]] * 3


def test_side_by_side_those_whose_machine_slept_are_ready_again_and_go_once(
    calm_on_each: Deployment, moved: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = calm_on_each
    asleep(monkeypatch, lambda: town.other.advance(hours=24), nth=5)
    town.drain()
    with town.ctx.ledger.read() as connection:
        taken_back = connection.scalar(select(func.count()).where(attempt.c.detail == "not begun"))
    assert taken_back > 10  # all whose intents were committed together, but for those sent before
    assert town.other.received() == expected(moved)
    assert town.status()["in_doubt"] == []
