"""What the scheduler does for us when a run starts or fails: the pools its tasks want, the reason beside a red one.

Both are added to the session the scheduler has open, and go with its next commit: a second session would wait for it,
on SQLite for ever, and the scheduler lets nobody else commit, not even a savepoint. Airflow logs what a listener
raises and goes on.
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl
from sqlalchemy.orm import Session, object_session

from weigov_airflow.pools import SLOTS, description, is_ours
from weigov_airflow.reason import REASON

#: Airflow's limit of a note.
_LONGEST = 1000


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Make the pools that the run's tasks want: a task in a pool that is not there waits for ever."""
    session = object_session(dag_run)
    if session is None:
        return
    make_pools(session, {task.pool for task in dag_run.get_dag().tasks if is_ours(task.pool)})


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Put the one line each of its tasks left into that task's note."""
    session = object_session(dag_run)
    if session is None:
        return
    for task_instance in dag_run.get_task_instances(session=session):
        reason = _reason(session, task_instance)
        if reason and not task_instance.note:
            task_instance.note = reason[:_LONGEST]


def make_pools(session: Session, names: set[str]) -> None:
    """Make those of ``names`` that are missing; what somebody changed of the others stays.

    The statement itself passes over what is there: two runs may begin in one commit, or two schedulers at once, and a
    conflict would end the scheduler.
    """
    from airflow.models.pool import Pool
    from sqlalchemy.dialects import mysql, postgresql, sqlite

    if not names:
        return
    pools = [
        {"pool": name, "slots": SLOTS, "description": description(name), "include_deferred": False}
        for name in sorted(names)
    ]
    table: Any = Pool.__table__
    dialect = session.get_bind().dialect.name
    if dialect == "mysql":
        session.execute(mysql.insert(table).values(pools).prefix_with("IGNORE"))
        return
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    session.execute(insert(table).values(pools).on_conflict_do_nothing())


def _reason(session: Session, task_instance: Any) -> str:
    from airflow.models.xcom import XComModel

    found = session.scalars(
        XComModel.get_many(
            run_id=task_instance.run_id,
            key=REASON,
            task_ids=task_instance.task_id,
            dag_ids=task_instance.dag_id,
            map_indexes=task_instance.map_index,
        )
    ).first()
    return str(XComModel.deserialize_value(found)) if found is not None else ""
