"""Messages side by side: many calls under way at once, their intents and their receipts committed together.

Only for a channel with a key WeChat honours: a worker that dies leaves as many deliveries unknown as it had calls
under way, and each of them may be asked again with the same key. Every promise of ``step`` holds for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from time import monotonic

from weigov.errors import LedgerConflict, RecordRejected, RemoteError
from weigov.flow import step
from weigov.flow.context import CALL_DEADLINE_S, LEASE_S, Context
from weigov.flow.mistakes import MISTAKES
from weigov.flow.step import Ended, StopDrain
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery

#: Calls under way at once; WeChat allows far more, a city's uplink may not.
WIDTH = 32

#: No call is begun later than this after its intent: it must end before its lease does.
_BEGIN_WITHIN_S = LEASE_S - 1.5 * CALL_DEADLINE_S

#: What one call came to: WeChat's id, how it failed, or None when it was never begun.
Outcome = str | Exception | None
Result = tuple[Delivery, Exception]


class NotBegun(Exception):
    """No call was made for this delivery; it is ready as before."""


def send_all(ctx: Context, rows: Sequence[Delivery], name: str, ask: Callable[[Delivery], str]) -> list[Result]:
    """Make step ``name``, the only one, of claimed deliveries; what each came to: Ended, StopDrain, LedgerConflict or
    a mistake of ours, as ``step.call`` raises them, or NotBegun.

    ``ask`` is called from several threads. When an answer says that the next would fail alike, no more are begun.
    """
    with ctx.ledger.begin() as connection:
        begun = outbox.begin_many(connection, rows, name, owner=ctx.worker, lease_s=LEASE_S, now=ctx.now())
    ours = {row.id for row in begun}
    results: list[Result] = [(row, LedgerConflict(f"delivery {row.id}")) for row in rows if row.id not in ours]
    over, begin_until = Event(), monotonic() + _BEGIN_WITHIN_S

    def one(row: Delivery) -> Outcome:
        if over.is_set() or monotonic() > begin_until:
            return None
        try:
            return ask(row)
        except (RemoteError, RecordRejected) as error:
            if step.ends_all_alike(error):
                over.set()
            return error
        except MISTAKES as error:
            return error

    untried: list[Delivery] = []
    failures: list[tuple[Delivery, Exception]] = []
    with ThreadPoolExecutor(min(WIDTH, max(len(begun), 1)), thread_name_prefix="send") as threads:
        asked: dict[Future[Outcome], Delivery] = {threads.submit(one, row): row for row in begun}
        left = set(asked)
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)  # all that were answered during the last commit
            outcomes = [(asked[future], future.result()) for future in done]
            accepted = [(row, outcome) for row, outcome in outcomes if isinstance(outcome, str)]
            results += _keep(ctx, accepted) if accepted else []
            untried += [row for row, outcome in outcomes if outcome is None]
            failures += [(row, outcome) for row, outcome in outcomes if isinstance(outcome, Exception)]
    # First what was not begun: a failure may put off all that is ready of this kind.
    results += [(row, _taken_back(ctx, row)) for row in untried]
    return results + [(row, _written(ctx, row, error)) for row, error in failures]


def _taken_back(ctx: Context, row: Delivery) -> Exception:
    try:
        with ctx.ledger.begin() as connection:
            outbox.take_back(connection, row, owner=ctx.worker, now=ctx.now())
    except LedgerConflict as conflict:
        return conflict
    return NotBegun()


def _keep(ctx: Context, accepted: Sequence[tuple[Delivery, str]]) -> list[Result]:
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        kept = outbox.accept_many(connection, accepted, owner=ctx.worker, now=now, check_at=now + step.FIRST_LOOK)
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
