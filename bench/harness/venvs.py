"""Environments for the peers, below var/bench/: what they install must never meet what Weigov installs.

(dlt brings its own versions of common libraries, and some peers overwrite urllib3.) Each is made on first use from
its pinned ``requirements-NAME.txt`` and made anew when that file changes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1]
VAR = BENCH.parent / "var" / "bench"


def python_of(name: str) -> str:
    """The interpreter of the environment called ``name``; '' is our own. Raises CalledProcessError."""
    if not name:
        return sys.executable
    wanted = BENCH / f"requirements-{name}.txt"
    folder = VAR / f"venv-{name}"
    made_from, python = folder / wanted.name, folder / "bin" / "python"
    if not made_from.exists() or made_from.read_bytes() != wanted.read_bytes():
        print(f"bench: making {folder.relative_to(BENCH.parent)} from {wanted.relative_to(BENCH.parent)}", flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", wanted], check=True)
        made_from.write_bytes(wanted.read_bytes())
    return str(python)
