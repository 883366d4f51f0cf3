"""The ledger's own writes: enqueue, claim, intent and answer of N deliveries, beside a commit for each change.

Goal: at least 15 times as many deliveries a second as ``commit_each``; and claims that take as long, in as much
memory, with a million deliveries waiting as with a thousand. Ratios are of wall time: a commit waits for the disk.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.harness import report
from bench.harness.databases import Fresh, databases
from bench.harness.runs import Steps, Variant, machine, run

GOALS = {"commit_each": 15.0, "claim_1000000_over_1000": 1.5}

OURS = Variant("ours", "bench.variants.ledger_ours")
EACH = Variant("commit_each", "bench.variants.ledger_commit_each")
FLOOR = Variant("floor", "bench.variants.ledger_floor")
CLAIMS = Variant("claims", "bench.variants.ledger_claims")


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="bench.ledger", description=__doc__)
    parser.add_argument("-n", type=int, default=2000, help="deliveries (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each variant, of which the least counts (3)")
    parser.add_argument(
        "--pending", type=int, nargs="+", default=[1_000, 100_000, 1_000_000], help="waiting deliveries"
    )
    parser.add_argument("--claims", type=int, default=20, help="claims made from each such queue (20)")
    parser.add_argument("--no-postgres", action="store_true", help="SQLite only")
    asked = parser.parse_args(arguments)
    by_database: dict[str, Any] = {}
    claims: dict[str, dict[str, dict[str, float]]] = {}
    with databases(not asked.no_postgres) as found:
        for name, (fresh, durable) in found.items():
            variants = [OURS, EACH, FLOOR] if name == "sqlite" else [OURS, EACH]
            print(f"bench: {asked.n:,} deliveries on {name} ({durable})")
            by_database[name] = {"durable": durable, **_figures(_least(variants, fresh, asked.n, asked.rounds))}
            claims[name] = {str(n): _claims(fresh, n, asked.claims) for n in asked.pending}
    written = {
        "n": asked.n, "machine": machine(), "goals": GOALS,
        **by_database.pop("sqlite"), "on": by_database, "claims": claims,
    }  # fmt: skip
    print(_tables(written))
    print(f"\n{machine()}\n{written['ratios']}\nwritten: {report.write('ledger', written)}")
    return written


def _least(variants: Sequence[Variant], fresh: Fresh, n: int, rounds: int) -> dict[str, Steps]:
    least: dict[str, Steps] = {}
    for _ in range(rounds):
        for variant in variants:
            with fresh() as url:
                steps = run(replace(variant, spec={"database": url}), "", n)
            before = least.get(variant.name, steps)["first"]
            least[variant.name] = {"first": {name: min(it, before[name]) for name, it in steps["first"].items()}}
    for steps in least.values():
        steps["first"] |= {"cpu_ms": 1000 * steps["first"]["cpu_s"] / n, "per_s": n / steps["first"]["wall_s"]}
    return least


def _figures(found: dict[str, Steps]) -> dict[str, Any]:
    def ratio(more: str, less: str, of: str) -> float:
        return round(found[more]["first"][of] / found[less]["first"][of], 2)

    pairs = {"commit_each": ("commit_each", "ours")} | ({"floor": ("ours", "floor")} if "floor" in found else {})
    return {
        "ours": found["ours"], "peers": {"commit_each": found["commit_each"]}, "floor": found.get("floor"),
        "ratios": {name: ratio(*pair, "wall_s") for name, pair in pairs.items()},
        "cpu_ratios": {name: ratio(*pair, "cpu_ms") for name, pair in pairs.items()},
    }  # fmt: skip


def _claims(fresh: Fresh, n: int, claims: int) -> dict[str, float]:
    print(f"bench: {claims} claims with {n:,} waiting")
    with fresh() as url:
        it = run(replace(CLAIMS, spec={"database": url, "claims": claims}), "", n)["first"]
    return {"claim_ms": 1000 * it["wall_s"] / claims, "cpu_ms": 1000 * it["cpu_s"] / claims, "rss_mb": it["rss_mb"]}


def _tables(found: dict[str, Any]) -> str:
    lines = [f"{'database':12} {'variant':14} {'per s':>9} {'CPU ms':>9} {'peak MB':>8}"]
    for database, it in {"sqlite": found, **found["on"]}.items():
        for name, steps in {"ours": it["ours"], **it["peers"], "floor": it["floor"]}.items():
            if steps:
                one = steps["first"]
                lines.append(f"{database:12} {name:14} {one['per_s']:9.0f} {one['cpu_ms']:9.3f} {one['rss_mb']:8.0f}")
    lines.append(f"\n{'database':12} {'waiting':>14} {'claim ms':>9} {'CPU ms':>9} {'peak MB':>8}")
    for database, queues in found["claims"].items():
        for n, claim in queues.items():
            lines.append(
                f"{database:12} {int(n):14,} {claim['claim_ms']:9.2f} {claim['cpu_ms']:9.2f} {claim['rss_mb']:8.0f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
