"""Menus as WeChat tells them, as one value, and as they compare. Pure.

What WeChat adds to an answer does not count (``sub_button: []``, the order of keys), nor how it writes a number.
Sources: the official pages on menus, conditional menus and get_current_selfmenu_info, as read in autumn 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weigov.wechat import rules

Button = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conditional:
    """One conditional menu: WeChat's number for it, whose it is (``matchrule`` as sent), its buttons."""

    menuid: str
    rule: Mapping[str, str]
    buttons: tuple[Button, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Menus:
    """What menu/get knows: what the API made. No buttons: there is no menu."""

    buttons: tuple[Button, ...] = ()
    conditionals: tuple[Conditional, ...] = ()
    received: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Current:
    """What get_current_selfmenu_info shows, however it was made; in a shape of its own, ``buttons`` as received."""

    is_open: bool
    buttons: tuple[Button, ...] = ()
    received: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_menus(answer: Mapping[str, Any]) -> Menus:
    """menu/get's answer. Raises KeyError or TypeError where it is not one."""
    conditionals = tuple(
        Conditional(str(one["menuid"]), rule_of(one.get("matchrule") or {}), tuple(normal(one["button"])))
        for one in answer.get("conditionalmenu") or ()
    )
    return Menus(tuple(normal(answer["menu"]["button"])), conditionals, answer)


def read_current(answer: Mapping[str, Any]) -> Current:
    """get_current_selfmenu_info's answer."""
    buttons = (answer.get("selfmenu_info") or {}).get("button") or ()
    return Current(str(answer.get("is_menu_open")) == "1", tuple(buttons), answer)


def normal(buttons: Iterable[Button]) -> list[dict[str, Any]]:
    """Buttons with what counts of them, so that equal menus are equal values."""
    return [_normal(button) for button in buttons]


def rule_of(rule: Mapping[str, Any]) -> dict[str, str]:
    """A ``matchrule`` with the parts it has; ``group_id`` is what tags were called before."""
    found = {name: str(value) for name, value in rule.items() if value not in ("", None)}
    if "group_id" in found:
        found.setdefault("tag_id", found.pop("group_id"))
    return found


def is_by_hand(menus: Menus, current: Current) -> bool:
    """Whether what stands there was made in WeChat's console: shown, but unknown to menu/get."""
    return not menus.buttons and bool(current.buttons)


def from_console(buttons: Iterable[Button]) -> tuple[list[dict[str, Any]], list[str]]:
    """Buttons made in the console as the API would make them: (buttons, names of those it cannot make)."""
    made, cannot = [], []
    for button in buttons:
        subs = (button.get("sub_button") or {}).get("list") or ()
        whole, lost = from_console(subs)
        cannot += lost
        if not subs and button.get("type") not in rules.BUTTON_TYPES:
            cannot.append(f"{button.get('name')} ({button.get('type')})")
        made.append(_normal({**button, "sub_button": whole}))
    return made, cannot


def _normal(button: Button) -> dict[str, Any]:
    subs: Sequence[Button] = button.get("sub_button") or ()
    if subs:
        return {"name": str(button.get("name", "")), "sub_button": normal(subs)}
    kind = str(button.get("type", ""))
    parts = rules.BUTTON_TYPES.get(kind) or sorted(set(button) - {"name", "type", "sub_button"})
    return {"type": kind, "name": str(button.get("name", "")), **{name: button.get(name) for name in parts}}
