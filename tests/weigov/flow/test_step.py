"""What every errcode leads a delivery to, and whether anything else may be tried at that account."""

from __future__ import annotations

import json

from tests.weigov.flow.deployment import Deployment
from weigov.flow.context import LEASE_S
from weigov.flow.step import Ended, StopDrain, call
from weigov.ledger import claims, outbox
from weigov.ledger.outbox import New
from weigov.wechat.errcodes import ERRCODES
from weigov.wechat.protocol import read_answer

#: reaction → (the state the delivery is in afterwards, whether the drain stops)
LEADS_TO = {
    "ok": ("accepted", False),
    "already_done": ("accepted", False),
    "refresh_token": ("ready", True),
    "without_effect": ("rejected", False),
    "quota": ("deferred", False),
    "ambiguous": ("unknown", False),
    "account_stopped": ("ready", True),
    "call_stopped": ("deferred", False),
}


def test_every_errcode_of_a_send_leads_to_its_state_and_nowhere_else(calm: Deployment) -> None:
    ctx = calm.ctx
    rows = [
        New(
            site=ctx.site.site,
            flow="notices",
            record=f"code/{code}",
            revision=1,
            effect="publish",
            target="account:city",
            subject="",
            channel="news",
            payload={},
        )
        for code in ERRCODES
    ]
    with ctx.ledger.begin() as connection:
        outbox.enqueue(connection, rows, now=ctx.now())
        claimed = claims.claim(
            connection, target="account:city", limit=len(rows), owner=ctx.worker, lease_s=LEASE_S, now=ctx.now()
        )
    assert len(claimed) == len(ERRCODES)
    for row in claimed:
        known = ERRCODES[int(row.record.rpartition("/")[2])]
        body = json.dumps({"errcode": known.code, "errmsg": "x", "publish_id": 1}).encode()

        def action(body: bytes = body) -> str:
            return str(
                read_answer("/cgi-bin/freepublish/submit", 200, {}, body, sending=True, now=ctx.now())["publish_id"]
            )

        stops = False
        try:
            call(ctx, row, "submit", action, last="accepted")
        except StopDrain as stop:
            stops = True
            assert str(known.code) in str(stop)
        except Ended:
            pass
        with ctx.ledger.read() as connection:
            late = outbox.get(connection, row.id)
        assert (late.state, stops) == LEADS_TO[known.reaction], known
        assert late.state == "accepted" or f" {known.code} " in late.reason
