"""The mass messages of a month: never more than allowed, whoever dies, and none given away; on both databases."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.weigov.ledger.conftest import empty
from weigov.ledger import budget, claims, outbox, sending
from weigov.ledger.budget import BEIJING, Unit
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import Delivery, New

CITY, APP, ALLOWED, MESSAGES = "account:city", "wx1", 2, 8
LEASE_S = 90.0


def beijing(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BEIJING)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("now", "unit", "begins", "ends"),
    [
        (beijing(2026, 1, 31, 23, 59), "month", beijing(2026, 1, 1), beijing(2026, 2, 1)),
        (beijing(2026, 12, 31, 12), "month", beijing(2026, 12, 1), beijing(2027, 1, 1)),
        (
            datetime(2026, 2, 28, 16, 0, tzinfo=UTC),
            "month",
            beijing(2026, 3, 1),
            beijing(2026, 4, 1),
        ),  # 1 March there
        (datetime(2026, 2, 28, 15, 59, tzinfo=UTC), "day", beijing(2026, 2, 28), beijing(2026, 3, 1)),
        (beijing(2028, 2, 29), "day", beijing(2028, 2, 29), beijing(2028, 3, 1)),
    ],
)
def test_periods_are_beijings(now: datetime, unit: Unit, begins: datetime, ends: datetime) -> None:
    assert (budget.begins(now, unit), budget.ends(now, unit)) == (begins, ends)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["day", "month"]),
)
def test_every_moment_is_in_one_period_and_the_next_begins_where_it_ends(now: datetime, unit: Unit) -> None:
    ends = budget.ends(now, unit)
    assert budget.begins(now, unit) <= now < ends
    assert budget.begins(ends, unit) == ends
    assert budget.begins(ends - timedelta(microseconds=1), unit) == budget.begins(now, unit)


class Town:
    """Two workers at one account with a budget of two a month, as ``deliver`` has them."""

    def __init__(self, ledger: Ledger, now: datetime) -> None:
        empty(ledger)
        self.ledger, self.now = ledger, now
        self.held: dict[str, list[Delivery]] = {"a": [], "b": []}
        self.left: dict[datetime, set[int]] = defaultdict(set)  # month → what was sent in it, or may have been
        news = [New("demo", f"f{n}", f"gather/f{n}", 1, "send", CITY, "", "mass", {}) for n in range(MESSAGES)]
        with ledger.begin() as connection:
            outbox.enqueue(connection, news, now=now)

    def claim(self, who: str) -> None:
        """Nobody claims more before what they hold is done with."""
        if self.held[who]:
            return
        with self.ledger.begin() as connection:
            for row in claims.claim(
                connection, target=CITY, limit=3, owner=who, lease_s=LEASE_S, now=self.now, channel="mass"
            ):
                budget.hold(connection, APP, "month", now=self.now)
                spent = budget.spent(connection, CITY, "month", now=self.now, besides=row.id, owner=who)
                if spent < ALLOWED:
                    self.held[who].append(row)
                else:
                    until = budget.ends(self.now, "month")
                    outbox.defer(connection, row, until=until, reason="used up", now=self.now, owner=who)

    def call(self, who: str, answer: str) -> None:
        self.claim(who)
        if not self.held[who]:
            return
        row = self.held[who].pop(0)
        with self.ledger.begin() as connection:
            row = sending.begin(connection, row, budget.STEP, owner=who, lease_s=LEASE_S, now=self.now)
        if answer != "unsent":
            self.left[budget.begins(self.now, "month")].add(row.id)
        with self.ledger.begin() as connection:
            if answer == "unsent":
                sending.unsent(connection, row, now=self.now, reason="no connection", owner=who)
            elif answer != "dies":
                outbox.settle(
                    connection, row, "accepted" if answer == "accepted" else "unknown", now=self.now, owner=who
                )
        if answer == "dies":
            self.die(who)

    def die(self, who: str) -> None:
        """What it held comes back when its lease is over; the other had its turn by then."""
        self.now += timedelta(seconds=LEASE_S + 1)
        for held in self.held.values():
            held.clear()
        with self.ledger.begin() as connection:
            claims.expire_leases(connection, now=self.now)

    def next_month(self) -> None:
        self.now = budget.ends(self.now, "month") + timedelta(minutes=1)
        self.die("a")


STEPS = ["claim", "accepted", "unknown", "unsent", "dies", "die", "a minute", "next_month"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(STEPS)), max_size=25))
@example([("a", "unknown")] * 3)
@example([("a", "dies")] * 3)
@example(
    [("a", "unsent"), ("b", "claim"), ("a", "accepted"), ("a", "a minute"), ("a", "accepted"), ("b", "accepted")]
)
def test_no_month_has_more_than_allowed_and_nothing_is_lost_to_it(
    ledger: Ledger, now: datetime, history: list[tuple[str, str]]
) -> None:
    town = Town(ledger, now)
    for who, what in history:
        if what == "claim":
            town.claim(who)
        elif what == "die":
            town.die(who)
        elif what == "a minute":
            town.now += timedelta(seconds=61)
        elif what == "next_month":
            town.next_month()
        else:
            town.call(who, what)
        assert all(len(sent) <= ALLOWED for sent in town.left.values()), (who, what)
    town.next_month()
    gone = set[int]().union(*town.left.values())
    town.claim("a")
    assert len(town.held["a"]) == min(ALLOWED, MESSAGES - len(gone))  # a new month has all of its own
