"""Every table of the ledger, with the unique key that makes it true.

Times are aware UTC datetimes; payloads are canonical JSON (``weigov.records.encode``) as text. Openids and tokens
are kept sealed, with a keyed hash to look them up (``seal.py``). Retention empties payloads; identities and digests
stay. The Alembic migrations create exactly this.
"""

from __future__ import annotations

from weigov.ledger.tables.accounts import blob, counted_article, figure, figure_pull, found_menu, media, quota, token
from weigov.ledger.tables.citizens import binding, citizen, closed_window, guest, inbox, subscribe_grant
from weigov.ledger.tables.columns import Utc, metadata
from weigov.ledger.tables.deliveries import (
    IN_FLIGHT,
    ON_ACCOUNT,
    attempt,
    delivery,
    fan_out,
    gathered,
    position,
    receipt,
    revision,
    trial,
)
from weigov.ledger.tables.health import incident, link, standstill
from weigov.ledger.tables.mirror import cursor, record, reject, stream_state, upstream
from weigov.ledger.tables.people import APPEND_ONLY, audit_log, decision, flow_pause, quota_clear, review

__all__ = [
    "APPEND_ONLY",
    "IN_FLIGHT",
    "ON_ACCOUNT",
    "Utc",
    "attempt",
    "audit_log",
    "binding",
    "blob",
    "citizen",
    "closed_window",
    "counted_article",
    "cursor",
    "decision",
    "delivery",
    "fan_out",
    "figure",
    "figure_pull",
    "flow_pause",
    "found_menu",
    "gathered",
    "guest",
    "inbox",
    "incident",
    "link",
    "media",
    "metadata",
    "position",
    "quota",
    "quota_clear",
    "receipt",
    "record",
    "reject",
    "review",
    "revision",
    "standstill",
    "stream_state",
    "subscribe_grant",
    "token",
    "trial",
    "upstream",
]
