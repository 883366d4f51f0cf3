"""How long an account may still answer a citizen, and how often: what the inbox and the deliveries say together.

A message of theirs opens a window of 48 hours for 5; a tap, following or a scan one of a minute for 3. Source: the
official page on customer-service messages; the figures changed several times.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from weigov.ledger.tables import delivery, inbox

_MESSAGE = (timedelta(hours=48), 5)
_TOUCH = (timedelta(minutes=1), 3)
#: What a citizen does that opens the shorter window.
TOUCHES = ("click", "scancode_push", "scancode_waitmsg", "subscribe", "scan")
_SPENT = ("sending", "unknown", "accepted", "confirmed", "in_doubt", "given_up")


def left(connection: Connection, appid: str, target: str, subject: str, *, now: datetime) -> int | None:
    """How many messages may still be sent to this citizen; None where no window is open."""
    best: int | None = None
    for (span, count), opened in ((_MESSAGE, inbox.c.kind == "message"), (_TOUCH, inbox.c.event.in_(TOUCHES))):
        query = select(func.max(inbox.c.received_at)).where(
            inbox.c.appid == appid, inbox.c.subject == subject, opened, inbox.c.received_at > now - span
        )
        since = connection.execute(query).scalar_one()
        if since is not None:
            best = max(best or 0, count - _sent_since(connection, target, subject, since))
    return best


def _sent_since(connection: Connection, target: str, subject: str, since: datetime) -> int:
    query = select(func.count()).where(
        delivery.c.flight_key == f"{target}|{subject}",
        delivery.c.channel == "customer_service",
        delivery.c.state.in_(_SPENT),
        delivery.c.first_intent_at >= since,
    )
    return int(connection.execute(query).scalar_one())
