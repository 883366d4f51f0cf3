"""The deployment's parts meet, or one line says which of them is missing."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from weigov import wiring
from weigov.errors import ConfigError
from weigov.gateway.app import create_app
from weigov.gateway.build import build
from weigov.settings import Settings

DEMO = Path(__file__).parents[2] / "mappings" / "demo"


@pytest.fixture
def settings(migrated_sqlite_url: str, tmp_path: Path) -> Settings:
    """A migrated ledger and every connection of the demo site; nothing answers at their addresses."""
    nowhere = "http://127.0.0.1:9"
    wechat = {"conn_type": "wechat_account", "host": nowhere, "login": "wx1", "password": "f" * 32}
    connections = {
        "wechat_city": wechat | {"extra": {"token": "abc", "encoding_aes_key": "k" * 43}},
        "cms": {"host": nowhere, "login": "a", "password": "b"},
        "cases": {"host": nowhere, "login": "a", "password": "b"},
        "qa": {"host": nowhere, "password": "b"},
        wiring.MASTER_KEY: {"password": base64.b64encode(os.urandom(32)).decode()},
    }
    (tmp_path / "secrets.json").write_text(json.dumps(connections))
    environ = {"WEIGOV_HOME": str(tmp_path), "WEIGOV_SITE": str(DEMO), "WEIGOV_LEDGER_URL": migrated_sqlite_url}
    return Settings.from_environ(environ)


def without(settings: Settings, *path: str) -> Settings:
    """The connections without one part."""
    stored = json.loads(settings.secrets_file.read_text())
    holder = stored
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    settings.secrets_file.write_text(json.dumps(stored))
    return settings


def test_a_context_has_the_site_its_ledger_its_systems_and_its_accounts(settings: Settings) -> None:
    with wiring.opened(settings) as ctx:
        assert set(ctx.site.flows) == {"menu", "notices", "policies", "case_progress", "answers"}
        assert ctx.system("cms") is ctx.system("cms") and ctx.system("cms").name == "cms"
        assert ctx.account("city") is ctx.account("city") and ctx.account("city").account.appid == "wx1"
        assert ctx.now().tzinfo is not None


def test_two_contexts_are_two_workers(settings: Settings) -> None:
    with wiring.opened(settings) as one, wiring.opened(settings) as other:
        assert one.worker != other.worker


@pytest.mark.parametrize("name", ["nowhere", "city"])
def test_a_system_or_account_the_site_does_not_have_is_said_with_those_it_has(settings: Settings, name: str) -> None:
    with wiring.opened(settings) as ctx:
        with pytest.raises(ConfigError, match="it has cases, cms, qa"):
            ctx.system(name)
        with pytest.raises(ConfigError, match="it has city"):
            ctx.account("cms")


def test_a_missing_connection_stops_only_what_needs_it(settings: Settings) -> None:
    with wiring.opened(without(settings, "cms")) as ctx:
        with pytest.raises(ConfigError, match="connection cms is missing"):
            ctx.system("cms")
        assert ctx.system("qa").name == "qa"


def test_without_its_master_key_nothing_opens(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=wiring.MASTER_KEY), wiring.opened(without(settings, wiring.MASTER_KEY)):
        pass


def test_an_unmigrated_ledger_is_refused(settings: Settings, tmp_path: Path) -> None:
    elsewhere = replace(settings, ledger_url=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(ConfigError, match="weigov migrate"), wiring.opened(elsewhere):
        pass


def test_a_clock_that_does_not_answer_is_one_line(settings: Settings) -> None:
    with wiring.opened(replace(settings, clock="sandbox:http://127.0.0.1:9")) as ctx:
        with pytest.raises(ConfigError, match="WEIGOV_CLOCK"):
            ctx.now()


@pytest.mark.parametrize("part", ["token", "encoding_aes_key"])
def test_the_gateway_refuses_to_start_without_what_a_callback_needs(settings: Settings, part: str) -> None:
    parts, close = build(without(settings, "wechat_city", "extra", part))
    try:
        with pytest.raises(ConfigError, match=f"account city: .*{part}"):
            create_app(parts)
    finally:
        close()


def test_the_gateway_knows_every_account_of_the_site(settings: Settings) -> None:
    parts, close = build(settings)
    try:
        assert set(parts.accounts) == {"city"} and list(parts.ready()) == []
    finally:
        close()
