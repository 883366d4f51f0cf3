"""What waits to be sent to a target, by kind; and the withdrawn articles that can still be read because of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, or_, select, union_all

from weigov.ledger.claims import is_in
from weigov.ledger.states import TO_CITIZENS
from weigov.ledger.tables import ON_ACCOUNT, attempt, delivery, receipt, standstill

#: A removal that was due for so long, and did not go: what sends it does not run, or another keeps it waiting.
LATE = timedelta(minutes=15)
_MESSAGES = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """``count`` deliveries of one kind that are ready or deferred."""

    flow: str
    channel: str
    effect: str
    priority: int
    is_draft: bool  # a removal from the draft box, where nobody reads
    is_drafted: bool  # an article whose draft is at WeChat already
    count: int


def at(connection: Connection, target: str) -> list[Waiting]:
    """What waits at ``target``. Reads all of it."""
    return _kinds(connection, (delivery.c.target == target) & delivery.c.state.in_(("ready", "deferred")))


def first_at(connection: Connection, target: str, *, limit: int) -> list[Waiting]:
    """Of what is ready for ``target``, and of what is deferred, what goes first, at most ``limit`` each: as quick
    however much waits behind it."""
    here = delivery.c.target == target
    ready = select(delivery.c.id).where(here, is_in("ready")).order_by(delivery.c.priority, delivery.c.id)
    deferred = select(delivery.c.id).where(here, is_in("deferred")).order_by(delivery.c.due_at)
    both = [select(few.limit(limit).subquery().c.id) for few in (ready, deferred)]
    return _kinds(connection, delivery.c.id.in_(union_all(*both)))


def _kinds(connection: Connection, which: ColumnElement[bool]) -> list[Waiting]:
    is_draft = and_(delivery.c.effect == "remove", delivery.c.payload.contains('"media_id":')).label("is_draft")
    drafted = exists().where(
        attempt.c.delivery_id == delivery.c.id, attempt.c.step == "draft", attempt.c.outcome == "ok"
    )
    kinds = (
        select(
            delivery.c.flow,
            delivery.c.channel,
            delivery.c.effect,
            delivery.c.priority,
            is_draft,
            drafted.label("is_drafted"),
        )
        .where(which)
        .subquery()
    )
    query = select(*kinds.c, func.count().label("n")).group_by(*kinds.c)
    return [
        Waiting(row.flow, row.channel, row.effect, row.priority, bool(row.is_draft), bool(row.is_drafted), row.n)
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Rejected:
    """``count`` deliveries of a flow that WeChat refused, and the newest's title."""

    flow: str
    count: int
    title: str


def rejected(connection: Connection, site: str, flows: Sequence[str], *, priority: int) -> list[Rejected]:
    """What WeChat refused and nothing took the place of: articles, menus, mass messages, and removals less urgent
    than ``priority``. Messages are refused for their receivers' reasons, day by day, and are not among them."""
    newer = delivery.alias("newer")
    replaced = exists().where(
        newer.c.site == delivery.c.site,
        newer.c.record == delivery.c.record,
        newer.c.flow == delivery.c.flow,
        newer.c.revision > delivery.c.revision,
        newer.c.target == delivery.c.target,
        newer.c.effect != "remove",
    )
    meant = and_(delivery.c.effect != "remove", delivery.c.retire == "", ~replaced)
    query = (
        select(delivery.c.flow, delivery.c.title)
        .where(delivery.c.site == site, delivery.c.flow.in_(list(flows)), delivery.c.state == "rejected", ON_ACCOUNT)
        .where(or_(meant, and_(delivery.c.effect == "remove", delivery.c.priority > priority)))
        .order_by(delivery.c.id)
    )
    found: dict[str, Rejected] = {}
    for row in connection.execute(query):
        before = found.get(row.flow)
        found[row.flow] = Rejected(row.flow, before.count + 1 if before else 1, row.title)
    return list(found.values())


def rejected_messages(connection: Connection, site: str, flow: str, *, now: datetime) -> list[str]:
    """Why the newest messages of a flow were refused that may still be sent again, the newest first; at most
    ``_MESSAGES`` are looked at."""
    newest = (
        select(delivery.c.reason, delivery.c.channel, delivery.c.expires_at)
        .where(delivery.c.site == site, delivery.c.flow == flow, delivery.c.state == "rejected")
        .order_by(delivery.c.id.desc())
        .limit(_MESSAGES)
        .subquery()
    )
    in_time = or_(newest.c.expires_at.is_(None), newest.c.expires_at > now)
    query = select(newest.c.reason).where(newest.c.channel.in_(TO_CITIZENS), in_time)
    return list(connection.execute(query).scalars())


def still_readable(connection: Connection, site: str, *, priority: int, now: datetime) -> list[dict[str, Any]]:
    """Withdrawn articles whose removal (at most this ``priority``) did not go at once: id, flow, target, record,
    title, link, state, reason, until. The oldest first, all of them: each is a reason to act.
    """
    stopped = exists().where(standstill.c.site == delivery.c.site, standstill.c.target == delivery.c.target)
    waits = or_(
        delivery.c.state.in_(("deferred", "unknown", "rejected", "in_doubt")),
        and_(
            delivery.c.state == "ready",
            or_(delivery.c.due_at > now, delivery.c.due_at <= now - LATE, delivery.c.reason != "", stopped),
        ),
    )
    # Spelled out, not bound: only then is the index on removals one that will do.
    removes = delivery.c.effect == literal("remove", literal_execute=True)
    query = (
        select(delivery)
        .where(delivery.c.site == site, delivery.c.channel.in_(("news", "mass")), removes)
        .where(delivery.c.state.in_(("deferred", "unknown", "rejected", "in_doubt", "ready")))
        .where(delivery.c.priority <= priority, waits)
        .order_by(delivery.c.id)
    )
    found = []
    for row in connection.execute(query).all():
        payload = msgspec.json.decode(row.payload or "{}")
        name = payload.get("article_id", "")
        if "msg_id" in payload:  # of a mass message
            name = f"{payload['msg_id']}_{payload['article_idx']}"
        if not name:
            continue
        link = select(receipt.c.url).where(
            receipt.c.delivery_id == int(payload["of"]),
            receipt.c.kind == "article",
            receipt.c.remote_id == name,
        )
        found.append(
            {
                "id": row.id,
                "flow": row.flow,
                "target": row.target,
                "record": row.record,
                "title": row.title,
                "link": connection.execute(link.limit(1)).scalar_one_or_none() or "",
                "state": row.state,
                "reason": row.reason,
                "until": row.due_at if row.state in ("ready", "deferred") else None,
            }
        )
    return found
