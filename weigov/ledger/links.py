"""What became of each address an article leads to, asked once however many articles lead there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from weigov.ledger.dialect import upsert
from weigov.ledger.tables import link
from weigov.ports import LinkAnswer, LinkStatus

#: How long an answer is believed. Who could not say is asked again soon; what was dead may be mended tomorrow.
BELIEVED: Mapping[LinkStatus, timedelta] = {
    "alive": timedelta(days=7),
    "dead": timedelta(days=1),
    "unsure": timedelta(hours=1),
}
_AT_ONCE = 500
_SAID = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What was answered, and when."""

    status: LinkStatus
    said: str
    checked_at: datetime

    def holds(self, now: datetime) -> bool:
        return now - self.checked_at < BELIEVED[self.status]


def known(connection: Connection, urls: Iterable[str]) -> dict[str, Known]:
    """Those of ``urls`` that were ever asked."""
    names = {_name(url): url for url in urls}
    wanted, found = list(names), {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(link).where(link.c.name.in_(wanted[start : start + _AT_ONCE]))
        for row in connection.execute(query):
            found[names[row.name]] = Known(row.status, row.said, row.checked_at)
    return found


def remember(connection: Connection, answers: Mapping[str, LinkAnswer], *, now: datetime) -> None:
    """Keep what was answered; the last answer counts."""
    rows = [
        {"name": _name(url), "url": url, "status": answer.status, "said": answer.said[:_SAID], "checked_at": now}
        for url, answer in sorted(answers.items())
    ]
    upsert(connection, link, rows, key=["name"], update=["status", "said", "checked_at"])


def dead(connection: Connection, *, limit: int) -> list[str]:
    """The addresses that were found dead last."""
    query = select(link.c.url).where(link.c.status == "dead").order_by(link.c.checked_at.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def _name(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
