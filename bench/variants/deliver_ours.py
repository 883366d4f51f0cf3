"""Ours: the verb ``deliver`` itself, from the ledger's outbox to receipts, every promise kept.

Ready messages, each to another citizen, wait in a migrated ledger on SQLite (WAL, FULL); claims, quotas, tokens,
intents, calls and receipts are what a deployment does. The demo's site, with WeChat's stand-in for its account.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.variants import Count, Step
from bench.variants.ledger import certain
from weigov import wiring
from weigov.flow.context import Context
from weigov.flow.deliver import deliver
from weigov.ledger import bindings, outbox
from weigov.ledger.migrate import migrate
from weigov.ledger.outbox import New
from weigov.settings import Settings

_SITE = Path(__file__).parents[2] / "mappings" / "demo"
_APPID = "wx0123456789abcdef"


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    folder = Path(spec["folder"])
    secrets = folder / "secrets.json"
    login = {"conn_type": "wechat_account", "host": spec["url"], "login": _APPID, "password": "s" * 32}
    master = {"conn_type": "generic", "password": base64.b64encode(bytes(32)).decode()}
    secrets.write_text(json.dumps({"wechat_city": login, wiring.MASTER_KEY: master}), encoding="utf-8")
    settings = Settings(
        site=_SITE, home=folder, ledger_url=f"sqlite:///{folder / 'ledger.db'}", secrets_file=secrets, clock="system",
        gateway_host="127.0.0.1", gateway_port=1,
    )  # fmt: skip
    migrate(settings.ledger_url)
    with wiring.opened(settings) as ctx:
        _fill(ctx, spec["n"])

        def work() -> Count:
            done = deliver(ctx, "city")
            if done.stopped:
                raise RuntimeError(done.stopped)
            return lambda: certain(ctx.ledger)

        yield "first", work


def _fill(ctx: Context, n: int) -> None:
    now = ctx.now()
    with ctx.ledger.begin() as connection:
        for number in range(n):
            openid = f"o{number:027d}"
            bindings.bind(connection, ctx.sealer, _APPID, openid, "cases", "identity", f"P{number}", now=now)
            new = New(
                site="demo", flow="case_progress", record=f"cases/cases/{number}", revision=1, effect="send",
                target="account:city", subject=bindings.openid_hash(ctx.sealer, openid), channel="template",
                payload={
                    "template_id": "TM00123", "url": "https://www.shifan.example/bsfw/bjcx/?case=1",
                    "data": {
                        "thing1": "不动产登记", "phrase2": "受理", "character_string3": f"SF{number:012d}",
                        "time4": "2026年3月5日 10:00",
                    },
                },
                title="case progress", priority=30,
            )  # fmt: skip
            outbox.enqueue(connection, [new], now=now)
