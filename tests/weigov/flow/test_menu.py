"""The menu: sent when it differs from what stands there, and only then."""

from __future__ import annotations

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from weigov.flow.menus import versions
from weigov.flow.review import decide, held


def names(town: Deployment) -> list[str]:
    return [child["name"] for entry in town.other.menu() or () for child in entry["sub_button"]]


def test_it_is_sent_once_and_not_again_while_nothing_changed(calm: Deployment) -> None:
    for _ in range(3):
        calm.collect("cms")
        calm.compose("menu")
        calm.drain()
    assert calm.other.calls("menu/create") == 1
    assert names(calm)[:2] == ["最新消息", "通知公告"]


@pytest.mark.parametrize("fault", ["lose_answer", "refuse_before"])
def test_an_answer_that_never_came_is_repeated(calm: Deployment, fault: str) -> None:
    calm.other.fault(fault, "/cgi-bin/menu/create", times=1)
    calm.compose("menu")
    calm.drain()
    assert len(names(calm)) == 13
    assert calm.other.calls("menu/create") == (2 if fault == "lose_answer" else 1)
    assert calm.status()["unknown"] == []


def test_a_changed_menu_waits_for_apply_and_then_replaces_the_old(calm: Deployment) -> None:
    calm.compose("menu")
    calm.drain()
    flow = calm.settings.site / "flows" / "menu.yaml"
    rewrite(flow, lambda text: text.replace("name: 便民应用", "name: 便民服务"))
    calm.reopen()
    assert calm.compose("menu")["menu"].held
    calm.drain()
    assert "便民应用" in names(calm)
    calm.apply("menu")
    calm.compose("menu")
    calm.drain()
    assert "便民服务" in names(calm) and calm.other.calls("menu/create") == 2


def test_changed_and_changed_back_before_it_was_sent_sends_nothing(calm: Deployment) -> None:
    calm.compose("menu")
    calm.drain()
    flow = calm.settings.site / "flows" / "menu.yaml"
    for old, new in (("便民应用", "便民服务"), ("便民服务", "便民应用")):
        rewrite(flow, lambda text, old=old, new=new: text.replace(f"name: {old}", f"name: {new}"))
        calm.reopen()
        calm.apply("menu")
        calm.compose("menu")
    calm.drain()
    assert "便民应用" in names(calm)


def test_a_refused_menu_says_why_and_the_next_change_is_tried(calm: Deployment) -> None:
    calm.other.fault("errcode", "/cgi-bin/menu/create", value="40018", times=1)
    calm.compose("menu")
    assert calm.deliver().states == {"rejected": 1}
    calm.compose("menu")
    calm.drain()
    assert len(names(calm)) == 13


def test_a_menu_a_reviewer_refused_is_asked_about_once(calm: Deployment) -> None:
    rewrite(calm.settings.site / "flows" / "menu.yaml", lambda text: text + "review: {needs: 1}\n")
    calm.reopen()
    calm.compose("menu")
    (shown,) = held(calm.ctx, "menu")
    decide(calm.ctx, shown.id, digest=shown.digest, person="shenhe", decision="refuse", comment="名称不妥")
    composed = calm.compose("menu")["menu"]
    assert composed.deliveries == 0 and f"weigov menu rollback city {shown.id}" in composed.held
    assert held(calm.ctx, "menu") == []
    versions.rollback(calm.ctx, "city", str(shown.id), person="shenhe", reason="还是这样")
    calm.approve("shenhe")
    calm.drain()
    assert len(names(calm)) == 13


def test_a_menu_without_its_columns_is_not_sent(town: Deployment) -> None:
    assert "not collected yet" in town.compose("menu")["menu"].held
    town.deliver()
    assert town.other.menu() is None
