"""kill -9 at every place where it could hurt, on both databases, and a rerun: once, by the sandbox's own count.

One delivery outlives a kill at each of its steps, one after another: claimed, each intent, each effect whose receipt
was not kept. In between the clock passes the lease and reconcile looks, as the schedule would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment, wait_until
from tests.weigov.flow.killed import run_until_killed
from tests.weigov.flow.mass import MONDAY, TITLES, begin, jobs, sent, states, weekly, with_weekly
from tests.weigov.flow.test_articles import PICTURE, publish, said
from tests.weigov.flow.test_messages import ORDINARY, case_of, cases_said, move, told

LEASE_OVER_S = 95


def kill_at(town: Deployment, *points: str, verb: str = "deliver") -> None:
    for point in points:
        run_until_killed(town.environ, point, verb)
        town.other.advance(seconds=LEASE_OVER_S)
        town.reconcile()
        town.other.advance(seconds=31)  # the pause before a step is tried a third time


def test_an_article_killed_at_every_step_is_published_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    article = publish(town.other, "关于滨湖大道封闭施工的通告", html=PICTURE)
    town.collect("cms")
    town.compose("notices", "policies")
    kill_at(town, "claim", "intent:image", "effect:image", "intent:cover", "effect:cover")
    kill_at(town, "intent:draft", "effect:draft", "intent:compare", "effect:compare")
    assert town.other.articles() == []
    kill_at(town, "intent:submit")
    town.other.advance(minutes=6)  # that the draft is still there proves only then that it was not submitted
    town.reconcile()
    kill_at(town, "effect:submit")
    town.drain()
    assert [a["title"] for a in town.other.articles()] == ["关于滨湖大道封闭施工的通告"]
    state = town.other.state()
    assert state["drafts"] == [] and len(state["materials"]) == 1
    assert said(town.other, article) == [("confirmed", town.other.standing()[0]["url"])]


def test_a_removal_killed_at_every_step_removes_the_old_and_keeps_the_new(calm_on_each: Deployment) -> None:
    town = calm_on_each
    article = publish(town.other, "关于滨湖大道封闭施工的通告")
    town.round("cms")
    (old,) = town.other.standing()
    town.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    town.collect("cms")
    town.compose("notices", "policies")
    town.deliver()
    town.other.advance(seconds=5)
    town.reconcile()
    kill_at(town, "claim", "intent:delete", "effect:delete")
    town.drain()
    (new,) = town.other.standing()
    assert new["article_id"] != old["article_id"] and len(town.other.articles()) == 2
    assert [state for state, _ in said(town.other, article)] == ["confirmed", "confirmed"]


def test_a_message_killed_at_every_step_is_received_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    number = case_of(town.other, ORDINARY[0])
    move(town.other, number, "12")
    town.collect("cases")
    town.compose("case_progress")
    kill_at(town, "claim", "intent:send")
    run_until_killed(town.environ, "effect:send", "deliver")
    town.other.advance(seconds=LEASE_OVER_S)
    town.drain()
    assert told(town.other, number) == ["补正"] and len(town.other.messages()) == 1
    assert cases_said(town.other, number) == [("confirmed", "")]


@pytest.mark.parametrize("event", ["comes", "is lost"])
def test_a_message_killed_after_its_effect_and_found_much_later_is_never_repeated(
    calm_on_each: Deployment, event: str
) -> None:
    town = calm_on_each
    number = case_of(town.other, ORDINARY[0])
    if event == "is lost":
        town.other.fault("drop_event", "/cgi-bin/message/*")
    move(town.other, number, "12")
    town.collect("cases")
    town.compose("case_progress")
    run_until_killed(town.environ, "effect:send", "deliver")
    town.other.advance(minutes=45)
    town.drain()
    assert told(town.other, number) == ["补正"] and len(town.other.messages()) == 1
    assert [state for state, _ in cases_said(town.other, number)] == ["confirmed" if event == "comes" else "in_doubt"]


@pytest.mark.parametrize(
    "point", ["channels.template._message:6", "abreast._keep:1", "abreast._keep:1, and reconcile late"]
)
def test_messages_side_by_side_killed_in_the_middle_reach_everybody_once(
    calm_on_each: Deployment, point: str
) -> None:
    town = calm_on_each
    for person in PEOPLE:
        if person.persona == "unfollowed":  # to whom nothing is certain for half an hour
            town.other.persona(person.identity, "ordinary")
    moved = town.other.post("/cases/advance", count=24)
    town.collect("cases")
    town.compose("case_progress")
    at, _, late = point.partition(", ")
    run_until_killed(town.environ, at, "deliver")
    town.other.advance(seconds=LEASE_OVER_S)
    if late:
        town.deliver()  # which finds the leases over,
        town.deliver()  # and asks again
    else:
        town.reconcile()
    town.drain()
    reachable = {p.identity for p in PEOPLE if p.persona != "blocked"}
    assert town.other.received() == {(m["applicant_id"], m["to"]): 1 for m in moved if m["applicant_id"] in reachable}


def test_a_digest_killed_at_every_step_reaches_everybody_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    with_weekly(town)
    articles = begin(town, *TITLES[:2])
    town.other.at(MONDAY)
    run_until_killed(town.environ, "gather.gathered__take:1", "compose", "weekly")
    weekly(town)
    kill_at(town, "claim", "intent:draft", "effect:draft", "intent:preview:1", "effect:preview:1")
    kill_at(town, "channels.mass.steps.follow_up:1", "intent:sendall")
    town.other.advance(minutes=1)  # sooner WeChat would refuse the same key
    kill_at(town, "effect:sendall")
    town.drain()
    assert sent(town.other) == [list(TITLES[:2])] and states(town) == ["confirmed"]
    assert town.other.most_often() == 1 and town.other.state()["drafts"] == []
    town.other.post(f"/cms/articles/{articles[0]['id']}/withdraw")
    town.collect("cms")
    weekly(town)
    kill_at(town, "intent:delete")
    town.compose("notices", "policies")
    town.drain()
    assert [a["is_deleted"] for a in jobs(town.other)[0]["articles"]] == [True, False]


def test_a_menu_killed_at_every_step_is_there(calm_on_each: Deployment) -> None:
    town = calm_on_each
    town.compose("menu")
    kill_at(town, "claim", "intent:menu", "effect:menu")
    town.drain()
    assert [entry["name"] for entry in town.other.menu() or ()] == ["信息发布", "办事服务", "更多+"]
    assert town.other.calls("menu/create") == 2  # the effect nobody heard of, and its repetition


@pytest.mark.parametrize("system", ["cms", "cases", "qa"])
def test_a_write_back_killed_at_every_step_says_what_happened(calm_on_each: Deployment, system: str) -> None:
    town = calm_on_each
    if system == "cms":
        publish(town.other, "关于滨湖大道封闭施工的通告")
    elif system == "cases":
        move(town.other, case_of(town.other, ORDINARY[0]), "12")
    else:
        while not {a["asker"] for a in town.other.post("/qa/answer", count=1)} & set(ORDINARY):
            pass
    town.collect(system)
    town.compose("notices", "policies", "case_progress", "answers")
    town.deliver()
    town.other.advance(seconds=5)
    town.reconcile()
    kill_at(town, "intent:write", "effect:write", verb="sync-back")
    town.drain()
    states = [w["state"] for w in town.other.write_backs(system)]
    # Overwriting and keyed operations may be called twice; what they leave behind says it once more, not otherwise.
    assert set(states) == {"confirmed"} and len(states) <= (1 if system == "qa" else 2)


@pytest.mark.parametrize(
    "point",
    ["collect.intake__store:1", "collect.streams__finish:1", "compose._commit:3", "compose.revisions__decide:2"],
)
def test_collect_and_compose_killed_in_the_middle_lose_nothing_and_double_nothing(
    calm_on_each: Deployment, point: str
) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=6)
    if point.startswith("collect"):
        run_until_killed(town.environ, point, "collect", "cases")
    else:
        town.collect("cases")
        run_until_killed(town.environ, point, "compose", "case_progress")
    town.round("cases")
    reachable = {p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}
    assert town.other.received() == {(m["applicant_id"], m["to"]): 1 for m in moved if m["applicant_id"] in reachable}


def test_a_first_collect_killed_between_its_batches_is_still_a_baseline(town: Deployment) -> None:
    town.bind_everyone()
    run_until_killed(town.environ, "collect.intake__store:2", "collect", "cases")
    town.collect("cases")
    town.compose("case_progress")
    town.deliver()
    assert town.other.messages() == []
    moved = town.other.post("/cases/advance", count=6)
    town.round("cases")
    reachable = {p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}
    assert town.other.received() == {(m["applicant_id"], m["to"]): 1 for m in moved if m["applicant_id"] in reachable}


def test_the_installed_command_killed_while_its_call_is_under_way_tells_once(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.other.fault("delay_s", "/cgi-bin/message/template/send", value=1, times=1)
    weigov = Path(sys.executable).with_name("weigov")
    with subprocess.Popen([weigov, "deliver"], env=os.environ | calm.environ, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: calm.other.fired("delay_s") == 1, timeout_s=60)
        process.kill()
    wait_until(lambda: len(calm.other.messages()) == 1)  # WeChat got the request and does what it says
    calm.other.advance(seconds=LEASE_OVER_S)
    calm.drain()
    assert told(calm.other, number) == ["补正"] and len(calm.other.messages()) == 1
