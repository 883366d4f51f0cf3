"""The sandbox's clock: real time plus an offset that can be moved, or a moment that stands still.

Kept in the database, so a restarted sandbox is not suddenly in another day. Everything in the sandbox that asks
for the time asks here; nothing outside it is affected.
"""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.store import Store

SCHEMA = """CREATE TABLE IF NOT EXISTS sandbox_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1), offset_s REAL, frozen_s REAL)"""

BEIJING = ZoneInfo("Asia/Shanghai")


class Clock:
    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(SCHEMA)
            row = db.execute("SELECT offset_s, frozen_s FROM sandbox_clock").fetchone()
        self._offset_s: float = row[0] if row else 0.0
        self._frozen_s: float | None = row[1] if row else None

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return self._frozen_s if self._frozen_s is not None else time.time() + self._offset_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def beijing(self) -> datetime:
        """The wall clock in Beijing: WeChat counts its days there, and the upstream systems write it."""
        return datetime.fromtimestamp(self.timestamp(), BEIJING)

    @property
    def offset_s(self) -> float:
        return self._offset_s

    @property
    def frozen(self) -> bool:
        return self._frozen_s is not None

    def advance(self, seconds: float) -> None:
        with self._store.lock:
            if self._frozen_s is not None:
                self._frozen_s += seconds
            else:
                self._offset_s += seconds
            self._keep()

    def set(self, moment: datetime) -> None:
        """Make it ``moment`` now; a frozen clock stays frozen."""
        if moment.tzinfo is None:
            raise ValueError("the moment needs a time zone, for example 2026-01-05T09:00:00+08:00")
        self.advance(moment.timestamp() - self.timestamp())

    def freeze(self) -> None:
        with self._store.lock:
            self._frozen_s = self.timestamp()
            self._keep()

    def unfreeze(self) -> None:
        """Run on from the moment at which it was frozen."""
        with self._store.lock:
            if self._frozen_s is not None:
                self._offset_s = self._frozen_s - time.time()
                self._frozen_s = None
                self._keep()

    def reset(self) -> None:
        with self._store.lock:
            self._offset_s, self._frozen_s = 0.0, None
            self._keep()

    def _keep(self) -> None:
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO sandbox_clock VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE"
                " SET offset_s = excluded.offset_s, frozen_s = excluded.frozen_s",
                (self._offset_s, self._frozen_s),
            )
