"""Mass messages against the ledger: whether WeChat still says of each what the ledger says.

WeChat tells of a message as a whole, and only when it is asked by its number: what it was, and whether it is deleted
since. Nothing lists those of the console, nor shows what an article of one says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weigov.flow.audit.difference import Difference
from weigov.flow.context import Context
from weigov.ledger import attempts, budget, outbox
from weigov.ledger.states import State
from weigov.wechat import mass
from weigov.wechat.client import AccountClient

#: Messages that are asked about, the newest first: WeChat allows sixty calls a minute.
NEWEST = 50
_ASKED: tuple[State, ...] = ("confirmed", "rejected", "in_doubt", "given_up")
#: (what WeChat says, what the ledger says) → (what differs, what to do). What is not here agrees, or is not certain.
_DIFFER: Mapping[tuple[mass.State, State], tuple[str, str]] = {
    ("deleted", "confirmed"): (
        "sent, but deleted in WeChat since: nobody can read its articles any more",
        "ask who deleted it in WeChat's console; nothing sends it again",
    ),
    ("failed", "confirmed"): (
        "WeChat says that it was not sent, but the ledger says confirmed",
        "look in WeChat's console; nothing sends it again",
    ),
    **{
        ("sent", state): (
            f"WeChat says that it was sent, but the ledger says {state}",
            "delete it in WeChat's console if it was not to be sent; do not replay it",
        )
        for state in ("rejected", "given_up")
    },
    ("sent", "in_doubt"): ("in doubt, but WeChat says that it was sent", "`weigov settle {id} --arrived`"),
}


def differences(ctx: Context, account: str, client: AccountClient, missed: list[str]) -> Iterator[Difference]:
    """Every mass message of which WeChat says something else; ``missed`` gets what was not asked about."""
    with ctx.ledger.read() as connection:
        rows = outbox.find(
            connection, site=ctx.site.site, target=f"account:{account}", channel="mass", effect="send",
            states=_ASKED, limit=100_000,
        )  # fmt: skip
        numbers = {row.id: attempts.done(connection, row.id).get(budget.STEP, "") for row in rows[-NEWEST:]}
    if len(rows) > NEWEST:
        missed.append(f"{account}: only the newest {NEWEST} mass messages were compared")
    for row in rows[-NEWEST:]:
        found = _DIFFER.get((client.mass.state(numbers[row.id]), row.state)) if numbers[row.id] else None
        if found:
            what, todo = found
            yield Difference(account, row.title, what, todo.format(id=row.id), row.id, row.state)
