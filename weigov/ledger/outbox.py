"""Deliveries: enqueue, find, move. The database decides who may send what.

Every change of state goes through ``move``, which refuses an arrow the state machine (``states``) does not have and
raises LedgerConflict when somebody else moved the row first. Who works on what is in ``claims``, the calls are in
``sending``, what came of each in ``attempts``, reviews in ``reviews``; how a channel becomes certain is in
``weigov.flow``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from weigov.errors import LedgerConflict
from weigov.ledger import attempts
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.states import ARROWS, TO_CITIZENS, UNCERTAIN, UNSENT, State, in_flight
from weigov.ledger.tables import IN_FLIGHT, attempt, delivery
from weigov.records import digest, encode


@dataclass(frozen=True, slots=True)
class New:
    """A delivery to be enqueued. The first seven fields are its identity."""

    site: str
    flow: str
    record: str
    revision: int
    effect: str
    target: str
    subject: str
    channel: str
    payload: Mapping[str, Any] = field(repr=False)
    title: str = ""
    priority: int = 50
    mapping_digest: str = ""
    approvals_needed: int = 0
    due_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def client_key(self) -> str:
        """What we tell WeChat this delivery is called: 32 hex digits, the same for the same identity for ever."""
        identity = [self.site, self.flow, self.record, self.revision, self.effect, self.target, self.subject]
        return hashlib.sha256(encode(identity)).hexdigest()[:32]

    @property
    def flight_key(self) -> str:
        """What may be in flight once only: a citizen within an account, else the record at its target."""
        if self.channel in TO_CITIZENS:
            return f"{self.target}|{self.subject}"
        if self.channel == "news" and self.effect == "remove":  # an old version waits for no new one
            return f"{self.target}|remove|{self.record}"
        if self.channel == "mass":  # an article that is taken back does not wait for its copy in the list
            return f"{self.target}|mass|{self.record}"
        return f"{self.target}|{self.record}"


class Delivery(msgspec.Struct, frozen=True):
    """One outbox row as it was read. A struct, for a drain makes several of each of its 100,000."""

    id: int
    site: str
    flow: str
    record: str
    revision: int
    effect: str
    target: str
    subject: str
    channel: str
    client_key: str
    title: str
    payload: Mapping[str, Any]
    digest: str
    state: State
    reason: str
    step: str
    retire: str
    approvals_needed: int
    priority: int
    tries: int
    due_at: datetime
    expires_at: datetime | None
    lease_owner: str
    first_intent_at: datetime | None
    check_at: datetime | None
    created_at: datetime
    changed_at: datetime

    @property
    def in_draft_box(self) -> bool:
        """Whether it puts an article into the draft box or takes one out, and nothing that readers see."""
        return self.channel == "news" and ("media_id" in self.payload or self.payload.get("via") == "draft")

    def __repr__(self) -> str:
        return f"Delivery({self.id}, {self.flow!r}, {self.record!r}, {self.effect!r}, {self.state!r})"


COLUMNS = [delivery.c[name] for name in Delivery.__struct_fields__]
#: What a payload holds, as it is kept, of a delivery ``in_draft_box``; within a text the quotes would be escaped.
VIA_DRAFT = '"via":"draft"'
IN_DRAFT_BOX = ('"media_id":', VIA_DRAFT)
_PAYLOAD = Delivery.__struct_fields__.index("payload")


def from_row(row: Sequence[Any]) -> Delivery:
    values: list[Any] = list(row)
    values[_PAYLOAD] = msgspec.json.decode(values[_PAYLOAD]) if values[_PAYLOAD] else {}
    return Delivery(*values)


def enqueue(connection: Connection, news: Sequence[New], *, now: datetime) -> int:
    """Add deliveries unless their identity is there already; how many were new.

    The unique constraint decides, so two overlapping runs cannot both win.
    """
    rows = []
    for new in news:
        payload = encode(new.payload)
        rows.append(
            {
                "site": new.site,
                "flow": new.flow,
                "record": new.record,
                "revision": new.revision,
                "effect": new.effect,
                "target": new.target,
                "subject": new.subject,
                "channel": new.channel,
                "client_key": new.client_key,
                "title": new.title[:400],
                "payload": payload.decode(),
                "digest": digest(new.payload),
                "mapping_digest": new.mapping_digest,
                "state": "waiting_review" if new.approvals_needed else "ready",
                "approvals_needed": new.approvals_needed,
                "flight_key": new.flight_key,
                "in_flight": False,
                "priority": new.priority,
                "due_at": new.due_at or now,
                "expires_at": new.expires_at,
                "created_at": now,
                "changed_at": now,
            }
        )
    return insert_ignore(connection, delivery, rows)


def get(connection: Connection, delivery_id: int) -> Delivery:
    """The delivery with this id. Raises LookupError."""
    row = connection.execute(select(*COLUMNS).where(delivery.c.id == delivery_id)).one_or_none()
    if row is None:
        raise LookupError(f"no delivery {delivery_id}")
    return from_row(row)


def find(
    connection: Connection,
    *,
    site: str | None = None,
    flow: str | None = None,
    record: str | None = None,
    target: str | None = None,
    subject: str | None = None,
    channel: str | None = None,
    effect: str | None = None,
    states: Iterable[State] = (),
    revision: int | None = None,
    check_before: datetime | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[Delivery]:
    """Deliveries behind the id ``after`` that match every condition given, oldest first."""
    states = tuple(states)
    uncertain = bool(states) and set(states) <= UNCERTAIN
    # What is uncertain is in flight: few rows in an index of their own, if not asked for in the table's order.
    by = delivery.c.id + 0 if uncertain else delivery.c.id
    query = select(*COLUMNS).where(by > after).order_by(by).limit(limit)
    if uncertain:
        query = query.where(IN_FLIGHT)
    wanted = {
        "site": site,
        "flow": flow,
        "record": record,
        "target": target,
        "subject": subject,
        "channel": channel,
        "effect": effect,
        "revision": revision,
    }
    for name, value in wanted.items():
        if value is not None:
            query = query.where(delivery.c[name] == value)
    if states:
        query = query.where(delivery.c.state.in_(states))
    if check_before is not None:
        query = query.where(or_(delivery.c.check_at.is_(None), delivery.c.check_at <= check_before))
    return [from_row(row) for row in connection.execute(query)]


def by_receipt(connection: Connection, target: str, step: str, remote_id: str) -> Delivery | None:
    """The delivery to ``target`` whose ``step`` was answered with this id: WeChat counts for each account anew."""
    query = (
        select(*COLUMNS)
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .where(attempt.c.step == step, attempt.c.remote_id == remote_id, attempt.c.outcome == "ok")
        .where(attempt.c.remote_id != literal("", literal_execute=True))  # spelled out: the index has no other rows
        .where(delivery.c.target == target)
        .order_by(delivery.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row is not None else None


def to_report(
    connection: Connection, site: str, flow: str, effect: str, states: Sequence[State], operation: str, *,
    after: int, limit: int,
) -> list[Delivery]:  # fmt: skip
    """Deliveries behind the id ``after``, in one of ``states``, whose system was not yet told so by ``operation``."""
    told = delivery.alias("told")
    already = exists().where(
        told.c.site == delivery.c.site,
        told.c.flow == delivery.c.flow,
        told.c.record == delivery.c.record,
        told.c.revision == delivery.c.revision,
        told.c.channel == "write",
        told.c.effect == literal(f"write:{operation}:") + delivery.c.state,
        told.c.subject == case((delivery.c.subject == "", delivery.c.target), else_=delivery.c.subject),
    )
    query = (
        select(*COLUMNS)
        .where(
            delivery.c.site == site,
            delivery.c.flow == flow,
            delivery.c.effect == effect,
            delivery.c.state.in_(tuple(states)),
            delivery.c.id > after,
            ~already,
        )
        .order_by(delivery.c.id)
        .limit(limit)
    )
    return [from_row(row) for row in connection.execute(query)]


def is_newest(connection: Connection, row: Delivery) -> bool:
    """Whether no newer revision of the same record has a delivery of this effect at this target."""
    newer = select(func.count()).where(
        delivery.c.site == row.site,
        delivery.c.flow == row.flow,
        delivery.c.record == row.record,
        delivery.c.effect == row.effect,
        delivery.c.target == row.target,
        delivery.c.revision > row.revision,
    )
    return connection.execute(newer).scalar_one() == 0


def move(
    connection: Connection,
    row: Delivery,
    to: State,
    *,
    now: datetime,
    reason: str = "",
    owner: str | None = None,
    **columns: Any,
) -> None:
    """Take one arrow. ``owner`` fences: the row must still be leased by that worker.

    Raises LedgerConflict when the row is no longer in ``row.state`` (or leased by somebody else).
    """
    if (row.state, to) not in ARROWS:
        raise ValueError(f"a delivery does not go from {row.state} to {to}")
    where = and_(delivery.c.id == row.id, delivery.c.state == row.state, delivery.c.tries == row.tries)
    if owner is not None:
        where = and_(where, delivery.c.lease_owner == owner)
    values: dict[str, Any] = {
        "state": to,
        "reason": reason,
        "changed_at": now,
        "in_flight": in_flight(row.channel, to),
        **columns,
    }
    if to not in ("claimed", "sending"):
        values |= {"lease_owner": "", "lease_until": None}
    if connection.execute(update(delivery).where(where).values(values)).rowcount != 1:
        raise LedgerConflict(f"delivery {row.id} was moved by somebody else")


def hold(
    connection: Connection, row: Delivery, found: Mapping[str, Any], *, now: datetime, reason: str, owner: str
) -> State:
    """What would leave is not what was approved: people look again, at ``found`` besides what is frozen.

    It is another digest, so that earlier approvals do not count. What is pointless by now is not held but goes back.
    """
    if get(connection, row.id).retire:
        move(connection, row, "ready", now=now, owner=owner)
        return "ready"
    payload = {**row.payload, **found}
    move(
        connection,
        row,
        "waiting_review",
        now=now,
        reason=reason,
        owner=owner,
        payload=encode(payload).decode(),
        digest=digest(payload),
        approvals_needed=max(1, row.approvals_needed),
    )
    return "waiting_review"


def defer(
    connection: Connection, row: Delivery, *, until: datetime, reason: str, now: datetime, owner: str | None = None
) -> None:
    """Certainly nothing happened, and it must wait for a known time."""
    if row.state == "sending":
        attempts.end(connection, row, "unsent", now=now, detail=reason)
    move(connection, row, "deferred", now=now, owner=owner, reason=reason, due_at=until, first_intent_at=None)


def settle(
    connection: Connection,
    row: Delivery,
    to: State,
    *,
    now: datetime,
    reason: str = "",
    remote_id: str = "",
    owner: str | None = None,
    check_at: datetime | None = None,
) -> None:
    """An answer came, or certainly none will: accepted, confirmed, rejected, unknown or in_doubt."""
    if row.state == "sending":
        outcome = {"accepted": "ok", "rejected": "refused", "unknown": "unknown"}[to]
        attempts.end(connection, row, outcome, now=now, remote_id=remote_id, detail=reason)
    elif row.state in ("unknown", "in_doubt") and to in ("accepted", "confirmed") and remote_id:
        attempts.adopt(connection, row, row.step, remote_id, now=now)
    holds = {"in_flight": _may_hold(connection, row, to)} if row.state == "in_doubt" else {}
    move(connection, row, to, now=now, owner=owner, reason=reason, check_at=check_at, **holds)


def look_again(connection: Connection, row: Delivery, *, at: datetime, reason: str | None = None) -> None:
    """Nothing new was learnt: reconcile looks at it again then. ``reason``: what it waits for, as far as is known."""
    values = {"check_at": at} | ({} if reason is None else {"reason": reason})
    connection.execute(update(delivery).where(delivery.c.id == row.id).values(values))


def park(connection: Connection, row: Delivery, *, now: datetime, reason: str) -> None:
    """It may have been sent, whatever this ledger knows: in doubt, for a person.

    Where another of its flight key is in flight already, that one keeps the later ones waiting.
    """
    if row.state == "sending":
        attempts.end(connection, row, "unknown", now=now, detail=reason)
    move(connection, row, "in_doubt", now=now, reason=reason, in_flight=_may_hold(connection, row, "in_doubt"))


def _may_hold(connection: Connection, row: Delivery, to: State) -> bool:
    """Whether it keeps others waiting in ``to``: only where none of its flight key does so already."""
    other = delivery.alias("other")
    mine = select(delivery.c.flight_key).where(delivery.c.id == row.id).scalar_subquery()
    held = select(func.count()).where(other.c.flight_key == mine, other.c.in_flight, other.c.id != row.id)
    return in_flight(row.channel, to) and connection.execute(held).scalar_one() == 0


def retire(
    connection: Connection,
    *,
    site: str,
    flow: str,
    record: str,
    effect: str,
    why: State,
    before_revision: int,
    now: datetime,
    subject: str | None = None,
    target: str | None = None,
) -> int:
    """Older revisions are pointless now: drop what is unsent, flag what is in flight or rejected. How many of both.

    ``why`` is superseded or withdrawn.
    """
    older = and_(
        delivery.c.site == site,
        delivery.c.record == record,
        delivery.c.flow == flow,
        delivery.c.effect == effect,
        delivery.c.revision < before_revision,
    )
    if subject is not None:
        older = and_(older, delivery.c.subject == subject)
    if target is not None:
        older = and_(older, delivery.c.target == target)
    # One statement: a row that a worker gives back meanwhile is seen as it is then, and never missed by both halves.
    is_unsent = delivery.c.state.in_(tuple(UNSENT))
    in_hand = delivery.c.state.in_(("claimed", "sending", "unknown", "accepted", "in_doubt", "rejected"))
    return connection.execute(
        update(delivery)
        .where(older, or_(is_unsent, in_hand))
        .values(
            state=case((is_unsent, why), else_=delivery.c.state),
            reason=case((is_unsent, ""), else_=delivery.c.reason),
            retire=case((is_unsent, delivery.c.retire), else_=why),
            changed_at=case((is_unsent, literal(now, delivery.c.changed_at.type)), else_=delivery.c.changed_at),
        )
    ).rowcount


def replay(
    connection: Connection, row: Delivery, *, now: datetime, due_at: datetime | None = None, wanted: bool = False
) -> State:
    """Try a rejected delivery again from its first step, through review where it needs one; not before ``due_at``.

    ``wanted``: also where it was flagged as pointless.
    """
    attempts.forget(connection, row)
    to: State = "waiting_review" if row.approvals_needed else "ready"
    flag = {"retire": ""} if wanted else {}
    move(connection, row, to, now=now, due_at=due_at or now, first_intent_at=None, tries=0, **flag)
    return to


def composed_digest(row: Delivery) -> str:
    """The digest ``row`` was composed with: what was found of it since (``hold``) aside."""
    return digest({name: value for name, value in row.payload.items() if name != "kept"})


def changed(row: Delivery, **changes: Any) -> Delivery:
    """``row`` as it is now, where the database need not be asked."""
    return msgspec.structs.replace(row, **changes)
