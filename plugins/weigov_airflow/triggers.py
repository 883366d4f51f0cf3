"""What the triggerer runs for a deferred sensor: it looks into the ledger now and then, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class DeliveryTrigger(BaseTrigger):
    """Fires once when every delivery of ``record`` by ``flow`` is certain, or with the ``problem`` that it met."""

    def __init__(self, flow: str, record: str, every_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flow, self.record, self.every_s = flow, record, every_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"flow": self.flow, "record": self.record, "every_s": self.every_s},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            certain, problem = await asyncio.to_thread(self._look)
            if certain or problem:
                yield TriggerEvent({"problem": problem})  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(self.every_s)

    def _look(self) -> tuple[bool, str]:
        from weigov.errors import WeigovError
        from weigov.flow.outcome import outcome
        from weigov.settings import Settings
        from weigov.wiring import opened

        try:
            with opened(Settings.from_environ()) as ctx:
                return outcome(ctx, self.flow, self.record).certain, ""
        except WeigovError as error:
            return False, str(error)
