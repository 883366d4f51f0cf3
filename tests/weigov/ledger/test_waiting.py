"""What waits, by kind: all of it for people, the head of the queue for a drain."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from tests.weigov.ledger.test_reports import message
from weigov.ledger import outbox, waiting
from weigov.ledger.engine import Ledger
from weigov.ledger.tables import delivery

CITY = "account:city"


def test_the_head_of_the_queue_is_what_is_most_urgent_and_what_goes_again_first(
    ledger: Ledger, now: datetime
) -> None:
    with ledger.begin() as connection:
        rows = [message(f"c{n}", priority=50) for n in range(8)]
        rows += [message(f"n{n}", channel="news", effect="publish", subject="", priority=90) for n in range(8)]
        rows += [message(f"m{n}", channel="menu", effect="menu", subject="", priority=70) for n in range(3)]
        rows.append(message("elsewhere", target="account:other", channel="mass", priority=1))
        outbox.enqueue(connection, rows, now=now)
        for channel, span in (("menu", timedelta(0)), ("news", timedelta(hours=1))):
            connection.execute(
                update(delivery).where(delivery.c.channel == channel).values(state="deferred", due_at=now + span)
            )
    with ledger.read() as connection:
        first = waiting.first_at(connection, CITY, limit=5)
        more = waiting.first_at(connection, CITY, limit=50)
        everything = waiting.at(connection, CITY)
    assert {one.channel: one.count for one in first} == {"template": 5, "menu": 3, "news": 2}
    assert {one.channel: one.count for one in more} == {"template": 8, "menu": 3, "news": 8}
    assert sorted(everything, key=str) == sorted(more, key=str)
