"""audit: the ledger against WeChat, against itself and against its sources. Nothing is changed or acknowledged.

wechat      published articles, menu and drafts against the deliveries that made them
mass        what was sent to many, against what WeChat says of it
ledger      what contradicts itself, or waits too long for a person
source      a fresh pull against the mirror
"""

from __future__ import annotations

from dataclasses import dataclass

from weigov.errors import RemoteError
from weigov.flow.audit import ledger, source, wechat
from weigov.flow.audit.difference import Difference
from weigov.flow.context import Context
from weigov.ledger import outbox


@dataclass(frozen=True, slots=True)
class Audit:
    """Every difference, and what could not be compared and why."""

    differences: tuple[Difference, ...]
    not_compared: tuple[str, ...]


def audit(ctx: Context, *, sources: bool = True) -> Audit:
    """Compare everything there is; a system or an account that cannot be asked keeps no other from being compared."""
    found: list[Difference] = list(ledger.differences(ctx))
    missed: list[str] = []
    for name in ctx.site.accounts:
        try:
            missed += wechat.compare(ctx, name, found)
        except RemoteError as error:
            missed.append(f"{name}: {error}")
    if sources:
        for system, shape in ctx.site.shapes.items():
            for stream in shape.streams:
                try:
                    missed += source.compare(ctx, system, stream, found)
                except RemoteError as error:
                    missed.append(f"{system}/{stream}: {error}")
    return Audit(tuple(one for one in found if _still(ctx, one)), tuple(missed))


def _still(ctx: Context, one: Difference) -> bool:
    """Whether the row it was seen on is as it was: deliveries go on while we look."""
    if one.delivery is None:
        return True
    with ctx.ledger.read() as connection:
        return outbox.get(connection, one.delivery).state == one.state
