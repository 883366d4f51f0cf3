"""A ``weigov`` process that dies by SIGKILL at a point it was told, as under a power cut or the OOM killer.

The points: ``claim`` (claimed and committed, nothing tried yet), ``intent:STEP`` (the intent is committed, the call
not made), ``effect:STEP`` (the call took effect, its receipt is not kept), ``MODULE.FUNCTION:N`` (at the n-th call of
a function below weigov.flow). Nothing of the product knows of this.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tests.quick import quickly
from tests.weigov.flow import quick
from weigov import cli
from weigov.flow import deliver
from weigov.flow.channels import menu, subscribe, template, write
from weigov.flow.channels.mass import drafting
from weigov.flow.channels.mass import removal as take_back
from weigov.flow.channels.mass import steps as mass_steps
from weigov.flow.channels.news import kept, removal, steps, uploads

_CONTEXT = multiprocessing.get_context("forkserver")
_TIMEOUT_S = 60
#: Every module that takes steps.
_CALLING: tuple[Any, ...] = (
    drafting, kept, menu, removal, steps, subscribe, take_back, mass_steps, template, uploads, write,
)  # fmt: skip

quick.warm()  # once, in the server the children are forked from


def run_until_killed(environ: Mapping[str, str], point: str, *words: str) -> None:
    """Type a command in a process of its own; fails unless it died of SIGKILL at ``point``."""
    code = _run(environ, point, *words)
    assert code == -signal.SIGKILL, f"weigov {' '.join(words)} was not killed at {point}: exit code {code}"


def start(environ: Mapping[str, str], *words: str) -> Any:
    """Type a command in a process of its own, killed nowhere; ``join`` it."""
    _CONTEXT.set_forkserver_preload([__name__, "weigov.wiring"])
    process = _CONTEXT.Process(target=_main, args=(dict(environ), "", words), daemon=True)
    process.start()
    return process


def _run(environ: Mapping[str, str], point: str, *words: str) -> int | None:
    _CONTEXT.set_forkserver_preload([__name__, "weigov.wiring"])
    process = _CONTEXT.Process(target=_main, args=(dict(environ), point, words), daemon=True)
    process.start()
    process.join(_TIMEOUT_S)
    assert process.exitcode is not None, f"weigov {' '.join(words)} did not end"
    code = process.exitcode
    process.close()
    return code


def _main(environ: dict[str, str], point: str, words: tuple[str, ...]) -> None:
    os.environ.update(environ)
    sys.argv = ["weigov", *words]
    if point:
        _arm(point)
    sys.stdout = sys.stderr = open(os.devnull, "w")
    with quickly(), quick.reading():
        cli.main()


def _die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(point: str) -> None:
    kind, _, what = point.partition(":")
    if kind == "claim":
        deliver._send = _die  # type: ignore[assignment]
    elif kind in ("intent", "effect"):
        for channel in _CALLING:
            channel.call = _with_end(channel.call, kind, what)
    else:
        module_name, _, name = kind.rpartition(".")
        module = import_module(f"weigov.flow.{module_name}")
        holder, _, attribute = name.rpartition("__")
        owner = getattr(module, holder) if holder else module
        setattr(owner, attribute, _at_call(getattr(owner, attribute), int(what)))


def _with_end(call: Callable[..., Any], kind: str, wanted: str) -> Callable[..., Any]:
    def ending(ctx: Any, row: Any, step: str, action: Callable[[], str], **more: Any) -> Any:
        def last() -> Any:
            if kind == "effect":
                action()
            _die()

        return call(ctx, row, step, last if step == wanted else action, **more)

    return ending


def _at_call(function: Callable[..., Any], n: int) -> Callable[..., Any]:
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == n:
            _die()
        return function(*args, **kwargs)

    return counted
