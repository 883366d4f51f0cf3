"""An exchange table as one stream reads it: which columns, in which order, and how a row is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from adapters.exchange.database import Opened, one_of
from adapters.vocabulary import TableSource
from weigov.records import digest

Cells = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A row that was read, as the sign must find it again."""

    identity: Cells = field(repr=False)
    version: Any  # or the digest of its cells, where the table has no version
    stored: bool  # False: it could not become a record


class TableShape:
    """What every query of a stream repeats. ``wanted`` are the columns some word of its descriptor names."""

    def __init__(self, opened: Opened, rule: TableSource, keys: tuple[str, ...], wanted: set[str]) -> None:
        self.opened = opened
        named = {opened[name].name for name in wanted} | {column.name for column in opened.identity}
        self.columns = {
            name: column
            for name, column in opened.columns.items()
            if column.name in named or (rule.columns == "all" and _readable(column, lite=opened.lite))
        }
        self._places = {column.name: place for place, column in enumerate(self.columns.values())}
        self.where = [one_of(opened[name], values) for name, values in rule.where.items()]
        self._sign = rule.sign
        self.version = None if rule.version is None else opened[rule.version]
        key = tuple(opened[name] for name in keys)
        #: A key is one row: then there are no older versions of it to look for.
        self.one_row_a_key = bool(opened.identity) and set(opened.identity) <= set(key)
        first = [opened[rule.cursor.column]] if rule.cursor else [opened[name] for name in rule.order]
        #: Rows without a value in the cursor's column are read apart, so that its index serves the others.
        self.unmarked = rule.cursor is not None and bool(first[0].nullable)
        if rule.cursor:
            first[0].nullable = False
        version = [] if self.version is None else [self.version]
        self.order = tuple(dict.fromkeys([*first, *key, *version, *opened.identity]))
        # Without a primary key: all that rows are ordered by, so that rows of one identity are read together.
        self._identity = opened.identity or self.order

    def place(self, column: sa.Column[Any]) -> int:
        """Where a row has this column."""
        return self._places[column.name]

    def unread(self) -> list[sa.ColumnElement[bool]]:
        """The condition that a row was not read yet, where the table has a sign for it."""
        return [] if self._sign is None else [one_of(self.opened[self._sign.column], self._sign.unread)]

    def mark(self, raw: Cells, stored: bool) -> Mark:
        identity = tuple(raw[self.place(column)] for column in self._identity)
        if self.version is not None:
            return Mark(identity, raw[self.place(self.version)], stored)
        return Mark(identity, digest(list(raw)), stored)

    def among(self, identities: Sequence[Cells]) -> sa.ColumnElement[bool]:
        """The rows of ``identities``."""
        columns = self._identity
        whole = [identity for identity in identities if None not in identity]
        either: list[sa.ColumnElement[bool]] = []
        if whole:
            either.append(columns[0].in_(list(dict.fromkeys(identity[0] for identity in whole))))
        if whole and len(columns) > 1:  # the first by itself says nothing new, but an index understands it
            either = [sa.and_(*either, sa.tuple_(*columns).in_(whole))]
        for identity in identities:
            if None in identity:
                pairs = zip(columns, identity, strict=True)
                either.append(sa.and_(*(c.is_(None) if value is None else c == value for c, value in pairs)))
        return sa.or_(sa.false(), *either)


def _readable(column: sa.Column[Any], *, lite: bool) -> bool:
    """Files and types nobody knows are only read when they are named."""
    if isinstance(column.type, types.NullType):
        return lite
    return not isinstance(column.type, types.LargeBinary)
