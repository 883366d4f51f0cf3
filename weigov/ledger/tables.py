"""Every table of the ledger, with the unique key that makes it true.

Times are aware UTC datetimes; payloads are canonical JSON (``weigov.records.encode``) as text. Openids and tokens
are kept sealed, with a keyed hash to look them up (``seal.py``). Retention empties payloads; identities and digests
stay. The Alembic migrations create exactly this.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    literal,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite keeps no zone, so it is added on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes aware times only")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Column[int]:
    # SQLite only counts up by itself on a column that is literally INTEGER.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _ref(name: str, target: str) -> Column[Any]:
    return Column(name, BigInteger, ForeignKey(target), nullable=False)


#: The last known state of every upstream record.
record = Table(
    "record",
    metadata,
    _id(),
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

#: A change of a record that a flow cares about; also the queue ``compose`` reads (state pending) and the quarantine.
#: state: baseline (known before the flow began) | pending | composed | skipped | quarantined | superseded
revision = Table(
    "revision",
    metadata,
    _id(),
    _ref("record_id", "record.id"),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of the fields the flow reads; '-' when withdrawn
    Column("cause", String(16), nullable=False),  # begin | collect | withdrawn | mapping | replay
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

#: A row of a stream that could not even become a record. Resolved when a later collect reads it.
reject = Table(
    "reject",
    metadata,
    _id(),
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

#: One outbox row: one effect to be brought about once.
delivery = Table(
    "delivery",
    metadata,
    _id(),
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

#: One call for one step of a delivery: the intent is committed before it, the outcome after.
#: outcome: open | ok | refused | unsent | unknown
attempt = Table(
    "attempt",
    metadata,
    _id(),
    _ref("delivery_id", "delivery.id"),
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

#: A person's decision about the frozen bytes of a delivery.
review = Table(
    "review",
    metadata,
    _id(),
    _ref("delivery_id", "delivery.id"),
    Column("digest", String(64), nullable=False),
    Column("person", String(128), nullable=False),
    Column("decision", String(8), nullable=False),  # approve | refuse
    Column("comment", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("delivery_id", "digest", "person"),
)

#: What a person decided outside of review, never changed afterwards.
#: what: settle | replay (of one delivery) | stop | recover (of the whole site) | release (of a flow on trial, or
#: from a rollback) | rollback (an old menu comes back) | over (a menu may replace what stands there)
decision = Table(
    "decision",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("what", String(8), nullable=False),
    Column("delivery_id", BigInteger, ForeignKey("delivery.id")),
    Column("was", String(16), nullable=False, server_default=""),
    Column("now", String(16), nullable=False, server_default=""),
    Column("person", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Index(None, "delivery_id"),
    Index(None, "site", "what", "id"),
)

#: Everything people decided, one row each, chained by hashes (``audit_log.py``). The database refuses changes.
audit_log = Table(
    "audit_log",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("site", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    Column("door", String(16), nullable=False),  # shell | board | airflow
    Column("person", String(128), nullable=False),
    Column("what", String(32), nullable=False),
    Column("about", String(600), nullable=False),
    Column("was", String(16), nullable=False),
    Column("now", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
)

#: Dialect → statements that have the database refuse what would change the audit log. The migration runs the same.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END",
        "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$",
        "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()",
    ),
}
for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(audit_log, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

#: Flows a person stopped: they send nothing until they are resumed. Withdrawals go.
flow_pause = Table(
    "flow_pause",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("person", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Utc, nullable=False),
    UniqueConstraint("site", "flow"),
)

#: What a remote system said it did, joined to a delivery from either side: answer or event may come first.
receipt = Table(
    "receipt",
    metadata,
    _id(),
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

#: What WeChat posted to the gateway, committed before it was acknowledged. The payload is sealed.
inbox = Table(
    "inbox",
    metadata,
    _id(),
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

#: How far a stream was read. ``version`` is what a concurrent collect trips over.
cursor = Table(
    "cursor",
    metadata,
    _id(),
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
    _id(),
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
    _id(),
    Column("site", String(64), nullable=False),
    Column("system", String(64), nullable=False),
    Column("day", String(10), nullable=False, server_default=""),  # in the site's zone
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("shut_until", Utc),
    UniqueConstraint("site", "system"),
)

#: When a flow began over its stream, until when it has seen that change, by which fields, and which mapping it may
#: compose with.
position = Table(
    "position",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("mapping_digest", String(64), nullable=False),
    Column("applied_at", Utc, nullable=False),
    Column("reads", String(64), nullable=False, server_default=""),  # digest of the fields' names
    Column("read_at", Utc),  # null: since it began
    UniqueConstraint("site", "flow"),
)

#: Calls reserved against WeChat's limits. ``period`` is a Beijing day (2026-11-23) or minute (2026-11-23T08:15).
quota = Table(
    "quota",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("path", String(128), nullable=False),
    Column("period", String(32), nullable=False),
    Column("used", Integer, nullable=False, server_default="0"),
    Column("remote_used", Integer, nullable=False, server_default="0"),  # what quota/get last said
    Column("daily_limit", Integer),  # null until quota/get was read: the rulebook's figure holds
    UniqueConstraint("appid", "path", "period"),
)

#: What WeChat counted, as it last said it. ``day`` is a Beijing day; ``msgid`` is empty for the account as a whole.
#: kind: read | share | total (sums since publication) of articles; summary | changes | followers of the account
figure = Table(
    "figure",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("msgid", String(64), nullable=False, server_default=""),
    Column("metric", String(32), nullable=False),  # WeChat's own name of it
    Column("value", Double, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "kind", "day", "msgid", "metric"),
)

#: An article that the figures know, joined to the delivery that published it once that is known.
counted_article = Table(
    "counted_article",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("msgid", String(64), nullable=False),
    Column("published_on", String(10), nullable=False, server_default=""),
    Column("title", String(400), nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("delivery_id", BigInteger, ForeignKey("delivery.id")),
    UniqueConstraint("appid", "msgid"),
    Index("ix_counted_article_delivery", "delivery_id"),
)

#: Which figures were asked for, and when: a day without figures was asked for, too. The day of a total is that of
#: the articles' publication.
figure_pull = Table(
    "figure_pull",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("found", Integer, nullable=False),
    Column("late", Boolean, nullable=False),  # WeChat had not counted all of it
    Column("pulled_at", Utc, nullable=False),
    UniqueConstraint("appid", "kind", "day"),
)

#: Who had WeChat clear an account's daily limits, why, and what came of it: ten a month are allowed.
#: outcome: open | ok | refused | unsent | unknown
quota_clear = Table(
    "quota_clear",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("person", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    Index("ix_quota_clear_appid", "appid", "at"),
)

#: Targets to which nothing can be sent until a person acts, or the network is back: one reason for all that waits.
standstill = Table(
    "standstill",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("target", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Utc, nullable=False),
    UniqueConstraint("site", "target"),
)

#: A menu that stood at an account and was not ours, as WeChat told it, before anything replaced it.
found_menu = Table(
    "found_menu",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("target", String(80), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("found_at", Utc, nullable=False),
    UniqueConstraint("site", "target", "digest"),
)

#: The account's access token, sealed; ``version`` is compared before it is replaced.
token = Table(
    "token",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("family", String(16), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("appid", "family"),
)

#: Which bytes are already at WeChat, for which use.
media = Table(
    "media",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("use", String(16), nullable=False),  # body | cover
    Column("sha256", String(64), nullable=False),
    Column("remote_id", String(256), nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "use", "sha256"),
)

#: Frozen bytes of images, as they were approved.
blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content_type", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("at", Utc, nullable=False),
)

#: Which digest of a gathering flow has taken an article. What a digest that never left had taken is let go again.
gathered = Table(
    "gathered",
    metadata,
    _id(),
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

#: Which citizen (openid, sealed) follows which case or is which person in a system.
binding = Table(
    "binding",
    metadata,
    _id(),
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
    _id(),
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
    _id(),
    Column("appid", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "openid_hash"),
)

#: Whom a flow on trial may reach, by the name its YAML uses.
guest = Table(
    "guest",
    metadata,
    _id(),
    Column("appid", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("openid_hash", String(64), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "name"),
)

#: Flows that were ever on trial; who released one, and why, is in ``decision``.
trial = Table(
    "trial",
    metadata,
    _id(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("released_at", Utc),
    UniqueConstraint("site", "flow"),
)

#: One message to many: its deliveries are made in batches, and how far is committed with each.
#: state: open | done | superseded
fan_out = Table(
    "fan_out",
    metadata,
    _id(),
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

#: A citizen agreed to one notice of a template (or, long-term, to all): one row an agreement.
subscribe_grant = Table(
    "subscribe_grant",
    metadata,
    _id(),
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

#: Where articles lead, and what was last found there: asked once for all that lead there.
link = Table(
    "link",
    metadata,
    _id(),
    Column("name", String(64), nullable=False, unique=True),  # SHA-256 of the address, which may be long
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),  # alive | dead | unsure
    Column("said", String(200), nullable=False),
    Column("checked_at", Utc, nullable=False),
    Index("ix_link_found", "status", "checked_at"),
)

#: What is wrong, from its beginning until it is over, and over which connections people heard of either.
incident = Table(
    "incident",
    metadata,
    _id(),
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
