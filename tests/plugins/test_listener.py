"""What the scheduler does for us, on a database of Airflow's own."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from weigov_airflow import listener
from weigov_airflow.pools import pool_of


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
