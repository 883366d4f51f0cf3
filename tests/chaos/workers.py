"""The processes of a deployment as an operator has them, each to be killed at any moment and started again.

Each types ``weigov`` commands over and over, as the schedule would, only without a pause.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.weigov.flow import quick
from weigov import cli

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


@dataclass
class Workers:
    """One process a role."""

    environ: Mapping[str, str]
    _running: dict[str, Any] = field(default_factory=dict)

    def start(self, role: str) -> None:
        _CONTEXT.set_forkserver_preload([__name__, "weigov.wiring", "weigov.gateway.app"])
        process = _CONTEXT.Process(target=_work, args=(dict(self.environ), role), daemon=True)
        process.start()
        self._running[role] = process

    def kill(self, role: str) -> None:
        """SIGKILL, as under a power cut; and the next one takes its place."""
        process = self._running[role]
        process.kill()
        process.join(10)
        assert process.exitcode == -signal.SIGKILL, f"{role} had ended by itself: exit code {process.exitcode}"
        process.close()
        self.start(role)

    def role_of(self, pid: int) -> str | None:
        return next((role for role, process in self._running.items() if process.pid == pid), None)

    def stop(self, *, but: str = "") -> None:
        for role in [role for role in self._running if role != but]:
            process = self._running.pop(role)
            process.kill()
            process.join(10)
            process.close()


def _work(environ: dict[str, str], role: str) -> None:
    os.environ.update(environ)
    sys.stdout = sys.stderr = open(os.devnull, "w")
    with quick.reading():
        while True:
            for words in ROLES[role]:
                sys.argv = ["weigov", *words]
                try:
                    cli.main()
                except SystemExit:
                    pass  # somebody else is at it, or an upstream did not answer: the next run tries again
            time.sleep(_PAUSE_S)
