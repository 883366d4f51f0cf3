"""What people decided, and the log that cannot be changed."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint, event

from weigov.ledger.tables.columns import Utc, id_, metadata, ref

#: A person's decision about the frozen bytes of a delivery.
review = Table(
    "review",
    metadata,
    id_(),
    ref("delivery_id", "delivery.id"),
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
    id_(),
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

#: Flows a person stopped: they send nothing until they are resumed. Withdrawals go.
flow_pause = Table(
    "flow_pause",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("flow", String(64), nullable=False),
    Column("person", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Utc, nullable=False),
    UniqueConstraint("site", "flow"),
)

#: Who had WeChat clear an account's daily limits, why, and what came of it: ten a month are allowed.
#: outcome: open | ok | refused | unsent | unknown
quota_clear = Table(
    "quota_clear",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("person", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    Index("ix_quota_clear_appid", "appid", "at"),
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
