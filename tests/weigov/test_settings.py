"""Settings come from the environment, are sane when it is silent, and name the variable that makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from weigov.errors import ConfigError
from weigov.settings import Settings


def test_a_silent_environment_is_a_deployment_in_var() -> None:
    settings = Settings.from_environ({})
    assert settings.site == Path("mappings/demo").absolute()
    assert settings.home == Path("var").absolute()
    assert settings.ledger_url == f"sqlite:///{settings.home / 'ledger.db'}"
    assert settings.secrets_file == settings.home / "secrets.json"
    assert (settings.clock, settings.gateway_host, settings.gateway_port) == ("system", "127.0.0.1", 18700)


def test_the_home_moves_what_is_not_named_itself() -> None:
    settings = Settings.from_environ({"WEIGOV_HOME": "/srv/weigov", "WEIGOV_SECRETS_FILE": "/etc/weigov.json"})
    assert settings.ledger_url == "sqlite:////srv/weigov/ledger.db"
    assert settings.secrets_file == Path("/etc/weigov.json")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEIGOV_CLOCK", "sandbox"),
        ("WEIGOV_CLOCK", "http://127.0.0.1:8600"),
        ("WEIGOV_GATEWAY_PORT", "http"),
        ("WEIGOV_GATEWAY_PORT", ""),
        ("WEIGOV_GATEWAY_PORT", "-1"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        Settings.from_environ({variable: value})
