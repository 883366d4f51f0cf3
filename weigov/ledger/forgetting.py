"""What is kept of a citizen who left an account: for a while all of it, for they may come back; then nothing that
says who they are or what they asked.

What stays, under the keyed hash of their openid, is what was sent to them and what became of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from weigov.ledger.tables import binding, citizen, closed_window, guest, inbox, subscribe_grant

#: How long somebody who left may come back and find their bindings.
KEPT = timedelta(days=30)
#: Citizens forgotten in one transaction.
_CHUNK = 200


def forget(connection: Connection, appid: str, *, now: datetime) -> int:
    """Delete what was kept of those who left ``KEPT`` ago or earlier; of how many, at most ``_CHUNK``."""
    due = (
        select(citizen.c.openid_hash)
        .where(citizen.c.appid == appid, citizen.c.gone == "left", citizen.c.gone_at <= now - KEPT)
        .order_by(citizen.c.id)
        .limit(_CHUNK)
        .with_for_update()
    )
    who = list(connection.execute(due).scalars())
    if not who:
        return 0
    for table in (binding, guest, closed_window, citizen):
        connection.execute(delete(table).where(table.c.appid == appid, table.c.openid_hash.in_(who)))
    connection.execute(
        delete(subscribe_grant).where(
            subscribe_grant.c.appid == appid,
            subscribe_grant.c.openid_hash.in_(who),
            subscribe_grant.c.delivery_id.is_(None),
        )
    )
    theirs = (inbox.c.appid == appid) & inbox.c.subject.in_(who)
    connection.execute(update(inbox).where(theirs).values(payload=b""))
    unheard = theirs & inbox.c.handled_at.is_(None)
    connection.execute(update(inbox).where(unheard).values(handled_at=now, outcome="forgotten"))
    return len(who)
