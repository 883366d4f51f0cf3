"""What is told to a system is read and enqueued a page at a time, however much there is to tell."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from tests.weigov.flow.deployment import Deployment, rewrite
from weigov.flow import sync_back
from weigov.flow.deliver import Drained
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.tables import delivery, revision

PAGE = 5


def confirmed(town: Deployment, n: int) -> None:
    """So many articles, published and not told of."""
    news = [
        New("demo", "notices", f"cms/articles/a{i}", 1, "publish", "account:city", "", "news", {"title": f"第{i}号"})
        for i in range(n)
    ]
    with town.ctx.ledger.begin() as connection:
        outbox.enqueue(connection, news, now=town.ctx.now())
        connection.execute(update(delivery).where(delivery.c.flow == "notices").values(state="confirmed"))


def quarantined(town: Deployment, n: int) -> None:
    """So many records that could not be mapped, of a flow that tells of those."""
    flow = town.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("on: [confirmed,", "on: [quarantined, confirmed,"))
    town.reopen()
    with town.ctx.ledger.begin() as connection:
        ids = connection.execute(
            select(revision.c.id).where(revision.c.flow == "notices").order_by(revision.c.id).limit(n)
        )
        chosen = list(ids.scalars())
        assert len(chosen) == n
        connection.execute(update(revision).where(revision.c.id.in_(chosen)).values(state="quarantined"))


def told(town: Deployment, state: str) -> int:
    with town.ctx.ledger.read() as connection:
        query = select(func.count()).where(delivery.c.channel == "write", delivery.c.effect.endswith(f":{state}"))
        return connection.execute(query).scalar_one()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many deliveries and write-backs were in memory at each time some were enqueued."""
    gc.collect()
    gc.freeze()  # what was there before is not looked through again and again
    seen: list[int] = []
    enqueue = outbox.enqueue

    def watched(connection: Connection, news: Sequence[New], **more: Any) -> int:
        gc.collect()
        seen.append(sum(isinstance(thing, New | Delivery) for thing in gc.get_objects()))
        return enqueue(connection, news, **more)

    monkeypatch.setattr(sync_back, "PAGE", PAGE)
    monkeypatch.setattr(sync_back, "drain", lambda *_: Drained("system:cms"))
    monkeypatch.setattr(outbox, "enqueue", watched)
    yield seen
    gc.unfreeze()


@pytest.mark.parametrize("state", ["confirmed", "quarantined"])
def test_of_many_reports_a_page_is_in_memory_at_once(calm: Deployment, held: list[int], state: str) -> None:
    n = 3 * PAGE + 2
    (confirmed if state == "confirmed" else quarantined)(calm, n)
    held.clear()
    assert calm.sync_back("cms")[0].enqueued == told(calm, state) == n
    assert len(held) >= 4 and max(held) <= 3 * PAGE  # a page of deliveries, theirs to write, and one page just let go
    assert calm.sync_back("cms")[0].enqueued == 0
