"""Conditional menus: each citizen sees theirs, nothing is there twice, and what WeChat shows is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_kill import kill_at
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery

CONDITIONAL = """\
conditional:
  - for: {tag: 老年人, platform: ios}
    menu: [{name: 大字苹果, url: "https://www.shifan.example/ios/"}]
  - for: {tag: 老年人}
    menu: [{name: 大字版, url: "https://www.shifan.example/big/"}]
"""
WORKER = "{tag: 老年人}\n    menu: [{name: 大字版"
ADD, DROP = "/cgi-bin/menu/addconditional", "/cgi-bin/menu/delconditional"
ELDER = PEOPLE[0].openid


def tag(town: Deployment, name: str = "老年人") -> int:
    """The tag's number, made by somebody at the account."""
    return int(town.ctx.account("city")._sdk.tag.create(name)["id"])


def with_others(town: Deployment, conditional: str = CONDITIONAL) -> None:
    rewrite(town.settings.site / "flows" / "menu.yaml", lambda text: text + conditional)
    town.reopen()


def changed(town: Deployment, change: Callable[[str], str]) -> None:
    rewrite(town.settings.site / "flows" / "menu.yaml", change)
    town.reopen()
    town.apply("menu")
    town.compose("menu")


def others(town: Deployment) -> list[str]:
    """What stands beside the default menu, the one that is tried first first."""
    return [one["button"][0]["name"] for one in reversed(town.other.state()["conditional_menus"])]


def seen(town: Deployment, openid: str = ELDER) -> str:
    answer = town.ctx.account("city")._sdk.menu.try_match(openid)
    return str(answer["button"][0]["name"])


def newest(town: Deployment) -> Delivery:
    with town.ctx.ledger.read() as connection:
        return outbox.find(connection, channel="menu", limit=100)[-1]


def test_each_citizen_sees_the_first_that_matches_and_only_what_changed_is_made_anew(calm: Deployment) -> None:
    number = tag(calm)
    with_others(calm)
    calm.compose("menu")
    calm.drain()
    assert newest(calm).state == "confirmed"
    assert others(calm) == ["大字苹果", "大字版"] and seen(calm) == "信息发布"
    calm.ctx.account("city")._sdk.tag.tag_user(number, [ELDER])
    assert seen(calm) == "大字版"
    calm.other.put(f"/wechat/phones/{ELDER}", platform="ios")
    assert seen(calm) == "大字苹果"
    assert (calm.other.calls("menu/addconditional"), calm.other.calls("menu/delconditional")) == (2, 0)

    changed(calm, lambda text: text.replace("大字苹果", "大字手机"))
    calm.drain()
    assert others(calm) == ["大字手机", "大字版"]
    assert (calm.other.calls("menu/addconditional"), calm.other.calls("menu/delconditional")) == (3, 1)

    changed(calm, lambda text: text[: text.index("conditional:")])
    calm.drain()
    assert others(calm) == [] and seen(calm) == "信息发布"
    assert calm.status()["deferred"] == calm.status()["unknown"] == []


@pytest.mark.parametrize("fault", ["lose_answer", "refuse_before"])
def test_an_add_that_was_never_answered_is_looked_for_before_it_is_made_again(calm: Deployment, fault: str) -> None:
    tag(calm)
    with_others(calm)
    calm.other.fault(fault, ADD, times=1)
    calm.other.fault("lose_answer", DROP, times=1)
    calm.compose("menu")
    calm.drain()
    assert others(calm) == ["大字苹果", "大字版"] and calm.other.calls("menu/addconditional") == 2
    changed(calm, lambda text: text[: text.index("conditional:")])
    calm.drain()
    assert others(calm) == [] and newest(calm).state == "confirmed"


def test_a_menu_killed_at_every_step_stands_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    tag(town)
    with_others(town)
    town.compose("menu")
    kill_at(town, "effect:menu", "effect:add 2", "intent:add 1", "effect:verify")
    town.drain()
    assert others(town) == ["大字苹果", "大字版"] and newest(town).state == "confirmed"
    changed(town, lambda text: text.replace("大字版", "大字网站"))
    kill_at(town, "effect:drop")
    town.drain()
    assert others(town) == ["大字苹果", "大字网站"] and newest(town).state == "confirmed"


def test_one_that_came_twice_after_all_is_deleted(calm: Deployment) -> None:
    number = tag(calm)
    with_others(calm)
    calm.compose("menu")
    calm.drain()
    button = {"type": "view", "name": "大字版", "url": "https://www.shifan.example/big/"}
    calm.ctx.account("city").add_conditional_menu(
        {"tag_id": str(number)}, [button]
    )  # a call that was long on its way
    changed(calm, lambda text: text.replace("便民应用", "便民服务"))
    calm.drain()
    assert others(calm) == ["大字苹果", "大字版"] and newest(calm).state == "confirmed"


def test_a_tag_the_account_does_not_have_is_said_and_waited_for(calm: Deployment) -> None:
    with_others(calm)
    calm.compose("menu")
    assert calm.deliver().states == {"deferred": 1}
    assert "has no tag '老年人': make it there" in newest(calm).reason
    assert calm.other.menu() is None
    tag(calm)
    calm.other.advance(hours=1)
    calm.drain()
    assert others(calm) == ["大字苹果", "大字版"]


def test_what_wechat_shows_otherwise_is_reported_and_not_confirmed(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = calm.ctx.account("city").get_menu

    def shortened(*_: Any) -> Any:
        found = whole()
        return type(found)(found.buttons[:2], found.conditionals, found.received)

    calm.compose("menu")
    monkeypatch.setattr(calm.ctx.account("city"), "get_menu", shortened)
    assert calm.deliver().states == {"rejected": 1}
    assert "WeChat shows another menu than it was sent: - 更多+" in newest(calm).reason


def test_a_question_that_is_not_answered_leaves_the_menu_for_later(calm: Deployment) -> None:
    calm.other.fault("refuse_before", "/cgi-bin/menu/get", times=1)
    calm.compose("menu")
    assert "menu/get" in calm.deliver().stopped
    assert newest(calm).state == "ready" and calm.other.calls("menu/create") == 0
    calm.drain()
    assert newest(calm).state == "confirmed" and calm.other.calls("menu/create") == 1
