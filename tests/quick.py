"""What makes tests quick and changes nothing they prove: no waiting for the disk or for the next attempt, no YAML
parsed twice.

``kill -9`` loses nothing a process has written, only a power cut would, and no test cuts the power: so SQLite need
not wait for the disk. A system that is down is as down five seconds later; who tests the waiting gives a ``sleep`` of
their own. What a text of YAML says does not change; parsing it took a tenth of all time.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import tenacity
from ruamel.yaml import YAML
from sqlalchemy import Engine, event

from adapters import retry
from weigov import yamlfile
from weigov.ledger import engine as ledger_engine


@contextmanager
def quickly() -> Iterator[None]:
    """All three, for as long as it lasts, in this process; a process it starts begins anew."""
    with (
        mock.patch.object(yamlfile, "YAML", _ReadOnce),
        mock.patch.object(ledger_engine, "_make_sqlite_durable", _without_waiting),
        mock.patch.object(retry, "reads", _at_once),
    ):
        yield


@functools.lru_cache(maxsize=1000)
def _parsed(text: str) -> Any:
    return YAML(typ="rt").load(text)  # one that cannot be parsed raises, and is not remembered


class _ReadOnce:
    def __init__(self, typ: str) -> None:
        assert typ == "rt"

    def load(self, text: str) -> Any:
        return _parsed(text)


_reads = retry.reads


def _at_once(sleep: Callable[[float], None]) -> tenacity.Retrying:
    return _reads((lambda _: None) if sleep is time.sleep else sleep)


#: What makes a ledger on SQLite wait for the disk.
durable = ledger_engine._make_sqlite_durable


def _without_waiting(engine: Engine) -> None:
    durable(engine)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
