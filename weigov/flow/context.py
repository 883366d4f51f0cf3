"""What a verb works with: one site, its ledger, its systems and accounts, and a clock. Built by ``weigov.wiring``."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.notify import Notice, NotTold
from weigov.ports import Clock, LinkAnswer, SourceSystem
from weigov.site.models import Alert
from weigov.site.site import Site
from weigov.wechat.client import AccountClient

#: A call to WeChat or an upstream ends within this; the lease is longer, so a live worker never loses it.
CALL_DEADLINE_S = 30.0
LEASE_S = 90.0
#: A drain stops then, so that one Airflow run never holds its place for hours.
DRAIN_S = 480.0


def _nobody(alert: Alert, notice: Notice) -> None:
    raise NotTold(f"connection {alert.connection}: this deployment tells nobody")


def _unasked(urls: Sequence[str], budget_s: float) -> Mapping[str, LinkAnswer]:
    return {}


@dataclass(frozen=True)
class Context:
    """Everything a verb may touch."""

    site: Site
    ledger: Ledger
    sealer: Sealer
    clock: Clock
    system: Callable[[str], SourceSystem]
    account: Callable[[str], AccountClient]
    tell: Callable[[Alert, Notice], None] = _nobody
    ask_links: Callable[[Sequence[str], float], Mapping[str, LinkAnswer]] = _unasked
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")

    def now(self) -> datetime:
        """The moment by the deployment's clock."""
        return self.clock()
