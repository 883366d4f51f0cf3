"""Messages side by side: many calls under way at once, their intents and their receipts committed together.

Only for a channel with a key WeChat honours: a worker that dies leaves as many deliveries unknown as it had calls
under way, and each of them may be asked again with the same key. Every promise of ``step`` holds for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from queue import SimpleQueue
from threading import Event

from weigov.errors import LedgerConflict, RecordRejected, RemoteError
from weigov.flow import step
from weigov.flow.context import LEASE_S, Context
from weigov.flow.mistakes import MISTAKES
from weigov.flow.step import Ended, StopDrain
from weigov.ledger import outbox, sending
from weigov.ledger.outbox import Delivery

#: Calls under way at once: what a dead worker leaves unknown. WeChat allows far more, a city's uplink may not.
WIDTH = 64

#: What one call came to: WeChat's id, how it failed, or None when it was never begun.
Outcome = str | Exception | None
Result = tuple[Delivery, Exception]


class NotBegun(Exception):
    """No call was made for this delivery; it is ready as before."""


def send_all(
    ctx: Context, rows: Sequence[Delivery], name: str, ask: Callable[[Delivery], str], threads: Executor
) -> list[Result]:
    """Make step ``name``, the only one, of claimed deliveries; what each came to: Ended, StopDrain, LedgerConflict or
    a mistake of ours, as ``step.call`` raises them, or NotBegun.

    ``ask`` is called from ``threads``, of which there are at least ``WIDTH``. When an answer says that the next would
    fail alike, no more are begun.
    """
    batch = _Batch(ctx, rows, name, ask, threads)
    while batch.under_way or batch.waiting:
        batch.begin()
        batch.settle()
    return batch.end()


class _Batch:
    """Deliveries of which some wait, some are under way and some have an answer."""

    def __init__(
        self, ctx: Context, rows: Sequence[Delivery], name: str, ask: Callable[[Delivery], str], threads: Executor
    ) -> None:
        self._ctx, self._name, self._ask, self._threads = ctx, name, ask, threads
        self.waiting = list(rows)
        self.under_way = 0
        self._answers: SimpleQueue[tuple[Delivery, Outcome | BaseException]] = SimpleQueue()
        self._over = Event()
        self._results: list[Result] = []
        self._failures: list[tuple[Delivery, Exception]] = []
        self._untried: list[Delivery] = []

    def begin(self) -> None:
        """Commit the intents of as many as there is room for, once there is room for half of all, and call."""
        room = WIDTH - self.under_way
        if self._over.is_set() or not self.waiting or room < max(WIDTH // 2, 1):
            return
        rows, self.waiting = self.waiting[:room], self.waiting[room:]
        ctx = self._ctx
        with ctx.ledger.begin() as connection:
            begun = sending.begin_many(connection, rows, self._name, owner=ctx.worker, lease_s=LEASE_S, now=ctx.now())
        ours = {row.id for row in begun}
        self._results += [(row, LedgerConflict(f"delivery {row.id}")) for row in rows if row.id not in ours]
        for row in begun:
            self._threads.submit(self._call, row)
            self.under_way += 1

    def settle(self) -> None:
        """Wait for an answer, and write down all that were given meanwhile."""
        if self._over.is_set() and self.waiting:
            with self._ctx.ledger.begin() as connection:
                outbox.release(connection, self.waiting, now=self._ctx.now(), owner=self._ctx.worker)
            self._results += [(row, NotBegun()) for row in self.waiting]
            self.waiting = []
        if not self.under_way:
            return
        answers = [self._answers.get()]
        while not self._answers.empty():
            answers.append(self._answers.get())
        self.under_way -= len(answers)
        try:
            accepted = [(row, outcome) for row, outcome in answers if isinstance(outcome, str)]
            self._results += _keep(self._ctx, accepted) if accepted else []
            broken = next((outcome for _, outcome in answers if _is_broken(outcome)), None)
            if isinstance(broken, BaseException):
                raise broken
        except BaseException:
            self._over.set()  # the ledger is gone, say: no more is begun
            raise
        self._untried += [row for row, outcome in answers if outcome is None]
        for row, outcome in answers:
            if isinstance(outcome, RemoteError | RecordRejected) and step.ends_all_alike(outcome):
                self._failures.append((row, outcome))
            elif isinstance(outcome, Exception):
                self._results.append((row, _written(self._ctx, row, outcome)))

    def end(self) -> list[Result]:
        """First what was not begun: a failure may put off all that is ready of this kind."""
        results = self._results + [(row, _taken_back(self._ctx, row)) for row in self._untried]
        return results + [(row, _written(self._ctx, row, error)) for row, error in self._failures]

    def _call(self, row: Delivery) -> None:
        outcome: Outcome | BaseException = None
        try:
            if not self._over.is_set():
                outcome = self._ask(row)
        except BaseException as error:
            outcome = error
            if isinstance(error, RemoteError | RecordRejected) and step.ends_all_alike(error):
                self._over.set()
        self._answers.put((row, outcome))


def _is_broken(outcome: object) -> bool:
    """Whether it is none of the ways in which a call may end: then the whole run stops."""
    known = (RemoteError, RecordRejected, *MISTAKES)
    return isinstance(outcome, BaseException) and not isinstance(outcome, known)


def _taken_back(ctx: Context, row: Delivery) -> Exception:
    try:
        with ctx.ledger.begin() as connection:
            sending.take_back(connection, row, owner=ctx.worker, now=ctx.now())
    except LedgerConflict as conflict:
        return conflict
    return NotBegun()


def _keep(ctx: Context, accepted: Sequence[tuple[Delivery, str]]) -> list[Result]:
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        kept = sending.accept_many(connection, accepted, owner=ctx.worker, now=now, check_at=now + step.FIRST_LOOK)
    return [
        (row, Ended("accepted") if row.id in kept else step.answered(ctx, row, "accepted", remote_id))
        for row, remote_id in accepted
    ]


def _written(ctx: Context, row: Delivery, error: Exception) -> Exception:
    if not isinstance(error, RemoteError | RecordRejected):
        return error
    try:
        return step.failed(ctx, row, error)
    except (Ended, StopDrain, LedgerConflict) as ended:
        return ended
