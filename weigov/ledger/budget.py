"""How many mass messages an account has sent in a Beijing month or day. Counted from the deliveries themselves.

A delivery counts once a period, however often its call was repeated, and not at all when it surely did not leave: a
retry burns nothing, and nothing need be given back. The row in ``quota`` is where two workers wait for each other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.quota import BEIJING
from weigov.ledger.tables import ON_ACCOUNT, attempt, delivery, quota

Unit = Literal["day", "month"]
#: The step whose call sends.
STEP = "sendall"
#: What is kept of a repetition that WeChat answered with the number of a call before it.
_SENT_BEFORE = "sent by a call before"


def begins(now: datetime, unit: Unit) -> datetime:
    """When the period that ``now`` is in began, in Beijing."""
    local = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return local.replace(day=1) if unit == "month" else local


def ends(now: datetime, unit: Unit) -> datetime:
    """When the next one begins."""
    start = begins(now, unit)
    if unit == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)


def hold(connection: Connection, appid: str, unit: Unit, *, now: datetime) -> None:
    """Nobody else counts this account's period until the transaction ends."""
    row = {"appid": appid, "path": f"mass?{unit}", "period": begins(now, unit).date().isoformat()}
    insert_ignore(connection, quota, [row])
    query = select(quota.c.id).where(*(quota.c[name] == value for name, value in row.items()))
    connection.execute(query.with_for_update())


def was_sent_before(connection: Connection, delivery_id: int) -> None:
    """The newest call of this delivery sent nothing: it counts in the period of the one it repeated."""
    mine = (attempt.c.delivery_id == delivery_id) & (attempt.c.step == STEP)
    newest = select(func.max(attempt.c.n)).where(mine).scalar_subquery()
    connection.execute(update(attempt).where(mine, attempt.c.n == newest).values(detail=_SENT_BEFORE))


def spent(
    connection: Connection, target: str, unit: Unit, *, now: datetime, besides: int = 0, owner: str = ""
) -> int:
    """The mass messages of this period: sent, perhaps sent, or about to be.

    Not counted is delivery ``besides`` itself, and what ``owner`` claimed together with it to come after it.
    """
    called = exists().where(
        attempt.c.delivery_id == delivery.c.id,
        attempt.c.step == STEP,
        attempt.c.outcome.in_(("open", "ok", "unknown", "void")),
        attempt.c.intent_at >= begins(now, unit),
        attempt.c.detail != _SENT_BEFORE,
    )
    ahead = or_(delivery.c.lease_owner != owner, delivery.c.id < besides)
    about_to = and_(delivery.c.state == "claimed", ahead)
    query = select(func.count()).where(
        delivery.c.target == target,
        ON_ACCOUNT,
        delivery.c.channel == "mass",
        delivery.c.effect == "send",
        delivery.c.id != besides,
        or_(called, about_to),
    )
    return connection.execute(query).scalar_one()
