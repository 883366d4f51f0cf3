"""What will happen next to a delivery that is under way, and when; so that nobody presses anything meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from weigov.ledger.outbox import Delivery

#: How reconcile finds out what became of a call without an answer, by channel: words how.NAME.
_HOW = ("news", "mass", "template", "subscribe", "customer_service", "menu", "write")


def what_next(row: Delivery, lease_until: datetime | None, now: datetime) -> tuple[str, Mapping[str, Any]] | None:
    """(the sentence's key, its values); None where nothing is under way. ``how`` is the key of another sentence."""
    if row.state in ("claimed", "sending") and lease_until is not None:
        return f"next.{row.state}{'_late' if lease_until <= now else ''}", {"at": lease_until}
    if row.state == "unknown":
        how = f"how.{row.channel if row.channel in _HOW else 'write'}"
        late = row.check_at is None or row.check_at <= now
        return ("next.unknown_now", {"how": how}) if late else ("next.unknown", {"at": row.check_at, "how": how})
    if row.state == "accepted":
        late = row.check_at is None or row.check_at <= now
        return ("next.accepted_now", {}) if late else ("next.accepted", {"at": row.check_at})
    if row.state in ("ready", "deferred"):
        return ("next.due_now", {}) if row.due_at <= now else ("next.due", {"at": row.due_at})
    return None
