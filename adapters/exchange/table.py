"""Exchange tables (前置库): ``ports.SourceSystem`` over SQLAlchemy Core.

Two sides share a database that neither owns: one puts rows there, the other reads them and says so in a column. What
is read and written is in the descriptor, as names and equalities; there is no SQL in it. Reading never writes any
column but the sign. ``table_stream`` reads, ``table_writes`` writes; here both are bound to a connection.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters import retry
from adapters.exchange.database import Database
from adapters.exchange.table_stream import TableStream
from adapters.exchange.table_writes import TableOperation
from adapters.vocabulary import Descriptor
from weigov.errors import ConfigError, RemoteRefused
from weigov.ports import Batch, Connection, PullState, WriteResult


class TableSystem:
    """A descriptor of exchange tables bound to a database."""

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (),
        sleep: Callable[[float], None] = time.sleep, **_of_other_engines: Any,
    ) -> None:  # fmt: skip
        """``connection.extra["url"]``, or its address, is a SQLAlchemy URL without a log-in. Raises ConfigError."""
        self.name = name
        self._descriptor = descriptor
        self._sleep = sleep
        self._database = Database(name, connection)
        self._streams = {
            stream: TableStream(name, stream, rule, descriptor, self._database)
            for stream, rule in descriptor.streams.items()
        }
        self._operations = {
            operation: TableOperation(name, operation, rule, descriptor, self._database)
            for operation, rule in descriptor.operations.items()
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._descriptor.system!r})"

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        return self._stream(stream).pull(state, now, self._patiently)

    def acknowledge(self, stream: str, token: Any) -> None:
        it = self._stream(stream)
        self._patiently(lambda: it.acknowledge(token))

    def write(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult:
        it, get = self._operation(operation, values, key)
        return it.write(get)

    def find(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult | None:
        it, get = self._operation(operation, values, key)
        found: WriteResult | None = self._patiently(lambda: it.find(get))
        return found

    def signs(self, stream: str) -> Counter[str]:
        """How many rows are ``unread``, ``read``, ``failed`` and ``of neither``; for who only looks."""
        it = self._stream(stream)
        found: Counter[str] = self._patiently(it.signs)
        return found

    def columns_of(self, operation: str) -> str:
        """What an operation would write, ``TABLE: COLUMN, …``, once all of it was found in the database.

        Raises RemoteRefused for what is not there, ConfigError for an idempotency the table cannot keep.
        """
        it = self._operations[operation]
        found: str = self._patiently(it.columns)
        return found

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        raise RemoteRefused(self.name, "fetch", "an exchange table has no files to fetch")

    def close(self) -> None:
        self._database.close()

    def _stream(self, name: str) -> TableStream:
        if name not in self._streams:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no stream {name!r}")
        return self._streams[name]

    def _operation(
        self, name: str, values: Mapping[str, Any], key: str
    ) -> tuple[TableOperation, Callable[[str], Any]]:  # fmt: skip
        rule = self._descriptor.operations.get(name)
        if rule is None:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no operation {name!r}")
        if unknown := sorted(set(values) - set(rule.params)):
            raise ConfigError(
                f"{self.name} {name}: has no parameter {', '.join(unknown)}, only {', '.join(rule.params)}"
            )
        given = {param: values.get(param) for param in rule.params}
        given |= {"idempotency_key": key, "now": datetime.now(UTC)}
        return self._operations[name], given.__getitem__

    def _patiently(self, read: Callable[[], Any]) -> Any:
        """Repeat what does no harm twice, as the policy of reads says."""
        for attempt in retry.reads(self._sleep):
            with attempt:
                return read()
        raise AssertionError("the policy always raises or returns")
