"""How two menus differ, in words and as a tree with marks. Pure.

Marks: ``+`` added, ``-`` removed, ``>`` moved, ``~`` renamed or retargeted. A button is the same as another by its
name and what it does; else by its name, or by what it does, at the same place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from weigov.wechat.rules import BUTTON_TYPES, PLATFORMS

Menu = Mapping[str, Any]
Mark = Literal[" ", "+", "-", ">", "~"]

_OPENS = "opens a menu"


@dataclass(frozen=True, slots=True)
class _Spot:
    """One button where it stands: below which top button ('' for those), as the how-manieth, and what it does."""

    parent: str
    place: int
    name: str
    does: str

    def __str__(self) -> str:
        return f"{self.parent} > {self.name}" if self.parent else self.name


@dataclass(slots=True)
class _Compared:
    """Both sides of one list of buttons: the mark and the words of each new spot, and the old ones that are gone."""

    marks: dict[_Spot, tuple[Mark, str]] = field(default_factory=dict)
    gone: list[_Spot] = field(default_factory=list)


def differences(old: Menu | None, new: Menu) -> list[str]:
    """Every difference on a line of its own; none when the menus are equal. ``old``: None where there was no menu."""
    found = _lines(_compare((old or {}).get("button", ()), new["button"]), "")
    before = {for_words(one["for"]): one["button"] for one in (old or {}).get("conditional", ())}
    after = {for_words(one["for"]): one["button"] for one in new.get("conditional", ())}
    for who, buttons in after.items():
        if who not in before:
            found.append(f"+ a menu for {who}: {_names(buttons)}")
        else:
            found += _lines(_compare(before[who], buttons), f"for {who}: ")
    found += [f"- the menu for {who}: {_names(buttons)}" for who, buttons in before.items() if who not in after]
    kept = [who for who in before if who in after]
    if kept != [who for who in after if who in before]:
        found.append(f"> of several menus that match, the first is shown: {', then '.join(after)}")
    return found


def tree(new: Menu, old: Menu | None = None) -> list[str]:
    """``new`` as a tree; with ``old``, each line marked by what became of it."""
    marked = old is not None
    lines = _tree(_compare((old or {}).get("button", ()), new["button"]), marked)
    before = {for_words(one["for"]): one["button"] for one in (old or {}).get("conditional", ())}
    after = {for_words(one["for"]): one["button"] for one in new.get("conditional", ())}
    for who, buttons in after.items():
        lines.append(f"for {who}:")
        lines += ["  " + line for line in _tree(_compare(before.get(who, ()), buttons), marked)]
    for who, buttons in before.items():
        if who not in after:
            lines.append(f"- for {who}: {_names(buttons)}")
    return lines


def for_words(rule: Mapping[str, Any]) -> str:
    """Whose menu it is."""
    platforms = {number: name for name, number in PLATFORMS.items()}
    parts = {
        "tag": lambda v: f"tag {v}",
        "tag_id": lambda v: f"tag number {v}",
        "platform": lambda v: str(v),
        "client_platform_type": lambda v: platforms.get(str(v), f"platform {v}"),
    }
    return " on ".join(
        parts.get(name, lambda v, name=name: f"{name} {v}")(rule[name]) for name in sorted(rule, key=_last)
    )


def _last(name: str) -> tuple[bool, str]:
    return "platform" in name, name


def does(button: Mapping[str, Any]) -> str:
    """What a button does, in one phrase."""
    if button.get("sub_button"):
        return _OPENS
    kind = str(button.get("type", ""))
    parts = BUTTON_TYPES.get(kind) or sorted(set(button) - {"type", "name", "sub_button"})
    return " ".join([kind, *(str(button.get(name, "")) for name in parts)])


def _lines(compared: _Compared, where: str) -> list[str]:
    found = [f"{mark} {where}{words}" for mark, words in compared.marks.values() if words]
    return found + [f"- {where}{spot} ({spot.does})" for spot in compared.gone]


def _tree(compared: _Compared, marked: bool) -> list[str]:
    lines = []
    spots = [*((spot, mark) for spot, (mark, _) in compared.marks.items())]
    tops = [one for one in spots if not one[0].parent]
    for top, mark in tops:
        lines.append(_branch(top, mark, marked))
        lines += [_branch(spot, m, marked) for spot, m in spots if spot.parent == top.name]
        lines += [_branch(spot, "-", marked) for spot in compared.gone if spot.parent == top.name]
    names = {top.name for top, _ in tops}
    lines += [_branch(spot, "-", marked) for spot in compared.gone if spot.parent not in names]
    return lines


def _branch(spot: _Spot, mark: Mark, marked: bool) -> str:
    what = "" if spot.does == _OPENS else f"  {spot.does}"
    return f"{mark + ' ' if marked else ''}{'  ' if spot.parent else ''}{spot.name}{what}".rstrip()


def _names(buttons: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(str(button["name"]) for button in buttons)


# ---- which button became which


def _compare(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> _Compared:
    compared = _Compared()
    tops, children = _tops(new), _children(new, {})
    pairs = _match(_tops(old), tops, *_SAME, _shares_children(old, new))
    was = [*_tops(old), *_children(old, {before.name: after.name for after, before in pairs.items()})]
    pairs |= _match([spot for spot in was if spot.parent], children, *_SAME)
    left = [spot for spot in was if spot not in pairs.values()]  # one may have gone down a row, or up
    pairs |= _match(left, [spot for spot in (*tops, *children) if spot not in pairs], _is_the_same)
    moved = _moved(pairs, [*tops, *children])
    for spot in _in_order(tops, children):
        before = pairs.get(spot)
        compared.marks[spot] = ("+", f"{spot} ({spot.does})") if before is None else _change(before, spot, moved)
    compared.gone = [spot for spot in was if spot not in pairs.values()]
    return compared


def _change(before: _Spot, after: _Spot, moved: set[_Spot]) -> tuple[Mark, str]:
    if before.name != after.name:
        return "~", f"{before} is called {after.name}"
    if before.does != after.does:
        return "~", f"{after}: {after.does} instead of {before.does}"
    if before.parent != after.parent:
        return ">", f"{before.name} moved from {before.parent or 'the top row'} to {after.parent or 'the top row'}"
    if after in moved:
        return ">", f"{after} moved from place {before.place + 1} to {after.place + 1}"
    return " ", ""


_Alike = Callable[[_Spot, _Spot], bool]


def _is_the_same(a: _Spot, b: _Spot) -> bool:
    return (a.name, a.does) == (b.name, b.does)


_SAME: tuple[_Alike, ...] = (
    lambda a, b: a == b,
    lambda a, b: (a.parent, a.name, a.does) == (b.parent, b.name, b.does),
    _is_the_same,
    lambda a, b: (a.parent, a.name) == (b.parent, b.name),
    lambda a, b: a.does != _OPENS and (a.parent, a.does) == (b.parent, b.does),
)


def _match(old: Sequence[_Spot], new: Sequence[_Spot], *alike: _Alike) -> dict[_Spot, _Spot]:
    """new → old, the surest likeness first."""
    pairs: dict[_Spot, _Spot] = {}
    for likeness in alike:
        for after in new:
            if after not in pairs:
                taken = pairs.values()
                found = next((before for before in old if before not in taken and likeness(before, after)), None)
                if found is not None:
                    pairs[after] = found
    return pairs


def _shares_children(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> _Alike:
    """Whether two menus hold at least half the same: then one is the other, renamed."""
    held = [{str(button["name"]): _held(button) for button in side} for side in (old, new)]

    def alike(before: _Spot, after: _Spot) -> bool:
        a, b = held[0][before.name], held[1][after.name]
        return bool(a and b) and 2 * len(a & b) >= max(len(a), len(b))

    return alike


def _held(button: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(str(sub["name"]), does(sub)) for sub in button.get("sub_button") or ()}


def _tops(buttons: Sequence[Mapping[str, Any]]) -> list[_Spot]:
    return [_Spot("", n, str(button["name"]), does(button)) for n, button in enumerate(buttons)]


def _children(buttons: Sequence[Mapping[str, Any]], renamed: Mapping[str, str]) -> list[_Spot]:
    """Those below, under the name their top button has now."""
    return [
        _Spot(renamed.get(str(button["name"]), str(button["name"])), n, str(sub["name"]), does(sub))
        for button in buttons
        for n, sub in enumerate(button.get("sub_button") or ())
    ]


def _in_order(tops: Sequence[_Spot], children: Sequence[_Spot]) -> list[_Spot]:
    return [spot for top in tops for spot in (top, *(child for child in children if child.parent == top.name))]


def _moved(pairs: Mapping[_Spot, _Spot], new: Sequence[_Spot]) -> set[_Spot]:
    """Those that stand in another order than before among their neighbours; as few as explain the order."""
    moved: set[_Spot] = set()
    for parent in {spot.parent for spot in new}:
        stayed = [spot for spot in new if spot.parent == parent and spot in pairs and pairs[spot].parent == parent]
        kept = _longest_rise([pairs[spot].place for spot in stayed])
        moved |= {spot for n, spot in enumerate(stayed) if n not in kept}
    return moved


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The indices of a longest strictly rising subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for n, number in enumerate(numbers):
        at = bisect_left(tails, number)
        before.append(ends[at - 1] if at else None)
        tails[at : at + 1] = [number]
        ends[at : at + 1] = [n]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found
