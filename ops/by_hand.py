"""``make demo-cli``: the demo's round again without Airflow, by the command line, in a sandbox of its own.

What stands at the far ends afterwards must be what ``make demo`` brought there: the same articles, menu, messages by
citizen and write-backs. Nothing of this stays running.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

from ops import connections, processes, services
from ops.clients import Sandbox, wait_until
from ops.demo import ANSWERS_TO_PUBLISH, CASES_TO_MOVE
from ops.far_end import Snapshot
from ops.home import HOST, ROOT, Home, OpsError

PEOPLE = ("张审核", "李复核")
SETTLED_WITHIN_S = 120.0
SERVICES = ("sandbox", "gateway")


def by_hand(demo: Home) -> None:
    """Raises OpsError with a line for every difference from what the demo's report says."""
    report = demo.demo / "report.json"
    if not report.exists():
        raise OpsError("there is no var/demo/report.json to compare with; run make demo first")
    home = Home(demo.var / "by-hand", *_free_ports(3))
    home.make()
    try:
        found = _work(home)
    finally:
        processes.stop(home.run)
    differences = _compare(json.loads(report.read_text(encoding="utf-8")), found)
    if differences:
        raise OpsError("the command line brought something else than Airflow: " + "; ".join(differences))


def _work(home: Home) -> Snapshot:
    sandbox = Sandbox(home.sandbox_url)
    _start(home, "sandbox")
    wait_until(sandbox.healthy, "the sandbox did not start", 30)
    connections.write(home, sandbox)
    services.weigov(home, "migrate")
    _start(home, "gateway")
    wait_until(lambda: services.gateway_healthy(home), "the gateway did not start", 30)
    connections.register_callback(home, sandbox)
    file = home.demo / "bindings.csv"
    file.write_text(sandbox.text("/cases/bindings.csv"), encoding="utf-8")
    services.weigov(home, "bindings", "import", str(file))
    _round(home)
    sandbox.post("/cases/advance", {"count": CASES_TO_MOVE})
    sandbox.post("/qa/answer", {"count": ANSWERS_TO_PUBLISH})
    _round(home)
    return Snapshot.take(sandbox, connections.appid(home))


def _round(home: Home) -> None:
    services.weigov(home, "collect")
    services.weigov(home, "compose")
    held = [str(one["id"]) for one in json.loads(services.weigov(home, "review", "list", "--json"))]
    for person in PEOPLE if held else ():
        services.weigov(home, "review", "approve", *held, "--as", person)
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        for verb in ("deliver", "reconcile", "sync-back"):
            services.weigov(home, verb)
        open_ones = _open(json.loads(services.weigov(home, "status", "--json")))
        if not open_ones:
            return
        if time.monotonic() > deadline:
            raise OpsError(f"by hand: after {SETTLED_WITHIN_S:.0f} s there is still {open_ones}")
        time.sleep(1)


def _open(status: dict[str, Any]) -> str:
    """What is not settled yet, in words; '' when all is."""
    counts: dict[str, int] = {}
    for flow in status["flows"].values():
        for kind in ("deliveries", "write_backs"):
            for state in ("ready", "claimed", "sending", "accepted", "unknown"):
                counts[state] = counts.get(state, 0) + flow[kind].get(state, 0)
    due = {f"due to {verb}": count for verb, count in status["due"].items()}
    return ", ".join(f"{count} {name}" for name, count in (counts | due).items() if count)


def _compare(report: dict[str, Any], found: Snapshot) -> list[str]:
    def articles(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
        return sorted((a["title"], a["author"], a["content_source_url"]) for a in rows)

    pairs = {
        "articles": (articles(report["articles"]), articles(found.standing)),
        "menu": (report["menu"], found.menu),
        "messages by citizen": (report["messages_by_openid"], found.messages_by_openid),
        "write-backs": (report["write_backs"], {name: len(rows) for name, rows in found.write_backs.items()}),
    }
    return [f"{name}: {_size(a)} there, {_size(b)} here, not the same" for name, (a, b) in pairs.items() if a != b]


def _size(value: Any) -> str:
    return str(value) if isinstance(value, dict) and len(value) < 5 else f"{len(value)}"


def _start(home: Home, name: str) -> None:
    processes.start(name, services.commands(home)[name], cwd=ROOT, env=home.environ(), run=home.run, log=home.log)


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def main() -> int:
    try:
        by_hand(Home.from_environ())
    except OpsError as error:
        print(f"demo-cli: {error}", file=sys.stderr)
        return 1
    print("demo-cli: the command line brought the same articles, menu, messages and write-backs as Airflow did")
    return 0


if __name__ == "__main__":
    sys.exit(main())
