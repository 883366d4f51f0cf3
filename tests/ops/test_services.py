"""Starting: what cannot work is one line before anything runs."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from ops import processes, services
from ops.home import ROOT, Home, OpsError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_taken_port_names_port_holder_and_setting_and_nothing_is_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setenv("WEIGOV_HOME", str(tmp_path))
        monkeypatch.setenv("WEIGOV_SANDBOX_PORT", str(free_port()))
        monkeypatch.setenv("WEIGOV_AIRFLOW_PORT", str(free_port()))
        monkeypatch.setenv("WEIGOV_GATEWAY_PORT", str(port))
        assert services.main(["up"]) == 1
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert f"port {port} of the gateway is taken by" in said and f"pid {os.getpid()}" in said
    assert "WEIGOV_GATEWAY_PORT=" in said
    assert processes.started(tmp_path / "run") == {}


def test_a_service_that_ends_while_starting_is_named_with_its_last_words(tmp_path: Path) -> None:
    home = Home.from_environ({"WEIGOV_HOME": str(tmp_path)})
    home.make()
    env = dict(os.environ)
    processes.start("gateway", ["sh", "-c", "echo starting; echo no secrets file"], cwd=tmp_path, env=env,
                    run=home.run, log=home.log)  # fmt: skip
    with pytest.raises(OpsError, match=r"^gateway ended while starting: no secrets file \(see .*gateway\.log\)$"):
        services._wait(home, lambda: False, "gateway")
    processes.stop(home.run)


def test_a_second_start_at_the_same_time_is_refused(tmp_path: Path) -> None:
    home = Home.from_environ({"WEIGOV_HOME": str(tmp_path)})
    home.make()
    with services._one_at_a_time(home), pytest.raises(OpsError, match="another make up"):
        services.up(home)


def test_stopping_where_nothing_was_ever_started_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGOV_HOME", str(tmp_path / "nowhere"))
    assert services.main(["down"]) == 0


def test_a_shell_that_sourced_the_settings_finds_the_programs(tmp_path: Path) -> None:
    home = Home.from_environ({"WEIGOV_HOME": str(tmp_path)})
    services.write_shell_settings(home)
    told = subprocess.run(
        ["sh", "-c", ". ./weigov.env; . ./weigov.env; command -v weigov; echo $PATH; echo $WEIGOV_SITE"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    programs = ROOT / ".venv" / "bin"
    assert told == [f"{programs}/weigov", f"{programs}:/usr/bin:/bin", home.weigov_settings()["WEIGOV_SITE"]]
