"""DAGs made from a site's YAML, as Airflow itself takes them; and what a fault in the YAML does to them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "mappings" / "demo"

Bag = dict[str, Any]


def parse(site: Path) -> Bag:
    command = [sys.executable, "-m", "tests.dags.bag", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: Bag = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def demo() -> Bag:
    return parse(DEMO)


def changed(folder: Path, change: Callable[[Path], None]) -> Path:
    site = folder / "demo"
    shutil.copytree(DEMO, site)
    change(site)
    return site


def _break_one_and_add_one(site: Path) -> None:
    notices = (site / "flows" / "notices.yaml").read_text(encoding="utf-8")
    (site / "flows" / "policies.yaml").write_text(
        (site / "flows" / "policies.yaml").read_text(encoding="utf-8").replace("  author: ", "  autor: "),
        encoding="utf-8",
    )
    news = notices.replace("flow: notices", "flow: news").replace("0102", "0101").replace("needs: 2", "needs: 3")
    with (site / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("alerts: [{kind: wecom, connection: duty}]\n")
    (site / "flows" / "news.yaml").write_text(news.replace("通知公告", "政务要闻"), encoding="utf-8")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """The demo site with a typo in ``policies``, a new flow ``news``, and people on duty."""
    return parse(changed(tmp_path_factory.mktemp("mixed"), _break_one_and_add_one))


def test_the_demo_site_has_a_dag_for_each_part_of_it(demo: Bag) -> None:
    assert demo["errors"] == {}
    assert set(demo["dags"]) == {
        "collect_cms_columns", "collect_cms_articles", "collect_cases_cases", "collect_qa_answers",
        "collect_qa_questions", "flow_menu", "flow_notices", "flow_policies", "flow_case_progress", "flow_answers",
        "review_notices", "deliver_city", "reconcile_city", "sync_back_cms", "sync_back_cases", "sync_back_qa",
        "watch",
        "statistics_city",
    }  # fmt: skip


def test_every_schedule_is_in_the_site_s_time_zone(demo: Bag) -> None:
    crons = {dag_id: (dag["cron"], dag["zone"]) for dag_id, dag in demo["dags"].items() if dag["cron"]}
    assert {zone for _, zone in crons.values()} == {"Asia/Shanghai"}
    assert crons["collect_cms_columns"][0] == "30 5 * * *"  # the descriptor's
    assert crons["flow_menu"][0] == "0 6 * * *"  # the flow's own
    assert crons["deliver_city"][0] == "*/5 * * * *"
    assert set(demo["dags"]) - set(crons) == {"review_notices"}  # started for each held delivery


def test_assets_lead_from_stream_to_flow_to_account(demo: Bag) -> None:
    dags = demo["dags"]
    articles, columns = "weigov://demo/cms/articles", "weigov://demo/cms/columns"
    outbox = "weigov://demo/account/city/outbox"
    assert dags["collect_cms_articles"]["tasks"]["changed"]["outlets"] == [articles]
    assert dags["flow_notices"]["assets"] == dags["flow_policies"]["assets"] == [articles, columns]
    assert dags["flow_menu"]["assets"] == ["weigov://demo/cms/columns"]
    assert dags["flow_policies"]["tasks"]["outbox"]["outlets"] == [outbox]
    assert dags["deliver_city"]["assets"] == [outbox]


def test_only_review_may_run_many_times_at_once_and_without_a_limit(demo: Bag) -> None:
    for dag_id, dag in demo["dags"].items():
        limited = dag["max_active_runs"] == 1 and dag["limit_s"] is not None
        assert limited == (not dag_id.startswith("review_")), dag_id
        assert not dag["catchup"] and dag["paused"] is False
        for name, task in dag["tasks"].items():
            assert (task["limit_s"] is not None) == limited, f"{dag_id}.{name}"


def test_what_trigger_asks_for_has_a_schema_and_reaches_the_operator(demo: Bag) -> None:
    asked = {dag_id: dag["params"] for dag_id, dag in demo["dags"].items() if dag["params"]}
    moments, switch, number = [None, "", "2026-03-01T00:00:00+08:00", "2026-03-01"], [True], [None, 5]
    takes = {
        "collect_cms_articles": {"since": moments, "until": moments},
        "flow_notices": {"dry_run": switch},
        "deliver_city": {"limit": number, "dry_run": switch},
    }
    for dag_id, params in takes.items():
        assert {name: one["takes"] for name, one in asked[dag_id].items()} == params
        assert all(re.search("[一-鿿]", one["title"]) for one in asked[dag_id].values())
        assert not any(one["default"] for one in asked[dag_id].values())  # a scheduled run asks for nothing
    of = {dag_id: dag["tasks"] for dag_id, dag in demo["dags"].items()}
    assert of["collect_cms_articles"]["collect"]["rendered"]["since"] == "2026-03-01T00:00:00+08:00"
    assert of["collect_cms_articles"]["collect"]["rendered"]["until"] == ""
    assert of["flow_notices"]["compose"]["rendered"]["preview"] == "True"
    deliver = of["deliver_city"]["deliver"]["rendered"]
    assert (deliver["limit"], deliver["preview"]) == ("5", "True")


def test_every_task_tells_the_people_on_duty_where_the_site_names_some(demo: Bag, mixed: Bag) -> None:
    def told(bag: Bag) -> set[str]:
        return {name for dag in bag["dags"].values() for task in dag["tasks"].values() for name in task["tells"]}

    assert told(demo) == set()
    for dag_id, dag in mixed["dags"].items():
        for name, task in dag["tasks"].items():
            assert task["tells"] == ["DutyNotifier", "DutyNotifier"], f"{dag_id}.{name}"


def test_the_ledger_owns_retries(demo: Bag) -> None:
    retrying = {
        f"{dag_id}.{name}"
        for dag_id, dag in demo["dags"].items()
        for name, task in dag["tasks"].items()
        if task["retries"]
    }
    # These send nothing: they ask Airflow for runs, and people for answers.
    assert retrying == {"flow_notices.start_reviews", "review_notices.review_1", "review_notices.review_2"}


def test_every_name_an_operator_reads_is_chinese_and_every_dag_explains_itself(demo: Bag) -> None:
    def chinese(text: str) -> bool:
        return any("\u4e00" <= letter <= "\u9fff" for letter in text)

    for dag_id, dag in demo["dags"].items():
        assert chinese(dag["display_name"]) and chinese(dag["doc"]), dag_id
        assert "demo" in dag["tags"]
        assert all(chinese(task["display_name"]) for task in dag["tasks"].values()), dag_id
    assert demo["dags"]["flow_notices"]["display_name"] == "编排 通知公告"


def test_parsing_is_quick_and_brings_no_engine(demo: Bag) -> None:
    assert demo["heavy"] == []
    assert demo["took_s"] < 10  # of the processor; it is well below 2 on an idle machine


def test_a_broken_flow_is_one_error_naming_its_line(mixed: Bag) -> None:
    assert list(mixed["errors"]) == ["weigov_faults.py"]
    (line,) = mixed["errors"]["weigov_faults.py"].splitlines()
    assert "policies.yaml:" in line and "autor" in line and "Traceback" not in line


def test_a_broken_flow_takes_no_other_dag_down(demo: Bag, mixed: Bag) -> None:
    assert set(demo["dags"]) - set(mixed["dags"]) == {"flow_policies"}


def test_adding_a_flow_file_makes_its_dags_appear(demo: Bag, mixed: Bag) -> None:
    assert set(mixed["dags"]) - set(demo["dags"]) == {"flow_news", "review_news"}
    assert mixed["dags"]["review_news"]["display_name"] == "审核 政务要闻"


def test_each_approval_a_flow_needs_is_a_question_of_its_own(mixed: Bag) -> None:
    tasks = mixed["dags"]["review_news"]["tasks"]
    assert {name: task["downstream"] for name, task in tasks.items()} == {
        "review_1": ["review_2"],
        "review_2": ["review_3"],
        "review_3": [],
    }


def test_a_site_that_is_not_there_is_one_error_and_no_crash(tmp_path: Path) -> None:
    found = parse(tmp_path / "nowhere")
    assert found["dags"] == {}
    assert "there is no such folder" in found["errors"]["weigov_faults.py"]
