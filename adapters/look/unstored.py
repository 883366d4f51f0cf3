"""A system read without a mirror, by people who want to see it: nothing is stored, nothing is acknowledged.

What a pull asks of the past is answered as on the very first day; the parents of a ``for_each`` are read from the
system itself, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from weigov.ports import Batch, PullState, SourceSystem
from weigov.records import Record


class Enough(Exception):
    """As many pages as were wanted were read: raised by who stands between an engine and its wire."""


class Look:
    """One system, at one moment."""

    def __init__(self, system: SourceSystem, now: datetime) -> None:
        self.system = system
        self._now = now
        self._parents: dict[str, list[Record]] = {}

    def batches(self, stream: str) -> Iterator[Batch]:
        """As ``ports.SourceSystem.pull`` on the first day. Read on only as far as you need."""
        try:
            yield from self.system.pull(stream, PullState(parents=self.parents), self._now)
        except Enough:
            return

    def parents(self, stream: str) -> Iterator[Record]:
        """The records of a stream that others are read by."""
        if stream not in self._parents:
            self._parents[stream] = [record for batch in self.batches(stream) for record in batch.records]
        return iter(self._parents[stream])
