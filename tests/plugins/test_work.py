"""A run that could not work is red with one line, and nothing else is swallowed."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from tests.weigov.flow.deployment import Deployment
from weigov.errors import RemoteUnavailable
from weigov_airflow.work import cannot_work, report, working


def test_what_weigov_can_name_is_one_line_and_no_trace(town: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as end, working():
        raise RemoteUnavailable("cms", "articles", "cannot be reached")
    assert end.value.code == 1
    (line,) = caplog.records
    assert line.levelno == logging.ERROR and line.exc_info is None
    assert "cms articles: cannot be reached" in line.getMessage() and "\n" not in line.getMessage()


def test_a_deployment_that_lacks_a_part_says_which(town: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    file = town.settings.secrets_file
    stored = json.loads(file.read_text())
    del stored["weigov_master_key"]
    file.write_text(json.dumps(stored))
    with pytest.raises(SystemExit), working():
        raise AssertionError("it must not open")
    assert "connection weigov_master_key is missing" in caplog.text


def test_a_defect_of_ours_keeps_its_trace(town: Deployment) -> None:
    with pytest.raises(ZeroDivisionError), working():
        _ = 1 / 0


def test_counts_are_one_line_and_silence_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="weigov")
    report("deliver", {"accepted": 3, "deferred": 0, "unknown": 1})
    report("deliver", {"accepted": 0})
    report("compose", {"deliveries": 1}, "", "the YAML changed")
    assert [record.getMessage() for record in caplog.records] == [
        "deliver: accepted 3, unknown 1",
        "deliver: 无变化 nothing to do",
        "compose: deliveries 1",
        "compose: the YAML changed",
    ]


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a task left behind."""
    found: dict[str, str] = {}
    task_instance = SimpleNamespace(xcom_push=lambda key, value: found.update({key: value}))
    monkeypatch.setattr("weigov_airflow.work.get_current_context", lambda: {"ti": task_instance})
    return found


def test_a_red_task_leaves_its_reason_for_its_note(left: dict[str, str]) -> None:
    with pytest.raises(SystemExit):
        cannot_work("cms cannot be reached")
    assert left == {"reason": "cms cannot be reached"}


def test_a_defect_and_a_time_limit_leave_theirs_without_a_record_s_words(
    town: Deployment, left: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="张三"), working():
        raise ValueError("张三 is no number")
    assert "report it: ValueError at test_work.py:" in left["reason"] and "张三" not in left["reason"]
    with pytest.raises(AirflowTaskTimeout), working():
        raise AirflowTaskTimeout
    assert left["reason"].startswith("超过任务的时限")
