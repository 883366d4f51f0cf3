"""Histories nobody would write: whatever happens while a list is read, the mirror ends as the upstream's final set.

Rows are added, edited, withdrawn and deleted between pulls and between two pages of one; they share instants; the
upstream's clock goes wrong; a pull dies after any batch and another process goes on. In the end everything stands
still, and a few pulls later the mirror holds exactly what is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.adapters.lists import BEGIN, CURSORS, ENGINES, PAGINGS, Shop, address, descriptor, fits, opened, serving
from tests.adapters.upstream import Mirror
from weigov.errors import RemoteUnavailable
from weigov.ports import SourceSystem

KEYS = [f"K{n}" for n in range(9)]
FLAG = "{field: gone, values: [1]}"
#: By which a deletion shows. Comparing keys happens once a day, of the puller's clock.
GONE = {
    "flag": FLAG,
    "vanished": "[" + FLAG + ", {vanished: {brake: 99%}}]",
    "tombstones": "["
    + FLAG
    + ", {tombstones: {request: REQUEST, records: RECORDS, key: id, cursor: {field: at, overlap: PT1H}}}]",
}
WAYS = [
    (engine, paging, cursor)
    for engine in ENGINES
    for paging in PAGINGS
    for cursor in CURSORS
    if fits(engine, paging, cursor)
]


def gone_rule(engine: str, kind: str) -> str:
    """The rule in the words of the engine."""
    request = '{op: List, body: {list: deleted, since: "{cursor}"}}'
    if engine != "soap":
        request = f'{{path: /{engine}/list, query: {{list: deleted, since: "{{cursor}}"}}}}'
    return GONE[kind].replace("REQUEST", request).replace("RECORDS", "rows" if engine == "json" else "//row")


class History(RuleBasedStateMachine):
    """One upstream with one way of being asked, and the ledger's part of a mirror."""

    server: Shop

    @initialize(way=st.sampled_from(WAYS), gone=st.sampled_from(sorted(GONE)), count=st.integers(0, 9))
    def begin(self, way: tuple[str, str, str], gone: str, count: int) -> None:
        self.way = way
        # Where only the list itself shows what vanished, it must be one that can be read as a whole.
        whole = way[2] not in ("opaque", "span")
        self.gone = gone if gone != "vanished" or whole else "tombstones"
        self.shop = self.server
        self.shop.__dict__.update(Shop(url=self.server.url).__dict__)
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.mirror = Mirror()
        self.now = datetime(2026, 1, 4, tzinfo=UTC)
        self.shop.now = BEGIN + timedelta(days=1)
        self.made = 0
        self.system = self.open()
        for key in KEYS[:count]:
            self.put(key)

    def open(self) -> SourceSystem:
        text = descriptor(*self.way, withdrawn=gone_rule(self.way[0], self.gone))
        return opened(text, address(*self.way, self.shop.url), self.folder)

    def put(self, key: str, *, gone: bool = False) -> None:
        self.made += 1
        self.shop.put(key, f"第{self.made}稿", gone=gone)

    def delete(self, key: str) -> None:
        if self.gone == "flag":
            self.put(key, gone=True)
        elif key in self.shop.rows:
            self.shop.delete(key)

    # what happens upstream

    @rule(key=st.sampled_from(KEYS))
    def write(self, key: str) -> None:
        self.put(key)

    @rule(key=st.sampled_from(KEYS))
    def take_away(self, key: str) -> None:
        self.delete(key)

    @rule(seconds=st.sampled_from([1, 60, 3600, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.shop.now += timedelta(seconds=seconds)
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([-120, -5, 5, 120]))
    def their_clock_goes_wrong(self, seconds: int) -> None:
        if seconds > 0 or self.way[2] in ("none", "number"):
            self.shop.now += timedelta(seconds=seconds)
        else:  # a clock set back dates rows before those we have seen: ours must be set back as well to see them
            self.now += timedelta(seconds=seconds)

    # what we do

    def batches(self, **more: Any) -> Iterator[Any]:
        return self.system.pull("items", self.mirror.state(**more), self.now)

    @rule()
    def pull(self) -> None:
        self.mirror.take(self.batches())

    @rule(
        at=st.integers(1, 4),
        key=st.sampled_from(KEYS),
        act=st.sampled_from(["write", "delete"]),
        tick=st.booleans(),
    )
    def pull_while_it_changes(self, at: int, key: str, act: str, tick: bool) -> None:
        def change(number: int) -> None:
            if number == at:
                if tick:
                    self.shop.now += timedelta(seconds=1)
                (self.put if act == "write" else self.delete)(key)

        self.shop.asked.clear()
        self.shop.before = change
        try:
            self.mirror.take(self.batches())
        finally:
            self.shop.before = None

    @rule(after=st.integers(0, 3))
    def die_after_a_batch(self, after: int) -> None:
        """What was committed stays; another process goes on with what the ledger holds."""

        def some() -> Iterator[Any]:
            for n, batch in enumerate(self.batches()):
                if n >= after:
                    return
                yield batch

        self.mirror.take(some())
        self.system.close()
        self.system = self.open()

    @rule(at=st.integers(1, 3))
    def pull_while_it_is_down(self, at: int) -> None:
        self.shop.asked.clear()
        self.shop.down_from = at
        try:
            self.mirror.take(self.batches())
        except RemoteUnavailable:
            pass
        finally:
            self.shop.down_from = None
        self.system.close()  # the breaker's memory goes with it
        self.system = self.open()

    # what must hold

    @precondition(lambda self: hasattr(self, "mirror"))
    @invariant()
    def nothing_is_invented(self) -> None:
        for key, record in self.mirror.records.items():
            assert key in KEYS and record.key == key

    def teardown(self) -> None:
        if not hasattr(self, "mirror"):
            return
        try:
            # Everything stands still from here on.
            for _ in range(3):
                self.mirror.take(self.batches())
            self.now += timedelta(days=2)
            self.shop.now += timedelta(days=2)
            for _ in range(2):
                self.mirror.take(self.batches(accept_vanished=True))
            assert not self.mirror.last.incomplete, self.mirror.last.incomplete
            held = {k: r.fields.get("title") for k, r in self.mirror.records.items() if not r.withdrawn}
            assert held == self.shop.live(), self.way
        finally:
            self.system.close()
            self.stack.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Shop]:
    with serving(Shop()) as shop:
        yield shop


def test_the_mirror_always_ends_as_the_upstreams_final_set(server: Shop) -> None:
    kept = type("Kept", (History,), {"server": server})
    run_state_machine_as_test(
        kept,
        settings=settings(
            max_examples=60,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
