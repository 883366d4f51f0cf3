"""What Airflow makes of dags/ for one site, as JSON: ``python -m tests.dags.bag SITE``, in a process of its own.

Airflow reads its settings when it is first imported and keeps modules, so every site gets a fresh process, as each
parse of the DAG processor does.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def main(site: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(parse(site, home)))


def parse(site: str, home: str) -> dict[str, Any]:
    """Airflow's view of ``site``; ``home`` is all that Airflow finds of a deployment."""
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": home,
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",
        "WEIGOV_SITE": site,
    }
    sys.path.insert(0, str(ROOT / "dags"))  # as the DAG processor does with its bundle's folder
    from airflow.dag_processing.dagbag import DagBag

    began = time.process_time()
    bag = DagBag(str(ROOT / "dags"))
    took = time.process_time() - began
    return {
        "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
        "errors": {Path(file).name: error for file, error in bag.import_errors.items()},
        "took_s": took,
        "heavy": [name for name in ("zeep", "wechatpy", "weigov.ledger", "requests") if name in sys.modules],
    }


def _dag(dag: Any) -> dict[str, Any]:
    timetable = dag.timetable
    cron = getattr(timetable, "timetable", timetable)
    condition = getattr(timetable, "asset_condition", None)
    return {
        "display_name": dag.dag_display_name,
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "cron": getattr(cron, "expression", None),
        "zone": str(getattr(cron, "timezone", "")) or None,
        "assets": [asset.uri for asset in condition.objects] if condition else [],
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "paused": dag.is_paused_upon_creation,
        "params": {name: _param(dag.params.get_param(name)) for name in dag.params},
        "limit_s": dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None,
        "tasks": {
            task.task_id: {
                "display_name": task.task_display_name,
                "outlets": [getattr(outlet, "uri", outlet.name) for outlet in task.outlets],
                "downstream": sorted(task.downstream_task_ids),
                "limit_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
                "retries": task.retries,
                "tells": [type(one).__name__ for one in (*task.on_failure_callback, *task.on_success_callback)],
                "rendered": {name: _rendered(getattr(task, name)) for name in task.template_fields},
            }
            for task in dag.tasks
        },
    }


#: What somebody may have typed into a form, and what a template of an operator makes of it.
TRIED: tuple[Any, ...] = (None, "", "2026-03-01T00:00:00+08:00", "2026-03-01", "gestern", 5, 0, True, "many")
TYPED = {"since": "2026-03-01T00:00:00+08:00", "until": None, "limit": 5, "dry_run": True}


def _param(param: Any) -> dict[str, Any]:
    from airflow.sdk.exceptions import AirflowException, ParamValidationError

    def takes(value: Any) -> bool:
        try:
            deepcopy(param).resolve(value)  # which keeps it
        except (ParamValidationError, AirflowException):
            return False
        return True

    return {
        "title": param.schema.get("title", ""),
        "default": param.value if isinstance(param.value, bool | int | str | None) else None,
        "takes": [value for value in TRIED if takes(value)],
    }


def _rendered(value: Any) -> Any:
    from jinja2 import Template

    return Template(value).render(params=TYPED) if isinstance(value, str) else None


if __name__ == "__main__":
    main(sys.argv[1])
