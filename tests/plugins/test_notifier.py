"""A red task of Airflow's is told to the people on duty, once, and once more when it runs well again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.weigov.flow.deployment import OtherSide, copy_site
from tests.weigov.test_notify import Robot, robot
from weigov_airflow.notifier import DutyNotifier

__all__ = ["robot"]


@pytest.fixture
def on_duty(
    robot: str, town: Any, tmp_path: Any, sandbox_running: OtherSide, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The site has somebody on duty, who hears of things through a robot of 企业微信."""
    site = copy_site(tmp_path)
    with (site / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("alerts: [{kind: wecom, connection: duty}]\n")
    stored = json.loads(town.settings.secrets_file.read_text())
    stored["duty"] = {"conn_type": "weigov_alert", "host": robot, "password": "robot-key"}
    town.settings.secrets_file.write_text(json.dumps(stored))
    monkeypatch.setenv("WEIGOV_SITE", str(site))
    yield robot


def ended(left: str | None = "40164: not in the list", recovered: bool = False) -> None:
    """A task ended as Airflow tells its callbacks."""
    task_instance = SimpleNamespace(
        dag_id="deliver_city", task_id="deliver", xcom_pull=lambda task_ids, key: left if key == "reason" else None
    )
    DutyNotifier(recovered=recovered).notify({"ti": task_instance})  # type: ignore[typeddict-item]


def heard() -> list[str]:
    return [body["text"]["content"] for _, body, _ in Robot.got]


@pytest.mark.usefixtures("on_duty")
def test_one_message_for_as_many_failures_and_one_when_it_is_over() -> None:
    ended(recovered=True)  # it never was red: nothing to tell
    assert heard() == []
    for _ in range(3):
        ended()
    (first,) = heard()
    assert first.startswith("[政微通 demo] 需要处理") and "deliver_city.deliver: 40164: not in the list" in first
    ended(recovered=True)
    ended(recovered=True)
    assert len(heard()) == 2 and heard()[1].startswith("[政微通 demo] 已恢复 recovered")
    ended()
    assert len(heard()) == 3  # a new one


@pytest.mark.usefixtures("on_duty")
def test_a_task_that_left_no_reason_is_told_all_the_same() -> None:
    ended(left=None)
    assert "未能完成，见日志 it failed, its log says why" in heard()[0]


@pytest.mark.usefixtures("on_duty")
def test_nothing_that_goes_wrong_in_telling_changes_how_the_task_ended(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Robot.answer = (500, b"")
    ended()  # told by the next watch
    monkeypatch.setenv("WEIGOV_SITE", "/nowhere")
    ended()
    assert "nobody was told" in caplog.text and "robot-key" not in caplog.text
