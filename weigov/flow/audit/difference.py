"""One difference between what the ledger says and what is: a line that says where, which, what and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from weigov.ledger.states import State


@dataclass(frozen=True, slots=True)
class Difference:
    """``delivery`` and ``state`` are the row it was seen on: when that moved meanwhile, it is no difference."""

    where: str  # an account, or system/stream
    key: str  # the record, the article's id, the draft's
    what: str
    todo: str
    delivery: int | None = None
    state: State | None = None

    def __str__(self) -> str:
        of = f" (delivery {self.delivery})" if self.delivery is not None else ""
        return f"{self.where}: {self.key}{of}: {self.what}: {self.todo}"
