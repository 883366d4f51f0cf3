"""airflow.cfg: every option in it is one Airflow knows, secrets are made once and readable by their owner only."""

from __future__ import annotations

import configparser
import stat
import sysconfig
from pathlib import Path

import pytest
import yaml

from ops import airflow_config
from ops.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.from_environ({"WEIGOV_HOME": str(tmp_path / "100%")})


def written(home: Home) -> configparser.ConfigParser:
    airflow_config.write(home)
    parser = configparser.ConfigParser()
    parser.read(home.airflow / "airflow.cfg")
    return parser


def test_every_option_is_one_airflow_knows(home: Home) -> None:
    template = Path(sysconfig.get_path("purelib")) / "airflow" / "config_templates" / "config.yml"
    known = yaml.safe_load(template.read_text(encoding="utf-8"))
    parser = written(home)
    assert [(s, o) for s in parser.sections() for o in parser[s] if o not in known[s]["options"]] == []


def test_a_percent_sign_in_a_path_survives_airflows_interpolation(home: Home) -> None:
    assert written(home)["database"]["sql_alchemy_conn"] == f"sqlite:///{home.airflow / 'airflow.db'}"


def test_keys_and_passwords_are_made_once(home: Home) -> None:
    before, passwords = written(home), airflow_config.passwords(home)
    after = written(home)
    assert dict(before["api_auth"]) == dict(after["api_auth"])
    assert before["core"]["fernet_key"] == after["core"]["fernet_key"]
    assert airflow_config.passwords(home) == passwords
    assert passwords.keys() == airflow_config.USERS.keys() and len(set(passwords.values())) == len(passwords)


def test_nobody_else_may_read_what_is_secret(home: Home) -> None:
    airflow_config.write(home)
    for name in ("airflow.cfg", "keys.json", "passwords.json"):
        assert stat.S_IMODE((home.airflow / name).stat().st_mode) == 0o600


def test_airflow_listens_on_loopback_and_speaks_to_itself_on_the_port_it_was_given(home: Home) -> None:
    parser = written(home)
    assert parser["api"]["host"] == "127.0.0.1"
    assert parser["core"]["execution_api_server_url"] == f"http://127.0.0.1:{home.airflow_port}/execution/"
