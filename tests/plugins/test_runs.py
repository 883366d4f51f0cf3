"""Starting a run: the message Airflow's supervisor gets, and what its answers mean."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse, TriggerDagRun

from weigov_airflow.runs import start_run


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[TriggerDagRun]:
    sent: list[TriggerDagRun] = []

    def send(message: TriggerDagRun) -> Any:
        sent.append(message)
        return answer

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=send), raising=False)
    return sent


def test_a_run_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = answering(monkeypatch, OKResponse(ok=True))
    assert start_run("review_notices", "delivery_7_abc", {"delivery": 7}, note="标题")
    (message,) = sent
    assert (message.dag_id, message.run_id, message.conf, message.note, message.logical_date) == (
        "review_notices", "delivery_7_abc", {"delivery": 7}, "标题", None
    )  # fmt: skip


def test_a_run_of_that_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS))
    assert not start_run("review_notices", "delivery_7_abc", {}, note="")


def test_any_other_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, ErrorResponse(error=ErrorType.PERMISSION_DENIED))
    with pytest.raises(RuntimeError, match="did not start delivery_7_abc of review_notices"):
        start_run("review_notices", "delivery_7_abc", {}, note="")
