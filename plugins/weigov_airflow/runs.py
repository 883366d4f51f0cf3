"""Start a run of another DAG from inside a task, without Airflow's database.

TriggerDagRunOperator starts one run a task, and mapping it over a few hundred deliveries would fork a process for
each; so this sends the request which that operator leads to, over the same channel. Found by reading Airflow 3.3.2:
``airflow.sdk.execution_time.task_runner._handle_trigger_dag_run``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun


def start_run(dag_id: str, run_id: str, conf: Mapping[str, Any], note: str) -> bool:
    """Start ``run_id`` of ``dag_id``; False when there is a run of that name already. ``note`` is shown beside it."""
    wanted = TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf), note=note)
    answer = task_runner.SUPERVISOR_COMMS.send(wanted)
    if isinstance(answer, ErrorResponse):
        if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
            return False
        raise RuntimeError(f"Airflow did not start {run_id} of {dag_id}: {answer.error.value}")
    return True
