"""Review in Airflow: who is asked, what is shown, and what an answer does to the ledger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import TaskAwaitingInput

from tests.weigov.flow.deployment import Deployment
from weigov.flow.review import Held, held
from weigov.ledger import outbox
from weigov.mapping.proofread import Finding
from weigov_airflow import review
from weigov_airflow.review import APPROVE, FORM, LOOK_AGAIN, REFUSE, ReviewOperator

OUTBOX = Asset(name="demo/account/city/outbox", uri="weigov://demo/account/city/outbox")


class Question:
    """One task of a review run, and what Airflow was asked by it."""

    def __init__(self, nth: int, item: Held) -> None:
        alias = AssetAlias(name="released")
        self.operator = ReviewOperator(
            task_id=f"review_{nth}", nth=nth, params=FORM, released=alias, outboxes=[OUTBOX]
        )
        self.events: list[Asset] = []
        self.context: Any = {
            "task_instance": SimpleNamespace(id="ti"),
            "params": {"delivery": item.id, "digest": item.digest},
            "outlet_events": {alias: SimpleNamespace(add=self.events.append)},
        }

    def ask(self) -> Any:
        return self.operator.execute(self.context)

    def answer(self, person: str | Mapping[str, Any], choice: str, comment: str | None = None) -> Any:
        """``person``: as Airflow names them, or only the log-in."""
        event = {
            "chosen_options": [choice],
            "params_input": {"comment": comment},
            "responded_by_user": {"id": person, "name": person} if isinstance(person, str) else person,
            "timedout": False,
        }
        return self.operator.execute_complete(self.context, event)

    def nobody_answers(self) -> Any:
        return self.operator.execute_complete(self.context, {"error": "timeout", "error_type": "timeout"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put before people."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **detail: found.append(detail))
    return found


def state(town: Deployment, item: Held) -> str:
    with town.ctx.ledger.read() as connection:
        return outbox.get(connection, item.id).state


def test_a_question_shows_what_is_to_be_decided(notice: Held, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(TaskAwaitingInput) as parked:
        Question(1, notice).ask()
    assert parked.value.timeout == LOOK_AGAIN
    (shown,) = asked
    assert shown["subject"] == f"通知公告：{notice.title}（第 1 / 2 人）"
    assert shown["options"] == [APPROVE, REFUSE]
    assert list(shown["params"]) == ["comment"]
    text = shown["body"].replace("\\", "")
    assert notice.excerpt.split()[0] in text and notice.source_url in text
    assert f"delivery {notice.id}" in text and notice.digest in text
    # Relative, so that a proxy's path before Airflow's stays; of the bytes that are asked about.
    assert f"](weigov/item/{notice.id})" in text
    assert f"![手机上的样子 on a phone](weigov/item/{notice.id}/phone.svg?digest={notice.digest[:16]})" in text


def test_a_question_shows_what_was_found_and_what_changes(notice: Held) -> None:
    calm = review.body(notice)
    assert "未发现 none found" in calm and "与已发布内容的差别" not in calm
    found = (Finding("warn", "word", "title", "“按装”，应为 say: 安装（…<b>按装…）"),)
    text = review.body(replace(notice, findings=found, changes=("-旧的一行", "+<script>新的</script>")))
    assert "⚠ 标题: “按装”" in text and "\\<b\\>" in text
    assert "- \\-旧的一行" in text and "\\<script\\>" in text
    assert "与原系统不同" not in text
    text = review.body(replace(notice, corrected="bianji: short_title: “” → “<b>短</b>” (急)"))
    assert "与原系统不同** texts were corrected on the board: bianji" in text and "\\<b\\>短" in text
    moment = datetime(2026, 3, 11, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert "审核时限" not in text and "overdue" not in text
    text = review.body(replace(notice, until=moment)).replace("\\", "")
    assert "审核时限 to be decided by: 2026-03-11 10:00 CST" in text and "overdue" not in text
    assert "已超时 overdue" in review.body(replace(notice, until=moment, is_late=True))
    many = review.body(replace(notice, changes=("+一行",) * 40))
    assert many.count("一行") == 30 and "另有 10 处 more" in many


def test_two_different_people_release_it_and_only_then_is_there_news_for_deliver(
    town: Deployment, notice: Held, asked: list[dict[str, Any]]
) -> None:
    first, second = Question(1, notice), Question(2, notice)
    assert first.answer("bianji", APPROVE) == {"asked": True, "by": "bianji", "state": "waiting_review"}
    assert first.events == []
    with pytest.raises(TaskAwaitingInput):
        second.ask()
    assert "已通过 approved by: bianji" in asked[0]["body"]
    assert second.answer("shenhe", APPROVE)["state"] == "ready"
    assert second.events == [OUTBOX]
    assert state(town, notice) == "ready"


def test_the_same_person_twice_does_not_count_and_the_question_is_asked_anew(
    town: Deployment, notice: Held, caplog: pytest.LogCaptureFixture
) -> None:
    Question(1, notice).answer("bianji", APPROVE)
    second = Question(2, notice)
    with pytest.raises(SystemExit):  # Airflow retries, and a retry asks
        second.answer("bianji", APPROVE)
    assert "not counted: bianji has already decided" in caplog.text
    assert second.events == [] and state(town, notice) == "waiting_review"


def test_a_refusal_ends_it_with_its_reason_and_nobody_else_is_asked(
    town: Deployment, notice: Held, asked: list[dict[str, Any]]
) -> None:
    assert Question(1, notice).answer("bianji", REFUSE, "标题有误")["state"] == "refused"
    assert Question(2, notice).ask() == {"asked": False}
    assert asked == []
    with town.ctx.ledger.read() as connection:
        assert outbox.get(connection, notice.id).reason == "标题有误"


def test_what_was_decided_on_the_command_line_is_not_asked_again(
    town: Deployment, notice: Held, asked: list[dict[str, Any]]
) -> None:
    town.approve("zhang")
    assert Question(1, notice).ask() == {"asked": False}
    with pytest.raises(TaskAwaitingInput):
        Question(2, notice).ask()
    town.approve("li")
    assert Question(2, notice).nobody_answers() == {"asked": False}
    assert len(asked) == 1


def test_a_question_nobody_answers_goes_on_waiting_while_there_is_something_to_ask(
    notice: Held, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(TaskAwaitingInput):
        Question(1, notice).nobody_answers()
    assert len(asked) == 1


def test_an_answer_about_something_replaced_changes_nothing_and_ends_green(town: Deployment, notice: Held) -> None:
    with town.ctx.ledger.begin() as connection:
        outbox.move(connection, outbox.get(connection, notice.id), "superseded", now=town.ctx.now())
    assert Question(1, notice).answer("bianji", APPROVE) == {"asked": True, "by": "bianji"}
    assert state(town, notice) == "superseded"


def test_an_approval_is_of_the_bytes_that_were_shown(town: Deployment, notice: Held) -> None:
    older = Question(1, notice)
    older.context["params"]["digest"] = "0" * 64
    assert older.ask() == {"asked": False}
    assert older.answer("bianji", APPROVE) == {"asked": True, "by": "bianji"}
    assert next(item for item in held(town.ctx) if item.id == notice.id).approvals == 0


def test_an_answer_that_names_nobody_does_not_count(town: Deployment, notice: Held) -> None:
    question = Question(1, notice)
    event: dict[str, Any] = {"chosen_options": [APPROVE], "params_input": {}, "responded_by_user": None}
    with pytest.raises(SystemExit):
        question.operator.execute_complete(question.context, event)
    assert state(town, notice) == "waiting_review"


@pytest.mark.parametrize(
    ("user", "person"),
    [
        ({"id": "bianji", "name": "bianji"}, "bianji"),  # as the command line would name the same person
        ({"id": "7", "name": "张 伟"}, "张 伟 (7)"),  # two people may share a name, never a log-in
        ({"id": "7", "name": ""}, "7"),
        ({"id": "3", "name": "bianji"}, "bianji (3)"),  # as FAB has it
        ({"id": None, "name": "Anonymous"}, ""),  # as FAB has whoever need not log in
        (None, ""),
    ],
)
def test_a_person_is_who_logged_in(user: dict[str, str] | None, person: str) -> None:
    assert review.person_of(user) == person


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "[点此](javascript:x)", "# 标题", "![](http://a/b.png)", "`a` **b** | c", "&lt;"],
)
def test_nothing_of_upstream_is_markup_in_a_question(text: str) -> None:
    shown = review.plain(text)
    assert shown.replace("\\", "") == text
    assert all(shown[at - 1] == "\\" for at, letter in enumerate(shown) if letter in "<>[]()#!`*|&")


class Airflow:
    """The runs there are, by name; and their state."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.started: list[dict[str, Any]] = []

    def start_run(self, dag_id: str, run_id: str, conf: dict[str, Any], note: str) -> bool:
        assert dag_id == "review_notices"
        if run_id in self.runs:
            return False
        self.runs[run_id] = "running"
        self.started.append({"conf": conf, "note": note})
        return True

    def get_dagrun_state(self, dag_id: str, run_id: str) -> str:
        return self.runs[run_id]


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    airflow = Airflow()
    monkeypatch.setattr(review, "start_run", airflow.start_run)
    return airflow


def test_every_held_delivery_gets_one_run_however_often_compose_runs(town: Deployment, airflow: Airflow) -> None:
    waiting = held(town.ctx)
    context: Any = {"ti": airflow}
    assert review.start_reviews("notices", context) == {"held": len(waiting), "started": len(waiting)}
    assert review.start_reviews("notices", context) == {"held": len(waiting), "started": 0}
    assert [run["conf"] for run in airflow.started] == [
        {"delivery": item.id, "digest": item.digest} for item in waiting
    ]
    assert airflow.started[0]["note"] == waiting[0].title


def test_a_delivery_that_still_waits_after_its_run_ended_gets_another(
    town: Deployment, notice: Held, airflow: Airflow
) -> None:
    context: Any = {"ti": airflow}
    review.start_reviews("notices", context)
    first = review.run_id(notice)
    airflow.runs[first] = "failed"
    assert review.start_reviews("notices", context)["started"] == 1
    assert airflow.runs[f"{first}_2"] == "running"
    assert review.start_reviews("notices", context)["started"] == 0


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="weigov")
