"""Runs variants in turn, each in a process of its own, against one server in another, and takes the least of each.

What else a machine does can only add to a run, so the least of several is nearest to what the work takes. They are
interleaved: a slow spell then touches all variants, not one.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness.venvs import BENCH, VAR, python_of

Steps = dict[str, dict[str, float]]  #: step → cpu_s, wall_s, rss_mb

#: Proxies and the like of the surroundings are nobody's merit; hash seeds change how dicts collide.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Variant:
    """One way of doing the work. ``venv`` names its requirements; '' is our own environment."""

    name: str
    module: str
    venv: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def upstream(n: int) -> Iterator[str]:
    """A server of ``n`` articles in a process of its own; its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.upstream.server", str(n)], cwd=BENCH.parent, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def run(variant: Variant, address: str, n: int, **spec: Any) -> Steps:
    """One run of ``variant``. Raises RuntimeError with its last words when it fails."""
    VAR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR, prefix=f"{variant.name}-") as folder:
        whole = {
            "url": f"{address}/g0", "changed_url": f"{address}/g1", "n": n, "folder": folder, **spec, **variant.spec,
        }  # fmt: skip
        done = subprocess.run(
            [python_of(variant.venv), "-m", "bench.harness.measure", variant.module, json.dumps(whole)],
            cwd=BENCH.parent, env=os.environ | _ENVIRONMENT, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{variant.name}: {done.stderr.strip()[-2000:]}")
    found: Steps = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(
    variants: Sequence[Variant],
    address: str,
    n: int,
    *,
    rounds: int,
    said: Callable[[str], None] = print,
    **spec: Any,
) -> dict[str, Steps]:
    """variant → the least of ``rounds`` runs, and ``cpu_ms``: CPU per record."""
    runs: dict[str, list[Steps]] = {variant.name: [] for variant in variants}
    for number in range(rounds):
        for variant in variants:
            said(f"bench: round {number + 1} of {rounds}, {n} records: {variant.name}")
            runs[variant.name].append(run(variant, address, n, again=number == 0, **spec))
    return {name: _least(found, n) for name, found in runs.items()}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in _lines(info) if line.startswith(("model name", "Model"))]
    return {
        "cpus": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
    }


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _least(runs: Sequence[Steps], n: int) -> Steps:
    found: Steps = {}
    for step in runs[0]:
        figures = {name: min(run[step][name] for run in runs if step in run) for name in runs[0][step]}
        found[step] = {"cpu_ms": 1000 * figures["cpu_s"] / n, **figures}
    return found
