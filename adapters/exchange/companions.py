"""Rows of other tables that belong to a row: one query a batch for each table, never one a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from adapters.exchange import cells
from adapters.exchange.database import Opened, fitted, open_table
from adapters.outcome import plain
from adapters.rows import Unfit
from adapters.vocabulary import Companion, TableSource

_CHUNK = 200
Row = dict[str, Any]


class Companions:
    """The companions of one stream. ``row["DONE"]`` becomes a dict (``take: last``) or a list of dicts."""

    def __init__(self, system: str, stream: str, source: TableSource) -> None:
        self._system, self._stream, self._source = system, stream, source
        self._opened: dict[str, Opened] = {}
        #: The columns of the stream's own table that are needed to find them.
        self.needs = frozenset(ours for one in source.with_.values() for ours in one.on.values())

    def join(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Put into each row what belongs to it; a row without companions stays as it is."""
        for name, rule in self._source.with_.items():
            found = self._found(connection, name, rule, rows)
            for row in rows:
                theirs = found.get(tuple(plain(row.get(ours)) for ours in rule.on.values()))
                if theirs:
                    row[name] = theirs if rule.take == "all" else theirs[-1]

    def _found(
        self, connection: sa.Connection, name: str, rule: Companion, rows: Sequence[Row]
    ) -> dict[tuple[str, ...], list[Row]]:
        opened = self._opened.get(name)
        if opened is None:
            wanted = [*rule.on, *rule.order]
            opened = open_table(connection, self._system, self._stream, rule.table, wanted)
            self._opened[name] = opened
        columns = {key: it for key, it in opened.columns.items() if not isinstance(it.type, types.LargeBinary)}
        theirs, ours = next(iter(rule.on.items()))
        values = [fitted(opened[theirs], value) for row in rows if (value := row.get(ours)) not in (None, "")]
        values = list(dict.fromkeys(values))
        found: dict[tuple[str, ...], list[Row]] = {}
        for at in range(0, len(values), _CHUNK):
            query = sa.select(*columns.values()).where(opened[theirs].in_(values[at : at + _CHUNK]))
            for raw in connection.execute(query):
                row = {key: _cell(value, self._source.charset) for key, value in zip(columns, raw, strict=True)}
                found.setdefault(tuple(plain(row.get(column)) for column in rule.on), []).append(row)
        for several in found.values():
            several.sort(key=lambda row: [cells.rank(row.get(column)) for column in rule.order])
        return found


def _cell(value: Any, charset: str | None) -> Any:
    try:
        return cells.cell(value, charset)
    except Unfit:
        return "\ufffd"  # what a field reads of it is then told as damaged
