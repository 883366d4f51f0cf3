"""Messages side by side: many calls under way at once, their intents and their receipts committed together.

Only for a channel with a key WeChat honours: a worker that dies leaves as many deliveries unknown as it had calls
under way, and each of them may be asked again with the same key. Every promise of ``step`` holds for each.

One turn waits for answers, writes them down, and in the same transaction announces as many calls as there is room
for; these are made once it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from weigov.errors import LedgerConflict, RecordRejected, RemoteError
from weigov.flow import step
from weigov.flow.context import LEASE_S, Context
from weigov.flow.mistakes import MISTAKES
from weigov.flow.step import Ended, StopDrain
from weigov.ledger import claims, sending
from weigov.ledger.outbox import Delivery

#: Calls under way at once: what a dead worker leaves unknown. WeChat allows far more, a city's uplink may not.
WIDTH = 128
#: Answers worth a commit, and how long they may wait for each other.
_ENOUGH, _WITHIN_S = 32, 0.01

Result = tuple[Delivery, Exception]
Answered = tuple[Delivery, str | Exception]


class NotBegun(Exception):
    """No call was made for this delivery; it is ready as before."""


class Side(Protocol):
    """How calls are made. ``send`` begins one, and raises what a call raises that was surely not made."""

    @property
    def under_way(self) -> int:
        """Calls whose answer was not given out yet."""

    def send(self, row: Delivery) -> None: ...

    def answers(self, enough: int, within_s: float) -> Sequence[Answered]:
        """Wait for ``enough`` answers, or for those ``within_s`` after the first, or for all there are."""


def send_all(
    ctx: Context, rows: Sequence[Delivery], name: str, side: Side, more: Callable[[], Sequence[Delivery]]
) -> Iterator[Result]:
    """Make step ``name``, the only one, of claimed deliveries; what each came to: Ended, StopDrain, LedgerConflict or
    a mistake of ours, as ``step.call`` raises them, or NotBegun.

    ``more`` claims others while there is room for them; it is asked until it has none. When an answer says that the
    next would fail alike, no more are begun.
    """
    batch = _Batch(ctx, rows, name, side, more)
    while batch.waiting or side.under_way or batch.answered:
        yield from batch.turn()
    yield from batch.end()


class _Batch:
    """Deliveries of which some wait, some are under way and some have an answer."""

    def __init__(
        self, ctx: Context, rows: Sequence[Delivery], name: str, side: Side, more: Callable[[], Sequence[Delivery]]
    ) -> None:
        self._ctx, self._name, self._side, self._more = ctx, name, side, more
        self.waiting = list(rows)
        self.answered: list[Answered] = []
        self._over = self._no_more = False
        self._failures: list[tuple[Delivery, RemoteError | RecordRejected]] = []
        self._not_begun: list[Delivery] = []
        self._untried: list[Delivery] = []

    def turn(self) -> list[Result]:
        """Wait for answers, write down all that were given meanwhile, and begin as many calls."""
        ctx = self._ctx
        if self._side.under_way:
            self.answered += self._side.answers(_ENOUGH, _WITHIN_S)
        answers, self.answered = self.answered, []
        self._over = self._over or any(_ends_all_alike(outcome) for _, outcome in answers)
        accepted = [(row, outcome) for row, outcome in answers if isinstance(outcome, str)]
        rows, dropped = self._next()
        begun_at = ctx.now()
        kept, begun = set[int](), list[Delivery]()
        with ctx.ledger.begin() as connection:
            if accepted:
                kept = _keep(ctx, connection, accepted)
            if rows:
                begun = sending.begin_many(
                    connection, rows, self._name, owner=ctx.worker, lease_s=LEASE_S, now=begun_at
                )
            ours = {row.id for row in begun}
            if back := [*dropped, *(row for row in rows if row.id not in ours)]:
                claims.release(connection, back, now=ctx.now(), owner=ctx.worker)
        self._not_begun += dropped
        for row in begun:
            self._send(row, begun_at)
        results: list[Result] = [(row, LedgerConflict(f"delivery {row.id}")) for row in rows if row.id not in ours]
        for row, outcome in answers:
            if isinstance(outcome, str):
                results.append((row, _ACCEPTED if row.id in kept else step.answered(ctx, row, "accepted", outcome)))
            elif isinstance(outcome, RemoteError | RecordRejected) and step.ends_all_alike(outcome):
                self._failures.append((row, outcome))
            else:
                results.append((row, _written(ctx, row, outcome)))
        return results

    def end(self) -> list[Result]:
        """First what was not begun: a failure may put off all that is ready of this kind."""
        not_begun: list[Result] = [(row, NotBegun()) for row in self._not_begun]
        taken_back = [(row, _taken_back(self._ctx, row)) for row in self._untried]
        return not_begun + taken_back + [(row, _written(self._ctx, row, error)) for row, error in self._failures]

    def _next(self) -> tuple[list[Delivery], list[Delivery]]:
        """(those for which there is room, those that are given back because no more are begun)."""
        if self._over:
            rows, self.waiting = self.waiting, []
            return [], rows
        room = WIDTH - self._side.under_way
        if len(self.waiting) < room and not self._no_more:
            found = self._more()
            self.waiting += found
            self._no_more = not found
        rows, self.waiting = self.waiting[:room], self.waiting[room:]
        return rows, []

    def _send(self, row: Delivery, begun_at: datetime) -> None:
        if self._over or step.stood_still(self._ctx, begun_at):
            self._untried.append(row)
            return
        try:
            self._side.send(row)
        except (RemoteError, RecordRejected, *MISTAKES) as error:
            self.answered.append((row, error))
            self._over = _ends_all_alike(error)


_ACCEPTED = Ended("accepted")


def _ends_all_alike(outcome: str | Exception) -> bool:
    return isinstance(outcome, RemoteError | RecordRejected) and step.ends_all_alike(outcome)


def _taken_back(ctx: Context, row: Delivery) -> Exception:
    try:
        with ctx.ledger.begin() as connection:
            sending.take_back(connection, row, owner=ctx.worker, now=ctx.now())
    except LedgerConflict as conflict:
        return conflict
    return NotBegun()


def _keep(ctx: Context, connection: Connection, accepted: Sequence[tuple[Delivery, str]]) -> set[int]:
    now = ctx.now()
    return sending.accept_many(connection, accepted, owner=ctx.worker, now=now, check_at=now + step.EVENT_WITHIN)


def _written(ctx: Context, row: Delivery, error: Exception) -> Exception:
    if not isinstance(error, RemoteError | RecordRejected):
        return error
    try:
        return step.failed(ctx, row, error)
    except (Ended, StopDrain, LedgerConflict) as ended:
        return ended
