"""Which call brings the conditional menus that stand nearer to those that are wanted. Pure.

WeChat shows the newest that matches and knows no edit: they are added in the reverse of the wanted order, and what
stands out of that order is deleted first. Only a menu whose number is in the ledger is taken for ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weigov.wechat.menus import Conditional, normal


@dataclass(frozen=True, slots=True)
class Wanted:
    """One conditional menu as it is sent."""

    rule: Mapping[str, str]
    buttons: Sequence[Mapping[str, Any]] = field(repr=False)

    def is_like(self, other: Conditional) -> bool:
        return dict(self.rule) == dict(other.rule) and normal(self.buttons) == normal(other.buttons)


@dataclass(frozen=True, slots=True)
class Delete:
    menuid: str


@dataclass(frozen=True, slots=True)
class Add:
    """``place``: its place in the wanted order, from 1."""

    place: int
    menu: Wanted


def next_call(
    found: Sequence[Conditional], wanted: Sequence[Wanted], order: Mapping[str, int]
) -> Delete | Add | None:
    """The next call, None when all is as wanted. ``order``: menuid → when it was added, of those the ledger knows."""
    strangers = [one for one in found if one.menuid not in order]
    if strangers:
        return Delete(strangers[-1].menuid)
    standing = sorted(found, key=lambda one: order[one.menuid])
    meant = list(reversed(wanted))
    right = 0
    while right < min(len(standing), len(meant)) and meant[right].is_like(standing[right]):
        right += 1
    if len(standing) > right:
        return Delete(standing[-1].menuid)
    if right < len(meant):
        return Add(len(meant) - right, meant[right])
    return None
