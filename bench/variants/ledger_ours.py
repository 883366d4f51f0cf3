"""Our own writes, by the verbs themselves: enqueued as composing does, then drained; the call answers at once.

What ``drain`` commits together and what alone is its own business: this measures it as it is. Quotas are not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bench.variants import Count, Step
from bench.variants.ledger import TARGET, certain, news, opened
from weigov.flow import abreast, compose
from weigov.flow.context import Context
from weigov.flow.deliver import Many, drain
from weigov.flow.step import call
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery
from weigov.ledger.seal import Sealer
from weigov.site.site import Site

_AT_ONCE = compose._CHUNK  # enqueued by one statement, as composing does


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    ledger = opened(spec)
    site = Site("bench", "Asia/Shanghai", ZoneInfo("Asia/Shanghai"), {}, {})
    context = Context(site, ledger, Sealer({"k1": bytes(32)}, "k1"), lambda: datetime.now(UTC), _nobody, _nobody)
    waiting = news(spec["n"])

    def send(row: Delivery) -> None:
        call(context, row, "send", lambda: f"m{row.id}", last="accepted")

    def work() -> Count:
        for at in range(0, len(waiting), _AT_ONCE):
            with ledger.begin() as connection:
                outbox.enqueue(connection, waiting[at : at + _AT_ONCE], now=datetime.now(UTC))
        many = Many("template", lambda rows, more: abreast.send_all(context, rows, "send", _AtOnce(), more))
        drain(context, TARGET, send, many=many)
        return lambda: certain(ledger)

    yield "first", work
    ledger.close()


class _AtOnce:
    """Every call is answered before one asks."""

    def __init__(self) -> None:
        self._answered: list[abreast.Answered] = []

    @property
    def under_way(self) -> int:
        return len(self._answered)

    def send(self, row: Delivery) -> None:
        self._answered.append((row, f"m{row.id}"))

    def answers(self, enough: int, within_s: float) -> list[abreast.Answered]:
        answered, self._answered = self._answered, []
        return answered


def _nobody(name: str) -> Any:
    raise AssertionError("nobody is asked")
