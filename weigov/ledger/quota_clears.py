"""Who had WeChat clear an account's daily limits, and why: written down before the call, its outcome after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from sqlalchemy import Connection, select, update

from weigov.ledger.tables import quota_clear

_BEIJING = timezone(timedelta(hours=8))  # no summer time since 1991

Outcome = Literal["ok", "refused", "unsent", "unknown"]


@dataclass(frozen=True, slots=True)
class Clearing:
    """One of this month's. ``outcome`` is ``open`` where the worker stopped before it had an answer."""

    person: str
    reason: str
    outcome: str
    at: datetime

    @property
    def counts(self) -> bool:
        """Whether it is, or may be, one of the month's ten."""
        return self.outcome in ("ok", "open", "unknown")


def begin(connection: Connection, appid: str, person: str, reason: str, *, now: datetime) -> int:
    """Commit the intent; its id."""
    row = {"appid": appid, "person": person[:128], "reason": reason, "outcome": "open", "at": now}
    key = connection.execute(quota_clear.insert().values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def end(connection: Connection, clearing: int, outcome: Outcome, detail: str = "") -> None:
    """What came of it."""
    done = update(quota_clear).where(quota_clear.c.id == clearing)
    connection.execute(done.values(outcome=outcome, detail=detail))


def this_month(connection: Connection, appid: str, *, now: datetime) -> list[Clearing]:
    """This Beijing month's, oldest first."""
    began = now.astimezone(_BEIJING).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    query = (
        select(quota_clear.c.person, quota_clear.c.reason, quota_clear.c.outcome, quota_clear.c.at)
        .where(quota_clear.c.appid == appid, quota_clear.c.at >= began)
        .order_by(quota_clear.c.id)
    )
    return [Clearing(*row) for row in connection.execute(query)]
