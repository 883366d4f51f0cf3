"""What gathering flows took: each article at most once a flow and target, decided by the unique key.

A digest that never left (superseded, withdrawn, expired, refused by a reviewer) lets go of its articles; one that
WeChat rejected or that a person gave up does not, for it may have been read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, not_, or_, select, update

from weigov.ledger.outbox import VIA_DRAFT
from weigov.ledger.states import UNSENT, State
from weigov.ledger.streams import StreamRef, in_stream
from weigov.ledger.tables import ON_ACCOUNT, delivery, gathered, position, record, revision

#: A digest in one of these states never left.
_NEVER_LEFT: tuple[State, ...] = ("superseded", "withdrawn", "expired", "refused")
_UNDECIDED: tuple[State, ...] = (*sorted(UNSENT), "claimed", "sending", "unknown", "accepted", "in_doubt")


@dataclass(frozen=True, slots=True)
class Taken:
    """An article in a digest. ``of_id`` is the delivery that published it, ``place`` counts from 1."""

    record: str
    revision: int
    of_id: int
    delivery_id: int
    place: int


@dataclass(frozen=True, slots=True)
class Published:
    """An article that stands at a target, and when it was confirmed."""

    id: int
    record: str
    revision: int
    since: datetime


def lock(connection: Connection, site: str, flow: str) -> tuple[datetime, datetime | None]:
    """(when the flow began, the last time of its cron line that was decided); nobody else gathers meanwhile."""
    query = select(position.c.began_at, position.c.read_at).where(position.c.site == site, position.c.flow == flow)
    row = connection.execute(query.with_for_update()).one()
    return row.began_at, row.read_at


def decided(connection: Connection, site: str, flow: str, moment: datetime) -> None:
    """The flow's turn of that moment was taken, whatever came of it."""
    where = (position.c.site == site) & (position.c.flow == flow)
    connection.execute(update(position).where(where).values(read_at=moment))


def published(connection: Connection, ref: StreamRef, target: str) -> list[Published]:
    """The articles of a stream that stand at ``target`` and are not about to change or go; drafts stand nowhere."""
    other = delivery.alias("other")
    changing = exists().where(
        other.c.site == delivery.c.site,
        other.c.target == delivery.c.target,
        other.c.record == delivery.c.record,
        other.c.channel == "news",
        other.c.id != delivery.c.id,
        other.c.state.in_(_UNDECIDED),
        or_(other.c.effect == "remove", other.c.revision > delivery.c.revision),
    )
    waits = exists().where(
        record.c.id == revision.c.record_id,
        in_stream(record, ref),
        literal(ref.record_ref("")) + record.c.key == delivery.c.record,
        revision.c.site == delivery.c.site,
        revision.c.flow == delivery.c.flow,
        revision.c.state.in_(("pending", "quarantined")),  # what stands is known to be old
    )
    query = select(delivery.c.id, delivery.c.record, delivery.c.revision, delivery.c.changed_at.label("since")).where(
        ON_ACCOUNT,
        delivery.c.site == ref.site,
        delivery.c.target == target,
        delivery.c.channel == "news",
        delivery.c.effect == "publish",
        delivery.c.state == "confirmed",
        not_(func.coalesce(delivery.c.payload, "").contains(VIA_DRAFT, autoescape=True)),
        delivery.c.record.startswith(ref.record_ref(""), autoescape=True),
        ~changing,
        ~waits,
    )
    # Of two flows that publish the same record the older speaks.
    found: dict[str, Published] = {}
    for row in connection.execute(query.order_by(delivery.c.id)):
        found.setdefault(row.record, Published(**row._mapping))
    return list(found.values())


def take(
    connection: Connection, *, site: str, flow: str, target: str, items: Sequence[Published], delivery_id: int
) -> None:
    """These articles, in this order, are the digest's. Raises IntegrityError when one is another's already."""
    connection.execute(
        gathered.insert(),
        [
            {
                "site": site,
                "flow": flow,
                "target": target,
                "record": item.record,
                "revision": item.revision,
                "of_id": item.id,
                "delivery_id": delivery_id,
                "place": place,
            }
            for place, item in enumerate(items, start=1)
        ],
    )


def without_message(connection: Connection, site: str, target: str) -> list[int]:
    """The digests that were previewed to the end and whose message was not enqueued yet, oldest first."""
    message = delivery.alias("message")
    is_there = exists().where(
        message.c.site == delivery.c.site,
        message.c.flow == delivery.c.flow,
        message.c.record == delivery.c.record,
        message.c.revision == delivery.c.revision,
        message.c.effect == "send",
        message.c.target == delivery.c.target,
    )
    query = select(delivery.c.id).where(
        ON_ACCOUNT, delivery.c.site == site, delivery.c.target == target, delivery.c.channel == "mass",
        delivery.c.effect == "preview", delivery.c.state == "confirmed", delivery.c.retire == "", ~is_there,
    )  # fmt: skip
    return list(connection.execute(query.order_by(delivery.c.id)).scalars())


def pass_on(connection: Connection, *, of: int, to: int) -> None:
    """What one delivery of a digest had taken is the next one's."""
    connection.execute(update(gathered).where(gathered.c.delivery_id == of).values(delivery_id=to))


def let_go(connection: Connection, *, site: str, flow: str, target: str) -> int:
    """Digests that never left keep nothing; how many articles are free again."""
    return connection.execute(
        gathered.delete().where(
            gathered.c.site == site, gathered.c.flow == flow, gathered.c.target == target, _never_left()
        )
    ).rowcount


def taken(connection: Connection, *, site: str, flow: str, target: str, but: Collection[int] = ()) -> set[str]:
    """The records that digests of this flow hold; what the deliveries ``but`` hold does not count."""
    query = select(gathered.c.record).where(
        gathered.c.site == site, gathered.c.flow == flow, gathered.c.target == target, ~_never_left()
    )
    if but:
        query = query.where(gathered.c.delivery_id.not_in(list(but)))
    return set(connection.execute(query).scalars())


def of_delivery(connection: Connection, delivery_id: int) -> list[Taken]:
    """What a digest holds, in its order."""
    columns = [gathered.c[name] for name in Taken.__dataclass_fields__]
    query = select(*columns).where(gathered.c.delivery_id == delivery_id).order_by(gathered.c.place)
    return [Taken(**row._mapping) for row in connection.execute(query)]


def changed_since(connection: Connection, ref: StreamRef, flow: str) -> list[tuple[Taken, str, datetime]]:
    """(article of a digest that was sent, key of its record, when it changed) where that was after the digest was
    made."""
    changed_at = func.coalesce(record.c.withdrawn_at, record.c.changed_at)
    columns = [gathered.c[name] for name in Taken.__dataclass_fields__]
    query = (
        select(*columns, record.c.key, changed_at.label("changed_at"))
        .join(record, (literal(ref.record_ref("")) + record.c.key) == gathered.c.record)
        .join(delivery, delivery.c.id == gathered.c.delivery_id)
        .where(
            in_stream(record, ref),
            gathered.c.site == ref.site,
            gathered.c.flow == flow,
            delivery.c.effect == "send",  # a preview was seen by our own people only
            delivery.c.state == "confirmed",
            changed_at > delivery.c.created_at,
        )
        .order_by(gathered.c.delivery_id, gathered.c.place)
    )
    found = []
    for row in connection.execute(query):
        values = dict(row._mapping)
        key, moment = values.pop("key"), values.pop("changed_at")
        found.append((Taken(**values), key, moment))
    return found


def _never_left() -> ColumnElement[bool]:
    # A preview that became pointless while it was shown is followed by no message.
    only_shown = and_(delivery.c.effect == "preview", delivery.c.state == "confirmed", delivery.c.retire != "")
    return exists().where(delivery.c.id == gathered.c.delivery_id, or_(delivery.c.state.in_(_NEVER_LEFT), only_shown))
