"""Start a service in a session of its own, know whether it still runs, and stop everything that ever came of it.

A process is ours when it belongs to a session we started, carries our mark in its environment, or writes into our
logs: the first holds when its parent has died, the second when it made a session of its own, the third when the pid
file is gone and the process has overwritten its environment with a title (Airflow's do).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "WEIGOV_SERVICE_OF"  # in a service's environment: the var/ it belongs to
TERM_PATIENCE_S = 20.0
KILL_PATIENCE_S = 5.0
_children: list[subprocess.Popen[bytes]] = []  # this process's own, to be reaped when they end
_SAME_MOMENT_S = 2.0  # create times are read with the clock's drift in them


@dataclass(frozen=True)
class Started:
    """What a pid file holds."""

    name: str
    pid: int
    created_s: float
    boot_s: float

    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_s) < _SAME_MOMENT_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def start(name: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], run: Path, log: Path) -> Started:
    """Start ``command`` in a session of its own; its output goes to ``log/NAME.log``, the last run's to ``.1``."""
    output = log / f"{name}.log"
    if output.exists():
        output.replace(log / f"{name}.log.1")
    with output.open("wb") as sink:
        child = subprocess.Popen(
            command, cwd=cwd, env={**env, MARK: str(run.parent)}, stdin=subprocess.DEVNULL, stdout=sink,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _children.append(child)
    started = Started(name, child.pid, psutil.Process(child.pid).create_time(), psutil.boot_time())
    (run / f"{name}.pid").write_text(json.dumps(started.__dict__), encoding="utf-8")
    return started


def started(run: Path) -> dict[str, Started]:
    """Every service with a readable pid file, alive or not."""
    found = {}
    for path in sorted(run.glob("*.pid")):
        try:
            record = Started(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            continue
        found[record.name] = record
    return found


def stop(run: Path, only: Iterable[str] | None = None) -> list[str]:
    """End every process that came of ``run``'s services (or of those named); returns what could not be ended."""
    records = [record for record in started(run).values() if only is None or record.name in set(only)]
    home = run.parent if only is None else None
    targets = _ours(records, home)
    for how, patience_s in ((signal.SIGTERM, TERM_PATIENCE_S), (signal.SIGKILL, KILL_PATIENCE_S)):
        deadline = time.monotonic() + patience_s
        signalled: set[int] = set()
        while targets and time.monotonic() < deadline:
            for process in targets:  # newly forked ones too, each once
                if process.pid not in signalled:
                    signalled.add(process.pid)
                    _signal(process, how)
            psutil.wait_procs(targets, timeout=0.2)
            targets = _ours(records, home)
        if not targets:
            break
    _children[:] = [child for child in _children if child.poll() is None]
    if not targets:
        for path in run.glob("*.pid"):
            if only is None or path.stem in set(only):
                path.unlink(missing_ok=True)
    return [f"{process.pid} ({_title(process)})" for process in targets]


def _ours(records: Sequence[Started], home: Path | None) -> list[psutil.Process]:
    """Every living process of these services; with ``home``, of any that ever belonged to it."""
    untouchable = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    sessions = {record.pid for record in records if _session_is_ours(record)}
    living = [(process, sid) for process in psutil.process_iter() if (sid := _session(process)) is not None]
    belonging = set() if home is None else {process.pid for process, _ in living if _belongs(process, home)}
    # Of a session begun by somebody else, an operator's shell, only what belongs is ours.
    sessions |= belonging - untouchable
    return [
        process
        for process, sid in living
        if (sid in sessions or process.pid in belonging) and process.pid not in untouchable
    ]


def _session(process: psutil.Process) -> int | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getsid(process.pid)
    except (psutil.Error, OSError):
        return None


def _belongs(process: psutil.Process, home: Path) -> bool:
    """Whether it carries ``home`` as its mark, or its output goes into ``home``'s logs (deleted or not)."""
    try:
        if process.environ().get(MARK) == str(home):
            return True
        return os.readlink(f"/proc/{process.pid}/fd/1").startswith(f"{home}/log/")
    except (psutil.Error, OSError):
        return False


def _session_is_ours(record: Started) -> bool:
    """The kernel gives a session's number to nobody else while a member lives; a living leader must be the one."""
    if abs(psutil.boot_time() - record.boot_s) > 60:
        return False
    try:
        return abs(psutil.Process(record.pid).create_time() - record.created_s) < _SAME_MOMENT_S
    except psutil.NoSuchProcess:
        return True


def _signal(process: psutil.Process, how: signal.Signals) -> None:
    try:
        process.send_signal(how)
    except psutil.Error:
        return


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80] or process.name()
    except psutil.Error:
        return "ended just now"


def who_listens(port: int) -> str:
    """Who holds a port, as far as this user may know: ``nginx, pid 4711``, or an empty string."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                return ""
            try:
                process = psutil.Process(connection.pid)
                return f"{_title(process)}, pid {connection.pid}"
            except psutil.Error:
                return f"pid {connection.pid}"
    return ""
