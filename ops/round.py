"""One round of work, driven through Airflow's REST API as its schedule would: collect, compose, review, deliver,
reconcile, sync back, until nothing is due.

Compose follows collect through the streams' assets; it is only triggered here when no asset did. Reviews are answered
as two different people would, over the human-in-the-loop API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ops import airflow_config, services
from ops.clients import Airflow
from ops.home import Home, OpsError

REVIEWERS = ("bianji", "shenhe")
APPROVE = ("通过", "批准", "同意", "Approve")
RUN_TIMEOUT_S = 240.0
# Answered in the second it was asked, Airflow still holds the task's first half for running and fails it.
NOBODY_READS_FASTER_S = 3.0
# What is due sooner belongs to this round; what was put off to tomorrow does not.
WORTH_WAITING_S = 90.0
ROUND_TIMEOUT_S = 420.0
_FINISHED = ("success", "failed")


class Round:
    """Remembers every run it saw, for the report."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.admin = services.admin(home)
        passwords = airflow_config.passwords(home)
        self.reviewers = [Airflow(home.airflow_url, name, passwords[name]) for name in REVIEWERS]
        self.runs: dict[str, list[str]] = {}
        self.approvals = 0

    def work(self) -> None:
        """Raises OpsError naming the run that failed, or what is still due when time is up."""
        began = time.monotonic()
        since = datetime.now(UTC)
        self._run(self._dags("collect_"))
        self._run(self._dags("flow_", has_asset_schedule=False))
        self._followed(self._dags("flow_", has_asset_schedule=True), since)
        due: dict[str, int] = {}
        while time.monotonic() - began < ROUND_TIMEOUT_S:
            self._review()
            self._run(self._dags("deliver_"))
            self._run(self._dags("reconcile_"))
            self._run(self._dags("sync_back_"))
            due, next_s = self.due()
            if due or self._open_reviews():
                continue
            if next_s is None or next_s > WORTH_WAITING_S:
                return
            time.sleep(next_s + 1)  # an answer that was lost is asked for again, with the same key
        what = ", ".join(f"{count} {state}" for state, count in due.items()) or "reviews"
        raise OpsError(f"after {ROUND_TIMEOUT_S:.0f} s there is still something due: {what}; see weigov status")

    def due(self) -> tuple[dict[str, int], float | None]:
        """What a verb would find to do now, by verb; and in how many seconds the next thing is due, if any."""
        status = json.loads(services.weigov(self.home, "status", "--json"))
        next_s = None
        if status["next_due_at"]:
            next_s = _seconds(status["at"], status["next_due_at"])
        return {verb: int(count) for verb, count in status["due"].items() if count}, next_s

    def _dags(self, prefix: str, **more: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = self.admin.get("/dags", limit=100, offset=len(found), dag_id_prefix_pattern=prefix, **more)
            found += [dag["dag_id"] for dag in page["dags"]]
            if not page["dags"] or len(found) >= page["total_entries"]:
                return sorted(found)

    def _run(self, dags: Iterable[str]) -> None:
        """Trigger every DAG once and wait for all of them."""
        wanted = {dag: self.admin.post(f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"] for dag in dags}
        for dag, run in wanted.items():
            self.runs.setdefault(dag, []).append(run)
        self._wait(wanted)

    def _followed(self, dags: Iterable[str], since: datetime) -> None:
        """Wait for the run each DAG was given by an asset since then; trigger where none came."""
        wanted: dict[str, str] = {}
        missing = set(dags)
        deadline = time.monotonic() + 20
        while missing and time.monotonic() < deadline:
            for dag in sorted(missing):
                page = self.admin.get(f"/dags/{dag}/dagRuns", run_after_gte=since.isoformat(), order_by="-run_after")
                if page["dag_runs"]:
                    wanted[dag] = page["dag_runs"][0]["dag_run_id"]
                    self.runs.setdefault(dag, []).append(wanted[dag])
            missing -= wanted.keys()
            time.sleep(1)
        self._wait(wanted)
        self._run(sorted(missing))

    def _wait(self, wanted: dict[str, str]) -> None:
        waiting = dict(wanted)
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while waiting:
            for dag, run in list(waiting.items()):
                state = self.admin.get(f"/dags/{dag}/dagRuns/{run}")["state"]
                if state == "failed":
                    raise OpsError(f"{dag} failed: {self.home.airflow_url}/dags/{dag}/runs/{run}")
                if state in _FINISHED:
                    del waiting[dag]
            if waiting and time.monotonic() > deadline:
                raise OpsError(
                    f"not finished within {RUN_TIMEOUT_S:.0f} s: {', '.join(waiting)}; see {self.home.log}"
                )
            if waiting:
                time.sleep(0.5)

    def _open_reviews(self) -> list[dict[str, Any]]:
        """Questions that wait for a person."""
        page = self.admin.get("/dags/~/dagRuns/~/hitlDetails", response_received="false", limit=100)
        # A task that was cleared or timed out keeps its question; only one that waits can be answered.
        details: list[dict[str, Any]] = page["hitl_details"]
        return [d for d in details if d["task_instance"]["state"] in ("awaiting_input", "deferred")]

    def _active_reviews(self) -> int:
        """Review runs that have not ended."""
        page = self.admin.get(
            "/dags/~/dagRuns", dag_id_prefix_pattern="review_", state=["queued", "running"], limit=1
        )
        return int(page["total_entries"])

    def _review(self) -> None:
        """Answer until no review run is left: two people per run, never the same twice."""
        answered: dict[tuple[str, str], int] = {}
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while self._active_reviews():
            for detail in self._open_reviews():
                asked = datetime.fromisoformat(detail["created_at"])
                if (datetime.now(UTC) - asked).total_seconds() < NOBODY_READS_FASTER_S:
                    continue
                task = detail["task_instance"]
                run = (task["dag_id"], task["dag_run_id"])
                person = self.reviewers[answered.get(run, 0) % len(self.reviewers)]
                answered[run] = answered.get(run, 0) + 1
                approve = next((o for o in detail["options"] if o in APPROVE), detail["options"][0])
                path = f"/dags/{run[0]}/dagRuns/{run[1]}/taskInstances/{task['task_id']}/{task['map_index']}"
                person.patch(f"{path}/hitlDetails", {"chosen_options": [approve], "params_input": {}})
                self.approvals += 1
                self.runs.setdefault(run[0], [])
                if run[1] not in self.runs[run[0]]:
                    self.runs[run[0]].append(run[1])
            if time.monotonic() > deadline:
                raise OpsError(
                    f"reviews did not end within {RUN_TIMEOUT_S:.0f} s; see {self.home.airflow_url}/required_actions"
                )
            time.sleep(0.5)


def _seconds(since: str, until: str) -> float:
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
