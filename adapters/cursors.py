"""From a descriptor's words to the cursor they describe."""

from __future__ import annotations

from adapters import times
from adapters.cursor import ColumnCursor, NumberCursor, TimeCursor
from adapters.vocabulary import CursorRule, FieldRule, TimeRule


def open_cursor(rule: CursorRule | None, *outer: TimeRule | None) -> ColumnCursor | None:
    """The cursor over a column that ``rule`` describes; None where it describes none."""
    if rule is None or rule.kind == "opaque":
        return None
    exclusive = rule.bound == "exclusive"
    if rule.kind == "number":
        return NumberCursor(rule.field or "", overlap=int(rule.overlap or 0), exclusive=exclusive)
    formats, zone = formats_of(rule, *outer)
    overlap = times.duration(rule.overlap or "PT10M")
    return TimeCursor(
        rule.field or "", formats, zone, send=rule.send, overlap=overlap, exclusive=exclusive
    )  # fmt: skip


def formats_of(rule: FieldRule | CursorRule, *outer: TimeRule | None) -> tuple[tuple[str, ...], str]:
    """The formats and the zone that hold for ``rule``: its own, else those of the first outer rule that has them."""
    around = next((one for one in outer if one is not None), None)
    formats = rule.format or (around.format if around else ())
    return formats, rule.zone or (around.zone if around else "")
