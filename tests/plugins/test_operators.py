"""The operators, the sensor and its trigger, as a DAG written by hand would use them."""

from __future__ import annotations

import asyncio
import logging
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred

from tests.weigov.flow.deployment import Deployment
from weigov.flow.review import Held, decide
from weigov_airflow.operators import (
    CollectOperator,
    ComposeOperator,
    DeliverOperator,
    ReconcileOperator,
    StatisticsOperator,
    SyncBackOperator,
    is_true,
)
from weigov_airflow.sensors import DeliverySensor
from weigov_airflow.triggers import DeliveryTrigger

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "follow_a_notice.py"


class Run:
    """What Airflow gives a task, and the assets it said were news."""

    def __init__(self) -> None:
        self.news: list[str] = []

    def __call__(self, operator: BaseOperator) -> Any:
        add: Callable[[Any], None] = lambda asset: self.news.append(asset.uri)  # noqa: E731
        events = {outlet: SimpleNamespace(add=add) for outlet in operator.outlets}
        context: Any = {"outlet_events": events}
        return operator.execute(context)


@pytest.fixture
def run(town: Deployment) -> Run:
    return Run()


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="weigov")


def key_of(notice: Held) -> str:
    return notice.source_url.rpartition("/")[2].partition(".")[0].partition("#")[0]


def test_collect_again_over_a_stretch_moves_nothing_and_finds_nothing_new(run: Run) -> None:
    first = run(CollectOperator(task_id="a", system="cms", stream="articles"))
    again = run(CollectOperator(task_id="b", system="cms", stream="articles", since="2026-03-01", until="2026-03-10"))
    assert first["new"] == again["new"] == 0 and first["revisions"] == again["revisions"] == 0
    assert again["unchanged"] > 0


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (
            CollectOperator(task_id="a", system="cms", stream="articles", since="gestern"),
            "since: 'gestern' is no ISO",
        ),
        (CollectOperator(task_id="b", system="cms", stream="articles", until="2026-01-01"), "until needs since"),
        (CollectOperator(task_id="c", system="crm", stream="articles"), "no system crm; there are: cases, cms, qa"),
        (CollectOperator(task_id="d", system="cms", stream="news"), "there is no stream of cms news"),
        (ComposeOperator(task_id="e", flow="nothing"), "there is no flow nothing"),
        (DeliverOperator(task_id="f", account="city", limit="many"), "limit: 'many' is not a number above 0"),
        (DeliverOperator(task_id="g", account="town"), "there is no account town; there are: city"),
        (ReconcileOperator(task_id="h", account="town"), "there is no account town"),
        (SyncBackOperator(task_id="i", system="crm"), "there is no system crm"),
        (StatisticsOperator(task_id="k", account="town"), "there is no account town"),
        (DeliverySensor(task_id="j", flow="menu", record="x"), "there is no flow menu that delivers records"),
    ],
    ids=lambda value: value.task_id if isinstance(value, BaseOperator) else None,
)
def test_what_is_not_there_is_one_line(
    run: Run, caplog: pytest.LogCaptureFixture, operator: BaseOperator, said: str
) -> None:
    with pytest.raises(SystemExit):
        run(operator)
    assert said in caplog.records[-1].getMessage() and caplog.records[-1].exc_info is None


def test_a_preview_of_deliver_counts_and_sends_nothing(town: Deployment, notice: Held, run: Run) -> None:
    town.approve("bianji")
    town.approve("shenhe")
    waiting = run(DeliverOperator(task_id="look", account="city", preview="True"))
    assert waiting["waiting"] > 1
    assert run(DeliverOperator(task_id="look_again", account="city", preview=True)) == waiting
    assert run.news == []


def test_a_preview_of_compose_writes_nothing(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    assert run(ComposeOperator(task_id="look", flow="policies", preview=True))["deliveries"] == 0
    said = caplog.records[-1].getMessage()
    assert said.startswith("试编排 would compose: deliveries ")
    assert run(ComposeOperator(task_id="do", flow="policies"))["deliveries"] > 0


def test_deliver_takes_so_many_and_tells_who_follows_the_account(town: Deployment, notice: Held, run: Run) -> None:
    town.approve("bianji")
    town.approve("shenhe")
    counts = run(DeliverOperator(task_id="deliver", account="city", limit="1"))
    assert counts["accepted"] == 1
    assert run.news == ["weigov://demo/account/city/delivered"]
    assert DeliverOperator(task_id="x", account="city").pool == "wechat_city"


def test_the_sensor_waits_until_it_is_certain_and_is_red_where_it_ended_otherwise(
    town: Deployment, notice: Held, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = DeliverySensor(task_id="wait", flow="notices", record=key_of(notice), poke_interval=60)
    with pytest.raises(TaskDeferred) as deferred:
        run(sensor)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "weigov_airflow.triggers.DeliveryTrigger"
    assert arguments == {"flow": "notices", "record": key_of(notice), "every_s": 60}
    decide(town.ctx, notice.id, digest=notice.digest, person="bianji", decision="refuse", comment="标题有误")
    (event,) = asyncio.run(_fired(DeliveryTrigger(**arguments)))
    with pytest.raises(SystemExit):
        sensor.resume({}, event.payload)  # type: ignore[typeddict-item]
    assert "came to refused: 标题有误" in caplog.records[-1].getMessage()
    calm = DeliverySensor(
        task_id="calm", flow="notices", record=key_of(notice), wanted=("refused",), deferrable=False
    )
    assert run(calm) == {"refused": 1}


def test_a_trigger_that_cannot_look_says_why_instead_of_looking_for_ever(
    town: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGOV_SITE", "/nowhere")
    (event,) = asyncio.run(_fired(DeliveryTrigger("notices", "1", 60)))
    assert "nowhere" in event.payload["problem"]


async def _fired(trigger: DeliveryTrigger) -> list[Any]:
    return [event async for event in trigger.run()]


def test_the_example_of_the_guide_is_a_dag(town: Deployment) -> None:
    made = runpy.run_path(str(EXAMPLE))
    assert [task.task_id for task in made["dag"].tasks] == [
        "collect", "compose", "deliver", "reconcile", "published", "tell_the_intranet",
    ]  # fmt: skip
    assert made["dag"].get_task("published").template_fields == ("flow", "record", "wanted")


def test_the_example_of_the_guide_runs_to_its_end(town: Deployment, notice: Held, run: Run) -> None:
    """Each task in its order, as the example wires them, with what it would be given."""
    made = runpy.run_path(str(EXAMPLE))
    dag = made["dag"]
    results: dict[str, Any] = {}
    pulled = SimpleNamespace(xcom_pull=lambda task_ids, **more: results[task_ids])
    asked: Any = {"params": {"record": key_of(notice)}, "ti": pulled}
    for task in dag.topological_sort():
        task.render_template_fields(asked)
        if task.task_id == "deliver":
            town.approve("bianji")
            town.approve("shenhe")
        if task.task_id == "published":
            town.drain_but_compose()  # the made DAGs go on meanwhile
        results[task.task_id] = task.python_callable(*task.op_args) if hasattr(task, "op_args") else run(task)
    assert results["compose"]["deliveries"] == 0 and results["deliver"]["accepted"] > 0
    assert results["published"] == {"confirmed": 1}
    assert results["tell_the_intranet"] == "published: {'confirmed': 1}"
    # And what the second DAG of the example follows is what the first one's deliver says is news.
    condition = made["after"].timetable.asset_condition
    assert {asset.uri for asset in condition.objects} == {"weigov://demo/account/city/delivered"}
    assert "weigov://demo/account/city/delivered" in run.news


@pytest.mark.parametrize(
    ("value", "switch"), [(True, True), ("True", True), ("False", False), (False, False), ("", False)]
)
def test_a_switch_is_one_also_as_text(value: Any, switch: bool) -> None:
    assert is_true(value) is switch
