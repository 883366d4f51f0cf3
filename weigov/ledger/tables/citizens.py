"""Citizens, by the keyed hash of their openid, and what they sent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from weigov.ledger.tables.columns import Utc, id_, metadata

#: Which citizen (openid, sealed) follows which case or is which person in a system.
binding = Table(
    "binding",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("openid", LargeBinary, nullable=False),
    Column("system", String(64), nullable=False),
    Column("scope", String(16), nullable=False),  # case | identity
    Column("ref_hash", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("appid", "openid_hash", "system", "scope", "ref_hash"),
    Index("ix_binding_ref", "appid", "system", "scope", "ref_hash"),
)

#: What is known of a citizen as somebody messages reach.
#: gone: '' | left | stranger | blocked | unknown | refuses, since when
citizen = Table(
    "citizen",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("openid", LargeBinary),  # sealed, where an event brought it; bindings have their own
    Column("gone", String(16), nullable=False, server_default=""),
    Column("gone_at", Utc),
    Column("here_at", Utc),  # the last sign that messages can reach them
    UniqueConstraint("appid", "openid_hash"),
    Index("ix_citizen_gone", "appid", "gone", "gone_at"),
)

#: WeChat passed on no customer-service message to a citizen at that moment: what they do later opens their window.
closed_window = Table(
    "closed_window",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "openid_hash"),
)

#: Whom a flow on trial may reach, by the name its YAML uses.
guest = Table(
    "guest",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "name"),
)

#: A citizen agreed to one notice of a template (or, long-term, to all): one row an agreement.
subscribe_grant = Table(
    "subscribe_grant",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("template_id", String(64), nullable=False),
    Column("source", String(320), nullable=False),  # the event that brought it
    Column("long_term", Boolean, nullable=False),
    Column("delivery_id", BigInteger, ForeignKey("delivery.id")),  # which took it, and has it while it may be sent
    Column("void_at", Utc),  # taken back by the citizen, or used up as WeChat says
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "source"),
    Index("ix_subscribe_grant_who", "appid", "template_id", "openid_hash"),
)

#: What WeChat posted to the gateway, committed before it was acknowledged. The payload is sealed.
inbox = Table(
    "inbox",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("dedupe_key", String(256), nullable=False),
    Column("kind", String(16), nullable=False),  # event | message
    Column("event", String(64), nullable=False, server_default=""),
    Column("remote_id", String(256), nullable=False, server_default=""),
    Column("subject", String(64), nullable=False, server_default=""),  # openid hash
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("handled_at", Utc),
    Column("outcome", String(64), nullable=False, server_default=""),
    UniqueConstraint("appid", "dedupe_key"),
    Index("ix_inbox_waiting", "appid", "id", sqlite_where=text("handled_at IS NULL"),
          postgresql_where=text("handled_at IS NULL")),
    Index("ix_inbox_subject", "appid", "subject", "id"),  # what a citizen did last
)  # fmt: skip
