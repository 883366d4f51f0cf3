"""When what waits may go: put off for an exhausted quota, brought forward, or judged anew."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, literal, or_, update

from weigov.ledger.claims import is_in
from weigov.ledger.outbox import IN_DRAFT_BOX
from weigov.ledger.tables import delivery

_SOMEBODY = "somebody must act: "


def for_a_person(reason: str) -> str:
    """The reason of what does not go before somebody did something: the people on duty are told."""
    return _SOMEBODY + reason


def what_to_do(reason: str) -> str | None:
    """What somebody must act on; None where it goes by itself in the end."""
    return reason.removeprefix(_SOMEBODY) if reason.startswith(_SOMEBODY) else None


def defer_rest(
    connection: Connection,
    *,
    target: str,
    channel: str,
    effect: str,
    until: datetime,
    reason: str,
    now: datetime,
    not_before: int = 0,
    in_draft_box: bool = False,
) -> int:
    """Whatever else is ready for the same exhausted quota waits too; how many.

    What goes before priority ``not_before`` does not: part of the quota is kept for it. ``in_draft_box`` as
    ``Delivery.in_draft_box``: what concerns the draft box alone makes other calls than what concerns readers.
    """
    alike: ColumnElement[bool] = literal(True)
    if channel == "news":
        drafts = or_(*(delivery.c.payload.contains(sign, autoescape=True) for sign in IN_DRAFT_BOX))
        alike = drafts if in_draft_box else ~drafts
    return connection.execute(
        update(delivery)
        .where(
            delivery.c.target == target,
            delivery.c.channel == channel,
            delivery.c.effect == effect,
            is_in("ready"),
            delivery.c.priority >= not_before,
            alike,
        )
        .values(state="deferred", reason=reason, due_at=until, changed_at=now)
    ).rowcount


def hasten(
    connection: Connection, *, site: str, flow: str, record: str, effect: str, priority: int, now: datetime
) -> int:
    """This record's ``effect`` became more urgent: what is unsent of it goes with the next drain. How many."""
    more = update(delivery).where(
        delivery.c.site == site,
        delivery.c.flow == flow,
        delivery.c.record == record,
        delivery.c.effect == effect,
        delivery.c.priority > priority,
    )
    waits = more.where(delivery.c.state.in_(("ready", "deferred")))
    hastened = connection.execute(
        waits.values(priority=priority, state="ready", reason="", due_at=now, changed_at=now)
    ).rowcount
    connection.execute(more.values(priority=priority))  # under way or refused: whoever asks sees that it is urgent
    return hastened


def wake(connection: Connection, *, target: str, now: datetime) -> int:
    """Let everything that is deferred at ``target`` be judged anew by the next drain; how many."""
    return connection.execute(
        update(delivery)
        .where(delivery.c.target == target, is_in("deferred"))
        .values(state="ready", reason="", due_at=now, changed_at=now)
    ).rowcount


def wake_flow(connection: Connection, *, site: str, flow: str, now: datetime) -> int:
    """The same for everything of one flow."""
    return connection.execute(
        update(delivery)
        .where(delivery.c.site == site, delivery.c.flow == flow, delivery.c.state == "deferred")
        .values(state="ready", reason="", due_at=now, changed_at=now)
    ).rowcount
