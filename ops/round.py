"""One round of work, driven through Airflow's REST API: collect, compose, review, deliver, reconcile, sync back.

Only what nothing else starts is triggered here. Compose follows collect, and deliver follows compose and review,
through Airflow's assets; when all has come to rest, the ledger is asked what is due and those DAGs are triggered,
until it says nothing. Reviews are answered as two different people would, over the human-in-the-loop API.
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
APPROVE = ("通过", "Approve")
ROUND_TIMEOUT_S = 480.0
POLL_S = 1.0
# An asset's event becomes a run within a second or two: this long without any run is rest.
REST_S = 3.0
# What is due sooner belongs to this round; what was put off to tomorrow does not.
WORTH_WAITING_S = 90.0
# Answered in the second it was asked, Airflow still holds the task's first half for running and fails it.
NOBODY_READS_FASTER_S = 3.0
#: What the ledger says is due → the DAGs that do it.
DAGS = {"compose": "flow_", "deliver": "deliver_", "reconcile": "reconcile_"}


class Round:
    """Keeps the time it began, so that the report can name every run since."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.admin = services.admin(home)
        passwords = airflow_config.passwords(home)
        self.reviewers = [Airflow(home.airflow_url, name, passwords[name]) for name in REVIEWERS]
        self.began = datetime.now(UTC)
        self.answered: dict[tuple[str, str], int] = {}  # review run → approvals given
        self._deadline = 0.0

    @property
    def approvals(self) -> int:
        return sum(self.answered.values())

    def work(self) -> None:
        """Raises OpsError naming the run that failed, or what is still due when time is up."""
        self._deadline = time.monotonic() + ROUND_TIMEOUT_S
        self._trigger("collect_")
        self._rest()
        while True:
            due, next_s = self._due()
            if due:
                for verb in due:
                    self._trigger(DAGS[verb])
                self._rest(f"due: {due}")
            elif next_s is not None and next_s <= WORTH_WAITING_S:
                time.sleep(next_s + 1)  # an answer that was lost is asked for again, with the same key
            else:
                self._trigger("sync_back_")
                self._rest()
                if not self._due()[0]:
                    return

    def runs(self) -> dict[str, list[str]]:
        """Every run that began since this object was made, by DAG."""
        found: dict[str, list[str]] = {}
        for run in self._list("/dags/~/dagRuns", "dag_runs", run_after_gte=self.began.isoformat(), order_by="id"):
            found.setdefault(run["dag_id"], []).append(run["dag_run_id"])
        return dict(sorted(found.items()))

    def _due(self) -> tuple[list[str], float | None]:
        """The verbs that would find something to do now; and in how many seconds the next thing is due, if any."""
        status = json.loads(services.weigov(self.home, "status", "--json"))
        next_s = None
        if status["next_due_at"]:
            next_s = _seconds(status["at"], status["next_due_at"])
        return [verb for verb in DAGS if status["due"][verb]], next_s

    def _trigger(self, prefix: str) -> None:
        dags = self._list("/dags", "dags", dag_id_prefix_pattern=prefix, order_by="dag_id")
        # A name of our own: what Airflow refused half-way can be asked for again without becoming two runs.
        run_id = f"round__{datetime.now(UTC).isoformat()}"
        for dag in dags:
            self.admin.write("POST", f"/dags/{dag['dag_id']}/dagRuns", {"logical_date": None, "dag_run_id": run_id})

    def _rest(self, why: str = "") -> None:
        """Wait until no run is under way, answering what is asked of people meanwhile."""
        quiet_since: float | None = None
        while True:
            now = time.monotonic()
            self._no_failures()
            active = self._list("/dags/~/dagRuns", "dag_runs", state=["queued", "running"])
            if active:
                quiet_since = None
                if all(run["dag_id"].startswith("review_") for run in active) and not self._tasks_at_work():
                    self._answer()
            elif quiet_since is None:
                quiet_since = now
            elif now - quiet_since >= REST_S:
                return
            if now > self._deadline:
                names = ", ".join(sorted({run["dag_id"] for run in active})) or why
                raise OpsError(
                    f"not done within {ROUND_TIMEOUT_S:.0f} s: {names}; see weigov status and {self.home.log}"
                )
            time.sleep(POLL_S)

    def _no_failures(self) -> None:
        for run in self._list("/dags/~/dagRuns", "dag_runs", run_after_gte=self.began.isoformat(), state="failed"):
            where = f"{self.home.airflow_url}/dags/{run['dag_id']}/runs/{run['dag_run_id']}"
            raise OpsError(f"{run['dag_id']} failed; its log says why: {where}")

    def _tasks_at_work(self) -> int:
        """Tasks that run or are about to. Questions are answered between them, all at once: on SQLite an answer given
        while a task reports to Airflow makes both wait."""
        path = "/dags/~/dagRuns/~/taskInstances"
        found = self.admin.get(path, state=["scheduled", "queued", "running", "up_for_retry"], limit=1)
        return int(found["total_entries"])

    def _answer(self) -> None:
        """Approve what is asked: two people a run, never the same twice."""
        for detail in self._list("/dags/~/dagRuns/~/hitlDetails", "hitl_details", response_received="false"):
            task = detail["task_instance"]
            asked_s = (datetime.now(UTC) - datetime.fromisoformat(detail["created_at"])).total_seconds()
            if task["state"] != "awaiting_input" or asked_s < NOBODY_READS_FASTER_S:
                continue
            run = (task["dag_id"], task["dag_run_id"])
            given = self.answered.get(run, 0)
            approve = next((option for option in detail["options"] if option in APPROVE), detail["options"][0])
            where = f"/dags/{run[0]}/dagRuns/{run[1]}/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
            person = self.reviewers[given % len(self.reviewers)]
            person.write("PATCH", where, {"chosen_options": [approve], "params_input": {}})
            self.answered[run] = given + 1

    def _list(self, path: str, key: str, **filters: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.admin.get(path, limit=100, offset=len(found), **filters)
            rows: Iterable[dict[str, Any]] = page[key]
            found += rows
            if not rows or len(found) >= page["total_entries"]:
                return found


def _seconds(since: str, until: str) -> float:
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
