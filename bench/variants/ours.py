"""Our whole path: adapter → canonical record → change detection → mirror, by the verb ``collect`` itself.

The descriptor is opened as a deployment opens it, the ledger is SQLite as Weigov sets it up (WAL, synchronous FULL)
and migrated. Three pulls of the whole list: into an empty mirror, with nothing changed, with one record in a hundred
edited.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import weigov.flow.collect
from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.wire import Limits
from bench import upstream
from bench.variants import Count, Step
from weigov.flow.context import Context
from weigov.ledger import mirror
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate
from weigov.ledger.seal import Sealer
from weigov.ledger.streams import StreamRef
from weigov.ports import Connection
from weigov.site.site import Site
from weigov.wechat.client import AccountClient

#: One answer of 50,000 records is longer than an upstream may send by default.
LIMITS = Limits(total_s=600, max_bytes=1 << 30)


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    url = f"sqlite:///{Path(spec['folder']) / 'ledger.db'}"
    migrate(url)
    engine = str(spec["engine"])
    file = Path(upstream.__file__).parent / f"{engine}.yaml"
    _open(engine, file, spec["url"]).close()  # imports what the engine needs
    with closing(Ledger(url)) as ledger:
        for name, address in (("first", spec["url"]), ("unchanged", spec["url"]), ("changed", spec["changed_url"])):
            if name in spec["steps"]:
                yield name, partial(_collect, ledger, engine, file, address, spec["stream"])


def _open(engine: str, file: Path, address: str) -> Any:
    base_url = f"{address}/soap" if engine == "soap" else address
    return open_system("cms", load_descriptor(file), Connection("cms", base_url=base_url), limits=LIMITS)


def _collect(ledger: Ledger, engine: str, file: Path, address: str, stream: str) -> Count:
    site = Site("bench", "Asia/Shanghai", ZoneInfo("Asia/Shanghai"), {}, {})
    with closing(_open(engine, file, address)) as system:
        context = Context(
            site, ledger, Sealer({"k1": bytes(32)}, "k1"), lambda: datetime.now(UTC), lambda name: system, _nobody
        )
        found = weigov.flow.collect.collect(context, "cms", stream)
    if found.incomplete or found.stored.rejected:
        raise RuntimeError(f"the pull is not whole: {found}")

    def count() -> int:
        with ledger.read() as connection:
            return mirror.count(connection, StreamRef("bench", "cms", stream))

    return count


def _nobody(name: str) -> AccountClient:
    raise AssertionError("a pull asks no account")
