"""What a remote system said it did, joined to a delivery from either side.

The answer of a call and the event it causes both name the same remote id, and either may come first: ``note`` keeps
one row of it and never forgets what the other side said. Deciding what a status means is ``weigov.flow``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from weigov.errors import LedgerConflict
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.states import State
from weigov.ledger.tables import attempt, delivery, receipt


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt as it was read. ``delivery_id`` is None while nobody knows whose it is."""

    id: int
    appid: str
    kind: str  # publish | article | template | write
    remote_id: str
    delivery_id: int | None
    status: str
    url: str
    subject: str
    payload: str = field(repr=False)
    at: datetime


_COLUMNS = [receipt.c[name] for name in Receipt.__dataclass_fields__]


def note(
    connection: Connection,
    appid: str,
    kind: str,
    remote_id: str,
    *,
    status: str = "",
    url: str = "",
    subject: str = "",
    payload: str = "",
    delivery_id: int | None = None,
    now: datetime,
) -> Receipt:
    """Keep what was said about ``remote_id``; the row as it now stands.

    What is not given stays as it was. Raises LedgerConflict when the receipt is another delivery's.
    """
    key = {"appid": appid, "kind": kind, "remote_id": remote_id}
    told = {"status": status, "url": url, "subject": subject, "payload": payload}
    if not insert_ignore(connection, receipt, [{**key, **told, "delivery_id": delivery_id, "at": now}]):
        news: dict[str, Any] = {name: value for name, value in told.items() if value}
        if news:
            connection.execute(update(receipt).where(_is(**key)).values(**news, at=now))
    row = _from_row(connection.execute(select(*_COLUMNS).where(_is(**key))).one())
    if delivery_id is None or row.delivery_id == delivery_id:
        return row
    match(connection, row.id, delivery_id)
    return get(connection, row.id)


def match(connection: Connection, receipt_id: int, delivery_id: int) -> None:
    """Say whose receipt it is. Raises LedgerConflict when it is another delivery's."""
    free = or_(receipt.c.delivery_id.is_(None), receipt.c.delivery_id == delivery_id)
    statement = update(receipt).where(receipt.c.id == receipt_id, free).values(delivery_id=delivery_id)
    if connection.execute(statement).rowcount != 1:
        raise LedgerConflict(f"receipt {receipt_id} belongs to another delivery than {delivery_id}")


def get(connection: Connection, receipt_id: int) -> Receipt:
    """The receipt with this id. Raises LookupError."""
    row = connection.execute(select(*_COLUMNS).where(receipt.c.id == receipt_id)).one_or_none()
    if row is None:
        raise LookupError(f"no receipt {receipt_id}")
    return _from_row(row)


def find(connection: Connection, appid: str, kind: str, remote_id: str) -> Receipt | None:
    """What is known of a remote id."""
    row = connection.execute(select(*_COLUMNS).where(_is(appid, kind, remote_id))).one_or_none()
    return None if row is None else _from_row(row)


def unmatched(connection: Connection, appid: str, kind: str, *, subject: str | None = None) -> list[Receipt]:
    """Receipts nobody claimed yet, oldest first; of one citizen when ``subject`` is given."""
    query = select(*_COLUMNS).where(receipt.c.appid == appid, receipt.c.kind == kind, receipt.c.delivery_id.is_(None))
    if subject is not None:
        query = query.where(receipt.c.subject == subject)
    return [_from_row(row) for row in connection.execute(query.order_by(receipt.c.id))]


def to_join(
    connection: Connection, appid: str, kind: str, *, site: str, flows: Sequence[str], target: str, step: str,
    states: Sequence[State],
) -> list[tuple[int, int]]:  # fmt: skip
    """(receipt, delivery) where nobody claimed the receipt yet and its id was the answer of the delivery's ``step``.

    Looked for from the deliveries in ``states``, which are few: of what others do at the same account there may be
    any number of receipts.
    """
    nobodys = (receipt.c.delivery_id + 0).is_(None)  # not by the index of these: it holds all that is others'
    query = (
        select(receipt.c.id, delivery.c.id)
        .select_from(delivery)
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .join(receipt, receipt.c.remote_id == attempt.c.remote_id)
        .where(delivery.c.site == site, delivery.c.flow.in_(list(flows)), delivery.c.state.in_(list(states)))
        .where(delivery.c.target == target, attempt.c.step == step, attempt.c.outcome == "ok")
        .where(receipt.c.appid == appid, receipt.c.kind == kind, nobodys)
        .order_by(receipt.c.id)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def of_delivery(connection: Connection, delivery_id: int) -> list[Receipt]:
    """Every receipt of a delivery, oldest first."""
    query = select(*_COLUMNS).where(receipt.c.delivery_id == delivery_id).order_by(receipt.c.id)
    return [_from_row(row) for row in connection.execute(query)]


def _is(appid: str, kind: str, remote_id: str) -> Any:
    return (receipt.c.appid == appid) & (receipt.c.kind == kind) & (receipt.c.remote_id == remote_id)


def _from_row(row: Row[Any]) -> Receipt:
    return Receipt(**row._mapping)
