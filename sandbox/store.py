"""One database file, one lock, and transactions that may be nested.

The connection is shared by every thread of the sandbox; whoever touches it holds the lock. An inner transaction
joins the outer one: nothing is kept unless the outermost block ends well.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Store:
    def __init__(self, path: str | Path) -> None:
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self.lock:
            self._depth += 1
            try:
                yield self.db
            except BaseException:
                if self._depth == 1:
                    self.db.rollback()
                raise
            else:
                if self._depth == 1:
                    self.db.commit()
            finally:
                self._depth -= 1
