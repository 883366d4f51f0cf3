"""What happens next to a delivery, and when; above all to one whose worker was killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.weigov.board.town import Town
from tests.weigov.serving import Web
from weigov.board import words
from weigov.board.what_next import what_next
from weigov.ledger import claims, outbox, sending
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import STATES

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


def delivery(state: str, **more: Any) -> Delivery:
    values = dict.fromkeys(Delivery.__struct_fields__, "")
    made: dict[str, Any] = {**values, "state": state, "channel": "news", "due_at": LATER, "check_at": LATER, **more}
    return Delivery(**made)


@pytest.mark.parametrize(
    ("row", "lease", "key", "at"),
    [
        (delivery("claimed"), LATER, "next.claimed", LATER),
        (delivery("claimed"), BEFORE, "next.claimed_late", BEFORE),
        (delivery("sending"), LATER, "next.sending", LATER),
        (delivery("sending"), BEFORE, "next.sending_late", BEFORE),
        (delivery("unknown"), None, "next.unknown", LATER),
        (delivery("unknown", check_at=NOW), None, "next.unknown_now", None),
        (delivery("unknown", check_at=None), None, "next.unknown_now", None),
        (delivery("accepted"), None, "next.accepted", LATER),
        (delivery("accepted", check_at=BEFORE), None, "next.accepted_now", None),
        (delivery("ready"), None, "next.due", LATER),
        (delivery("deferred", due_at=BEFORE), None, "next.due_now", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_state_under_way_says_what_comes(row: Delivery, lease: datetime | None, key: str, at: datetime) -> None:
    found = what_next(row, lease, NOW)
    assert found is not None and found[0] == key and found[1].get("at") == at
    assert key in words._load("ui")


def test_a_state_that_is_over_or_a_persons_has_nothing_to_come() -> None:
    under_way = {"claimed", "sending", "unknown", "accepted", "ready", "deferred"}
    for state in set(STATES) - under_way:
        assert what_next(delivery(state), None, NOW) is None, state


@pytest.mark.parametrize("channel", ["news", "mass", "template", "subscribe", "customer_service", "menu", "write"])
def test_how_an_unknown_one_is_looked_up_is_said_for_each_channel(channel: str) -> None:
    found = what_next(delivery("unknown", channel=channel), None, NOW)
    assert found is not None and found[1]["how"] == f"how.{channel}" and f"how.{channel}" in words._load("ui")


def test_one_whose_worker_was_killed_is_shown_as_what_it_is_until_it_is_looked_up(web: Web, town: Town) -> None:
    ctx, row = (
        town.it.ctx,
        town.enqueue("被杀进程的菜单", channel="menu", flow="menu", effect="apply", target="account:spare"),
    )
    with ctx.ledger.begin() as connection:
        (claimed,) = claims.claim(
            connection, target="account:spare", limit=1, owner="killed", lease_s=90, now=ctx.now(), channel="menu"
        )
        assert claimed.id == row.id
        sending.begin(connection, claimed, "apply", owner="killed", lease_s=90, now=ctx.now())
    page = web.get(f"/item/{row.id}").text
    assert "The intent is written down" in page and "else it becomes unknown and is looked up" in page
    assert 'deliveries?flow=menu&amp;state=sending">1</a>' in web.get("/").text
    with ctx.ledger.begin() as connection:
        connection.execute(
            outbox.delivery.update().where(outbox.delivery.c.id == row.id).values(lease_until=ctx.now() - LATER_S)
        )
    assert "Its worker stopped in the middle of the call" in web.get(f"/item/{row.id}").text
    chinese = web.get(f"/item/{row.id}", headers={"Accept-Language": "zh"}).text
    assert "工作进程在调用途中中断" in chinese and "绝不盲目重发" in chinese
    with ctx.ledger.begin() as connection:
        assert claims.expire_leases(connection, now=ctx.now()) == ([], 1)
    page = web.get(f"/item/{row.id}").text
    assert (
        "the worker stopped before it had an answer" in page and "the menu that stands at WeChat is looked at" in page
    )
    with ctx.ledger.begin() as connection:
        outbox.settle(connection, town.get(row.id), "rejected", now=ctx.now(), reason="40018 x")


LATER_S = timedelta(seconds=1)
