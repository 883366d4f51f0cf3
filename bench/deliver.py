"""Sending template messages: our verb ``deliver``, ledger included, beside wechatpy with a commit for each answer.

Goals, by messages a second: at least 25 times ``wechatpy_sequential``, and at a latency of 20 ms at least 3 times
``wechatpy_threads32``. The service answers after a latency, from a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bench.harness import report
from bench.harness.runs import Steps, Variant, machine, run
from bench.harness.venvs import BENCH

GOALS = {"wechatpy_sequential": 25.0, "wechatpy_threads32": 3.0}

OURS = Variant("ours", "bench.variants.deliver_ours")
_WECHATPY = "bench.variants.deliver_wechatpy"
SEQUENTIAL = Variant("wechatpy_sequential", _WECHATPY, "wechatpy", {"threads": 1})
THREADS = Variant("wechatpy_threads32", _WECHATPY, "wechatpy", {"threads": 32})
#: One after the other takes that much longer: fewer messages tell as much.
_FEWER = 10


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="bench.deliver", description=__doc__)
    parser.add_argument("-n", type=int, default=2_000, help="messages (2000); a tenth of them one after the other")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each variant, of which the least counts (3)")
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[20.0, 80.0], help="of the service (20 80)")
    parser.add_argument("--no-peers", action="store_true", help="only ours: nothing is installed")
    asked = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    for latency_ms in asked.latency_ms:
        with service(latency_ms) as address:
            found[f"{latency_ms:g}"] = _at(address, asked.n, asked.rounds, peers=not asked.no_peers)
    first = found[f"{asked.latency_ms[0]:g}"]
    written = {"n": asked.n, "machine": machine(), "goals": GOALS, **first, "floor": None, "by_latency_ms": found}
    lines = [f"{'latency ms':>10} {'variant':22} {'per s':>9} {'CPU ms':>8} {'peak MB':>8} {'ours over it':>13}"]
    for latency, at in found.items():
        for name, steps in {"ours": at["ours"], **at["peers"]}.items():
            one, times = steps["first"], at["ratios"].get(name, 1.0)
            lines.append(
                f"{latency:>10} {name:22} {one['per_s']:9.0f} {one['cpu_ms']:8.3f} {one['rss_mb']:8.0f} {times:13.2f}"
            )
    print("\n".join(lines))
    print(f"\n{machine()}\n{written['ratios']}\nwritten: {report.write('deliver', written)}")
    return written


def _at(address: str, n: int, rounds: int, *, peers: bool) -> dict[str, Any]:
    least: dict[str, Steps] = {}
    for number in range(rounds):
        for variant, count in ((OURS, n), *(((SEQUENTIAL, max(n // _FEWER, 1)), (THREADS, n)) if peers else ())):
            print(f"bench: round {number + 1} of {rounds}, {count} messages: {variant.name}")
            one = run(replace(variant, spec={**variant.spec, "url": address}), "", count)["first"]
            one |= {"cpu_ms": 1000 * one["cpu_s"] / count, "per_s": count / one["wall_s"]}
            before = least.get(variant.name, {"first": one})["first"]
            least[variant.name] = {"first": one if one["per_s"] >= before["per_s"] else before}
    others = {name: steps for name, steps in least.items() if name != "ours"}
    ours = least["ours"]["first"]["per_s"]
    ratios = {name: round(ours / steps["first"]["per_s"], 2) for name, steps in others.items()}
    return {"ours": least["ours"], "peers": others, "ratios": ratios}


@contextmanager
def service(latency_ms: float) -> Iterator[str]:
    """WeChat's stand-in in a process of its own; its address."""
    command = [sys.executable, "-m", "bench.upstream.wechat", str(latency_ms)]
    with subprocess.Popen(command, cwd=BENCH.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    main()
