"""What stands still, what is wrong, and which links are dead."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint, text

from weigov.ledger.tables.columns import Utc, id_, metadata

#: Targets to which nothing can be sent until a person acts, or the network is back: one reason for all that waits.
standstill = Table(
    "standstill",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("target", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Utc, nullable=False),
    UniqueConstraint("site", "target"),
)

#: What is wrong, from its beginning until it is over, and over which connections people heard of either.
incident = Table(
    "incident",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("key", String(256), nullable=False),  # stopped:account:city, in_doubt:FLOW, task:DAG.TASK …
    Column("open_key", String(330)),  # null when it is over: each key is open once
    Column("said", Text, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("gone_since", Utc),  # not seen any more, but not over yet
    Column("closed_at", Utc),
    Column("told", Text, nullable=False, server_default=""),
    Column("told_over", Text, nullable=False, server_default=""),
    Column("settled", Boolean, nullable=False, server_default=text("false")),  # nobody is to be told any more
    Column("why", Text, nullable=False, server_default=""),  # what varies in ``said``: a reason, a title, a count
    Column("times", Integer, nullable=False, server_default="1"),  # how often it came (back) before it was over
    UniqueConstraint("open_key"),
    Index("ix_incident_untold", "site", "id", sqlite_where=text("NOT settled"), postgresql_where=text("NOT settled")),
    Index("ix_incident_closed", "site", "closed_at"),
)

#: Where articles lead, and what was last found there: asked once for all that lead there.
link = Table(
    "link",
    metadata,
    id_(),
    Column("name", String(64), nullable=False, unique=True),  # SHA-256 of the address, which may be long
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),  # alive | dead | unsure
    Column("said", String(200), nullable=False),
    Column("checked_at", Utc, nullable=False),
    Index("ix_link_found", "status", "checked_at"),
)
