"""Whatever happens to an exchange table while it is read, the mirror ends as the table does.

Histories of reports, ties, voided and broken rows, rows written between reading and signing, and runs that die
anywhere. Only the last run is undisturbed.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import open_system
from adapters.descriptor import load_descriptor
from tests.adapters.exchange.databases import NOW
from tests.adapters.upstream import Mirror
from weigov.ports import Connection, SourceSystem

TEXT = """
system: it
title: 例
engine: table
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
streams:
  in_place: &in_place
    kind: article
    schedule: "* * * * *"
    key: ID
    withdrawn: {field: STATE, values: [0]}
    fields: {title: TITLE, updated_at: CHANGED}
    table: {name: IN_PLACE, sign: {column: SIGN}, version: VER, order: CHANGED, size: 2}
  without_version:
    <<: *in_place
    table: {name: IN_PLACE, sign: {column: SIGN}, size: 2}
  appended:
    <<: *in_place
    table: {name: APPENDED, sign: {column: SIGN, failed: "3"}, version: VER, size: 2}
  followed:
    <<: *in_place
    table: {name: IN_PLACE, cursor: {column: CHANGED, overlap: PT2S}, size: 2}
"""

KEYS = st.sampled_from(["a", "b", "c", "D", "d"])
ACTIONS = st.one_of(
    st.tuples(st.just("report"), KEYS, st.sampled_from(["一", "二", "三"])),
    st.tuples(st.just("void"), KEYS, st.none()),
    st.tuples(st.just("tick"), st.none(), st.none()),
    st.tuples(st.just("pull"), st.integers(0, 4), st.booleans()),  # how many batches before it dies, signed or not
)
HISTORY = st.lists(st.tuples(ACTIONS, st.booleans()), max_size=24)  # ... and whether it happens inside the next pull


@dataclass
class Story:
    """A table with its writer, and a mirror with its reader."""

    stream: str
    db: sa.Engine
    system: SourceSystem
    mirror: Mirror = field(default_factory=Mirror)
    clock: int = 0
    versions: Any = field(default_factory=lambda: itertools.count(8))  # so that 9 is followed by 10
    inside: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def table(self) -> str:
        return "APPENDED" if self.stream == "appended" else "IN_PLACE"

    def report(self, key: str, title: str | None, state: str = "1") -> None:
        row = {
            "id": key, "title": title, "state": state, "ver": str(next(self.versions)),
            "changed": f"2026-01-05 09:00:{self.clock:02d}",
        }  # fmt: skip
        put = "INSERT" if self.table == "APPENDED" else "INSERT OR REPLACE"
        with self.db.begin() as db:
            db.execute(
                sa.text(
                    f"{put} INTO {self.table} (ID, TITLE, STATE, VER, CHANGED) "
                    "VALUES (:id, :title, :state, :ver, :changed)"
                ),
                row,
            )

    def do(self, action: tuple[Any, ...]) -> None:
        kind, what, more = action
        if kind == "report":
            self.report(what, more)
        elif kind == "void":
            self.report(what, None, state="0")
        elif kind == "tick":
            self.clock = min(self.clock + 1, 59)
        else:
            self.pull(what, sign_last=more)

    def pull(self, batches: int | None = None, *, sign_last: bool = True) -> None:
        """One run, which dies after ``batches``."""
        for number, batch in enumerate(self.system.pull(self.stream, self.mirror.state(), NOW)):
            if batches is not None and number >= batches:
                return
            self.mirror.take(iter([batch]))
            while self.inside:
                self.do(self.inside.pop(0))
            last = batches is not None and number == batches - 1
            if batch.token is not None and (sign_last or not last):
                self.system.acknowledge(self.stream, batch.token)

    def final(self) -> dict[str, tuple[str | None, bool]]:
        with self.db.connect() as db:
            rows = db.execute(sa.text(f"SELECT ID, TITLE, STATE FROM {self.table} ORDER BY CAST(VER AS INTEGER)"))
            return {row.ID: (row.TITLE, row.STATE == "0") for row in rows}

    def mirrored(self) -> dict[str, tuple[str | None, bool]]:
        return {key: (record.get("title"), record.withdrawn) for key, record in self.mirror.records.items()}


def play(stream: str, history: list[tuple[tuple[Any, ...], bool]]) -> tuple[Any, Any]:
    """What the mirror and the table hold in the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.db"
        db = sa.create_engine(f"sqlite:///{path}")
        with db.begin() as connection:
            columns = "TITLE TEXT, STATE TEXT, VER TEXT, CHANGED TEXT, SIGN TEXT"
            connection.execute(sa.text(f"CREATE TABLE IN_PLACE (ID TEXT PRIMARY KEY NOT NULL, {columns})"))
            connection.execute(sa.text(f"CREATE TABLE APPENDED (ID TEXT, {columns})"))
        descriptor = Path(folder) / "it.yaml"
        descriptor.write_text(TEXT, encoding="utf-8")
        system = open_system("it", _loaded(descriptor), Connection("it", extra={"url": f"sqlite:///{path}"}))
        story = Story(stream, db, system)
        for action, inside in history:
            if inside and action[0] != "pull":
                story.inside.append(action)
            else:
                story.do(action)
        while story.inside:
            story.do(story.inside.pop(0))
        story.pull()
        end = (story.mirrored(), story.final())
        system.close()
        db.dispose()
        return end


_cache: list[Any] = []


def _loaded(path: Path) -> Any:
    if not _cache:
        _cache.append(load_descriptor(path))
    return _cache[0]


def history_of(stream: str) -> Callable[[], None]:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(HISTORY)
    def ends_as_the_table(history: list[tuple[tuple[Any, ...], bool]]) -> None:
        mirrored, final = play(stream, history)
        assert mirrored == final

    return ends_as_the_table


test_rows_overwritten_in_place_with_a_version = history_of("in_place")
test_rows_overwritten_in_place_without_a_version = history_of("without_version")
test_rows_appended_for_each_version_without_a_primary_key = history_of("appended")
test_rows_followed_by_their_time = history_of("followed")
