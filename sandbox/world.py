"""What every subsystem of the sandbox shares: one database file, one lock, one clock, the faults asked for.

All state lives in the database, so a restarted sandbox goes on where it was. Losing the last second in a
power cut does not matter to a simulation; a slow test does (``synchronous=OFF``).
"""

import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.store import Store

_SEEDED = "CREATE TABLE IF NOT EXISTS sandbox_seeded (subsystem TEXT PRIMARY KEY)"
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)", re.IGNORECASE)


@dataclass
class World:
    store: Store
    clock: Clock
    base_url: str
    faults: Faults
    on_start: list[Callable[[], None]] = field(default_factory=list)
    on_stop: list[Callable[[], None]] = field(default_factory=list)
    after_reset: dict[str, Callable[[], None]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path, base_url: str = "http://127.0.0.1:8600") -> "World":
        """Open the state kept at ``path`` (made if absent; ``:memory:`` for a test that keeps nothing)."""
        store = Store(path)
        with store.transaction() as db:
            db.execute(_SEEDED)
        return cls(store, Clock(store), base_url, Faults(store))

    @property
    def db(self) -> sqlite3.Connection:
        return self.store.db

    @property
    def lock(self) -> threading.RLock:
        return self.store.lock

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All of the block or nothing of it, and no other thread in between; an inner one joins the outer."""
        return self.store.transaction()

    def prepare(self, name: str, subsystem: ModuleType) -> None:
        """Make the subsystem's tables and, the first time, fill them."""
        with self.lock:
            self.db.executescript(subsystem.SCHEMA)
            if self.db.execute("SELECT 1 FROM sandbox_seeded WHERE subsystem = ?", (name,)).fetchone():
                return
            subsystem.seed(self)
            with self.transaction():
                self.db.execute("INSERT INTO sandbox_seeded VALUES (?)", (name,))

    def reset(self, name: str, subsystem: ModuleType) -> None:
        """Put the subsystem back to its first day."""
        with self.lock:
            with self.transaction():
                for table in _TABLE.findall(subsystem.SCHEMA):
                    self.db.execute(f"DROP TABLE IF EXISTS {table}")
                self.db.execute("DELETE FROM sandbox_seeded WHERE subsystem = ?", (name,))
            self.prepare(name, subsystem)
        if name in self.after_reset:
            self.after_reset[name]()

    def close(self) -> None:
        with self.lock:
            self.db.close()
