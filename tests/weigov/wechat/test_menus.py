"""What WeChat tells of menus, as one value: what it adds does not count, what only its console makes is named."""

from __future__ import annotations

from typing import Any

import pytest

from weigov.wechat.menus import from_console, is_by_hand, normal, read_current, read_menus, rule_of

VIEW = {"type": "view", "name": "办事", "url": "https://gov.example/"}


@pytest.mark.parametrize(
    "told",
    [
        {**VIEW, "sub_button": []},
        {"url": VIEW["url"], "name": "办事", "type": "view"},
        {**VIEW, "sub_button": None, "key": ""},
    ],
)
def test_what_wechat_adds_to_a_button_does_not_count(told: dict[str, Any]) -> None:
    assert normal([told]) == normal([VIEW])
    assert normal([{"name": "更多", "sub_button": [told]}]) == [{"name": "更多", "sub_button": [VIEW]}]


def test_another_address_another_name_and_another_type_count() -> None:
    for other in ({**VIEW, "url": "https://x/"}, {**VIEW, "name": "x"}, {**VIEW, "type": "click", "key": "k"}):
        assert normal([other]) != normal([VIEW])
    text = {"type": "text", "name": "x", "value": "a"}  # only the console makes these
    assert normal([text]) != normal([{**text, "value": "b"}])


def test_a_rule_has_the_parts_it_has_and_groups_are_tags() -> None:
    assert rule_of({"tag_id": 100, "sex": "", "client_platform_type": 2}) == {
        "tag_id": "100",
        "client_platform_type": "2",
    }
    assert rule_of({"group_id": 2}) == {"tag_id": "2"}


def test_menus_are_read_with_their_conditional_ones() -> None:
    told = {
        "menu": {"button": [{**VIEW, "sub_button": []}], "menuid": 1},
        "conditionalmenu": [{"button": [VIEW], "matchrule": {"client_platform_type": 1}, "menuid": 2}],
    }
    menus = read_menus(told)
    assert list(menus.buttons) == [VIEW] and menus.received == told
    (one,) = menus.conditionals
    assert (one.menuid, one.rule, list(one.buttons)) == ("2", {"client_platform_type": "1"}, [VIEW])


def test_a_menu_made_in_the_console_is_told_apart_and_what_we_cannot_make_is_named() -> None:
    told = [{"name": "更多", "sub_button": {"list": [VIEW, {"type": "news", "name": "图文", "value": "M"}]}}]
    current = read_current({"is_menu_open": 1, "selfmenu_info": {"button": told}})
    assert current.is_open and is_by_hand(read_menus({"menu": {"button": []}}), current)
    assert not is_by_hand(read_menus({"menu": {"button": [VIEW]}}), current)
    made, cannot = from_console(current.buttons)
    assert made[0]["sub_button"][0] == VIEW and cannot == ["图文 (news)"]
    assert not read_current({"is_menu_open": 0}).is_open
