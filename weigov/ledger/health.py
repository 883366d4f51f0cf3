"""Whether the account's token is good, and whether callbacks come and are handled. Only looks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, literal, select

from weigov.ledger.board import capped
from weigov.ledger.tables import inbox, token


def tokens(connection: Connection) -> dict[str, datetime]:
    """appid → until when its access token is good, as far as one was ever fetched."""
    query = select(token.c.appid, func.max(token.c.expires_at).label("until"), token.c.family).group_by(
        token.c.appid, token.c.family
    )
    found: dict[str, datetime] = {}
    for row in connection.execute(query):
        if row.family in ("stable", "token"):
            found[row.appid] = max(row.until, found.get(row.appid, row.until))
    return found


def callbacks(connection: Connection) -> tuple[datetime | None, int, datetime | None]:
    """(when the newest callback came, how many are not handled yet, since when the oldest of these waits)."""
    newest = connection.execute(select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)).scalar()
    waiting = inbox.c.handled_at.is_(None)
    oldest = connection.execute(select(inbox.c.received_at).where(waiting).order_by(inbox.c.id).limit(1)).scalar()
    return newest, capped(connection, select(literal(1)).where(waiting)), oldest
