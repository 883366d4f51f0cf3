"""One message to many: the deliveries are made in batches, and how far is committed with each batch.

Whoever dies between two batches has lost nothing and doubled nothing: the next one goes on where the last commit
stood, and a delivery's identity lets none be made twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import binding, delivery, fan_out, subscribe_grant
from weigov.records import encode


@dataclass(frozen=True, slots=True)
class FanOut:
    """One as it was read. ``message`` is what all its deliveries have in common; ``made`` counts those there are."""

    id: int
    flow: str
    record: str
    revision: int
    target: str
    receivers: str  # bound | subscribers | corrected
    message: Mapping[str, Any] = field(repr=False)
    cursor: str
    total: int
    made: int
    state: str  # open | done | superseded
    created_at: datetime


_COLUMNS = [fan_out.c[name] for name in FanOut.__dataclass_fields__]


def begin(
    connection: Connection,
    *,
    site: str,
    flow: str,
    record: str,
    revision: int,
    target: str,
    receivers: str,
    message: Mapping[str, Any],
    total: int,
    now: datetime,
) -> int:
    """Note that this message is for many; 1 when it was new."""
    row = {
        "site": site,
        "flow": flow,
        "record": record,
        "revision": revision,
        "target": target,
        "receivers": receivers,
        "message": encode(message).decode(),
        "total": total,
        "state": "open",
        "created_at": now,
        "changed_at": now,
    }
    return insert_ignore(connection, fan_out, [row])


def under_way(connection: Connection, site: str, flow: str | None = None) -> list[int]:
    """The ids of those not finished yet, oldest first."""
    query = select(fan_out.c.id).where(fan_out.c.site == site, fan_out.c.state == "open").order_by(fan_out.c.id)
    return list(connection.execute(query if flow is None else query.where(fan_out.c.flow == flow)).scalars())


def lock(connection: Connection, fan_out_id: int) -> FanOut | None:
    """The one with this id, for nobody else until the transaction ends; None when it is finished or superseded."""
    query = select(*_COLUMNS).where(fan_out.c.id == fan_out_id, fan_out.c.state == "open").with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else _from_row(row)


def advance(
    connection: Connection,
    one: FanOut,
    *,
    made: int,
    cursor: str,
    now: datetime,
    receivers: str | None = None,
    done: bool = False,
) -> None:
    """A batch is enqueued; ``cursor`` is the last it looked at. ``receivers``: who come next."""
    connection.execute(
        update(fan_out)
        .where(fan_out.c.id == one.id)
        .values(
            made=one.made + made,
            total=one.made + made if done else fan_out.c.total,
            cursor=cursor,
            receivers=receivers or one.receivers,
            state="done" if done else "open",
            changed_at=now,
        )
    )


def supersede(
    connection: Connection, site: str, flow: str, record: str, *, before_revision: int, now: datetime
) -> None:
    """Go no further with what older revisions had to say."""
    older = _of_record(site, flow, record, before_revision) & (fan_out.c.state == "open")
    connection.execute(update(fan_out).where(older).values(state="superseded", changed_at=now))


def ended(
    connection: Connection, site: str, flow: str, record: str, target: str, *, before_revision: int
) -> Iterator[FanOut]:
    """Those of older revisions that go no further, newest first."""
    older = _of_record(site, flow, record, before_revision) & (fan_out.c.target == target)
    query = select(*_COLUMNS).where(older, fan_out.c.state != "open").order_by(fan_out.c.revision.desc())
    for row in connection.execute(query):
        yield _from_row(row)


def bound_after(connection: Connection, appid: str, cursor: str, limit: int) -> list[str]:
    """The next citizens bound to anything, by openid hash."""
    query = (
        select(binding.c.openid_hash)
        .where(binding.c.appid == appid, binding.c.openid_hash > cursor)
        .distinct()
        .order_by(binding.c.openid_hash)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def is_bound(connection: Connection, appid: str, subject: str) -> bool:
    """Whether this citizen is one of those ``bound_after`` gives."""
    query = select(binding.c.id).where(binding.c.appid == appid, binding.c.openid_hash == subject)
    return connection.execute(query.limit(1)).first() is not None


def count_bound(connection: Connection, appid: str) -> int:
    """How many citizens ``bound_after`` would give in all."""
    query = select(func.count(binding.c.openid_hash.distinct()))
    return int(connection.execute(query.where(binding.c.appid == appid)).scalar_one())


def subscribers_after(connection: Connection, appid: str, template_id: str, cursor: str, limit: int) -> list[str]:
    """The next citizens who ever agreed to this template and did not take it back, by openid hash."""
    query = (
        select(subscribe_grant.c.openid_hash)
        .where(
            subscribe_grant.c.appid == appid,
            subscribe_grant.c.template_id == template_id,
            subscribe_grant.c.void_at.is_(None),
            subscribe_grant.c.openid_hash > cursor,
        )
        .distinct()
        .order_by(subscribe_grant.c.openid_hash)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def count_subscribers(connection: Connection, appid: str, template_id: str) -> int:
    """How many citizens ``subscribers_after`` would give in all."""
    query = select(func.count(subscribe_grant.c.openid_hash.distinct())).where(
        subscribe_grant.c.appid == appid,
        subscribe_grant.c.template_id == template_id,
        subscribe_grant.c.void_at.is_(None),
    )
    return int(connection.execute(query).scalar_one())


def progress(connection: Connection, site: str, *, limit: int) -> list[dict[str, Any]]:
    """The newest: flow, record, revision, target, since, made, total, and of those made how many are still to go."""
    query = select(
        fan_out.c.flow,
        fan_out.c.record,
        fan_out.c.revision,
        fan_out.c.target,
        fan_out.c.created_at.label("since"),
        fan_out.c.made,
        fan_out.c.total,
        fan_out.c.state,
    ).where(fan_out.c.site == site)
    found = []
    for row in connection.execute(query.order_by(fan_out.c.id.desc()).limit(limit)).all():
        states = (
            select(delivery.c.state, func.count().label("n"))
            .where(
                delivery.c.site == site,
                delivery.c.record == row.record,
                delivery.c.flow == row.flow,
                delivery.c.revision == row.revision,
                delivery.c.target == row.target,
            )
            .group_by(delivery.c.state)
        )
        counts = {one.state: one.n for one in connection.execute(states)}
        found.append(dict(row._mapping) | {"deliveries": counts})
    return found


def _of_record(site: str, flow: str, record: str, before_revision: int) -> ColumnElement[bool]:
    return (
        (fan_out.c.site == site)
        & (fan_out.c.flow == flow)
        & (fan_out.c.record == record)
        & (fan_out.c.revision < before_revision)
    )


def _from_row(row: Row[Any]) -> FanOut:
    values = dict(row._mapping)
    values["message"] = msgspec.json.decode(values["message"])
    return FanOut(**values)
