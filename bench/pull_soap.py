"""Pulling articles of 1 KB over SOAP, all in one answer: our whole path beside zeep's objects, and the floor.

Goals: at least 4 times cheaper than zeep's objects, with memory that stays where it was: at 50,000 records in one
answer at most 1.1 times what 1,000 take.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from bench.harness import report
from bench.harness.runs import Steps, Variant, compare, machine, run, upstream

GOALS = {"zeep_objects": 4.0, "rss_50000_over_1000": 1.1}

OURS = "bench.variants.ours"
FLOOR = Variant("floor", "bench.variants.soap_floor")
PEERS = (Variant("zeep_objects", "bench.variants.soap_zeep", "hand"),)


def ours(stream: str, *steps: str) -> Variant:
    return Variant("ours", OURS, spec={"engine": "soap", "stream": stream, "steps": steps})


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="bench.pull_soap", description=__doc__)
    parser.add_argument("-n", type=int, default=10_000, help="records (10000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant, of which the least counts (5)")
    parser.add_argument(
        "--many", type=int, default=50_000, help="records of the answer that must not need more memory"
    )
    parser.add_argument("--few", type=int, default=1_000, help="than this many do")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floor: nothing is installed")
    asked = parser.parse_args(arguments)
    peers = () if asked.no_peers else PEERS
    every = ("first", "unchanged", "changed")
    with upstream(asked.n) as address:
        at_once = compare([ours("at_once", *every), FLOOR, *peers], address, asked.n, rounds=asked.rounds, page=0)
        paged = compare([ours("by_1000", *every), FLOOR, *peers], address, asked.n, rounds=asked.rounds, page=1000)
    memory = {
        one.name: {str(n): _peak_mb(one, n) for n in (asked.few, asked.many)}
        for one in (ours("at_once", "first"), FLOOR, *peers)
    }
    found = {
        "n": asked.n, "bytes": 1024, "machine": machine(), "goals": GOALS,
        **_figures(at_once), "by_1000": _figures(paged),
        "memory_mb": memory,
        "memory_ratios": {name: round(mb[str(asked.many)] / mb[str(asked.few)], 2) for name, mb in memory.items()},
    }  # fmt: skip
    print(_table("in one answer", asked.n, at_once), _table("1,000 a page", asked.n, paged), sep="\n\n")
    print(f"\npeak memory (MB) of one pull, all in one answer: {asked.few:,} and {asked.many:,} records")
    for name, mb in memory.items():
        print(
            f"{name:30} {mb[str(asked.few)]:8.0f} {mb[str(asked.many)]:8.0f}   x {found['memory_ratios'][name]:.2f}"
        )
    print(f"\n{machine()}\n{found['ratios']}\nwritten: {report.write('pull_soap', found)}")
    return found


def _peak_mb(variant: Variant, n: int) -> float:
    with upstream(n) as address:
        return run(variant, address, n, page=0)["first"]["rss_mb"]


def _figures(found: dict[str, Steps]) -> dict[str, Any]:
    peers = {name: steps for name, steps in found.items() if name not in ("ours", "floor")}
    ratios = {name: report.ratio(steps, found["ours"]) for name, steps in peers.items()}
    return {
        "ours": found["ours"], "peers": peers, "floor": found["floor"],
        "ratios": {**ratios, "floor": report.ratio(found["ours"], found["floor"])},
    }  # fmt: skip


def _table(what: str, n: int, found: dict[str, Steps]) -> str:
    rows = [(name, step, steps) for name, steps in found.items() for step in steps]
    title = f"pull_soap: {n:,} records of 1 KB, {what}, per record (the floor fetches and parses, and stores nothing)"
    return report.table(title, rows, found["floor"], found["ours"])


if __name__ == "__main__":
    main()
