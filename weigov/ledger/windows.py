"""How long an account may still answer a citizen, and how often: what the inbox and the deliveries say together.

A message of theirs opens a window of 48 hours for 5; a tap, following or a scan one of a minute for 3. Source: the
official page on customer-service messages; the figures changed several times. So WeChat's own no goes before them:
after it only what the citizen does later opens a window.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from weigov.ledger.dialect import upsert
from weigov.ledger.tables import closed_window, delivery, inbox

_MESSAGE = (timedelta(hours=48), 5)
_TOUCH = (timedelta(minutes=1), 3)
#: What a citizen does that opens the shorter window.
TOUCHES = ("click", "scancode_push", "scancode_waitmsg", "subscribe", "scan")
_SPENT = ("sending", "unknown", "accepted", "confirmed", "in_doubt", "given_up")


def left(connection: Connection, appid: str, target: str, subject: str, *, now: datetime) -> int | None:
    """How many messages may still be sent to this citizen; None where no window is open."""
    best: int | None = None
    closed = connection.execute(
        select(closed_window.c.at).where(closed_window.c.appid == appid, closed_window.c.openid_hash == subject)
    ).scalar_one_or_none()
    for (span, count), opened in ((_MESSAGE, inbox.c.kind == "message"), (_TOUCH, inbox.c.event.in_(TOUCHES))):
        opens = max(now - span, closed) if closed else now - span
        query = select(func.max(inbox.c.received_at)).where(
            inbox.c.appid == appid, inbox.c.subject == subject, opened, inbox.c.received_at > opens
        )
        since = connection.execute(query).scalar_one()
        if since is not None:
            best = max(best or 0, count - _sent_since(connection, target, subject, since))
    return best


def close(connection: Connection, appid: str, subject: str, *, at: datetime) -> None:
    """WeChat passed nothing on to this citizen at ``at``; nor will it until they do something."""
    row = {"appid": appid, "openid_hash": subject, "at": at}
    upsert(connection, closed_window, [row], key=("appid", "openid_hash"), update=("at",))


def _sent_since(connection: Connection, target: str, subject: str, since: datetime) -> int:
    query = select(func.count()).where(
        delivery.c.flight_key == f"{target}|{subject}",
        delivery.c.channel == "customer_service",
        delivery.c.state.in_(_SPENT),
        delivery.c.first_intent_at >= since,
    )
    return int(connection.execute(query).scalar_one())
