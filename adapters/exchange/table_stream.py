"""One stream of an exchange table: its rows → batches of records, and the sign a row gets once it is stored.

Every batch is read in a short transaction of its own: an exchange table is written by others, and no lock of ours
may stand in their way. The sign is set only where the row still is what was read (by its version, or else cell by
cell under a lock), so a row that was reported anew in between stays unread and comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from adapters.contract import Promise
from adapters.exchange import cells, keyset
from adapters.exchange.companions import Companions
from adapters.exchange.database import Database, one_of, open_table
from adapters.exchange.table_cursor import ColumnMark
from adapters.exchange.table_shape import Cells, Mark, TableShape
from adapters.exchange.table_sign import set_signs
from adapters.outcome import plain
from adapters.rows import RowPlan, Unfit
from adapters.taking import MAX_KEY
from adapters.vocabulary import Descriptor, Sign, Stream, TableSource, Withdrawn
from weigov.errors import RecordRejected, RemoteRefused
from weigov.ports import Batch, PullState, Rejected
from weigov.records import Record

_CHUNK = 200  # keys in one statement that looks for newer versions
_MAX_TIES = 50_000  # rows equal in every column of the order: more is no order


@dataclass(slots=True)
class _Row:
    number: int
    raw: Cells
    row: dict[str, Any]
    faults: list[str]
    key: str = ""


class TableStream:
    """A stream, bound to a database. Looks at the table when first read; raises nothing before."""

    def __init__(self, system: str, name: str, stream: Stream, descriptor: Descriptor, database: Database) -> None:
        assert stream.table is not None  # a loaded descriptor is sound
        self._system, self._name, self._database = system, name, database
        self._rule: TableSource = stream.table
        self._keys = (stream.key, *self._rule.key_then)
        self._plan = RowPlan(stream, descriptor)
        self._promise = Promise(stream.contract, self._plan.used) if stream.contract else None
        rules = [rule.field for rule in stream.withdrawn if isinstance(rule, Withdrawn)]
        rules += list(stream.contract.columns) if stream.contract else []
        #: The columns some word reads, a companion's among them.
        self._read = self._plan.used | {path.partition(".")[0] for path in rules}
        #: The sign says nothing of the thing itself: a record must not change because we read it.
        self._ours = ({self._rule.sign.column} if self._rule.sign else set()) - self._read
        self._companions = Companions(system, name, self._rule)
        self._follow = ColumnMark(self._rule.cursor, stream, descriptor) if self._rule.cursor else None
        self._opened: TableShape | None = None

    # reading

    def pull(self, state: PullState, now: datetime, patiently: Callable[[Callable[[], Any]], Any]) -> Iterator[Batch]:
        """As ``ports.SourceSystem.pull``; ``patiently`` repeats a read that failed."""
        if state.window is not None and (self._follow is None or self._follow.kind != "time"):
            raise RemoteRefused(
                self._system, self._name, "has no column of times to read a stretch of time by (`table.cursor`)"
            )
        table = patiently(self._looked_at)
        scopes: list[tuple[list[Any], bool]] = [([], True)]  # conditions, and whether its rows move the cursor
        high: str | None = None
        if self._follow is not None:
            column = table.opened[self._follow.column]
            between = self._follow.conditions(column, state.cursors.get(""), state.window)
            scopes = [([column.is_not(None), *between], True)]
            if table.unmarked and state.window is None:
                scopes.append(([column.is_(None)], False))
            high = state.cursors.get("")
        for last_scope, (conditions, moving) in ((scope is scopes[-1], scope) for scope in scopes):
            position: Cells | None = None
            while True:
                found, versions, position, more = patiently(partial(self._page, table, conditions, position))
                records, rejected, marks = self._taken(table, found, versions)
                if moving and self._follow is not None and state.window is None:
                    high = self._follow.higher(high, [one.row for one in found], now)
                done = last_scope and not more
                yield Batch(
                    records, rejected, cursor=high, complete=done,
                    notes=self._promise.notes() if self._promise else (),
                    token=tuple(marks) if self._rule.sign and marks else None,
                )  # fmt: skip
                if not more:
                    break

    def _page(
        self, table: TableShape, conditions: Sequence[Any], position: Cells | None
    ) -> tuple[list[_Row], dict[str, Any], Cells | None, bool]:
        """Up to ``size`` rows after ``position``; their keys' newest versions; the new position; is there more."""
        limit = self._rule.size
        order = table.order
        where = [*table.where, *table.unread(), *conditions]
        if position is not None:
            where.append(keyset.after(order, position))
        query = sa.select(*table.columns.values()).where(*where).order_by(*keyset.order(order))
        places = [table.place(column) for column in order]
        with self._database.begin(self._name) as connection:
            while True:
                raws: Sequence[Cells] = [tuple(raw) for raw in connection.execute(query.limit(limit + 1))]
                marks = [tuple(raw[place] for place in places) for raw in raws]
                kept = keyset.whole_groups(raws, marks, limit)
                if kept is not None:
                    break
                limit *= 4
                if limit > _MAX_TIES:
                    raise RemoteRefused(
                        self._system, self._name,
                        "too many rows are equal in every column of `order` and `key`: name one more",
                    )  # fmt: skip
            rows = [self._row(table, number, raw) for number, raw in enumerate(kept, 1)]
            self._companions.join(connection, [one.row for one in rows])
            versions = self._newest(connection, table, rows)
        return rows, versions, marks[len(kept) - 1] if kept else position, len(kept) < len(raws)

    def _row(self, table: TableShape, number: int, raw: Cells) -> _Row:
        row: dict[str, Any] = {}
        faults: list[str] = []
        for (name, column), value in zip(table.columns.items(), raw, strict=True):
            if name in self._ours:
                continue
            try:
                read = cells.cell(value, self._rule.charset)
            except Unfit as error:
                faults.append(f"column {name}: {error}")
                continue
            row[name] = read.rstrip() if isinstance(column.type, types.CHAR) and isinstance(read, str) else read
        parts = [plain(row.get(name)).strip() for name in self._keys]
        return _Row(number, raw, row, faults, "-".join(parts) if all(parts) else "")

    def _newest(self, connection: sa.Connection, table: TableShape, rows: Sequence[_Row]) -> dict[str, Any]:
        """Key → rank of the newest version that is there, whether read or not; only where a key may have several."""
        version = self._rule.version
        if version is None or table.one_row_a_key:
            return {}
        first = table.opened[self._keys[0]]
        query = sa.select(*(table.opened[name] for name in (*self._keys, version))).where(*table.where)
        if (sign := self._rule.sign) is not None:
            ours = (*sign.unread, sign.read, *(() if sign.failed is None else (sign.failed,)))
            query = query.where(one_of(table.opened[sign.column], ours))
        place = table.place(first)
        found: dict[str, Any] = {}
        values = list(dict.fromkeys(one.raw[place] for one in rows if one.key))
        for at in range(0, len(values), _CHUNK):
            for *key, its in connection.execute(query.where(first.in_(values[at : at + _CHUNK]))):
                name = "-".join(plain(cells.cell(part, self._rule.charset)).strip() for part in key)
                found[name] = max(found.get(name, (-1, 0)), cells.rank(its))
        return found

    def _taken(
        self, table: TableShape, rows: Sequence[_Row], versions: dict[str, Any]
    ) -> tuple[list[Record], list[Rejected], list[Mark]]:
        newest = dict(versions)
        if self._rule.version is not None:
            for one in rows:
                newest[one.key] = max(newest.get(one.key, (-1, 0)), cells.rank(one.row.get(self._rule.version)))
        records: dict[str, Record] = {}
        rejected: dict[str, Rejected] = {}
        marks = []
        for one in rows:
            stored = True
            superseded = self._rule.version is not None and one.key and (
                cells.rank(one.row.get(self._rule.version)) < newest[one.key]
            )  # fmt: skip
            if not superseded:
                try:
                    records[one.key] = self._record(one)
                    rejected.pop(one.key, None)
                except RecordRejected as error:
                    stored = False
                    records.pop(error.key, None)
                    rejected[error.key] = Rejected(error.key, "; ".join(error.reasons))
            if stored or (self._rule.sign is not None and self._rule.sign.failed is not None):
                marks.append(table.mark(one.raw, stored))
        return list(records.values()), list(rejected.values()), marks

    def _record(self, one: _Row) -> Record:
        if not one.key:
            why = f"it has no key (column {', '.join(self._keys)})"
            raise RecordRejected(f"row {one.number} of its batch", *one.faults, why)
        if len(one.key) > MAX_KEY or not one.key.isprintable():
            why = f"its key is longer than {MAX_KEY} characters, or holds some that do not print"
            raise RecordRejected(f"row {one.number} of its batch", *one.faults, why)
        faults = [*one.faults, *(self._promise.broken(one.row) if self._promise else ())]
        try:
            record = self._plan.record(one.row, one.key)
        except RecordRejected as error:
            raise RecordRejected(one.key, *faults, *error.reasons) from None
        if faults and not record.withdrawn:
            raise RecordRejected(one.key, *faults)
        return record

    def acknowledge(self, token: Sequence[Mark]) -> None:
        """Set the sign of the rows in ``token`` that still are what was read. Repeating it does no harm."""
        if self._rule.sign is None:
            return
        with self._database.begin(f"{self._name} acknowledge", writing=True) as connection:
            set_signs(connection, self._table(connection), self._rule.sign, token)

    def signs(self) -> Counter[str]:
        """How many rows are ``unread``, ``read``, ``failed`` and ``of neither``."""
        sign = self._rule.sign
        found: Counter[str] = Counter()
        if sign is None:
            return found
        with self._database.begin(f"{self._name} signs") as connection:
            table = self._table(connection)
            column = table.opened[sign.column]
            for value, count in connection.execute(
                sa.select(column, sa.func.count()).where(*table.where).group_by(column)
            ):
                found[_meaning(sign, value)] += count
        return found

    def _looked_at(self) -> TableShape:
        with self._database.begin(self._name) as connection:
            return self._table(connection)

    def _table(self, connection: sa.Connection) -> TableShape:
        if self._opened is None:
            rule = self._rule
            wanted = {*self._keys, *rule.where, *rule.order, *self._companions.needs}
            wanted |= self._read - set(rule.with_)
            wanted |= {rule.sign.column} if rule.sign else set()
            wanted |= {rule.version} if rule.version else set()
            wanted |= {rule.cursor.column} if rule.cursor else set()
            opened = open_table(connection, self._system, self._name, rule.name, sorted(wanted))
            self._opened = TableShape(opened, rule, self._keys, wanted)
        return self._opened


def _meaning(sign: Sign, value: Any) -> str:
    """What a row says by its sign; numbers and texts mean the same in a descriptor."""
    text = None if value is None else str(int(value) if isinstance(value, bool) else value).rstrip()
    if text in {None if one is None else str(one) for one in sign.unread}:
        return "unread"
    if text == str(sign.read):
        return "read"
    return "failed" if sign.failed is not None and text == str(sign.failed) else "of neither"
