"""Flows a person stopped for a while: who, why, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from weigov.ledger.dialect import insert_ignore
from weigov.ledger.tables import flow_pause


@dataclass(frozen=True, slots=True)
class Pause:
    """One flow's. ``sentence`` is the reason its deliveries wait for."""

    flow: str
    person: str
    reason: str
    since: datetime

    @property
    def sentence(self) -> str:
        """``notices is paused by wang (typhoon) until `weigov resume notices```."""
        return f"{self.flow} is paused by {self.person} ({self.reason}) until `weigov resume {self.flow}`"


def begin(connection: Connection, site: str, flow: str, *, person: str, reason: str, now: datetime) -> bool:
    """Pause ``flow``; False when it is paused already."""
    row = {"site": site, "flow": flow, "person": person[:128], "reason": reason, "since": now}
    return insert_ignore(connection, flow_pause, [row]) == 1


def end(connection: Connection, site: str, flow: str) -> bool:
    """Let it go on; False when it was not paused."""
    gone = flow_pause.delete().where(flow_pause.c.site == site, flow_pause.c.flow == flow)
    return connection.execute(gone).rowcount == 1


def paused(connection: Connection, site: str) -> dict[str, Pause]:
    """flow → its pause, of all that are paused."""
    columns = (flow_pause.c.flow, flow_pause.c.person, flow_pause.c.reason, flow_pause.c.since)
    query = select(*columns).where(flow_pause.c.site == site).order_by(flow_pause.c.flow)
    return {row.flow: Pause(**row._mapping) for row in connection.execute(query)}
