"""An exchange table as tests want it: the sandbox's cases behind an engine, and a mirror that acknowledges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from adapters import open_system
from adapters.descriptor import find_descriptor, load_descriptor
from tests.adapters.upstream import Mirror
from weigov.ports import Batch, Connection, SourceSystem

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def connection(url: str, **more: Any) -> Connection:
    """The connection of ``url``: its password where it belongs."""
    parsed = make_url(url)
    bare = parsed.set(username=None)._replace(password=None).render_as_string(hide_password=False)
    return Connection("exchange", "gov_table", bare, parsed.username or "", str(parsed.password or ""), more)


def proven(url: str, name: str = "provincial_cases") -> SourceSystem:
    """The known system ``name`` over ``url``."""
    return open_system("cases", load_descriptor(find_descriptor(name)), connection(url), sleep=lambda s: None)


def described(text: str, folder: Path, where: Connection) -> SourceSystem:
    """A system of a test's own."""
    path = folder / "it.yaml"
    path.write_text(text, encoding="utf-8")
    return open_system("it", load_descriptor(path), where, sleep=lambda s: None)


def pull(
    system: SourceSystem, stream: str, mirror: Mirror, *, between: Callable[[Batch], None] | None = None,
    acknowledging: bool = True, **state: Any,
) -> Mirror:  # fmt: skip
    """One run: each batch is stored, ``between`` happens, then it is acknowledged."""

    def batches() -> Iterator[Batch]:
        for batch in system.pull(stream, mirror.state(**state), NOW):
            yield batch
            if between is not None:
                between(batch)
            if acknowledging and batch.token is not None:
                system.acknowledge(stream, batch.token)

    mirror.take(batches())
    return mirror


@contextmanager
def closing(system: SourceSystem) -> Iterator[SourceSystem]:
    try:
        yield system
    finally:
        system.close()
