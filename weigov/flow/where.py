"""Whether a record is one a flow takes: ``from: where:``, pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from weigov.records import Record
from weigov.site.models import Where

Tree = Mapping[str, str]  #: column key → its parent's key ('' at the top)


def matches(where: Mapping[str, Where], record: Record, tree: Tree, zone: ZoneInfo) -> bool:
    """True when every field named meets every condition on it. An absent field meets only ``not``."""
    return all(_meets(rule, record.get(name), tree, zone) for name, rule in where.items())


def is_under(key: str, top: str, tree: Tree) -> bool:
    """True when ``key`` is ``top`` or below it. A loop among parents ends the search."""
    seen: set[str] = set()
    while key and key not in seen:
        if key == top:
            return True
        seen.add(key)
        key = tree.get(key, "")
    return False


def unknown_column(where: Mapping[str, Where], record: Record, tree: Tree) -> str:
    """The column, the record's or one above it, that ``tree`` does not hold and that could lead to ``under``; '' if
    there is none."""
    for name, rule in where.items():
        key = "" if rule.under is None else str(record.get(name) or "")
        seen: set[str] = set()
        while key and key not in seen and key != rule.under:
            if key not in tree:
                return key
            seen.add(key)
            key = tree[key]
    return ""


def _meets(rule: Where, value: object, tree: Tree, zone: ZoneInfo) -> bool:
    text = "" if value is None else str(value)
    if rule.under is not None and not is_under(text, rule.under, tree):
        return False
    if rule.in_ is not None and text not in rule.in_:
        return False
    if rule.not_ is not None and text in rule.not_:
        return False
    if rule.since is not None:
        day = value.astimezone(zone).date() if isinstance(value, datetime) else value
        if not isinstance(day, date) or day < rule.since:
            return False
    return True
