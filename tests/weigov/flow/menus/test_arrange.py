"""Conditional menus come into the wanted order, whatever stands there, and ours alone stand there in the end."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from weigov.flow.menus.arrange import Add, Delete, Wanted, next_call
from weigov.wechat.menus import Conditional


def wanted(rule: str, name: str = "x") -> Wanted:
    return Wanted({"tag_id": rule}, [{"type": "click", "name": name, "key": name}])


def standing(menuid: str, menu: Wanted) -> Conditional:
    return Conditional(menuid, menu.rule, tuple(menu.buttons))


A, B, C = wanted("1"), wanted("2"), wanted("3")


def test_the_last_as_written_is_added_first() -> None:
    assert next_call([], [A, B], {}) == Add(2, B)
    assert next_call([standing("7", B)], [A, B], {"7": 1}) == Add(1, A)
    assert next_call([standing("8", A), standing("7", B)], [A, B], {"7": 1, "8": 2}) is None


def test_what_is_out_of_order_goes_newest_first() -> None:
    found = [standing("7", A), standing("8", B)]
    assert next_call(found, [A, B], {"7": 1, "8": 2}) == Delete("8")
    assert next_call(found[:1], [A, B], {"7": 1}) == Delete("7")


def test_one_that_the_ledger_does_not_know_goes_even_if_it_is_alike() -> None:
    assert next_call([standing("7", A), standing("9", A)], [A], {"7": 1}) == Delete("9")


def test_what_needs_no_change_stays() -> None:
    found = [standing("7", C), standing("8", B)]
    assert next_call(found, [wanted("2", "y"), C], {"7": 1, "8": 2}) == Delete("8")
    assert next_call(found[:1], [wanted("2", "y"), C], {"7": 1}) == Add(1, wanted("2", "y"))


MENUS = st.lists(st.sampled_from([wanted(rule, name) for rule in "123" for name in "xy"]), max_size=4)


@given(MENUS, MENUS, st.sets(st.integers(0, 3)))
def test_it_always_comes_to_the_wanted_order(before: list[Wanted], after: list[Wanted], known: set[int]) -> None:
    there = [standing(str(n), menu) for n, menu in enumerate(before)]
    order: dict[str, Any] = {str(n): n for n in known}
    calls = 0
    while (todo := next_call(there, after, order)) is not None:
        calls += 1
        if isinstance(todo, Delete):
            there = [one for one in there if one.menuid != todo.menuid]
        else:
            there.append(standing(f"new {calls}", todo.menu))
            order[f"new {calls}"] = 100 + calls
        assert calls <= len(before) + len(after)
    newest_first = sorted(there, key=lambda one: order[one.menuid], reverse=True)
    assert len(newest_first) == len(after)
    assert all(menu.is_like(one) for menu, one in zip(after, newest_first, strict=True))
