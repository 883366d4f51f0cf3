"""What WeChat refused and somebody can mend: articles nothing took the place of, and messages that can still go.

What lies with its receiver (who blocked the account, left, or never followed) is no work for anybody, and many such
come in every day.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from weigov.flow.channels import news
from weigov.flow.context import Context
from weigov.flow.reach import lies_with_receiver
from weigov.ledger import waiting
from weigov.ledger.waiting import Rejected


def to_mend(ctx: Context, connection: Connection, flows: Sequence[str]) -> dict[str, Rejected]:
    """Flow → how many, and the newest's title; of messages '', for theirs name a citizen's case."""
    site, now = ctx.site.site, ctx.now()
    found = {each.flow: each for each in waiting.rejected(connection, site, flows, priority=news.WITHDRAWAL)}
    for flow in flows:
        refused = waiting.rejected_messages(connection, site, flow, now=now)
        ours = [reason for reason in refused if not lies_with_receiver(reason)]
        if ours:
            found[flow] = Rejected(flow, len(ours), "")
    return found
