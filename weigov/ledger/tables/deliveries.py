"""Changes that a flow cares about, what is to be brought about for them, and what became of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal,
    text,
)

from weigov.ledger.tables.columns import Utc, id_, metadata, ref

#: A change of a record that a flow cares about; also the queue ``compose`` reads (state pending) and the quarantine.
#: state: baseline (known before the flow began) | pending | composed | skipped | quarantined | superseded
revision = Table(
    "revision",
    metadata,
    id_(),
    ref("record_id", "record.id"),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of the fields the flow reads; '-' when withdrawn
    Column("cause", String(16), nullable=False),  # begin | collect | withdrawn | mapping | replay | corrected
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("payload", Text),  # the record as it was, until composed
    Column("created_at", Utc, nullable=False),
    Column("decided_at", Utc),
    UniqueConstraint("record_id", "flow", "n"),
    Index("ix_revision_pending", "site", "flow", "id", sqlite_where=text("state = 'pending'"),
          postgresql_where=text("state = 'pending'")),
    Index("ix_revision_quarantined", "site", "flow", "id", sqlite_where=text("state = 'quarantined'"),
          postgresql_where=text("state = 'quarantined'")),
)  # fmt: skip

#: When a flow began over its stream, until when it has seen that change, by which fields, and which mapping it may
#: compose with.
position = Table(
    "position",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("mapping_digest", String(64), nullable=False),
    Column("applied_at", Utc, nullable=False),
    Column("reads", String(64), nullable=False, server_default=""),  # digest of the fields' names
    Column("read_at", Utc),  # null: since it began
    UniqueConstraint("site", "flow"),
)

#: One outbox row: one effect to be brought about once.
delivery = Table(
    "delivery",
    metadata,
    id_(),
    # identity
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("record", String(400), nullable=False),  # system/stream/key, or the flow's own name for a menu
    Column("revision", Integer, nullable=False),
    Column("effect", String(64), nullable=False),  # publish | remove | apply | send | write:OP:STATE | figures:OP:DAY
    Column("target", String(80), nullable=False),  # account:NAME or system:NAME
    Column("subject", String(64), nullable=False, server_default=""),  # openid hash; '' for none
    # what
    Column("channel", String(16), nullable=False),  # news | mass | template | menu | write
    Column("client_key", String(32), nullable=False),  # derived from the identity: the same after a restore
    Column("title", String(400), nullable=False, server_default=""),  # shown to operators, no personal data
    Column("payload", Text),
    Column("digest", String(64), nullable=False),  # of the payload: what an approval names
    Column("mapping_digest", String(64), nullable=False, server_default=""),
    # where it stands
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("step", String(16), nullable=False, server_default=""),  # the step in hand, or the one that is unknown
    Column("retire", String(12), nullable=False, server_default=""),  # superseded | withdrawn, while it was in flight
    Column("approvals_needed", Integer, nullable=False, server_default="0"),
    Column("flight_key", String(512), nullable=False),  # what may be in flight only once
    Column("in_flight", Boolean, nullable=False, server_default=text("false")),
    Column("priority", Integer, nullable=False),  # smaller goes first
    Column("due_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("lease_owner", String(64), nullable=False, server_default=""),
    Column("lease_until", Utc),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("first_intent_at", Utc),
    Column("check_at", Utc),  # when reconcile looks at it next
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    # Every change of state writes every index anew that has the row. So there are few, and most have few rows.
    # The identity begins with what is looked for: all deliveries of a record.
    UniqueConstraint("site", "record", "flow", "revision", "effect", "target", "subject",
                     name="uq_delivery_identity"),
    Index("uq_delivery_in_flight", "flight_key", unique=True, sqlite_where=text("in_flight"),
          postgresql_where=text("in_flight")),
    Index("ix_delivery_ready", "target", "priority", "id", sqlite_where=text("state = 'ready'"),
          postgresql_where=text("state = 'ready'")),
    # What a claim first puts in order: few rows, to be found among a million that wait.
    Index("ix_delivery_deferred", "target", "due_at", sqlite_where=text("state = 'deferred'"),
          postgresql_where=text("state = 'deferred'")),
    Index("ix_delivery_retired", "target", "state", sqlite_where=text("retire != ''"),
          postgresql_where=text("retire != ''")),
    Index("ix_delivery_flight", "flight_key", "state"),
    # What stands on an account, which are few beside the messages to citizens.
    Index("ix_delivery_on_account", "target", "channel", "changed_at",
          sqlite_where=text("channel IN ('mass', 'menu', 'news')"),
          postgresql_where=text("channel IN ('mass', 'menu', 'news')")),
    # Withdrawn articles that can still be read: few, among all that wait or failed.
    Index("ix_delivery_remove", "site", "state", sqlite_where=text("effect = 'remove'"),
          postgresql_where=text("effect = 'remove'")),
    # Counts and pages of lists: newest first within a flow and a state; the channel is read from the index alone.
    Index("ix_delivery_flow_state", "site", "flow", "state", "id", "channel"),
)  # fmt: skip

#: Spelled out, not bound: only then is the index of these rows one that will do.
ON_ACCOUNT = delivery.c.channel.in_([literal(name, literal_execute=True) for name in ("mass", "menu", "news")])
#: As the index of the few rows in flight has it: whatever is uncertain is found there, among all that ever was.
IN_FLIGHT = text("delivery.in_flight")

#: One call for one step of a delivery: the intent is committed before it, the outcome after.
#: outcome: open | ok | refused | unsent | unknown
attempt = Table(
    "attempt",
    metadata,
    id_(),
    ref("delivery_id", "delivery.id"),
    Column("step", String(16), nullable=False),
    Column("n", Integer, nullable=False),
    Column("client_key", String(32), nullable=False, server_default=""),
    Column("outcome", String(8), nullable=False),
    Column("remote_id", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("intent_at", Utc, nullable=False),
    Column("outcome_at", Utc),
    UniqueConstraint("delivery_id", "step", "n"),
    Index("ix_attempt_remote", "remote_id", sqlite_where=text("remote_id != ''"),
          postgresql_where=text("remote_id != ''")),
)  # fmt: skip

#: What a remote system said it did, joined to a delivery from either side: answer or event may come first.
receipt = Table(
    "receipt",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # publish | article | message (a msg_data_id) | template | write
    Column("remote_id", String(256), nullable=False),
    Column("delivery_id", BigInteger, ForeignKey("delivery.id")),  # null: not matched yet
    Column("status", String(64), nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("subject", String(64), nullable=False, server_default=""),  # openid hash of a template event
    Column("payload", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "kind", "remote_id"),
    Index("ix_receipt_delivery", "delivery_id"),
)

#: Which digest of a gathering flow has taken an article. What a digest that never left had taken is let go again.
gathered = Table(
    "gathered",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("target", String(80), nullable=False),
    Column("record", String(400), nullable=False),  # system/stream/key
    Column("revision", Integer, nullable=False),
    Column("of_id", BigInteger, ForeignKey("delivery.id"), nullable=False),  # that published it
    Column("delivery_id", BigInteger, ForeignKey("delivery.id"), nullable=False),  # the digest
    Column("place", Integer, nullable=False),  # in the digest, from 1
    UniqueConstraint("site", "flow", "target", "record"),
    Index("ix_gathered_delivery", "delivery_id"),
)

#: One message to many: its deliveries are made in batches, and how far is committed with each.
#: state: open | done | superseded
fan_out = Table(
    "fan_out",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("record", String(400), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("target", String(80), nullable=False),
    Column("receivers", String(16), nullable=False),  # bound | subscribers | corrected
    Column("message", Text, nullable=False),  # what every delivery has in common
    Column("cursor", String(80), nullable=False, server_default=""),
    Column("total", Integer, nullable=False),
    Column("made", Integer, nullable=False, server_default="0"),
    Column("state", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    UniqueConstraint("site", "flow", "record", "revision", "target"),
)

#: Flows that were ever on trial; who released one, and why, is in ``decision``.
trial = Table(
    "trial",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("released_at", Utc),
    UniqueConstraint("site", "flow"),
)
