"""A menu that is not ours is never overwritten unseen; every version can come back, and stays until it need not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_conditional_menus import changed, newest, others, tag, with_others
from tests.weigov.flow.test_menu import names
from tests.weigov.flow.test_operator import Weigov, lines, weigov
from weigov.board.overview import overview
from weigov.ledger.tables import delivery

__all__ = ["weigov"]
FOREIGN = [{"type": "click", "name": "抽奖", "key": "lottery"}]
WHO = ("--as", "wangfang", "--reason", "按通知恢复")


def sent(town: Deployment) -> int:
    """The menu was made; its version."""
    town.compose("menu")
    town.drain()
    assert newest(town).state == "confirmed"
    return newest(town).id


def tops(town: Deployment) -> list[str]:
    return [entry["name"] for entry in town.other.menu() or ()]


def by_somebody(town: Deployment, buttons: list[dict[str, Any]] = FOREIGN) -> None:
    town.ctx.account("city").create_menu(buttons)


def in_console(town: Deployment, **more: Any) -> None:
    town.other.put("/wechat/menu", appid=town.other.appid, **more)


LIST = {"sub_button": {"list": [{"type": "news", "name": "图文", "value": "MEDIA"}]}}
STRANGE: dict[str, tuple[Callable[[Deployment], Any], str]] = {
    "another menu": (by_somebody, "+ 抽奖 (click lottery)"),
    "no menu": (lambda town: town.ctx.account("city").delete_menu(), "there is no menu"),
    "a conditional one": (
        lambda town: town.ctx.account("city").add_conditional_menu({"client_platform_type": "1"}, FOREIGN),
        "+ a menu for ios: 抽奖",
    ),
    "made in the console": (
        lambda town: in_console(town, buttons=[{"name": "手工", **LIST}]),
        "made by hand in WeChat's console",
    ),
    "switched off": (lambda town: in_console(town, is_open=False), "switched off in WeChat's console"),
}


def test_whatever_somebody_else_did_to_the_menu_holds_the_next_one_until_a_person_says_so(
    calm: Deployment, weigov: Weigov
) -> None:
    sent(calm)
    for n, (what, (change, said)) in enumerate(STRANGE.items()):
        old, new = ("便民应用", f"便民{n}") if n == 0 else (f"便民{n - 1}", f"便民{n}")
        change(calm)
        before = calm.other.calls("menu/create")
        changed(calm, lambda text, old=old, new=new: text.replace(f"name: {old}", f"name: {new}"))
        assert calm.deliver().states == {"deferred": 1}, what
        assert said in newest(calm).reason and "`weigov menu overwrite city`" in newest(calm).reason
        assert calm.other.calls("menu/create") == before
        assert said in weigov("menu", "show").good()
        todos = [todo.key for todo in overview(calm.ctx, faults=0, gateway_problem="").todos]
        assert todos.count("todo.menu_not_ours") == 1
        typed = weigov("menu", "overwrite", "city", *WHO, "--yes").good()
        assert f"version {newest(calm).id} goes with the next deliver" in typed
        calm.drain()
        assert newest(calm).state == "confirmed" and new in names(calm) and others(calm) == [], what
    assert "what stands there is it" in weigov("menu", "show").good()
    assert "over delivery" in weigov("status").good()
    rows = [line for line in lines(weigov("menu", "history").good()) if "not ours" in line]
    assert len(rows) == len(STRANGE)


def test_a_first_menu_does_not_replace_one_that_is_there_and_that_one_can_come_back(
    calm_on_each: Deployment, weigov_on_each: Weigov
) -> None:
    town, weigov = calm_on_each, weigov_on_each
    by_somebody(town)
    town.compose("menu")
    assert town.deliver().states == {"deferred": 1}
    assert "there is a menu already; 抽奖" in newest(town).reason and tops(town) == ["抽奖"]
    town.other.advance(hours=2)
    assert town.deliver().states == {"deferred": 1}  # nobody said anything
    weigov("menu", "overwrite", "city", *WHO, "--yes").good()
    town.drain()
    assert tops(town) == ["信息发布", "办事服务", "更多+"]
    assert "goes with the next deliver" in weigov("menu", "rollback", "city", "found-1", *WHO, "--yes").good()
    town.drain()
    assert tops(town) == ["抽奖"] and newest(town).state == "confirmed"
    # The flow leaves it alone until a person releases it.
    assert "city keeps version" in town.compose("menu")["menu"].held
    assert "menu of menu is not made: city keeps version" in weigov("status").good()
    weigov("menu", "release", "city", *WHO).good()
    town.compose("menu")
    town.drain()
    assert tops(town) == ["信息发布", "办事服务", "更多+"]
    assert weigov("menu", "release", "city", *WHO).code == 1


def test_what_somebody_put_right_again_needs_nobodys_word(calm: Deployment) -> None:
    sent(calm)
    whole = calm.other.menu() or []
    by_somebody(calm)
    changed(calm, lambda text: text.replace("便民应用", "便民服务"))
    assert calm.deliver().states == {"deferred": 1}
    by_somebody(calm, whole)
    calm.other.advance(hours=1)
    calm.drain()
    assert "便民服务" in names(calm) and newest(calm).state == "confirmed"


def test_permission_is_for_what_was_seen_and_not_for_what_came_after(calm: Deployment, weigov: Weigov) -> None:
    sent(calm)
    by_somebody(calm)
    changed(calm, lambda text: text.replace("便民应用", "便民服务"))
    calm.deliver()
    weigov("menu", "overwrite", "city", *WHO, "--yes").good()
    by_somebody(calm, [{"type": "click", "name": "投票", "key": "vote"}])
    assert calm.deliver().states == {"deferred": 1}
    assert "+ 投票" in newest(calm).reason and tops(calm) == ["投票"]


def test_what_the_flow_wants_already_is_taken_over(calm: Deployment) -> None:
    sent(calm)
    by_somebody(calm, [*(calm.other.menu() or [])[:2], *FOREIGN])
    changed(calm, lambda text: text[: text.index("  - name: 更多+")] + "  - {name: 抽奖, key: lottery}\n")
    calm.drain()
    assert newest(calm).state == "confirmed" and tops(calm)[-1] == "抽奖"


def test_every_version_comes_back_and_the_flow_waits_for_its_next_change(calm: Deployment, weigov: Weigov) -> None:
    tag(calm)
    with_others(calm)
    first = sent(calm)
    changed(calm, lambda text: text[: text.index("conditional:")].replace("便民应用", "便民服务"))
    second = sent(calm)
    assert others(calm) == []
    typed = weigov("menu", "rollback", "city", str(first), *WHO, "--yes").good()
    assert "+ a menu for tag 老年人: 大字版" in typed and "~ 更多+ > 便民服务 is called 便民应用" in typed
    for _ in range(2):
        assert "`weigov menu release city`" in calm.compose("menu")["menu"].held
        calm.drain()
    assert others(calm) == ["大字苹果", "大字版"] and "便民应用" in names(calm)
    third = newest(calm)
    assert "a person went back to version" in weigov("menu", "plan").good()
    changed(calm, lambda text: text.replace("便民服务", "便民热线"))
    assert "~ 更多+ > 便民应用 is called 便民热线" in weigov("menu", "plan").good()
    calm.drain()
    assert others(calm) == [] and "便民热线" in names(calm)
    table = weigov("menu", "history").good()
    assert f"wangfang, back to {first}: 按通知恢复" in table and "flow menu, revision 4" in table
    assert [str(version) in table for version in (first, second, third.id, newest(calm).id)] == [True] * 4


def test_going_back_passes_the_flows_review(calm: Deployment, weigov: Weigov) -> None:
    first = sent(calm)
    reviewed = "review: {needs: 1}\nschedule:"
    changed(calm, lambda text: text.replace("便民应用", "便民服务").replace("schedule:", reviewed))
    calm.approve("shenhe")
    calm.drain()
    assert "waits for review" in weigov("menu", "rollback", "city", str(first), *WHO, "--yes").good()
    calm.drain_but_compose()
    assert "便民服务" in names(calm)
    assert "waits for review first" in weigov("menu", "overwrite", "city", *WHO, "--yes").err
    assert "~ 更多+ > 便民服务 is called 便民应用" in weigov("review", "list", "--json").good()
    calm.approve("shenhe")
    calm.drain()
    assert "便民应用" in names(calm)


def test_what_cannot_come_back_is_said_on_one_line(calm: Deployment, weigov: Weigov) -> None:
    in_console(calm, buttons=[{"name": "手工", **LIST}])
    calm.compose("menu")
    calm.deliver()
    assert "it is made by hand" not in newest(calm).reason
    for version, said in {
        "found-1": "only WeChat's console can make these buttons: 图文 (news)",
        "999": "`weigov menu history city` lists them",
    }.items():
        typed = weigov("menu", "rollback", "city", version, *WHO, "--yes")
        assert typed.code == 1 and len(lines(typed.err)) == 1 and said in typed.err
    with calm.ctx.ledger.begin() as connection:
        connection.execute(update(delivery).where(delivery.c.id == newest(calm).id).values(payload=None))
    assert "its buttons were not kept" in weigov("menu", "rollback", "city", str(newest(calm).id), *WHO, "--yes").err


def test_nothing_waits_to_overwrite(calm: Deployment, weigov: Weigov) -> None:
    sent(calm)
    by_somebody(calm)
    typed = weigov("menu", "overwrite", "city", *WHO, "--yes")
    assert typed.code == 1 and "`weigov menu rollback city VERSION` brings one back" in typed.err


@pytest.fixture
def weigov_on_each(calm_on_each: Deployment) -> Weigov:
    from tests.weigov.command import command

    return lambda *words: command(calm_on_each.environ, *words)
