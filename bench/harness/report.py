"""What a benchmark leaves: ``var/bench/NAME.json`` and a table to read.

The file has ``ours``, ``peers``, ``floor`` and ``ratios``. A peer's ratio says how many times our CPU it takes;
``floor`` says how many times the floor's CPU ours is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bench.harness.runs import Steps
from bench.harness.venvs import VAR


def ratio(more: Steps, less: Steps, step: str = "first") -> float:
    """How many times the CPU of ``less`` ``more`` takes."""
    return round(more[step]["cpu_ms"] / less[step]["cpu_ms"], 2)


def write(name: str, found: Mapping[str, Any]) -> str:
    """Write the figures; where they are."""
    file = VAR / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(file)


def table(title: str, rows: Iterable[tuple[str, str, Steps]], floor: Steps, ours: Steps) -> str:
    """A line a variant and step: CPU and wall per record, peak memory, CPU over the floor's and over ours."""
    lines = [
        title,
        f"{'variant':30} {'pull':10} {'CPU ms':>9} {'wall ms':>9} {'peak MB':>8} {'x floor':>8} {'x ours':>8}",
    ]
    for name, step, steps in rows:
        it = steps[step]
        wall_ms = it["wall_s"] * it["cpu_ms"] / it["cpu_s"] if it["cpu_s"] else 0.0
        beside = [
            f"{it['cpu_ms'] / other[step]['cpu_ms']:8.2f}" if step in other else f"{'':8}" for other in (floor, ours)
        ]
        lines.append(f"{name:30} {step:10} {it['cpu_ms']:9.4f} {wall_ms:9.4f} {it['rss_mb']:8.0f} {' '.join(beside)}")
    return "\n".join(lines)
