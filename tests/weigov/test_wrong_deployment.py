"""What a mistake in a deployment says: one line that names the thing, and never a stack trace or a secret."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.adapters.upstream import SAMPLES, SOAP
from tests.weigov.command import Typed, command
from weigov.commands import state
from weigov.credentials import FileCredentials
from weigov.errors import ConfigError
from weigov.ledger.engine import Ledger
from weigov.settings import Settings
from weigov.yamlfile import YamlFile

SECRETS = {
    "weigov_master_key": {"conn_type": "generic", "password": "A" * 43 + "="},
    "wechat_city": {
        "conn_type": "wechat_account",
        "host": "http://127.0.0.1:1",
        "login": "wx" + "0" * 16,
        "password": "0" * 32,
        "extra": {"token": "weigov", "encoding_aes_key": "A" * 43},
    },
}
SITE = """site: town
time_zone: Asia/Shanghai
accounts:
  city: {type: service, connection: wechat_city}
systems: {}
"""
FLOW = """flow: menu
title: 菜单
to: {accounts: [city], kind: menu}
menu:
  - {name: 一, url: "https://a.example/"}
"""


class Deployment:
    """A site with one menu, a migrated ledger and a secrets file, all in a folder."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "town"
        self.secrets = folder / "secrets.json"
        (self.site / "flows").mkdir(parents=True)
        (self.site / "site.yaml").write_text(SITE, encoding="utf-8")
        (self.site / "flows" / "menu.yaml").write_text(FLOW, encoding="utf-8")
        self.secrets.write_text(json.dumps(SECRETS), encoding="utf-8")
        self.environ = {
            "WEIGOV_SITE": str(self.site),
            "WEIGOV_HOME": str(folder),
            "WEIGOV_SECRETS_FILE": str(self.secrets),
            "WEIGOV_LEDGER_URL": f"sqlite:///{folder / 'ledger.db'}",
            "WEIGOV_CLOCK": "system",
        }

    def type(self, *words: str, **environ: str) -> Typed:
        return command(self.environ | environ, *words)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path)
    made.type("migrate").good()
    return made


@pytest.mark.parametrize("verb", ["status", "plan", "collect", "compose", "deliver", "gateway"])
def test_without_a_sound_site_yaml_no_verb_pretends_to_have_worked(deployment: Deployment, verb: str) -> None:
    (deployment.site / "site.yaml").write_text(SITE.replace("service", "servise"), encoding="utf-8")
    typed = deployment.type(verb)
    assert typed.code == 1
    assert "site.yaml:4: accounts.city.type: 'servise' is not a word here" in typed.err


def test_a_broken_flow_is_named_and_the_others_go_on(deployment: Deployment) -> None:
    (deployment.site / "flows" / "typo.yaml").write_text(
        FLOW.replace("flow: menu", "flow: typo").replace("title", "titel"), encoding="utf-8"
    )
    for verb, said in (("plan", "菜单"), ("compose", "menu: deliveries 1"), ("status", "menu")):
        typed = deployment.type(verb)
        assert said in typed.out
        assert f"{deployment.site}/flows/typo.yaml:2: titel: is not a word here" in typed.err


def test_a_port_somebody_else_has_is_one_line(deployment: Deployment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        typed = deployment.type("gateway", WEIGOV_GATEWAY_PORT=str(taken.getsockname()[1]))
    assert typed.code == 1
    assert typed.err.count("\n") == 1 and "WEIGOV_GATEWAY_PORT" in typed.err


@pytest.mark.parametrize("port", ["", "0", "70000", "²", "a"])
def test_a_port_is_a_number_a_port_can_have(port: str) -> None:
    with pytest.raises(ConfigError, match="WEIGOV_GATEWAY_PORT"):
        Settings.from_environ({"WEIGOV_GATEWAY_PORT": port})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://u:hunter2@h:port/x", "not a SQLAlchemy URL"),
        ("postgresql+nosuch://u:hunter2@h/x", "there is no driver postgresql.nosuch"),
    ],
)
def test_a_ledger_url_with_a_slip_says_so_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Ledger(url)
    assert "hunter2" not in str(caught.value)


def test_postgresql_without_a_driver_takes_the_one_that_is_installed() -> None:
    ledger = Ledger("postgresql://u@h/x")
    assert ledger.engine.driver == "psycopg2"
    ledger.close()


@pytest.mark.parametrize("verb", ["status", "migrate"])
def test_a_file_that_is_no_database_is_one_line(deployment: Deployment, tmp_path: Path, verb: str) -> None:
    (tmp_path / "not.db").write_text("root:x:0:0\n" * 100, encoding="utf-8")
    typed = deployment.type(verb, WEIGOV_LEDGER_URL=f"sqlite:///{tmp_path / 'not.db'}")
    assert typed.code == 1
    assert typed.err == "the ledger's database cannot be used: file is not a database; check WEIGOV_LEDGER_URL\n"


def test_a_database_that_goes_away_in_the_midst_is_one_line(deployment: Deployment, tmp_path: Path) -> None:
    deployment.type("compose").good()
    ledger = Ledger(deployment.environ["WEIGOV_LEDGER_URL"])
    with ledger.begin() as connection:
        connection.exec_driver_sql("DROP TABLE delivery")
    ledger.close()
    typed = deployment.type("status")
    assert typed.code == 1
    assert typed.err.count("\n") == 1 and "no such table" in typed.err


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({"password": 123456}, "password is not text"),
        ({"login": ["a"]}, "login is not text"),
        ({"host": "h", "port": "hunter2"}, "port is not a port number"),
        ({"host": "h", "port": 99999}, "port is not a port number"),
        ({"extra": ["hunter2"]}, "the extra of connection cms is not a JSON object"),
    ],
)
def test_a_connection_of_the_wrong_shape_names_the_part(
    tmp_path: Path, connection: Mapping[str, Any], says: str
) -> None:
    (tmp_path / "s.json").write_text(json.dumps({"cms": connection}), encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        FileCredentials(tmp_path / "s.json", {}).get("cms")
    assert "hunter2" not in str(caught.value)


def test_a_secrets_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"s\.json is not UTF-8"):
        FileCredentials(tmp_path / "s.json", {}).get("cms")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        FileCredentials(tmp_path, {}).get("cms")


def test_a_secrets_file_saved_by_notepad_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps({"cms": {"login": "me"}}), encoding="utf-8-sig")
    assert FileCredentials(tmp_path / "s.json", {}).get("cms").login == "me"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("begin: 2024-13-45\n", "is not YAML: month must be in 1..12"),
        ("a: " + "[" * 1000 + "]" * 1000, "is nested too deeply"),
        ("a: \x00\n", "is not YAML: unacceptable character"),
        ("a:\n\tb: 1\n", "indent with spaces"),
    ],
)
def test_what_yaml_itself_cannot_take_is_one_fault(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        YamlFile(tmp_path / "x.yaml")
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_clock_that_is_no_sandbox_says_so(deployment: Deployment) -> None:
    typed = deployment.type("status", WEIGOV_CLOCK="sandbox:http://127.0.0.1:1")
    assert typed.code == 1 and "WEIGOV_CLOCK" in typed.err


def test_status_shows_whole_names_on_a_narrow_terminal(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.type("compose").good()
    flow = {"revisions": {"pending": 0, "quarantined": 0}, "write_backs": {}, "skipped": {"unbound": 3}}
    path = {"used": 10, "daily_limit": 10, "waiting": 3, "empty_at": datetime(2026, 3, 11, tzinfo=UTC)}
    found = {
        "site": "town",
        "at": "now",
        "flows": {"a_flow_with_a_long_name_of_its_own": flow | {"deliveries": {"waiting_review": 15}}},
        **{name: [] for name in ("held", "deferred", "unknown", "in_doubt", "waiting_review", "quarantine")},
        "stopped": [{"target": "account:city", "since": "now", "reason": "40164"}],
        "still_readable": [],
        "accounts": {"city": [{**path, "path": f"/cgi-bin/{name}"} for name in ("freepublish/delete", "draft/add")]},
        **{"unreadable": [], "streams": [], "due": {}, "next_due_at": None, "unproven": ["letters"]},
    }
    monkeypatch.setattr(state, "out", Console(width=80))
    state.show_status(found, UTC)
    shown = capsys.readouterr().out
    assert "…" not in shown and "letters: 未经实证" in shown
    assert "freepublish/delete" in shown and "2026-03-11 00:00" in shown and "account:city since now: 40164" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_request_its_wsdl_does_not_describe_is_found_by_lint(deployment: Deployment) -> None:
    """A site's own descriptor, with its WSDL beside it; nothing is asked of any network."""
    systems = deployment.site / "systems"
    systems.mkdir()
    (systems / "items.wsdl").write_bytes((SAMPLES / "items.wsdl").read_bytes())
    (systems / "items.yaml").write_text(SOAP, encoding="utf-8")
    own = "systems:\n  items: {descriptor: items, connection: items}\n"
    (deployment.site / "site.yaml").write_text(SITE.replace("systems: {}\n", own), encoding="utf-8")
    assert "1 system, " in deployment.type("lint").good()
    wrong = SOAP.replace("op: GetItem", "op: GetItme").replace(
        '{id: "{id}", state: "{state}"}', '{id: "{id}", stat: "{state}"}'
    )
    (systems / "items.yaml").write_text(wrong, encoding="utf-8")
    typed = deployment.type("lint")
    assert typed.code == 1
    lines = typed.err.splitlines()
    assert all(line.startswith(f"{systems / 'items.yaml'}:") for line in lines)
    assert "GetItme" in lines[0] and "did you mean GetItem" in lines[0]
    assert any("stat" in line and "did you mean state" in line for line in lines[1:])


def test_a_descriptor_no_system_uses_yet_is_found_by_lint_too(deployment: Deployment) -> None:
    systems = deployment.site / "systems"
    systems.mkdir()
    (systems / "items.wsdl").write_bytes((SAMPLES / "items.wsdl").read_bytes())
    (systems / "items.yaml").write_text(SOAP.replace("op: GetItem", "op: GetItme"), encoding="utf-8")
    (systems / "hall.yaml").write_text("system: hal\ntitle: 例\nengine: rest\n", encoding="utf-8")
    typed = deployment.type("lint")
    assert typed.code == 1
    assert typed.err.splitlines() == [
        f"{systems / 'hall.yaml'}:1: system: must be 'hall', as the file's place says",
        f"{systems / 'items.yaml'}:32: streams.full.detail.request.op: "
        "the WSDL has no operation GetItme at port ItemsPort (did you mean GetItem?)",
    ]


def test_a_faulty_descriptor_that_is_used_is_said_once(deployment: Deployment) -> None:
    systems = deployment.site / "systems"
    systems.mkdir()
    (systems / "hall.yaml").write_text("system: hal\ntitle: 例\nengine: rest\n", encoding="utf-8")
    own = "systems:\n  hall: {descriptor: hall, connection: hall}\n"
    (deployment.site / "site.yaml").write_text(SITE.replace("systems: {}\n", own), encoding="utf-8")
    assert deployment.type("lint").err.count("hall.yaml:1: system: must be") == 1
