"""How often, how soon and for how long a read is repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import tenacity

from adapters import retry
from adapters.wire import Reply, retry_after_s
from weigov.errors import RateLimited, RemoteRefused, RemoteUnavailable

DATE = "Thu, 26 Nov 2026 08:00:00 GMT"
NOW = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)  # our clock, an hour behind theirs


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 120 "}, 120),
        ({"Retry-After": "Thu, 26 Nov 2026 08:00:30 GMT", "Date": DATE}, 30),  # by their clock
        ({"Retry-After": "Thu, 26 Nov 2026 07:00:30 GMT"}, 30),  # by ours, where theirs is not known
        ({"Retry-After": "Thu, 26 Nov 2026 07:59:00 GMT", "Date": DATE}, 0),  # already over
        ({"Retry-After": "bald"}, None),
        ({"Retry-After": "-5"}, None),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(Reply(503, headers, b""), lambda: NOW) == seconds


def attempts(*errors: Exception) -> tuple[int, list[float]]:
    """Meet the errors in order, the last of them for ever; how many attempts were made, and the pauses between."""
    pauses: list[float] = []
    made = 0
    with pytest.raises(type(errors[-1])):
        for attempt in retry.reads(pauses.append):
            with attempt:
                made += 1
                raise errors[min(made, len(errors)) - 1]
    return made, pauses


def test_trouble_is_met_four_times_with_growing_pauses_that_are_never_the_same() -> None:
    seen = {tuple(attempts(RemoteUnavailable("cms", "list", "x"))[1]) for _ in range(5)}
    assert len(seen) == 5
    for first, second, third in seen:
        assert 0.5 <= first <= 0.8 and 1 <= second <= 1.3 and 2 <= third <= 2.3


def test_a_refusal_is_met_once() -> None:
    assert attempts(RemoteRefused("cms", "list", "x")) == (1, [])


def test_the_wait_that_was_asked_for_is_kept_unless_it_is_too_long() -> None:
    assert attempts(RateLimited("cms", "list", "x", retry_after_s=9))[1] == [9, 9, 9]
    assert attempts(RateLimited("cms", "list", "x", retry_after_s=61)) == (1, [])


def test_all_attempts_together_have_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes two minutes to fail must not keep a run for eight."""
    clock = [0.0]
    monkeypatch.setattr(tenacity.time, "monotonic", lambda: clock[0])

    def slow(*_: Any) -> None:
        clock[0] += 160
        raise RemoteUnavailable("cms", "list", "x")

    made = 0
    with pytest.raises(RemoteUnavailable):
        for attempt in retry.reads(lambda seconds: None):
            with attempt:
                made += 1
                slow()
    assert made == 2
