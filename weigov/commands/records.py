"""Records to look at: a table where the terminal is wide enough for it, else a block of lines for each.

To look at, not to use: long values are cut. ``--json`` is for what is to be worked with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from weigov.records import Record

_MOST_IN_A_CELL = 40
_MOST_WIDE = 100_000
_MOST_IN_A_LINE = 200  # it may wrap; html may not


def show(records: list[Record], zone: tzinfo, console: Console) -> None:
    """Print the fields that at least one record has."""
    table = _table(records, zone)
    unbound = console.options.update(width=_MOST_WIDE)
    if console.measure(table, options=unbound).maximum <= console.width:
        console.print(table)
        return
    for number, record in enumerate(records):
        if number:
            console.print()
        for line in _block(record, zone, console.width):
            console.print(line)


def _table(records: list[Record], zone: tzinfo) -> Table:
    fields = list(dict.fromkeys(name for record in records for name in record.fields))
    table = Table(*(Column(name, overflow="fold") for name in ("key", *fields)))
    for record in records:
        cells = (_said(record.get(name), zone) for name in fields)
        table.add_row(_key(record), *(_cut(cell, _MOST_IN_A_CELL) for cell in cells))
    return table


def _block(record: Record, zone: tzinfo, width: int) -> Iterator[Text]:
    """``field: value``, a line each; what the record has not is left out."""
    from weigov.records import KINDS

    yield Text(f"key: {_key(record)}", style="bold")
    for name in record.fields:
        said = _said(record.get(name), zone)
        if not said:
            continue
        line = Text(f"{name}: {_cut(said, _MOST_IN_A_LINE)}")
        if KINDS[record.kind].get(name) == "html":
            line.truncate(width, overflow="ellipsis")
        yield line


def _key(record: Record) -> str:
    return f"{record.key} (withdrawn)" if record.withdrawn else record.key


def _said(value: Any, zone: tzinfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return f"{len(value)} file{'s' * (len(value) != 1)}"
    return " ".join(str(value).split())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
