"""An exchange table under collect: what is signed is stored, what is stored comes in once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from sandbox.exchange.cases import APASINFO, Exchange
from tests.weigov.flow.deployment import MASTER_KEY
from tests.weigov.flow.killed import run_until_killed
from weigov import wiring
from weigov.flow.collect import Collected, collect
from weigov.ledger import mirror
from weigov.ledger.streams import StreamRef
from weigov.settings import Settings

SITE = """
site: province
time_zone: Asia/Shanghai
accounts:
  city: {type: service, connection: wechat_city}
systems:
  exchange: {descriptor: provincial_cases, connection: exchange}
"""


class Province:
    """A site that reads an exchange table and nothing else."""

    def __init__(self, home: Path, migrated_url: str) -> None:
        database = home / "exchange.db"
        database.touch()
        self.exchange = Exchange(f"sqlite:///{database}")
        self.exchange.create()
        (home / "province").mkdir()
        (home / "province" / "site.yaml").write_text(SITE, encoding="utf-8")
        secrets = home / "secrets.json"
        secrets.write_text(
            json.dumps({
                "exchange": {"conn_type": "gov_table", "extra": {"url": f"sqlite:///{database}"}},
                "wechat_city": {"conn_type": "wechat_account", "login": "wx0", "password": "x"},
                wiring.MASTER_KEY: {"conn_type": "generic", "password": MASTER_KEY},
            })
        )  # fmt: skip
        self.environ = {
            "WEIGOV_SITE": str(home / "province"),
            "WEIGOV_HOME": str(home),
            "WEIGOV_LEDGER_URL": migrated_url,
            "WEIGOV_SECRETS_FILE": str(secrets),
        }

    def collect(self) -> Collected:
        with wiring.opened(Settings.from_environ(self.environ)) as ctx:
            return collect(ctx, "exchange", "cases")

    def mirrored(self) -> dict[str, str]:
        """Case → the state the mirror holds."""
        with wiring.opened(Settings.from_environ(self.environ)) as ctx, ctx.ledger.read() as connection:
            found = mirror.records(connection, StreamRef("province", "exchange", "cases"))
            return {record.key: record.get("status") for record in found}

    def close(self) -> None:
        self.exchange.close()


@pytest.fixture
def province(tmp_path: Path, migrated_url: str) -> Iterator[Province]:
    with closing(Province(tmp_path, migrated_url)) as it:
        yield it


def states(exchange: Exchange) -> dict[str, str]:
    return {row["PROJID"]: row["PROJECTSTATE"] for row in exchange.rows()}


def test_killed_between_commit_and_sign_nothing_is_lost_and_nothing_doubled(province: Province) -> None:
    numbers = province.exchange.seed(20)
    run_until_killed(os.environ | province.environ, "collect._acknowledge:1", "collect", "exchange", "cases")
    assert not set(province.exchange.signs().values()) & {"1", "3"}  # nothing was signed
    assert province.mirrored() == states(province.exchange)  # all was stored
    province.exchange.report(numbers[0], PROJECTSTATE="9")
    again = province.collect().stored
    assert (again.new, again.changed, again.unchanged) == (0, 1, 19)
    assert province.mirrored() == states(province.exchange)
    assert set(province.exchange.signs().values()) == {"1"}


def test_rows_that_cannot_be_signed_are_a_problem_of_the_run_and_no_loss(province: Province) -> None:
    province.exchange.seed(7)
    with province.exchange.engine.begin() as connection:
        connection.execute(sa.text(
            f'CREATE TRIGGER readonly BEFORE UPDATE ON "{APASINFO.name}" BEGIN SELECT RAISE(ABORT, \'no\'); END'
        ))  # fmt: skip
    first = province.collect()
    assert first.stored.new == 7
    assert first.incomplete.startswith("what was stored could not be acknowledged: exchange cases acknowledge")
    assert province.collect().stored.unchanged == 7
    with province.exchange.engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER readonly"))
    assert province.collect().incomplete == "" and set(province.exchange.signs().values()) == {"1"}
