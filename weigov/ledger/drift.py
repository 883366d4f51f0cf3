"""What an audit asks of the ledger. Only looks, and leaves payloads where they are: articles are many and long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from weigov.ledger.states import State
from weigov.ledger.streams import StreamRef, in_stream
from weigov.ledger.tables import ON_ACCOUNT, delivery, receipt, record


@dataclass(frozen=True, slots=True)
class Article:
    """One delivery that publishes an article, as far as an audit needs it."""

    id: int
    flow: str
    record: str
    revision: int
    client_key: str
    title: str
    state: State
    changed_at: datetime
    article_id: str  # of its receipt; '' when there is none


def articles(connection: Connection, site: str, target: str) -> list[Article]:
    """Every article that was ever to be published at ``target``, oldest first."""
    noted = select(func.max(receipt.c.remote_id)).where(
        receipt.c.delivery_id == delivery.c.id, receipt.c.kind == "article"
    )
    columns = [delivery.c[name] for name in Article.__dataclass_fields__ if name != "article_id"]
    query = select(*columns, func.coalesce(noted.scalar_subquery(), "").label("article_id")).where(
        ON_ACCOUNT,
        delivery.c.site == site,
        delivery.c.target == target,
        delivery.c.channel == "news",
        delivery.c.effect == "publish",
    )
    return [Article(**row._mapping) for row in connection.execute(query.order_by(delivery.c.id))]


def digests(connection: Connection, site: str, target: str) -> set[str]:
    """The client keys of the digests of mass messages: what their drafts and articles are marked with."""
    query = select(delivery.c.client_key).where(
        ON_ACCOUNT, delivery.c.site == site, delivery.c.target == target, delivery.c.channel == "mass"
    )
    return set(connection.execute(query).scalars())


def withdrawn_before(connection: Connection, ref: StreamRef, moment: datetime) -> set[str]:
    """The keys of a stream's records that were withdrawn before ``moment``."""
    query = select(record.c.key).where(in_stream(record, ref), record.c.withdrawn_at < moment)
    return set(connection.execute(query).scalars())


def mirrored(connection: Connection, ref: StreamRef) -> dict[str, tuple[str, bool]]:
    """key → (digest of the record, whether it is withdrawn), of every record of a stream."""
    query = select(record.c.key, record.c.digest, record.c.withdrawn_at).where(in_stream(record, ref))
    return {row.key: (row.digest, row.withdrawn_at is not None) for row in connection.execute(query)}
