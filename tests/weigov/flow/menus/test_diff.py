"""Every way two menus can differ, in words, and the tree that shows it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weigov.flow.menus.diff import differences, for_words, tree


def leaf(name: str, url: str = "") -> dict[str, Any]:
    return {"type": "view", "name": name, "url": url or f"https://{name}/"}


def top(name: str, *below: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "sub_button": list(below)}


A, B, C, D = leaf("a"), leaf("b"), leaf("c"), leaf("d")
IOS, OLD = {"platform": "ios"}, {"tag": "老年人"}


def menu(*buttons: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"button": list(buttons), **others}


CASES: list[tuple[dict[str, Any] | None, dict[str, Any], list[str]]] = [
    (menu(A), menu(A), []),
    (None, menu(A), ["+ a (view https://a/)"]),
    (menu(A, B), menu(A), ["- b (view https://b/)"]),
    (menu(A, B), menu(B, A), ["> b moved from place 2 to 1"]),
    (menu(leaf("a", "https://x/")), menu(A), ["~ a: view https://a/ instead of view https://x/"]),
    (menu(leaf("x", "https://a/")), menu(A), ["~ x is called a"]),
    (menu(top("甲", A, B)), menu(top("甲", A, B, C)), ["+ 甲 > c (view https://c/)"]),
    (menu(top("甲", A, B, C)), menu(top("甲", C, A, B)), ["> 甲 > c moved from place 3 to 1"]),
    (menu(top("甲", A, B), top("乙", C)), menu(top("甲", A), top("乙", C, B)), ["> b moved from 甲 to 乙"]),
    (menu(top("甲", A, B)), menu(top("丙", A, B)), ["~ 甲 is called 丙"]),
    (menu(top("甲", A, B)), menu(top("丙", A, C)), ["~ 甲 is called 丙",
     "+ 丙 > c (view https://c/)", "- 丙 > b (view https://b/)"]),
    (menu(A, top("甲", B)), menu(top("甲", A, B)), ["> a moved from the top row to 甲"]),
    (menu(A), menu(top("a", B)), ["~ a: opens a menu instead of view https://a/", "+ a > b (view https://b/)"]),
    (menu(A), menu(A, conditional=[{"for": OLD, "button": [B, C]}]), ["+ a menu for tag 老年人: b, c"]),
    (menu(A, conditional=[{"for": IOS, "button": [B]}]), menu(A), ["- the menu for ios: b"]),
    (
        menu(A, conditional=[{"for": IOS, "button": [B]}]),
        menu(A, conditional=[{"for": IOS, "button": [B, C]}]),
        ["+ for ios: c (view https://c/)"],
    ),
    (
        menu(A, conditional=[{"for": IOS, "button": [B]}, {"for": OLD, "button": [C]}]),
        menu(A, conditional=[{"for": OLD, "button": [C]}, {"for": IOS, "button": [B]}]),
        ["> of several menus that match, the first is shown: tag 老年人, then ios"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), CASES)
def test_a_difference_is_said_in_words(old: dict[str, Any] | None, new: dict[str, Any], lines: list[str]) -> None:
    assert differences(old, new) == lines


def test_a_tree_marks_what_became_of_each_button() -> None:
    old = menu(top("甲", A, B, leaf("x", "https://c/")), D)
    new = menu(top("甲", B, A, C), conditional=[{"for": OLD, "button": [D]}])
    assert tree(new, old) == [
        "  甲",
        ">   b  view https://b/",
        "    a  view https://a/",
        "~   c  view https://c/",
        "- d  view https://d/",
        "for tag 老年人:",
        "  + d  view https://d/",
    ]
    assert tree(new)[:2] == ["甲", "  b  view https://b/"]


def test_whose_menu_it_is_is_said_as_we_and_as_wechat_write_it() -> None:
    assert for_words({"platform": "ios", "tag": "企业"}) == "tag 企业 on ios"
    assert for_words({"client_platform_type": "2", "tag_id": "100"}) == "tag number 100 on android"


LEAVES = st.sampled_from([leaf(name, url) for name in "abcde" for url in ("https://x/", "https://y/")])
BELOW = st.lists(LEAVES, min_size=1, max_size=5)
TOPS = st.one_of(LEAVES, st.builds(lambda name, below: top(name, *below), st.sampled_from("abcde"), BELOW))
MENUS = st.lists(TOPS, min_size=1, max_size=3, unique_by=lambda b: b["name"]).map(lambda b: menu(*b))


@given(MENUS, MENUS)
def test_equal_menus_and_only_those_have_no_difference(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert (differences(old, new) == []) == (old == new)
    assert differences(new, new) == []
