"""Ports and paths: what was asked for once stays, what makes no sense is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.home import Home, OpsError


def test_a_port_asked_for_once_stays_until_var_is_forgotten(tmp_path: Path) -> None:
    Home.from_environ({"WEIGOV_HOME": str(tmp_path), "WEIGOV_SANDBOX_PORT": "19999"}).make()
    again = Home.from_environ({"WEIGOV_HOME": str(tmp_path)})
    assert (again.sandbox_port, again.airflow_port) == (19999, 18080)


def test_the_environment_wins_over_what_was_kept(tmp_path: Path) -> None:
    (tmp_path / "ports.env").write_text("# kept\nWEIGOV_SANDBOX_PORT=19999\n")
    home = Home.from_environ({"WEIGOV_HOME": str(tmp_path), "WEIGOV_SANDBOX_PORT": "20000"})
    assert home.sandbox_url == "http://127.0.0.1:20000"


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_one_line_with_its_setting(tmp_path: Path, port: str) -> None:
    with pytest.raises(OpsError, match=f"^WEIGOV_AIRFLOW_PORT is '{port}'"):
        Home.from_environ({"WEIGOV_HOME": str(tmp_path), "WEIGOV_AIRFLOW_PORT": port})


def test_two_services_on_one_port_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="the same port"):
        Home.from_environ({"WEIGOV_HOME": str(tmp_path), "WEIGOV_AIRFLOW_PORT": "18600"})


def test_foreign_airflow_settings_do_not_reach_our_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    monkeypatch.setenv("AIRFLOW_CONN_CMS", "{}")
    env = Home.from_environ({"WEIGOV_HOME": str(tmp_path)}).environ()
    assert "AIRFLOW__CORE__LOAD_EXAMPLES" not in env
    assert env["AIRFLOW_CONN_CMS"] == "{}"
    assert env["AIRFLOW_HOME"] == str(tmp_path / "airflow")


def test_loopback_is_never_asked_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")
    assert Home.from_environ({"WEIGOV_HOME": str(tmp_path)}).environ()["NO_PROXY"] == "intranet,127.0.0.1,localhost"
