"""What the ledger looks like to people and to whoever waits: counts, the newest reasons, what could be done now.

Only looks; call it in ``ledger.read()``. No openid and no payload leaves through here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from weigov.ledger import decisions, fan_outs, quota, standstill, trials
from weigov.ledger.claims import held_up
from weigov.ledger.states import STATES, UNSENT, State
from weigov.ledger.tables import attempt, delivery, inbox, position, record, reject, revision, stream_state
from weigov.ledger.tables import quota as quota_table

#: How many single items of a kind a report names.
NEWEST = 20
#: How many messages to many: each has as many deliveries to count as receivers.
_FAN_OUTS = 3


def status(connection: Connection, site: str, *, now: datetime) -> dict[str, Any]:
    """Everything ``weigov status`` shows of one site.

    flows       name → began_at, revisions {pending, quarantined}, skipped {reason: n}, deliveries {state: n},
                write_backs {state: n}
    quarantine  the newest: flow, system, stream, key, reason, since
    unreadable  the newest rows that could not even become a record: system, stream, key, reason, since
    stopped     targets to which nothing can be sent: target, reason, since
    deferred    groups: flow, target, channel, reason, count, until (the earliest)
    unknown, in_doubt, waiting_review
                the newest: id, flow, target, record, title, step, reason, since
    accepted    the same of what WeChat took, where something is known of what it waits for
    kept        articles of which WeChat kept something else than was sent, the newest: id, flow, target, title,
                state, found, since
    taken_down  articles that stood and are gone, not by us, the newest: the same
    decisions   the newest of people: what, delivery, was, now, person, reason, at
    stopped     who stopped deliveries until `weigov recover`, when and why; None when nobody did
    streams     system, stream, last_started_at, last_completed_at, problem, notes, rejected
    quota       appid → path → {used, daily_limit}
    inbox       appid → {waiting, oldest}
    trials      flows that reach their guests only: flow, since
    fan_outs    the newest messages to many: flow, record, revision, target, since, made, total, state, deliveries
    due, next_due_at
    """
    flows = _flows(connection, site)
    return {
        "site": site,
        "at": now,
        "flows": flows,
        "quarantine": _quarantine(connection, site),
        "unreadable": _unreadable(connection, site),
        "stopped": standstill.stopped(connection, site),
        "deferred": _deferred(connection, site, list(flows)),
        "unknown": _items(connection, site, flows, "unknown"),
        "in_doubt": _items(connection, site, flows, "in_doubt"),
        "waiting_review": _items(connection, site, flows, "waiting_review"),
        "accepted": [one for one in _items(connection, site, flows, "accepted") if one["reason"]],
        "kept": _kept(connection, site),
        "taken_down": _items(connection, site, flows, "removed", delivery.c.reason != ""),
        "decisions": [asdict(one) for one in decisions.newest(connection, site, limit=NEWEST)],
        "halted": decisions.stopped(connection, site),
        "streams": streams(connection, site),
        "quota": _quota(connection, now),
        "inbox": _inbox(connection),
        "trials": trials.under_way(connection, site),
        "fan_outs": fan_outs.progress(connection, site, limit=_FAN_OUTS),
        "due": due(connection, site, now=now),
        "next_due_at": next_due_at(connection, site, now=now),
    }


def due(connection: Connection, site: str, *, now: datetime, events: Collection[str] = ()) -> int:
    """How much a drain could do now; 0 means that every verb would find nothing.

    Counts pending revisions, what may be claimed or has expired, leases that ran out, uncertain outcomes it is time
    to look at, and callbacks not handled yet (only of these ``events``, when any are named).
    """
    return sum(due_by_kind(connection, site, now=now, events=events).values())


def due_by_kind(connection: Connection, site: str, *, now: datetime, events: Collection[str] = ()) -> dict[str, int]:
    """The same, by the verb that would do it: compose | deliver | reconcile."""
    flows = flow_names(connection, site)
    waiting = select(func.count()).where(inbox.c.handled_at.is_(None))
    if events:
        waiting = waiting.where(inbox.c.event.in_(list(events)))
    return {
        "compose": _count(
            connection, select(func.count()).where(revision.c.site == site, revision.c.state == "pending")
        )
        + len(fan_outs.under_way(connection, site)),
        "deliver": _count(connection, _some(site, flows, _UNSENT).where(_deliverable(now))),
        "reconcile": _count(connection, _some(site, flows, _OPEN).where(_uncertain(now)))
        + _count(connection, waiting),
    }


def next_due_at(connection: Connection, site: str, *, now: datetime) -> datetime | None:
    """When something that only waits for its time is due next; None when nothing does."""
    flows = flow_names(connection, site)
    moments = []
    for column, states in (
        (delivery.c.due_at, ("ready", "deferred")),
        (delivery.c.check_at, ("unknown", "accepted")),
        (delivery.c.lease_until, ("claimed", "sending")),
    ):
        query = _some(site, flows, states).with_only_columns(func.min(column)).where(column > now)
        moments.append(connection.execute(query).scalar_one())
    return min((moment for moment in moments if moment is not None), default=None)


_UNSENT = tuple(state for state in STATES if state in UNSENT)
_OPEN: tuple[State, ...] = ("claimed", "sending", "unknown", "accepted")


def _deliverable(now: datetime) -> ColumnElement[bool]:
    """What ``claims.expire_unsent`` and ``claims.claim`` would take, by the same rules; a test compares them."""
    mine = and_(delivery.c.state.in_(("ready", "deferred")), delivery.c.due_at <= now, ~_goes(delivery, now))
    return or_(_expired(delivery, now), and_(mine, ~held_up(lambda other: ~_goes(other, now))))


def _expired(row: Any, now: datetime) -> ColumnElement[bool]:
    return and_(row.c.state.in_(_UNSENT), row.c.expires_at.is_not(None), row.c.expires_at <= now)


def _goes(row: Any, now: datetime) -> ColumnElement[bool]:
    """Expired, or flagged in flight and back unsent: it keeps nobody waiting."""
    flagged = and_(row.c.retire != "", or_(row.c.state == "ready", row.c.due_at <= now))
    return or_(_expired(row, now), flagged)


def _uncertain(now: datetime) -> ColumnElement[bool]:
    looks = or_(delivery.c.check_at.is_(None), delivery.c.check_at <= now)
    return or_(
        and_(delivery.c.state.in_(("claimed", "sending")), delivery.c.lease_until <= now),
        and_(delivery.c.state.in_(("unknown", "accepted")), looks),
    )


def flow_names(connection: Connection, site: str) -> list[str]:
    """The flows that have deliveries, by hopping from one to the next in the index."""
    names: list[str] = []
    query = select(func.min(delivery.c.flow)).where(delivery.c.site == site)
    name = connection.execute(query).scalar_one()
    while name is not None:
        names.append(name)
        name = connection.execute(query.where(delivery.c.flow > name)).scalar_one()
    return names


def _some(site: str, flows: Sequence[str], states: Sequence[str]) -> Any:
    """Counts deliveries in these states; naming the flows lets (site, flow, state) be used as an index."""
    return select(func.count()).where(
        delivery.c.site == site, delivery.c.flow.in_(list(flows)), delivery.c.state.in_(list(states))
    )


def _count(connection: Connection, query: Any) -> int:
    return int(connection.execute(query).scalar_one())


def _flows(connection: Connection, site: str) -> dict[str, dict[str, Any]]:
    began = select(position.c.flow, position.c.began_at).where(position.c.site == site)
    found = {row.flow: _no_flow(row.began_at) for row in connection.execute(began.order_by(position.c.flow))}
    revisions = (
        select(revision.c.flow, revision.c.state, revision.c.reason, func.count().label("n"))
        .where(revision.c.site == site, revision.c.state.in_(("pending", "skipped")))
        .group_by(revision.c.flow, revision.c.state, revision.c.reason)
        .order_by(revision.c.reason)
    )
    for row in connection.execute(revisions):
        flow = found.setdefault(row.flow, _no_flow(None))
        if row.state == "skipped":
            flow["skipped"][row.reason] = row.n
        else:
            flow["revisions"]["pending"] += row.n
    # Its own query: reasons of quarantined revisions are as many as the revisions.
    quarantined = select(revision.c.flow, func.count().label("n")).where(
        revision.c.site == site, revision.c.state == "quarantined"
    )
    for row in connection.execute(quarantined.group_by(revision.c.flow)):
        found.setdefault(row.flow, _no_flow(None))["revisions"]["quarantined"] = row.n
    is_write = delivery.c.channel == "write"
    deliveries = select(delivery.c.flow, delivery.c.state, is_write.label("is_write"), func.count().label("n"))
    rows = connection.execute(
        deliveries.where(delivery.c.site == site).group_by(delivery.c.flow, delivery.c.state, is_write)
    )
    for row in sorted(rows, key=lambda row: (row.flow, STATES.index(row.state))):
        flow = found.setdefault(row.flow, _no_flow(None))
        flow["write_backs" if row.is_write else "deliveries"][row.state] = row.n
    return found


def _no_flow(began_at: datetime | None) -> dict[str, Any]:
    return {
        "began_at": began_at,
        "revisions": {"pending": 0, "quarantined": 0},
        "skipped": {},
        "deliveries": {},
        "write_backs": {},
    }


def _quarantine(connection: Connection, site: str) -> list[dict[str, Any]]:
    query = (
        select(
            revision.c.flow,
            record.c.system,
            record.c.stream,
            record.c.key,
            revision.c.reason,
            func.coalesce(revision.c.decided_at, revision.c.created_at).label("since"),
        )
        .join(record, record.c.id == revision.c.record_id)
        .where(revision.c.site == site, revision.c.state == "quarantined")
        .order_by(revision.c.id.desc())
        .limit(NEWEST)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _unreadable(connection: Connection, site: str) -> list[dict[str, Any]]:
    query = (
        select(reject.c.system, reject.c.stream, reject.c.key, reject.c.reason, reject.c.first_at.label("since"))
        .where(reject.c.site == site, reject.c.resolved_at.is_(None))
        .order_by(reject.c.id.desc())
        .limit(NEWEST)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _deferred(connection: Connection, site: str, flows: Sequence[str]) -> list[dict[str, Any]]:
    until = func.min(delivery.c.due_at).label("until")
    kind = (delivery.c.flow, delivery.c.target, delivery.c.channel, delivery.c.reason)
    query = (
        _some(site, flows, ("deferred",))
        .with_only_columns(*kind, func.count().label("count"), until)
        .group_by(*kind)
        .order_by(until)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _items(
    connection: Connection, site: str, flows: Collection[str], state: State, *more: ColumnElement[bool]
) -> list[dict[str, Any]]:
    query = (
        _some(site, list(flows), (state,))
        .where(*more)
        .with_only_columns(
            delivery.c.id,
            delivery.c.flow,
            delivery.c.target,
            delivery.c.record,
            delivery.c.title,
            delivery.c.step,
            delivery.c.reason,
            delivery.c.changed_at.label("since"),
        )
        .order_by(delivery.c.id.desc())
        .limit(NEWEST)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _kept(connection: Connection, site: str) -> list[dict[str, Any]]:
    query = (
        select(
            delivery.c.id,
            delivery.c.flow,
            delivery.c.target,
            delivery.c.title,
            delivery.c.state,
            attempt.c.remote_id.label("found"),
            attempt.c.outcome_at.label("since"),
        )
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .where(delivery.c.site == site, attempt.c.step == "compare", attempt.c.outcome == "ok")
        .where(attempt.c.remote_id != "")
        .order_by(attempt.c.id.desc())
        .limit(NEWEST)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def streams(connection: Connection, site: str) -> list[dict[str, Any]]:
    """Every stream ever read: system, stream, last_started_at, last_completed_at, problem, notes, rejected."""
    rejected = (
        select(reject.c.system, reject.c.stream, func.count().label("n"))
        .where(reject.c.site == site, reject.c.resolved_at.is_(None))
        .group_by(reject.c.system, reject.c.stream)
    )
    unreadable = {(row.system, row.stream): row.n for row in connection.execute(rejected)}
    query = select(
        stream_state.c.system,
        stream_state.c.stream,
        stream_state.c.last_started_at,
        stream_state.c.last_completed_at,
        stream_state.c.last_problem.label("problem"),
        stream_state.c.last_notes.label("notes"),
    ).where(stream_state.c.site == site)
    rows = connection.execute(query.order_by(stream_state.c.system, stream_state.c.stream))
    return [dict(row._mapping) | {"rejected": unreadable.get((row.system, row.stream), 0)} for row in rows]


def _quota(connection: Connection, now: datetime) -> dict[str, dict[str, dict[str, int | None]]]:
    today = quota_table.c.period == quota.beijing_day(now).isoformat()
    appids = connection.execute(select(quota_table.c.appid).where(today).distinct().order_by(quota_table.c.appid))
    return {
        appid: {
            path: {"used": usage.used, "daily_limit": usage.daily_limit}
            for path, usage in quota.usage(connection, appid, now=now).items()
        }
        for appid in appids.scalars().all()
    }


def _inbox(connection: Connection) -> dict[str, dict[str, Any]]:
    query = (
        select(inbox.c.appid, func.count().label("waiting"), func.min(inbox.c.received_at).label("oldest"))
        .where(inbox.c.handled_at.is_(None))
        .group_by(inbox.c.appid)
        .order_by(inbox.c.appid)
    )
    return {row.appid: {"waiting": row.waiting, "oldest": row.oldest} for row in connection.execute(query)}
