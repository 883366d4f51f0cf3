"""What stands at an account, and whether it is ours: nothing of anybody else's is overwritten unseen.

Ours is the version confirmed last, whatever later versions may have done of theirs, and what a person said may be
replaced. The menu is looked at whole: the default one, the conditional ones, one made in WeChat's console, whether it
is switched on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from weigov.errors import RecordRejected
from weigov.flow.menus.arrange import Wanted
from weigov.flow.menus.diff import Menu, differences, for_words
from weigov.ledger import menus as ledger
from weigov.ledger.menus import Found
from weigov.ledger.outbox import Delivery
from weigov.records import digest
from weigov.wechat.client import AccountClient
from weigov.wechat.menus import (
    Conditional,
    Current,
    Menus,
    from_console,
    is_by_hand,
    normal,
    read_current,
    read_menus,
    rule_of,
)
from weigov.wechat.rules import PLATFORMS


class NoSuchTag(RecordRejected):
    """A menu is for a tag the account does not have."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What both calls showed, and the account's tags (name → id; none where nobody asked)."""

    menus: Menus
    current: Current
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.menus.buttons and not self.menus.conditionals and not self.current.buttons

    @property
    def is_by_hand(self) -> bool:
        return is_by_hand(self.menus, self.current)

    @property
    def is_off(self) -> bool:
        """Whether there is a menu and it is switched off."""
        return not self.current.is_open and not self.is_empty

    @property
    def received(self) -> dict[str, Any]:
        """Both answers as WeChat gave them."""
        return {"menu/get": self.menus.received, "get_current_selfmenu_info": self.current.received}

    @property
    def digest(self) -> str:
        """The same for the same menu, whatever WeChat numbers it and its tags are called."""
        by_hand = list(self.current.buttons) if self.is_by_hand else []
        unnamed = Standing(self.menus, self.current).menu()
        return digest({"menu": unnamed, "by hand": by_hand, "off": self.is_off})

    def menu(self) -> dict[str, Any]:
        """As a delivery would carry it; made in the console, as far as the API can make it."""
        if self.is_by_hand:
            return {"button": from_console(self.current.buttons)[0]}
        names = {number: name for name, number in self.tags.items()}
        whole: dict[str, Any] = {"button": normal(self.menus.buttons)}
        # Those WeChat added last are shown first.
        newest_first = sorted(self.menus.conditionals, key=lambda one: _number(one.menuid), reverse=True)
        if newest_first:
            whole["conditional"] = [
                {"for": _named(one.rule, names), "button": normal(one.buttons)} for one in newest_first
            ]
        return whole


def observe(client: AccountClient, *, with_tags: bool) -> Standing:
    """Look. Raises RemoteError."""
    return Standing(client.get_menu(), client.get_current_menu(), client.tags() if with_tags else {})


def kept(found: Found) -> Standing:
    """What was found once, as it was kept."""
    menus, current = found.received["menu/get"], found.received["get_current_selfmenu_info"]
    return Standing(read_menus(menus) if menus else Menus(), read_current(current))


def needs_tags(*menus: Menu) -> bool:
    """Whether one of these is for a tag by its name."""
    return any("tag" in one["for"] for menu in menus for one in menu.get("conditional", ()))


def wanted(menu: Menu, tags: Mapping[str, str]) -> list[Wanted]:
    """The conditional menus as they are sent. Raises NoSuchTag."""
    found = []
    for one in menu.get("conditional", ()):
        rule = _sent(one["for"], tags)
        if rule is None:
            raise NoSuchTag("menu", f"the account has no tag {one['for']['tag']!r}: make it there, or mend the flow")
        found.append(Wanted(rule, one["button"]))
    return found


def is_shown(menu: Menu, standing: Standing) -> bool:
    """Whether exactly this menu stands there, switched on."""
    if standing.is_by_hand or standing.is_off or normal(menu["button"]) != normal(standing.menus.buttons):
        return False
    return _others_stand(menu, standing, alone=True)


def not_shown(menu: Menu, standing: Standing) -> list[str]:
    """How what stands there differs from this menu, in words; none when it is shown."""
    if is_shown(menu, standing):
        return []
    notes = ["made by hand in WeChat's console"] if standing.is_by_hand else []
    notes += ["switched off in WeChat's console"] if standing.is_off else []
    if standing.is_empty:
        return ["there is no menu"]
    lines = differences(menu, standing.menu())
    return notes + (lines or ([] if notes else ["a conditional menu stands there twice"]))


@dataclass(frozen=True, slots=True)
class Known:
    """What may stand at the account: ``base`` was confirmed last, ``begun`` may have been made in part, ``allowed`` a
    person said may be replaced."""

    base: Delivery | None
    begun: tuple[Delivery, ...]
    allowed: tuple[Standing, ...]

    @property
    def menus(self) -> list[Menu]:
        rows = [*([self.base] if self.base else []), *self.begun]
        return [row.payload for row in rows if row.payload] + [one.menu() for one in self.allowed]


def known(connection: Connection, row: Delivery) -> Known:
    """What may stand where ``row`` is to be shown."""
    rows = ledger.versions(connection, row.site, row.target)
    base = last_confirmed(rows)
    later = [one for one in rows if base is None or one.id > base.id]
    begun = ledger.tried(connection, later)
    named = ledger.decided(connection, "over", [row.id]).get(row.id, [])
    allowed = [kept(one) for one in ledger.found(connection, row.site, row.target) if found_name(one) in named]
    return Known(base, tuple(one for one in later if one.id in begun), tuple(allowed))


def last_confirmed(rows: Sequence[Delivery]) -> Delivery | None:
    """The version that is meant to stand there, of versions oldest first."""
    confirmed = [row for row in rows if row.state == "confirmed"]
    return max(confirmed, key=lambda row: (row.changed_at, row.id)) if confirmed else None


def found_name(found: Found) -> str:
    """What a menu that was not ours is called: among versions, and in decisions."""
    return f"found-{found.id}"


def strange(row: Delivery, standing: Standing, knows: Known) -> list[str]:
    """How what stands there is nobody's of ours, in words; none where ``row`` may replace it."""
    if is_shown(row.payload, standing) or _allowed(standing, knows):
        return []
    if knows.base is None and not knows.begun:
        return [] if standing.is_empty else ["there is a menu already", *_names(standing)]
    before = knows.base.payload if knows.base else row.payload
    if standing.is_by_hand or standing.is_off or not _default_is_ours(standing, knows):
        return not_shown(before, standing)
    if any(not _is_ours(one, standing, knows) for one in standing.menus.conditionals):
        return not_shown(before, standing)
    if knows.base and not knows.begun and not knows.allowed:
        return [] if _others_stand(knows.base.payload, standing, alone=False) else not_shown(before, standing)
    return []


def _allowed(standing: Standing, knows: Known) -> bool:
    return any(one.digest == standing.digest for one in knows.allowed)


def _default_is_ours(standing: Standing, knows: Known) -> bool:
    if not standing.menus.buttons:
        return knows.base is None or any(not one.menus.buttons for one in knows.allowed)
    return any(normal(menu["button"]) == normal(standing.menus.buttons) for menu in knows.menus)


def _is_ours(one: Conditional, standing: Standing, knows: Known) -> bool:
    return any(
        _sent(other["for"], standing.tags) in (one.rule, None) and normal(other["button"]) == normal(one.buttons)
        for menu in knows.menus
        for other in menu.get("conditional", ())
    )


def _others_stand(menu: Menu, standing: Standing, *, alone: bool) -> bool:
    """Whether the menu's conditional ones stand there, each once and ``alone``; a tag that is gone matches any."""
    left = list(standing.menus.conditionals)
    for one in menu.get("conditional", ()):
        rule = _sent(one["for"], standing.tags)
        match = next((c for c in left if rule in (c.rule, None) and normal(c.buttons) == normal(one["button"])), None)
        if match is None and rule is not None:
            return False
        if match is not None:
            left.remove(match)
    return not (alone and left)


def _sent(rule: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, str] | None:
    """``for`` as WeChat takes it; None when the account has no such tag."""
    sent = rule_of({name: value for name, value in rule.items() if name not in ("tag", "platform")})
    if "tag" in rule:
        if rule["tag"] not in tags:
            return None
        sent["tag_id"] = tags[rule["tag"]]
    if "platform" in rule:
        sent["client_platform_type"] = PLATFORMS[rule["platform"]]
    return sent


def _named(rule: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """The other way round, as far as there are names."""
    platforms = {number: name for name, number in PLATFORMS.items()}
    shown = dict(rule)
    if shown.get("tag_id") in names:
        shown["tag"] = names[shown.pop("tag_id")]
    if shown.get("client_platform_type") in platforms:
        shown["platform"] = platforms[shown.pop("client_platform_type")]
    return shown


def _names(standing: Standing) -> list[str]:
    menu = standing.menu()
    lines = [", ".join(str(button["name"]) for button in menu["button"])]
    return lines + [f"a menu for {for_words(one['for'])}" for one in menu.get("conditional", ())]


def _number(menuid: str) -> int:
    return int(menuid) if menuid.isdigit() else 0
