"""What the upstream systems offer and where their streams stand."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint

from weigov.ledger.tables.columns import Utc, id_, metadata

#: The last known state of every upstream record.
record = Table(
    "record",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("partition", String(256), nullable=False, server_default=""),
    Column("digest", String(64), nullable=False),
    Column("row_digest", String(64), nullable=False, server_default=""),
    Column("payload", Text, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Column("withdrawn_at", Utc),
    UniqueConstraint("site", "system", "stream", "key"),
)

#: A row of a stream that could not even become a record. Resolved when a later collect reads it.
reject = Table(
    "reject",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_at", Utc, nullable=False),
    Column("last_at", Utc, nullable=False),
    Column("resolved_at", Utc),
    UniqueConstraint("site", "system", "stream", "key"),
)

#: How far a stream was read. ``version`` is what a concurrent collect trips over.
cursor = Table(
    "cursor",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("partition", String(256), nullable=False),
    Column("value", Text, nullable=False, server_default=""),
    Column("updated_at", Utc, nullable=False),
    UniqueConstraint("site", "system", "stream", "partition"),
)

#: One row a stream: locked first by whoever writes its mirror, so collects of one stream never interleave.
stream_state = Table(
    "stream_state",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("first_started_at", Utc),
    Column("first_completed_at", Utc),
    Column("last_started_at", Utc),
    Column("last_completed_at", Utc),
    Column("last_problem", Text, nullable=False, server_default=""),
    Column("last_notes", Text, nullable=False, server_default=""),  # what stopped nothing but should be looked at
    UniqueConstraint("site", "system", "stream"),
)

#: What all workers together know of the calls to one system: today's, and how it fails.
upstream = Table(
    "upstream",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("day", String(10), nullable=False, server_default=""),  # in the site's zone
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("shut_until", Utc),
    UniqueConstraint("site", "system"),
)
