"""What citizens agreed to, on both databases: nobody is sent more than that, whatever happens in between."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from tests.weigov.ledger.conftest import empty
from weigov.ledger import grants, outbox
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import New
from weigov.ledger.tables import delivery

WHO, APP, NOTICE = "h" * 64, "wx1", "TM1"
CITY = "account:city"


def enqueue(ledger: Ledger, n: int, now: datetime) -> list[int]:
    news = [
        New("demo", "water", f"cms/articles/{i}", 1, "send", CITY, WHO, "subscribe", {"template_id": NOTICE})
        for i in range(n)
    ]
    with ledger.begin() as connection:
        outbox.enqueue(connection, news, now=now)
        return [row.id for row in outbox.find(connection, site="demo")]


def agree(ledger: Ledger, n: int, now: datetime, *, long_term: bool = False) -> None:
    with ledger.begin() as connection:
        for i in range(n):
            source = f"event {i}"
            grants.note(connection, APP, WHO, NOTICE, source=source, long_term=long_term, at=now)
            assert not grants.note(connection, APP, WHO, NOTICE, source=source, long_term=long_term, at=now)


def take(ledger: Ledger, delivery_id: int) -> bool:
    with ledger.begin() as connection:
        return grants.take(connection, APP, WHO, NOTICE, delivery_id)


def put(ledger: Ledger, delivery_id: int, state: str) -> None:
    with ledger.begin() as connection:
        connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(state=state))


def test_a_delivery_keeps_the_one_it_took(ledger: Ledger, now: datetime) -> None:
    agree(ledger, 1, now)
    one, other = enqueue(ledger, 2, now)
    assert take(ledger, one) and take(ledger, one) and not take(ledger, other)


@pytest.mark.parametrize(("state", "free"), [("superseded", True), ("expired", True), ("in_doubt", False)])
def test_what_surely_did_not_leave_frees_it(ledger: Ledger, now: datetime, state: str, free: bool) -> None:
    agree(ledger, 1, now)
    one, other = enqueue(ledger, 2, now)
    assert take(ledger, one)
    put(ledger, one, state)
    assert take(ledger, other) is free


def test_taking_back_ends_what_is_left_and_a_new_agreement_counts(ledger: Ledger, now: datetime) -> None:
    agree(ledger, 2, now)
    one, other, third = enqueue(ledger, 3, now)
    assert take(ledger, one)
    with ledger.begin() as connection:
        assert grants.void(connection, APP, WHO, NOTICE, now=now) == 1
    assert take(ledger, one) and not take(ledger, other)
    with ledger.begin() as connection:
        later = now + timedelta(hours=1)
        grants.note(connection, APP, WHO, NOTICE, source="later", long_term=True, at=later)
    assert take(ledger, other) and take(ledger, third)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    agreed=st.integers(0, 4),
    history=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["take", "sent", "dropped"])), max_size=20),
)
def test_nobody_is_sent_more_than_they_agreed_to(
    ledger: Ledger, now: datetime, agreed: int, history: list[tuple[int, str]]
) -> None:
    empty(ledger)
    agree(ledger, agreed, now)
    ids = enqueue(ledger, 6, now)
    holding: set[int] = set()
    state = dict.fromkeys(ids, "ready")
    for n, what in history:
        one = ids[n]
        if what == "take" and state[one] == "ready" and take(ledger, one):
            holding.add(one)
        elif what == "sent" and one in holding and state[one] == "ready":
            state[one] = "confirmed"
            put(ledger, one, "confirmed")
        elif what == "dropped" and state[one] == "ready":
            state[one] = "superseded"
            put(ledger, one, "superseded")
            holding.discard(one)
    assert sum(s == "confirmed" for s in state.values()) <= agreed
    with ledger.read() as connection:
        assert grants.left(connection, APP, WHO, NOTICE) == agreed - len(holding)
