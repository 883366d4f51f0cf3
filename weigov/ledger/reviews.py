"""People's decisions about frozen deliveries. The ledger counts them; nobody counts twice.

A person is a log-in, or a name and, in brackets, what the system that knows them counts them by: ``li (7)``.

An approval names the digest of what was seen: when the frozen bytes are another revision's, it is stale and refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from weigov.errors import ReviewRejected
from weigov.ledger import outbox
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.states import State
from weigov.ledger.tables import delivery, review

Decision = Literal["approve", "refuse"]


@dataclass(frozen=True, slots=True)
class Review:
    """What one person decided about which bytes."""

    person: str
    decision: Decision
    comment: str
    at: datetime
    digest: str


def decide(
    connection: Connection,
    delivery_id: int,
    *,
    digest: str,
    person: str,
    decision: Decision,
    comment: str = "",
    now: datetime,
) -> State:
    """Count one person's decision; the state the delivery is in afterwards.

    Enough approvals by different people release it; one refusal refuses it. Raises ReviewRejected when the delivery
    no longer waits, when ``digest`` is not what is frozen now, or when this person has decided already.
    """
    try:
        # Locked, so that two last approvals at once are two and not one.
        connection.execute(select(delivery.c.id).where(delivery.c.id == delivery_id).with_for_update())
        row = outbox.get(connection, delivery_id)
    except LookupError:
        raise ReviewRejected(f"there is no delivery {delivery_id}") from None
    if row.state != "waiting_review":
        raise ReviewRejected(f"delivery {delivery_id} no longer waits for review: it is {row.state}")
    if digest != row.digest:
        raise ReviewRejected(f"delivery {delivery_id} changed since it was shown; look at it again")
    person = person.strip()
    if not person:
        raise ReviewRejected("a decision needs a name")
    seen = select(review.c.person).where(review.c.delivery_id == delivery_id, review.c.digest == digest)
    known = any(same_person(person, other) for other in connection.scalars(seen))
    new = not known and insert_ignore(
        connection,
        review,
        [
            {
                "delivery_id": delivery_id,
                "digest": digest,
                "person": person,
                "decision": decision,
                "comment": comment,
                "at": now,
            }
        ],
    )
    if not new:
        raise ReviewRejected(f"{person} has already decided on delivery {delivery_id}; another person is needed")
    if decision == "refuse":
        outbox.move(connection, row, "refused", now=now, reason=comment or "refused by a reviewer")
        return "refused"
    if approvals(connection, delivery_id, digest) >= row.approvals_needed:
        outbox.move(connection, row, "ready", now=now, due_at=now)
        return "ready"
    return "waiting_review"


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: renamed in between (``li (7)``, ``lili (7)``), or once by the log-in alone,
    as the command line has it (``li``, ``li (7)``). Two who share a name (``li (7)``, ``li (9)``) are two.
    """
    (name, identity), (name_2, identity_2) = _parts(one), _parts(other)
    return identity == identity_2 or (name == name_2 and (one == name or other == name_2))


def _parts(person: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.+) \(([^()]+)\)", person)
    return (found[1], found[2]) if found else (person, person)


def approvals(connection: Connection, delivery_id: int, digest: str) -> int:
    """How many different people approved these bytes."""
    query = select(func.count()).where(
        review.c.delivery_id == delivery_id, review.c.digest == digest, review.c.decision == "approve"
    )
    return int(connection.execute(query).scalar_one())


def overdue(connection: Connection, site: str, flow: str, *, since: datetime) -> int:
    """How many deliveries of ``flow`` have waited for review since before ``since``."""
    query = select(func.count()).where(
        delivery.c.site == site,
        delivery.c.flow == flow,
        delivery.c.state == "waiting_review",
        delivery.c.changed_at <= since,
    )
    return int(connection.execute(query).scalar_one())


def of_delivery(connection: Connection, delivery_id: int) -> list[Review]:
    """Every decision about a delivery, oldest first."""
    columns = (review.c.person, review.c.decision, review.c.comment, review.c.at, review.c.digest)
    query = select(*columns).where(review.c.delivery_id == delivery_id).order_by(review.c.id)
    return [Review(**row._mapping) for row in connection.execute(query)]
