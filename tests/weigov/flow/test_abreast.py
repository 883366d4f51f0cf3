"""Messages side by side keep every promise of messages one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_messages import SEND
from weigov.flow import abreast, deliver
from weigov.wechat.client import AccountClient


def expected(moved: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    reached = {person.identity for person in PEOPLE if person.persona != "blocked"}
    return {(case["applicant_id"], case["to"]): 1 for case in moved if case["applicant_id"] in reached}


@pytest.fixture
def moved(calm_on_each: Deployment) -> list[dict[str, Any]]:
    """Thirty-six cases took a step, and their messages are ready; everybody follows the account."""
    for person in PEOPLE:
        if person.persona == "unfollowed":  # to whom nothing is certain for half an hour after a lost answer
            calm_on_each.other.persona(person.identity, "ordinary")
    cases: list[dict[str, Any]] = calm_on_each.other.post("/cases/advance", count=36)
    calm_on_each.collect("cases")
    calm_on_each.compose("case_progress")
    return cases


def test_they_are_under_way_together_and_each_arrives_once(
    calm_on_each: Deployment, moved: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send_all = abreast.send_all
    monkeypatch.setattr(
        abreast, "send_all", lambda ctx, rows, *more: sent.append(len(rows)) or send_all(ctx, rows, *more)
    )
    calm_on_each.drain()
    assert max(sent) > 10
    assert calm_on_each.other.received() == expected(moved)


def test_a_limit_holds_for_them_too(calm_on_each: Deployment, moved: list[dict[str, Any]]) -> None:
    assert sum(calm_on_each.deliver(limit=7).states.values()) == 7
    assert len(calm_on_each.other.messages()) <= 7


def test_lost_answers_among_them_are_asked_for_again_with_the_same_key(
    calm_on_each: Deployment, moved: list[dict[str, Any]]
) -> None:
    calm_on_each.other.fault("lose_answer", SEND, skip=3, times=5)
    calm_on_each.other.fault("refuse_before", SEND, skip=9, times=2)
    calm_on_each.drain()
    assert calm_on_each.other.fired("lose_answer") == 5
    assert calm_on_each.other.received() == expected(moved)


def test_what_was_not_begun_when_the_account_stopped_is_ready_and_its_quota_given_back(
    calm_on_each: Deployment, moved: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = calm_on_each
    monkeypatch.setattr(abreast, "WIDTH", 2)
    town.other.fault("errcode", SEND, value="40164", skip=4)
    done = town.deliver()
    assert "40164" in done.stopped
    assert 1 <= town.other.fired("errcode") <= 2  # those under way beside it
    town.other.mend()
    town.other.advance(hours=1)
    town.drain()
    assert town.other.received() == expected(moved)
    usage = town.other.state()["quota"]["/cgi-bin/message/template/send"]
    status = town.status()
    assert status["in_doubt"] == status["unknown"] == []
    assert usage["used"] >= len(moved) - 10


def test_more_are_claimed_while_others_are_under_way_and_none_is_forgotten(
    calm_on_each: Deployment, moved: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "CLAIM", 3)
    monkeypatch.setattr(deliver, "CLAIM_MESSAGES", 4)
    monkeypatch.setattr(abreast, "WIDTH", 5)
    batches: list[int] = []
    send_all = abreast.send_all
    monkeypatch.setattr(
        abreast, "send_all", lambda ctx, rows, *more: batches.append(len(rows)) or send_all(ctx, rows, *more)
    )
    calm_on_each.other.fault("lose_answer", SEND, skip=12, times=2)
    calm_on_each.drain()
    assert calm_on_each.other.received() == expected(moved)
    assert batches[0] <= 7 and len(batches) <= 3  # the first few, into which all others were taken


def test_where_only_one_can_go_at_a_time_each_still_arrives_once(
    calm_on_each: Deployment, moved: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccountClient, "sends_abreast", False)
    monkeypatch.setattr(abreast, "send_all", None)
    calm_on_each.drain()
    assert calm_on_each.other.received() == expected(moved)
