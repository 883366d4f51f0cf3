"""One variant, measured from inside: ``python -m bench.harness.measure MODULE SPEC`` prints one JSON object.

Standard library only: it also runs in the peers' own environments. CPU is user and system time of this process and
its children; the peak of its resident memory is the kernel's high-water mark, which begins anew with each program.
"""

from __future__ import annotations

import gc
import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def measure(module: str, spec: dict[str, Any]) -> dict[str, dict[str, float]]:
    """step → cpu_s, wall_s, rss_mb. Raises RuntimeError when a step did not do the whole work."""
    found: dict[str, dict[str, float]] = {}
    for name, step in importlib.import_module(module).steps(spec):
        gc.collect()  # what imports left behind is not the work's
        cpu, wall = _cpu_s(), time.perf_counter()
        count = step()
        found[name] = {"cpu_s": _cpu_s() - cpu, "wall_s": time.perf_counter() - wall, "rss_mb": _peak_mb()}
        if (held := count()) != spec["n"]:
            raise RuntimeError(f"{module} {name}: its store holds {held} of {spec['n']} records")
    return found


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _peak_mb() -> float:
    # ru_maxrss would also count the parent this process was forked from.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]))))
