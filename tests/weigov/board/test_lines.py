"""The line of a flow says what is so, number by number; so do why deliveries wait, and the systems."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.weigov.board.town import Town
from tests.weigov.serving import Web
from weigov.ledger.tables import delivery, upstream

FLOW = "of_old"  # one the site no longer has, which is shown all the same
#: state → (how many, how many hours ago they were composed).
STANDS = {
    "waiting_review": (2, 90), "ready": (3, 5), "deferred": (4, 7), "claimed": (1, 1), "sending": (2, 1),
    "accepted": (5, 1), "unknown": (6, 1), "in_doubt": (7, 1), "rejected": (8, 1), "confirmed": (2, 30),
}  # fmt: skip


@pytest.fixture
def old_flow(town: Town) -> Iterator[Town]:
    now = town.it.ctx.now()
    with town.it.ctx.ledger.begin() as connection:
        for state, (count, hours) in STANDS.items():
            for n in range(count):
                values = {
                    **dict.fromkeys(("client_key", "digest", "flight_key"), f"{FLOW} {state} {n}"),
                    "site": "demo", "flow": FLOW, "record": f"{state} {n}", "revision": 1, "effect": "publish",
                    "target": "account:city", "subject": "", "channel": "news", "state": state, "priority": 50,
                    "reason": "quiet hours" if state == "deferred" else "", "due_at": now + timedelta(hours=3),
                    "created_at": now - timedelta(hours=hours, minutes=5),
                    # what was composed first was published last: it waited for review
                    "changed_at": now - timedelta(hours=1 + n),
                }  # fmt: skip
                connection.execute(delivery.insert().values(values))
        shut = {"site": "demo", "system": "cms", "day": "2026-03-09", "calls": 77, "failures": 5}
        connection.execute(upstream.insert().values(shut | {"shut_until": now + timedelta(minutes=10)}))
    yield town
    with town.it.ctx.ledger.begin() as connection:
        connection.execute(delivery.delete().where(delivery.c.flow == FLOW))
        connection.execute(upstream.delete().where(upstream.c.system == "cms"))


def cells(page: str, about: str) -> list[str]:
    """The texts of the first row of a table that names ``about``."""
    (row,) = [row for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL) if f">{about}</a>" in row][:1]
    return [
        html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
    ]


def test_each_number_of_a_flow_is_its_own(web: Web, old_flow: Town) -> None:
    zone, now = old_flow.it.ctx.site.zone, old_flow.it.ctx.now()
    last = f"{(now - timedelta(hours=1)).astimezone(zone):%Y-%m-%d %H:%M}"
    # last success, lag, collected, to compose, in review, ready, deferred, sending, accepted, unknown, …
    assert cells(web.get("/").text, FLOW) == [
        last, "7 h", "—", "0", "2", "3", "4", "3", "5", "6", "7", "8", "0"
    ]  # fmt: skip


def test_why_deliveries_wait_and_until_when(web: Web, old_flow: Town) -> None:
    page = web.get("/", headers={"Accept-Language": "zh"}).text
    waits = page[page.index('id="deferred"') : page.index('id="quota"')]
    zone, now = old_flow.it.ctx.site.zone, old_flow.it.ctx.now()
    until = f"{(now + timedelta(hours=3)).astimezone(zone):%Y-%m-%d %H:%M}"
    row = re.sub(r"<[^>]+>", " ", waits[waits.index(FLOW) :]).split()
    assert row[:3] == [FLOW, "city", "静默时段，不打扰市民"] and until in " ".join(row) and "4" in row


def test_a_system_that_is_left_alone_is_said_and_yesterdays_calls_are_not_todays(web: Web, old_flow: Town) -> None:
    page = web.get("/").text
    zone, now = old_flow.it.ctx.site.zone, old_flow.it.ctx.now()
    until = f"{(now + timedelta(minutes=10)).astimezone(zone):%Y-%m-%d %H:%M}"
    assert f"System cms failed 5 times in a row and is not called until {until}" in page
    assert f"not called until {until} · 0 calls today" in page
