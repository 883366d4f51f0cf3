"""Under everything at once nobody is told twice, nothing is lost, nothing withdrawn stays; a person gets the rest.

``WEIGOV_CHAOS_SEED`` brings a storm again (``storm`` says how far), ``WEIGOV_CHAOS_KILLS`` says how long it blows (on
each database).
"""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.chaos.storm import Storm
from tests.chaos.verdict import judge
from tests.chaos.workers import ROLES, Workers, nobody_dies
from tests.weigov.flow import quick
from tests.weigov.flow.deployment import AES_KEY, MORNING, Deployment, calm_site, other_side, rewrite, wait_until
from weigov import wiring
from weigov.ledger import reports
from weigov.ledger.migrate import migrate
from weigov.ledger.tables import delivery

KILLS = int(os.environ.get("WEIGOV_CHAOS_KILLS", "120"))
SECONDS_A_KILL = 6.0
#: How often each kind of fault is met at least, on each of the two databases.
EACH = 5
#: Storms that once found something.
SEEDS: tuple[int, ...] = ()

#: Where an answer that never came may end with a person; a message only when its key's ten minutes are over.
WITHOUT_A_KEY = {"news", "template", "write"}

pytestmark = pytest.mark.chaos


def seeds() -> list[int]:
    given = os.environ.get("WEIGOV_CHAOS_SEED")
    return [int(given)] if given else [*SEEDS, random.SystemRandom().randrange(1_000_000)]


@pytest.fixture
def town(ledger_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """The demo site, everything collected and nothing to tell yet; its gateway is a process still to be started."""
    migrate(ledger_url)
    with quick.reading(), other_side(tmp_path / "sandbox.db") as other:
        other.world.clock.set(MORNING - timedelta(minutes=10))
        site = calm_site(tmp_path)
        for flow in ("answers", "case_progress"):  # that a message came too late shall excuse nothing
            rewrite(site / "flows" / f"{flow}.yaml", lambda text: re.sub(r"valid_for: \w+", "valid_for: P60D", text))
        made = Deployment.prepare(other, tmp_path / "home", ledger_url, site)
        made.settings = replace(made.settings, gateway_port=_free_port())
        with wiring.opened(made.settings) as made.ctx:
            other.clocks.append(made.ctx.clock)
            made.bind_everyone()
            made.collect()
            made.compose()
            other.world.clock.set(MORNING)
            other._notice()
            yield made


@pytest.mark.parametrize("seed", seeds())
def test_a_storm_loses_nothing_and_tells_nobody_twice(town: Deployment, seed: int) -> None:
    print(f"\nWEIGOV_CHAOS_SEED={seed}")  # shown when it fails
    other = town.other
    before = {case["case_no"]: case["meaning"] for case in other.get("/cases/cases")}
    storm = Storm(town, seed)
    workers = Workers(town.environ | {"WEIGOV_GATEWAY_PORT": str(town.settings.gateway_port)}, storm.dies_at)
    try:
        for role in ROLES:
            workers.start(role)
        callback = f"http://127.0.0.1:{town.settings.gateway_port}/wechat/city"
        wait_until(lambda: _set_callback(town, callback), 30)
        storm.blow(
            workers,
            kills=KILLS,
            in_sending=KILLS * 5 // 12,
            each=min(EACH, KILLS // 12),
            within_s=KILLS * SECONDS_A_KILL,
        )
        workers.stop()
        workers.dies_at = nobody_dies
        workers.start("gateway")
        _settle(town, callback)
    finally:
        workers.stop()
    verdict = judge(town, storm.published, before)
    print(f"kills {dict(storm.kills)}, {storm.at_visits} of them at a visit, {storm.in_sending} in sending")
    print(f"met {storm.met()}; in doubt {dict(verdict.in_doubt)}; rightly refused {verdict.refused}")
    print(f"{verdict.judged} cases judged, {verdict.excused} whose last message is in doubt")
    assert verdict.judged > verdict.excused
    assert verdict.faults == {}, _lives(town, str(verdict.faults))
    assert {what.partition(" ")[0] for what in verdict.in_doubt} <= WITHOUT_A_KEY


def _settle(town: Deployment, callback: str) -> None:
    """The storm is over: the verbs until nothing is due, today or on the days the quotas ask for."""
    for _ in range(150):
        wait_until(lambda: _set_callback(town, callback), 30)
        town.other.events_done()
        _until_nothing_is_due(town)
        with town.ctx.ledger.read() as connection:
            soon = reports.next_due_at(connection, town.ctx.site.site, now=town.ctx.now())
        if soon is None:
            return
        town.other.advance(seconds=max((soon - town.ctx.now()).total_seconds(), 0) + 31)
    raise AssertionError(f"something is always due: {_open_ones(town)}")


def _lives(town: Deployment, faults: str) -> str:
    """What the ledger says of the records named in ``faults``, a line each delivery."""
    names = "id", "record", "revision", "effect", "state", "step", "reason", "created_at", "first_intent_at"
    with town.ctx.ledger.read() as connection:
        rows = connection.execute(select(*(delivery.c[name] for name in names)).order_by(delivery.c.id)).all()
    return "\n".join(str(row._asdict()) for row in rows if row.record.rpartition("/")[2] in faults)


def _open_ones(town: Deployment) -> list[str]:
    names = ("id", "flow", "effect", "channel", "state", "step", "reason", "due_at", "check_at", "lease_until")
    query = select(*(delivery.c[name] for name in names)).where(
        delivery.c.state.in_(("ready", "deferred", "claimed", "sending", "unknown", "accepted"))
    )
    with town.ctx.ledger.read() as connection:
        return [str(row._asdict()) for row in connection.execute(query)]


def _until_nothing_is_due(town: Deployment) -> None:
    for _ in range(60):
        town.collect()
        town.compose()
        town.deliver()
        town.other.advance(seconds=5)
        town.other.events_done()
        town.reconcile()
        town.sync_back()
        if not town.due():
            return
    raise AssertionError(f"still due: {town.due()}: {_open_ones(town)}")


def _set_callback(town: Deployment, url: str) -> bool:
    where = f"/_sandbox/wechat/accounts/{town.other.appid}/callback"
    order = {"url": url, "token": "cbtoken", "encoding_aes_key": AES_KEY}
    return bool(town.other.web.put(where, json=order).ok)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
