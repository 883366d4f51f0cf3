"""The middle of Weigov for a test of an upstream: a real ledger, the real verbs, one system; no WeChat behind it.

Time-outs are short, waiting between attempts is only noted, and the clock goes on by a sign of the test's.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters import open_system
from adapters.descriptor import load_descriptor, shape
from adapters.look.check import check
from adapters.vocabulary import Descriptor
from adapters.wire import Limits
from weigov.flow.collect import Collected, collect
from weigov.flow.context import Context
from weigov.flow.sync_back import SyncedBack, sync_back
from weigov.ledger import mirror, outbox
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import migrate
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.seal import Sealer
from weigov.ledger.streams import StreamRef
from weigov.ledger.upstreams import LedgerMeter
from weigov.ports import Connection, SourceSystem, SystemShape
from weigov.records import Record
from weigov.site.load import load_site

SITE = """
site: hall
time_zone: Asia/Shanghai
accounts: {}
systems: {upstream: {descriptor: SYSTEM, connection: upstream}}
"""
LIMITS = Limits(connect_s=5, read_s=15, total_s=30)
#: For an answer that is held back or drips: how long it is waited for.
HASTY = Limits(connect_s=5, read_s=3, total_s=4)


class Desk:
    """One site with one system, called ``upstream``."""

    def __init__(self, ctx: Context, described: Descriptor, at: str, waited: list[float]) -> None:
        self.ctx, self.described, self.at = ctx, described, at
        self.waited = waited  # seconds between attempts that were not waited
        self.ahead = timedelta(0)  # of the real clock

    @property
    def system(self) -> SourceSystem:
        return self.ctx.system("upstream")

    def objections(self) -> list[str]:
        """What ``weigov check`` finds wrong: problems, and what contradicts the descriptor."""
        checked = check(self.system, self.described, self.at, self.ctx.now())
        return [line for one in checked for line in (*([one.problem] if one.problem else []), *one.contradictions)]

    def collect(self, stream: str, **more: Any) -> Collected:
        return collect(self.ctx, "upstream", stream, **more)

    def records(self, stream: str, *, withdrawn: bool = False) -> dict[str, Record]:
        with self.ctx.ledger.read() as connection:
            ref = StreamRef(self.ctx.site.site, "upstream", stream)
            return {record.key: record for record in mirror.records(connection, ref, withdrawn=withdrawn)}

    def write(self, operation: str, values: Mapping[str, Any], *, record: str, subject: str = "x") -> int:
        """Have a write-back wait in the outbox; its number."""
        new = New(
            site=self.ctx.site.site, flow="desk", record=record, revision=1, effect=f"write:{operation}:confirmed",
            target="system:upstream", subject=subject, channel="write",
            payload={"operation": operation, "values": dict(values), "of": None},
        )  # fmt: skip
        with self.ctx.ledger.begin() as connection:
            assert outbox.enqueue(connection, [new], now=self.ctx.now()) == 1
            (row,) = outbox.find(connection, record=record, subject=subject)
            return row.id

    def sync_back(self) -> SyncedBack:
        return sync_back(self.ctx, "upstream")

    def delivery(self, number: int) -> Delivery:
        with self.ctx.ledger.read() as connection:
            return outbox.get(connection, number)


@contextmanager
def desk(folder: Path, descriptor: Path, connection: Connection, *, limits: Limits = LIMITS) -> Iterator[Desk]:
    """A desk of its own below ``folder`` for the system that ``descriptor`` describes."""
    described = load_descriptor(descriptor)
    home = folder / "hall"
    (home / "flows").mkdir(parents=True)
    (home / "site.yaml").write_text(SITE.replace("SYSTEM", described.system), encoding="utf-8")

    def shapes(name: str) -> SystemShape:
        return shape(described)

    site = load_site(home, shapes)
    url = f"sqlite:///{folder / 'ledger.db'}"
    migrate(url)
    waited: list[float] = []
    ledger = Ledger(url)
    made: dict[str, SourceSystem] = {}

    def system(name: str) -> SourceSystem:
        if name not in made:
            meter = LedgerMeter(ledger, site.site, name, site.zone, clock)
            made[name] = open_system(
                name, described, connection, meter=meter, sleep=waited.append, limits=limits
            )  # fmt: skip
        return made[name]

    def clock() -> datetime:
        return datetime.now(UTC) + it.ahead

    def account(name: str) -> Any:
        raise AssertionError("there is no account here")

    sealer = Sealer.from_text(base64.b64encode(os.urandom(32)).decode())
    it = Desk(Context(site, ledger, sealer, clock, system, account), described, connection.base_url, waited)
    try:
        yield it
    finally:
        for one in made.values():
            one.close()
        ledger.close()
