"""Stopping: everything that came of a service ends, however it hides; nothing else does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops import processes

SLEEP = "import time; time.sleep(120)"
CHILD = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', '{SLEEP}']).pid, flush=True); {SLEEP}"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "run"
    folder.mkdir()
    yield folder
    processes.stop(folder)


def start(run: Path, code: str, **env: str) -> processes.Started:
    return processes.start(
        "service", [sys.executable, "-c", code], cwd=run, env={**os.environ, **env}, run=run, log=run
    )


def said(run: Path) -> str:
    deadline = time.monotonic() + 10
    while not (text := (run / "service.log").read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_started_service_is_alive_and_a_stopped_one_is_not(run: Path) -> None:
    service = start(run, SLEEP)
    assert service.alive() and processes.started(run)["service"] == service
    assert processes.stop(run) == []
    assert not service.alive() and processes.started(run) == {}


def test_the_child_of_a_killed_service_is_found_by_its_session(run: Path) -> None:
    service = start(run, CHILD)
    child = int(said(run))
    os.kill(service.pid, 9)
    os.waitpid(service.pid, 0)
    assert not ended(child)
    assert processes.stop(run) == []
    assert ended(child)


def test_a_child_in_a_session_of_its_own_is_found_by_its_mark_without_any_pid_file(run: Path) -> None:
    start(run, CHILD.replace("])", "], start_new_session=True)"))
    child = int(said(run))
    (run / "service.pid").unlink()
    assert processes.stop(run) == []
    assert ended(child)


def test_what_ignores_the_request_to_end_is_killed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TERM_PATIENCE_S", 0.5)
    service = start(run, DEAF)
    assert said(run) == "deaf"
    assert processes.stop(run) == []
    assert not service.alive()


def test_a_pid_file_whose_number_now_belongs_to_somebody_else_harms_nobody(run: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        stale = processes.Started("service", stranger.pid, time.time() - 3600, psutil.boot_time())
        (run / "service.pid").write_text(json.dumps(stale.__dict__))
        assert not stale.alive()
        assert processes.stop(run) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_pid_file_is_passed_over(run: Path) -> None:
    (run / "torn.pid").write_text('{"name": "to')
    assert processes.started(run) == {}


def test_who_holds_a_port_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert f"pid {os.getpid()}" in processes.who_listens(listener.getsockname()[1])


def test_a_process_that_overwrote_its_environment_is_found_by_its_log_without_any_pid_file(run: Path) -> None:
    logs = run.parent / "log"
    logs.mkdir()
    titled = f"import setproctitle; setproctitle.setproctitle('x' * 20000); print('titled', flush=True); {SLEEP}"
    service = processes.start(
        "service", [sys.executable, "-c", titled], cwd=run, env=dict(os.environ), run=run, log=logs
    )
    deadline = time.monotonic() + 10
    while not (logs / "service.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert psutil.Process(service.pid).environ().get(processes.MARK) is None
    (run / "service.pid").unlink()
    (logs / "service.log").unlink()
    assert processes.stop(run) == []
    assert not service.alive()
