"""The processes of a deployment as an operator has them, each to die at any moment and to be started again.

Each types ``weigov`` commands over and over, as the schedule would, only without a pause. One may be born with a
visit at which it kills itself: so many transactions that wrote something, counted before and after their commit. What
is counted is work, not time, so that the same number means the same instruction on any machine.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

from tests.weigov.flow import quick
from weigov import cli
from weigov.ledger.engine import Ledger

_CONTEXT = multiprocessing.get_context("forkserver")

#: role → the commands it types, again and again.
ROLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "collect": (("collect",), ("compose",)),
    "deliver": (("deliver",),),
    "deliver-too": (("deliver",),),
    "reconcile": (("reconcile",), ("sync-back",)),
    "gateway": (("gateway",),),
}
_PAUSE_S = 0.02

quick.warm()  # once, in the server the children are forked from


def nobody_dies(role: str, life: int) -> int:
    """For ``Workers.dies_at``: after a storm."""
    return 0


@dataclass
class Workers:
    """One process a role."""

    environ: Mapping[str, str]
    #: role and the how-manieth of its processes that is to die by itself → at which visit; 0 is never.
    dies_at: Callable[[str, int], int]
    _running: dict[str, Any] = field(default_factory=dict)
    _lives: dict[str, int] = field(default_factory=dict)  # role → how many died by themselves

    def start(self, role: str) -> None:
        _CONTEXT.set_forkserver_preload([__name__, "weigov.wiring", "weigov.gateway.app"])
        visit = self.dies_at(role, self._lives.get(role, 0))
        process = _CONTEXT.Process(target=_work, args=(dict(self.environ), role, visit), daemon=True)
        process.start()
        self._running[role] = process

    def kill(self, role: str) -> None:
        """SIGKILL, as under a power cut; and the next one takes its place, to live as long as this one would have."""
        self._running[role].kill()
        self._bury(role)

    def take_dead(self) -> list[tuple[str, int]]:
        """(role, pid) of those that died by themselves since; the next ones take their places."""
        dead = [(role, process.pid) for role, process in self._running.items() if process.exitcode is not None]
        for role, _ in dead:
            self._lives[role] = self._lives.get(role, 0) + 1
            self._bury(role)
        return dead

    def _bury(self, role: str) -> None:
        process = self._running[role]
        process.join(10)
        assert process.exitcode == -signal.SIGKILL, f"{role} had ended by itself: exit code {process.exitcode}"
        process.close()
        self.start(role)

    def role_of(self, pid: int) -> str | None:
        return next((role for role, process in self._running.items() if process.pid == pid), None)

    def stop(self) -> None:
        for role in list(self._running):
            process = self._running.pop(role)
            process.kill()
            process.join(10)
            process.close()


def _work(environ: dict[str, str], role: str, visit: int) -> None:
    os.environ.update(environ)
    sys.stdout = sys.stderr = open(os.devnull, "w")
    if visit:
        _die_at(visit)
    with quick.reading():
        while True:
            for words in ROLES[role]:
                sys.argv = ["weigov", *words]
                try:
                    cli.main()
                except SystemExit:
                    pass  # somebody else is at it, or an upstream did not answer: the next run tries again
            time.sleep(_PAUSE_S)


def _die_at(visit: int) -> None:
    """Visits are odd before a commit that keeps something, and even after it."""
    seen = 0

    def visited() -> None:
        nonlocal seen
        seen += 1
        if seen == visit:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_statement(connection: Connection, cursor: Any, _: str, __: Any, context: Any, ___: bool) -> None:
        if cursor.rowcount > 0 and (context.isinsert or context.isupdate or context.isdelete):
            connection.info["wrote"] = True

    begin = Ledger.begin

    @contextmanager
    def watched(ledger: Ledger) -> Iterator[Connection]:
        with begin(ledger) as connection:
            connection.info.pop("wrote", None)
            yield connection
            if kept := connection.info.pop("wrote", False):
                visited()
        if kept:
            visited()

    event.listen(Engine, "after_cursor_execute", after_statement)
    Ledger.begin = watched  # type: ignore[method-assign]
