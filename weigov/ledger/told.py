"""Who was told what: how often today, and what they have of a record's older revisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from weigov.errors import LedgerConflict
from weigov.ledger.outbox import COLUMNS, Delivery, changed, from_row
from weigov.ledger.states import State
from weigov.ledger.tables import delivery
from weigov.records import digest, encode

#: A citizen has the message, or may have it.
PERHAPS: tuple[State, ...] = ("claimed", "sending", "unknown", "accepted", "confirmed", "in_doubt")
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Older:
    """One delivery of an older revision."""

    id: int
    subject: str
    state: State


def since(
    connection: Connection, target: str, subjects: Collection[str], *, moment: datetime, besides: Collection[str] = ()
) -> dict[str, int]:
    """How many messages each of these citizens was sent at ``target`` since ``moment``, or may have been; those of
    the flows ``besides`` do not count."""
    wanted = sorted(subjects)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(delivery.c.subject, func.count().label("n"))
            .where(
                delivery.c.flight_key.in_([f"{target}|{subject}" for subject in wanted[start : start + _CHUNK]]),
                delivery.c.state.in_((*PERHAPS, "given_up")),
                delivery.c.first_intent_at >= moment,
                delivery.c.flow.not_in(list(besides)),
            )
            .group_by(delivery.c.subject)
        )
        found |= {row.subject: row.n for row in connection.execute(query)}
    return found


def count_older(
    connection: Connection, *, site: str, flow: str, record: str, target: str, before_revision: int
) -> int:
    """How many deliveries of older revisions of this record there are at ``target``."""
    query = select(func.count()).where(_older(site, flow, record, target, before_revision))
    return int(connection.execute(query).scalar_one())


def older(
    connection: Connection,
    *,
    site: str,
    flow: str,
    record: str,
    target: str,
    before_revision: int,
    after: int,
    limit: int,
) -> list[Older]:
    """The next of them behind delivery ``after``, oldest first."""
    query = (
        select(delivery.c.id, delivery.c.subject, delivery.c.state)
        .where(_older(site, flow, record, target, before_revision), delivery.c.id > after)
        .order_by(delivery.c.id)
        .limit(limit)
    )
    return [Older(row.id, row.subject, row.state) for row in connection.execute(query)]


def histories(
    connection: Connection,
    subjects: Collection[str],
    *,
    site: str,
    flow: str,
    record: str,
    target: str,
    before_revision: int,
) -> dict[str, list[Older]]:
    """citizen → all older deliveries of this record to them, by revision."""
    wanted = sorted(subjects)
    found: dict[str, list[Older]] = {}
    for start in range(0, len(wanted), _CHUNK):
        keys = [f"{target}|{subject}" for subject in wanted[start : start + _CHUNK]]
        query = (
            select(delivery.c.id, delivery.c.subject, delivery.c.state)
            .where(_older(site, flow, record, target, before_revision), delivery.c.flight_key.in_(keys))
            .order_by(delivery.c.revision)
        )
        for row in connection.execute(query):
            found.setdefault(row.subject, []).append(Older(row.id, row.subject, row.state))
    return found


def before(connection: Connection, row: Delivery) -> Delivery | None:
    """The newest of what this citizen has, or may have, of the record's revisions older than that of ``row``."""
    query = (
        select(*COLUMNS)
        .where(_older(row.site, row.flow, row.record, row.target, row.revision))
        .where(delivery.c.flight_key == f"{row.target}|{row.subject}", delivery.c.state.in_(PERHAPS))
        .order_by(delivery.c.revision.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else from_row(found)


def say_instead(connection: Connection, row: Delivery, payload: Mapping[str, Any], *, now: datetime) -> Delivery:
    """Give a claimed delivery another text; the row as it is then. Raises LedgerConflict when it was moved."""
    text = {"payload": encode(payload).decode(), "digest": digest(payload), "changed_at": now}
    claimed = (delivery.c.id == row.id) & (delivery.c.state == "claimed")
    if connection.execute(update(delivery).where(claimed).values(**text)).rowcount != 1:
        raise LedgerConflict(f"delivery {row.id} was moved by somebody else")
    return changed(row, payload=payload, digest=text["digest"])


def _older(site: str, flow: str, record: str, target: str, before_revision: int) -> ColumnElement[bool]:
    return (
        (delivery.c.site == site)
        & (delivery.c.record == record)
        & (delivery.c.flow == flow)
        & (delivery.c.revision < before_revision)
        & (delivery.c.target == target)
        & (delivery.c.effect == "send")
    )
