"""Pulling articles of 1 KB over REST: our whole path beside dlt, a hand-written pull, and the floor.

Goals: at least 4 times cheaper than dlt into SQLite, and within 5 times the floor's CPU (3 is the aim).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from bench.harness import report
from bench.harness.runs import Steps, Variant, compare, machine, upstream

GOALS = {"dlt_sqlite": 4.0, "floor": 5.0}

OURS = "bench.variants.ours"
FLOOR = Variant("floor", "bench.variants.rest_floor")
PEERS = (
    Variant("dlt_parquet", "bench.variants.rest_dlt", "dlt", {"destination": "duckdb"}),
    Variant("dlt_sqlite", "bench.variants.rest_dlt", "dlt", {"destination": "sqlite"}),
    Variant("requests_sqlalchemy", "bench.variants.rest_requests_sqlalchemy", "hand"),
)


def ours(page: int) -> Variant:
    steps = ["first", "unchanged", "changed"]
    return Variant("ours", OURS, spec={"engine": "rest", "stream": f"by_{page}", "steps": steps})


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="bench.pull_rest", description=__doc__)
    parser.add_argument("-n", type=int, default=20_000, help="records (20000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant, of which the least counts (5)")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floor: nothing is installed")
    asked = parser.parse_args(arguments)
    peers = () if asked.no_peers else PEERS
    with upstream(asked.n) as address:
        large = compare([ours(1000), FLOOR, *peers], address, asked.n, rounds=asked.rounds, page=1000)
        # dlt's cost lies behind the pages: the small ones are for those whose cost lies in them.
        few = [one for one in peers if one.venv == "hand"]
        small = compare([ours(100), FLOOR, *few], address, asked.n, rounds=asked.rounds, page=100)
    found = {
        "n": asked.n, "bytes": 1024, "machine": machine(), "goals": GOALS,
        **_figures(large), "by_100": _figures(small),
    }  # fmt: skip
    print(_table("1,000 a page", asked.n, large), _table("100 a page", asked.n, small), sep="\n\n")
    print(f"\n{machine()}\n{found['ratios']}\nwritten: {report.write('pull_rest', found)}")
    return found


def _figures(found: dict[str, Steps]) -> dict[str, Any]:
    peers = {name: steps for name, steps in found.items() if name not in ("ours", "floor")}
    ratios = {name: report.ratio(steps, found["ours"]) for name, steps in peers.items()}
    return {
        "ours": found["ours"], "peers": peers, "floor": found["floor"],
        "ratios": {**ratios, "floor": report.ratio(found["ours"], found["floor"])},
        "ratios_unchanged": {
            **{name: report.ratio(steps, found["ours"], "unchanged") for name, steps in peers.items()},
            "floor": report.ratio(found["ours"], found["floor"], "unchanged"),
        },
    }  # fmt: skip


def _table(what: str, n: int, found: dict[str, Steps]) -> str:
    rows = [(name, step, steps) for name, steps in found.items() for step in steps]
    title = f"pull_rest: {n:,} records of 1 KB, {what}, per record"
    return report.table(title, rows, found["floor"], found["ours"])


if __name__ == "__main__":
    main()
