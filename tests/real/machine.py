"""What every real system of these tests shares: Debian's packages, processes of our own, one temporary folder.

Packages that are missing are installed when root, without letting them start their services; the machine's own
servers and their settings are neither used nor touched. Nothing runs after ``stop`` (``make down`` ends what a killed
test left), and nothing listens anywhere but on loopback: ``foreign_doors`` tells.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
import requests

from ops.home import Home
from ops.processes import MARK

HOST = "127.0.0.1"
Say = Callable[[str], None]
_POLICY = Path("/usr/sbin/policy-rc.d")
_PATIENCE_S = 60.0
_ENDING_S = 20.0
_LOOPBACK = frozenset({HOST, "::1", f"::ffff:{HOST}"})


class NotHere(Exception):
    """A system cannot be had on this machine; one line says why and what to do."""


class RealSystem:
    """A system below ``folder``, at ``url`` once started. A subclass says what to install, make and run."""

    name = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"weigov-{self.name}-"))
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._http = requests.Session()
        self._http.trust_env = False

    @classmethod
    def install(cls, say: Say) -> None:
        """Have the programs. Raises NotHere."""

    def start(self) -> None:
        """Make it and serve it. Raises NotHere with nothing left running."""
        raise NotImplementedError

    def stop(self) -> None:
        for process in reversed(self._processes):
            end(process, signal.SIGTERM)
        self._processes.clear()
        self._http.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def foreign_doors(self) -> list[str]:
        """The addresses besides loopback on which its processes listen."""
        return [door for process in self._processes for door in _doors(process.pid) if door not in _LOOPBACK]

    def spawn(self, command: Sequence[str], log: Path, more: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        environ = {**os.environ, MARK: str(Home.from_environ().var), **(more or {})}
        with log.open("ab") as sink:
            child = subprocess.Popen(
                command, env=environ, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._processes.append(child)
        return child

    def run(self, command: Sequence[str], more: dict[str, str] | None = None, *, cwd: Path | None = None) -> str:
        """Run something to its end; what it printed. Raises NotHere with its last words."""
        done = subprocess.run(
            command, env={**os.environ, **(more or {})}, cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NotHere(f"{Path(command[0]).name} failed: {last_line(done.stderr or done.stdout)}")
        return done.stdout

    def until(self, well: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if well():
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        raise NotHere(f"{Path(str(process.args[0])).name} did not start: {last_line(said)}")  # type: ignore[index]


S = TypeVar("S", bound=RealSystem)


@contextmanager
def running(kind: type[S], say: Say) -> Iterator[S]:
    """One of ``kind``, installed and started, stopped at the end. Where it cannot be had: a skip; a failure in CI."""
    began = time.monotonic()
    system = None
    try:
        kind.install(say)
        system = kind()
        system.start()
    except NotHere as reason:
        if system is not None:
            system.stop()
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    except BaseException:
        if system is not None:
            system.stop()
        raise
    say(f"{kind.name} runs after {time.monotonic() - began:.0f} s")
    try:
        assert system.foreign_doors() == [], "it must listen on loopback only"
        yield system
    finally:
        sessions = [process.pid for process in system._processes]
        system.stop()
        left = [process.pid for session in sessions for process in _members(session)]
        assert left == [] and not system.folder.exists(), f"{kind.name} left processes {left} or its folder"


def install(packages: Sequence[str], missing: Callable[[], str], say: Say, answers: Sequence[str] = ()) -> None:
    """Debian's ``packages``, unless ``missing`` names nothing; ``answers`` are debconf's. Raises NotHere."""
    if not (lacking := missing()):
        return
    hint = f"apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotHere(f"{lacking} is missing and cannot be installed without root on Debian: {hint}")
    say(hint)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    with _NoServices():
        if answers:
            _quietly(["debconf-set-selections"], environ, "\n".join(answers))
        _quietly([*quiet, "update"], environ)
        done = _quietly([*quiet, "install", "-y", "--no-install-recommends", *packages], environ)
    if done.returncode:
        raise NotHere(f"apt-get failed: {last_line(done.stderr or done.stdout)}")
    if lacking := missing():
        raise NotHere(f"{lacking} is still missing after {hint}")


def _quietly(command: Sequence[str], environ: dict[str, str], said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, input=said, capture_output=True, text=True, check=False)


class _NoServices:
    """While packages are installed, they start nothing: some bring an Apache along, or a MariaDB on 3306."""

    def __enter__(self) -> None:
        self._ours = not _POLICY.exists()
        if self._ours:
            _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
            _POLICY.chmod(0o755)

    def __exit__(self, *_: object) -> None:
        if self._ours:
            _POLICY.unlink(missing_ok=True)


def end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    """End a whole session of processes: servers have workers, and those may take a moment longer."""
    if process is None:
        return
    for sent in (how, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            break
        if _alone(process.pid):
            break
    process.wait()


def _alone(session: int) -> bool:
    deadline = time.monotonic() + _ENDING_S
    while _members(session):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def last_line(text: str) -> str:
    lines = [line for line in re.sub(r"<[^>]*>", " ", text).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it said nothing"


def _members(session: int) -> list[psutil.Process]:
    """The live processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def _doors(session: int) -> set[str]:
    """The addresses on which the processes of a session listen."""
    held = [one for process in _members(session) for one in process.net_connections("tcp")]
    return {one.laddr.ip for one in held if one.status == psutil.CONN_LISTEN}
