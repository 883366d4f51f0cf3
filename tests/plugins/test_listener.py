"""What the scheduler does for us, on a database of Airflow's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from weigov_airflow import listener
from weigov_airflow.pools import pool_of
from weigov_airflow.reason import REASON


@pytest.fixture
def session() -> Iterator[Session]:
    from airflow.models.pool import Pool

    engine = create_engine("sqlite://")
    Pool.metadata.tables["slot_pool"].create(engine)
    with Session(engine) as session:
        event.listen(session, "before_commit", _nobody_else_commits)  # as the scheduler does
        yield session


def _nobody_else_commits(session: Session) -> None:
    raise RuntimeError("UNEXPECTED COMMIT - THIS WILL BREAK HA LOCKS!")


def pools(session: Session) -> dict[str, int]:
    from airflow.models.pool import Pool

    return {pool.pool or "": pool.slots for pool in session.scalars(select(Pool))}


def test_a_run_finds_the_pools_of_its_accounts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "object_session", lambda run: session)
    tasks = [SimpleNamespace(pool=name) for name in (pool_of("city"), "default_pool", pool_of("hall"))]
    run: Any = SimpleNamespace(get_dag=lambda: SimpleNamespace(tasks=tasks))
    listener.on_dag_run_running(run, "")
    listener.on_dag_run_running(run, "")  # another in the same commit
    assert pools(session) == {"wechat_city": 2, "wechat_hall": 2}


def test_what_somebody_changed_of_a_pool_stays(session: Session) -> None:
    from airflow.models.pool import Pool

    session.add(Pool(pool="wechat_city", slots=7, description="ours", include_deferred=False))
    session.flush()
    listener.make_pools(session, {"wechat_city", "wechat_hall"})
    assert pools(session) == {"wechat_city": 7, "wechat_hall": 2}


def test_the_note_of_a_red_task_is_what_it_left_and_nobody_s_own_is_replaced(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = {"deliver": "40164: not in the list " * 100, "noted": "other", "green": ""}
    found = [SimpleNamespace(task_id=name, note="a person's" if name == "noted" else None) for name in reasons]
    monkeypatch.setattr(listener, "object_session", lambda run: session)
    monkeypatch.setattr(listener, "_reason", lambda session, one: reasons[one.task_id])
    run: Any = SimpleNamespace(get_task_instances=lambda session: found)
    listener.on_dag_run_failed(run, "")
    deliver, noted, green = found
    assert deliver.note is not None and deliver.note.startswith("40164") and len(deliver.note) == 1000
    assert noted.note == "a person's" and green.note is None


def test_what_a_red_task_pushed_stands_beside_it_in_airflow_s_own_tables() -> None:
    """Nothing of ours stands in for Airflow's here: its models, as its execution API and its scheduler use them."""
    from airflow.models import import_all_models
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance, TaskInstanceNote
    from airflow.models.xcom import XComModel

    import_all_models()
    engine = create_engine("sqlite://")
    DagRun.metadata.create_all(engine)
    now = datetime(2026, 3, 10, tzinfo=UTC)
    here: dict[str, Any] = {"dag_id": "deliver_city", "run_id": "r1"}
    run = {**here, "id": 1, "run_type": "manual", "run_after": now, "clear_number": 0, "span_status": "not_started"}
    task = {
        **here, "map_index": -1, "try_number": 1, "max_tries": 0, "pool": "p", "pool_slots": 1,
        "span_status": "not_started",
    }  # fmt: skip
    pushed = {**here, "dag_run_id": 1, "map_index": -1, "task_id": "deliver", "timestamp": now}
    with engine.begin() as connection:
        connection.execute(DagRun.__table__.insert().values(run))  # type: ignore[attr-defined]
        for n, name in enumerate(("deliver", "green")):
            row = task | {"id": UUID(int=n), "task_id": name}
            connection.execute(TaskInstance.__table__.insert().values(row))  # type: ignore[attr-defined]
        for key, value in (("return_value", {"accepted": 1}), (REASON, "city: 40164，IP 不在白名单")):
            row = pushed | {"key": key, "value": value}
            connection.execute(XComModel.__table__.insert().values(row))  # type: ignore[attr-defined]
    with Session(engine) as session:
        listener.on_dag_run_failed(session.get_one(DagRun, 1), "")
        session.commit()
        notes = {note.ti_id: note.content for note in session.scalars(select(TaskInstanceNote))}
    assert notes == {UUID(int=0): "city: 40164，IP 不在白名单"}
