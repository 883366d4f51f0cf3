"""Access tokens in the ledger: one a family and account, sealed, replaced by compare-and-set under a lock.

Fetching a token is a network call, so the lock is not a writing transaction: on SQLite that would stop every writer
of the ledger for seconds. It is a lock the operating system or the server gives back when its holder dies, so nobody
waits for a lease to run out: flock on a file beside the SQLite database, an advisory lock on Postgres.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, update

from weigov.ledger import quota
from weigov.ledger.dialect import insert_ignore
from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import quota as quota_table
from weigov.ledger.tables import token
from weigov.ports import Force, Token

#: How forced refreshes are called in the table of quotas: WeChat counts them apart from the path's other calls.
FORCED = "/cgi-bin/stable_token?force_refresh"
_FORCED_AT = "force_refresh at"  # its one row's period is the minute of the last one

_IN_MEMORY = threading.Lock()  # a database in memory has no file to lock, and no other process


class LedgerTokenStore:
    """``ports.TokenStore`` over the ledger."""

    def __init__(self, ledger: Ledger, sealer: Sealer) -> None:
        self._ledger = ledger
        self._sealer = sealer

    def read(self, appid: str, family: str) -> Token | None:
        """The stored token, expired or not. Raises ConfigError when our keys do not open it."""
        with self._ledger.read() as connection:
            return self._read(connection, appid, family)

    def refresh(self, appid: str, family: str, seen_version: int, fetch: Callable[[], tuple[str, datetime]]) -> Token:
        """Replace the token unless somebody already did; ``fetch`` is called once however many ask at once.

        Whatever ``fetch`` raises passes through and the stored token stays.
        """
        with self._lock(appid, family):
            stored = self.read(appid, family)
            if stored is not None and stored.version != seen_version:
                return stored
            value, expires_at = fetch()
            with self._ledger.begin() as connection:
                if self._replace(connection, appid, family, stored, value, expires_at):
                    return Token(value, expires_at, 1 if stored is None else stored.version + 1)
                newer = self._read(connection, appid, family)
            # Only somebody who does not take the lock gets here: a restored ledger, an older Weigov.
            return newer or Token(value, expires_at, 0)

    def spend_force(self, appid: str, *, now: datetime, per_day: int, apart: timedelta) -> Force:
        """Count one forced refresh for all workers, before it is made. Call it in ``refresh``'s lock."""
        with self._ledger.begin() as connection:
            recent = select(func.count()).where(
                quota_table.c.appid == appid,
                quota_table.c.path == _FORCED_AT,
                quota_table.c.period > _minute(now - apart),
            )
            if quota.reserve(connection, appid, {FORCED: 1}, {FORCED: per_day}, now=now) is not None:
                return "used_up"
            if connection.execute(recent).scalar_one():
                quota.release(connection, appid, {FORCED: 1}, reserved_at=now)
                return "too_soon"
            connection.execute(
                quota_table.delete().where(quota_table.c.appid == appid, quota_table.c.path == _FORCED_AT)
            )
            row = {"appid": appid, "path": _FORCED_AT, "period": _minute(now), "used": 1}
            insert_ignore(connection, quota_table, [row])
            return "granted"

    def no_force_left(self, appid: str, *, now: datetime, per_day: int) -> None:
        """Take today's forced refreshes as used up."""
        with self._ledger.begin() as connection:
            quota.note_remote(connection, appid, FORCED, per_day, per_day, now=now)

    def _read(self, connection: Connection, appid: str, family: str) -> Token | None:
        row = connection.execute(
            select(token.c.value, token.c.expires_at, token.c.version).where(
                token.c.appid == appid, token.c.family == family
            )
        ).one_or_none()
        if row is None:
            return None
        value = self._sealer.open(bytes(row.value), _context(appid, family)).decode()
        return Token(value, row.expires_at, row.version)

    def _replace(
        self,
        connection: Connection,
        appid: str,
        family: str,
        stored: Token | None,
        value: str,
        expires_at: datetime,
    ) -> bool:
        sealed = self._sealer.seal(value.encode(), _context(appid, family))
        if stored is None:
            row = {"appid": appid, "family": family, "value": sealed, "expires_at": expires_at, "version": 1}
            return insert_ignore(connection, token, [row]) == 1
        statement = update(token).where(
            token.c.appid == appid, token.c.family == family, token.c.version == stored.version
        )
        values = {"value": sealed, "expires_at": expires_at, "version": stored.version + 1}
        return connection.execute(statement.values(values)).rowcount == 1

    @contextmanager
    def _lock(self, appid: str, family: str) -> Iterator[None]:
        name = hashlib.sha256(f"weigov token {appid} {family}".encode()).digest()
        database = self._ledger.engine.url.database
        if self._ledger.dialect == "postgresql":
            with self._ledger.begin() as connection:
                connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(name[:8], signed=True))))
                yield
        elif not database or database == ":memory:":
            with _IN_MEMORY:
                yield
        else:
            # The file stays: removing it would let two processes lock two files of one name.
            handle = os.open(f"{database}.token-{name.hex()[:12]}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)


def _context(appid: str, family: str) -> str:
    return f"token {appid} {family}"


def _minute(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}"
