"""The menus of an account in the ledger: every version of ours, and every one that was found there and was not ours.

A version is a delivery of the channel ``menu``. What was found is kept as WeChat told it, so that it can be put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from weigov.ledger import deferrals, outbox
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.outbox import Delivery
from weigov.ledger.tables import ON_ACCOUNT, attempt, decision, delivery, found_menu
from weigov.records import encode

#: How the reason begins of a version that waits for a person to say that it may replace what stands there.
NOT_OURS = "the menu at WeChat is not ours"
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A menu that stood at ``target`` and was not ours. ``received``: what each call answered."""

    id: int
    digest: str
    received: Mapping[str, Any] = field(repr=False)
    found_at: datetime


def versions(connection: Connection, site: str, target: str) -> list[Delivery]:
    """Every menu that was ever to be shown at ``target``, oldest first."""
    return outbox.find(connection, site=site, target=target, channel="menu", effect="apply", limit=_ALL)


def held(connection: Connection, site: str) -> list[Delivery]:
    """The versions that wait because what stands at their account is not ours."""
    rows = outbox.find(connection, site=site, channel="menu", states=("deferred",), limit=_ALL)
    return [row for row in rows if (deferrals.what_to_do(row.reason) or "").startswith(NOT_OURS)]


def tried(connection: Connection, rows: Sequence[Delivery]) -> set[int]:
    """Which of these deliveries ever began a call: something of them may stand there."""
    query = select(attempt.c.delivery_id).where(attempt.c.delivery_id.in_([row.id for row in rows])).distinct()
    return set(connection.execute(query).scalars())


def added(connection: Connection, site: str, target: str) -> dict[str, int]:
    """menuid → a number that grows with the order of adding, of every conditional menu of ours."""
    query = (
        select(attempt.c.remote_id, attempt.c.id)
        .join(delivery, delivery.c.id == attempt.c.delivery_id)
        .where(ON_ACCOUNT, delivery.c.site == site, delivery.c.target == target, delivery.c.channel == "menu")
        # void: of a delivery that was replayed; what it added was added.
        .where(attempt.c.step.startswith("add "), attempt.c.outcome.in_(("ok", "void")), attempt.c.remote_id != "")
    )
    return {row.remote_id: row.id for row in connection.execute(query)}


def keep_found(
    connection: Connection, site: str, target: str, digest: str, received: Mapping[str, Any], *, now: datetime
) -> Found:
    """Keep what was found at ``target``, once for each ``digest``."""
    row = {"site": site, "target": target, "digest": digest, "payload": encode(received).decode(), "found_at": now}
    insert_ignore(connection, found_menu, [row])
    query = _of(site, target).where(found_menu.c.digest == digest)
    return _read(connection.execute(query).one())


def found(connection: Connection, site: str, target: str) -> list[Found]:
    """Everything that was found at ``target``, oldest first."""
    return [_read(row) for row in connection.execute(_of(site, target).order_by(found_menu.c.id))]


def decided(connection: Connection, what: str, delivery_ids: Sequence[int]) -> dict[int, list[str]]:
    """delivery → what stood there, of every decision of kind ``what`` about these deliveries."""
    query = select(decision.c.delivery_id, decision.c.was).where(
        decision.c.what == what, decision.c.delivery_id.in_(delivery_ids)
    )
    answers: dict[int, list[str]] = {}
    for row in connection.execute(query.order_by(decision.c.id)):
        answers.setdefault(row.delivery_id, []).append(row.was)
    return answers


def _of(site: str, target: str) -> Any:
    return select(found_menu).where(found_menu.c.site == site, found_menu.c.target == target)


def _read(row: Any) -> Found:
    return Found(row.id, row.digest, msgspec.json.decode(row.payload), row.found_at)
