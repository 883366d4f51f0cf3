"""HTML → what survives in WeChat: our whole conversion beside Beautiful Soup's, and the floor, a bare lexbor parse.

Goals: at least 10 times cheaper than Beautiful Soup with lxml, and within 5 times of a bare lexbor parse.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from bench.harness import report
from bench.harness.runs import Steps, Variant, compare, machine
from bench.pages import pages

GOALS = {"beautifulsoup": 10.0, "floor": 5.0}
KINDS = ("plain", "word", "table", "long")

OURS = Variant("ours", "bench.variants.convert_ours")
FLOOR = Variant("floor", "bench.variants.convert_floor")
PEERS = (Variant("beautifulsoup", "bench.variants.convert_beautifulsoup", "soup"),)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="bench.convert", description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="pages of each kind (200)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant, of which the least counts (5)")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floor: nothing is installed")
    asked = parser.parse_args(arguments)
    peers = () if asked.no_peers else PEERS
    steps = compare([OURS, FLOOR, *peers], "", asked.n, rounds=asked.rounds, kinds=KINDS)
    ours, floor = steps.pop("ours"), steps.pop("floor")
    sizes = {kind: _kilobytes(asked.n, "mixed" if kind == "first" else kind) for kind in ("first", *KINDS)}
    found = {
        "n": asked.n, "kilobytes": sizes, "machine": machine(), "goals": GOALS,
        "ours": ours, "peers": steps, "floor": floor,
        "ratios": {name: report.ratio(peer, ours) for name, peer in steps.items()}
        | {"floor": report.ratio(ours, floor)},
        "by_kind": {kind: {name: report.ratio(peer, ours, kind) for name, peer in steps.items()}
                    | {"floor": report.ratio(ours, floor, kind)} for kind in KINDS},
    }  # fmt: skip
    rows = [(name, step, it) for name, it in (("ours", ours), ("floor", floor), *steps.items()) for step in it]
    print(_table(asked.n, sizes, rows, floor, ours))
    print(f"\n{machine()}\n{found['ratios']}\nwritten: {report.write('convert', found)}")
    return found


def _kilobytes(n: int, kind: str) -> float:
    return round(sum(len(body.encode()) for body in pages(n, kind)) / n / 1000, 1)


def _table(n: int, sizes: dict[str, float], rows: list[tuple[str, str, Steps]], floor: Steps, ours: Steps) -> str:
    of = ", ".join(f"{kind} {size:.0f}" for kind, size in sizes.items())
    title = f"convert: {n:,} pages of each kind, per page ('first' is the mixture; KB a page: {of})"
    return report.table(title, rows, floor, ours)


if __name__ == "__main__":
    main()
