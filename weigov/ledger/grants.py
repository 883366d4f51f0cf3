"""What citizens agreed to: one subscribe notice an agreement, or all of a template for good.

A grant is taken with the claim and stays with its delivery while that may be, or may have been, sent. What a delivery
that surely ended unsent had taken is free again: nobody has to give it back, so nothing leaks when a worker dies.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, literal, or_, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.states import State
from weigov.ledger.tables import delivery, subscribe_grant

#: A delivery in one of these surely did not use what it had taken.
_UNUSED: tuple[State, ...] = ("superseded", "withdrawn", "expired", "refused")


def note(
    connection: Connection,
    appid: str,
    subject: str,
    template_id: str,
    *,
    source: str,
    long_term: bool,
    at: datetime,
) -> bool:
    """A citizen agreed; False when this very agreement (``source``) is known."""
    row = {
        "appid": appid,
        "openid_hash": subject,
        "template_id": template_id,
        "source": source,
        "long_term": long_term,
        "at": at,
    }
    return insert_ignore(connection, subscribe_grant, [row]) == 1


def take(connection: Connection, appid: str, subject: str, template_id: str, delivery_id: int) -> bool:
    """Take one for this delivery, or keep the one it has; False when there is none left."""
    mine = _of(appid, subject, template_id) & subscribe_grant.c.void_at.is_(None)
    kept = or_(subscribe_grant.c.long_term, subscribe_grant.c.delivery_id == delivery_id)
    if connection.execute(select(subscribe_grant.c.id).where(mine, kept).limit(1)).first() is not None:
        return True
    free = (
        select(subscribe_grant.c.id)
        .where(mine, _free())
        .order_by(subscribe_grant.c.id)
        .limit(1)
        .with_for_update(of=subscribe_grant)
    )
    found = connection.execute(free).scalar_one_or_none()
    if found is None:
        return False
    connection.execute(update(subscribe_grant).where(subscribe_grant.c.id == found).values(delivery_id=delivery_id))
    return True


def void(
    connection: Connection,
    appid: str,
    subject: str,
    template_id: str,
    *,
    until: datetime | None = None,
    now: datetime,
) -> int:
    """The citizen took back, or used up, all of it, agreed to before ``until``; how many grants that ends. What is
    under way goes on."""
    ended = update(subscribe_grant).where(
        _of(appid, subject, template_id),
        subscribe_grant.c.void_at.is_(None),
        or_(_free(), subscribe_grant.c.long_term),
        literal(True) if until is None else subscribe_grant.c.at <= until,
    )
    return connection.execute(ended.values(void_at=now)).rowcount


def refused(connection: Connection, delivery_id: int, *, used_up: bool, now: datetime) -> None:
    """WeChat refused this delivery without effect: for want of an agreement, then there is none; else it is free."""
    mine = update(subscribe_grant).where(subscribe_grant.c.delivery_id == delivery_id)
    connection.execute(mine.values(void_at=now) if used_up else mine.values(delivery_id=None))


def left(connection: Connection, appid: str, subject: str, template_id: str) -> int:
    """How many notices this citizen may still be sent, long-term ones counted as one."""
    query = select(func.count()).where(
        _of(appid, subject, template_id),
        subscribe_grant.c.void_at.is_(None),
        or_(_free(), subscribe_grant.c.long_term),
    )
    return int(connection.execute(query).scalar_one())


def has_any(connection: Connection, appid: str, template_id: str, subject: str) -> bool:
    """Whether this citizen ever agreed and did not take it back."""
    query = select(subscribe_grant.c.id).where(_of(appid, subject, template_id), subscribe_grant.c.void_at.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def _of(appid: str, subject: str, template_id: str) -> ColumnElement[bool]:
    return (
        (subscribe_grant.c.appid == appid)
        & (subscribe_grant.c.template_id == template_id)
        & (subscribe_grant.c.openid_hash == subject)
    )


def _free() -> ColumnElement[bool]:
    ended = exists().where(delivery.c.id == subscribe_grant.c.delivery_id, delivery.c.state.in_(_UNUSED))
    return or_(subscribe_grant.c.delivery_id.is_(None), ended)
