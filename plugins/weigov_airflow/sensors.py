"""Wait, in a DAG written by hand, until what became of a record's deliveries is certain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, Context

from weigov_airflow.triggers import DeliveryTrigger

if TYPE_CHECKING:
    from weigov.flow.outcome import Outcome


class DeliverySensor(BaseSensorOperator):
    """Green when every delivery of ``record`` by ``flow`` came to one of ``wanted``; red when one ended otherwise.

    ``record`` is the key upstream. Of several revisions the newest counts. Deferred by default: while it waits it
    costs a row in the triggerer and no worker. Returns how many came to each state.
    """

    template_fields: Sequence[str] = ("flow", "record", "wanted")
    ui_color = "#f3efe0"

    def __init__(
        self,
        *,
        flow: str,
        record: str,
        wanted: Sequence[str] = ("confirmed",),
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        self.flow, self.record, self.wanted, self.deferrable = flow, record, tuple(wanted), deferrable
        super().__init__(**kwargs)

    def execute(self, context: Context) -> dict[str, int]:
        if not self.deferrable:
            super().execute(context)
            return self._ended(self._look())
        found = self._look()
        if found.certain:
            return self._ended(found)
        self.defer(
            trigger=DeliveryTrigger(self.flow, self.record, self.poke_interval),
            method_name="resume",
            timeout=timedelta(seconds=self.timeout),
        )
        raise AssertionError("unreachable")

    def poke(self, context: Context) -> bool:
        return self._look().certain

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, int]:
        """The trigger saw that everything is certain, or could not look."""
        from weigov_airflow.work import cannot_work

        if event.get("problem"):
            cannot_work(str(event["problem"]))
        return self._ended(self._look())

    def _look(self) -> Outcome:
        from weigov.flow.outcome import outcome
        from weigov_airflow.work import working

        with working() as ctx:
            return outcome(ctx, self.flow, self.record)

    def _ended(self, found: Outcome) -> dict[str, int]:
        from weigov_airflow.work import cannot_work, report

        report("等待投递 delivery", found.states)
        other = [
            f"{state}: {reason}" if reason else state for state, reason in found.ends if state not in self.wanted
        ]
        if other:
            cannot_work(f"{self.flow} {self.record} came to {'; '.join(dict.fromkeys(other))}")
        return dict(found.states)
