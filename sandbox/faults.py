"""Misbehaviour on request: which faults are armed, which one a call meets, how often each fired.

A fault is matched by path (shell pattern), and if asked by the citizen's openid or persona; it may let the first
calls through (``skip``), end after ``times`` calls, or strike with a ``probability`` that ``seed`` makes repeatable.
The first armed fault that matches wins. What a fault does is done by those who ask: the wire (``sandbox/wire.py``),
WeChat's publisher and event sender, and the vendors' systems (``sandbox/vendors``).
"""

import fnmatch
import random
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from sandbox.store import Store

WireKind = Literal["lose_answer", "refuse_before", "errcode", "delay_s", "http_502", "html_200"]
EventKind = Literal[
    "drop_event", "duplicate_event", "event_first", "delay_event", "event_msgid_zero", "mass_event_instead",
    "template_status",
]  # fmt: skip
JobKind = Literal["publish_status"]
DraftKind = Literal["draft_loses"]
MassKind = Literal["mass_status"]
VendorKind = Literal["says_no"]
Kind = Literal[WireKind, EventKind, JobKind, DraftKind, MassKind, VendorKind]

WIRE_KINDS: tuple[str, ...] = get_args(WireKind)
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)
JOB_KINDS: tuple[str, ...] = get_args(JobKind)
DRAFT_KINDS: tuple[str, ...] = get_args(DraftKind)
MASS_KINDS: tuple[str, ...] = get_args(MassKind)
VENDOR_KINDS: tuple[str, ...] = get_args(VendorKind)

_SCHEMA = """CREATE TABLE IF NOT EXISTS sandbox_fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, path TEXT NOT NULL, openid TEXT, persona TEXT,
    value TEXT, skip INTEGER NOT NULL, times INTEGER, probability REAL NOT NULL, seed INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0, armed INTEGER NOT NULL DEFAULT 1)"""


@dataclass(frozen=True)
class Fault:
    """One fault as armed. ``value``: errcode, seconds, publish status, event status, or the words lost or said."""

    id: int
    kind: str
    path: str
    openid: str | None
    persona: str | None
    value: str | None
    skip: int
    times: int | None
    probability: float
    seed: int
    seen: int
    fired: int
    armed: bool


class Faults:
    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction() as db:
            db.execute(_SCHEMA)

    def arm(
        self, kind: Kind, path: str = "*", *, openid: str | None = None, persona: str | None = None,
        value: str | None = None, skip: int = 0, times: int | None = None, probability: float = 1.0, seed: int = 0,
    ) -> int:  # fmt: skip
        """Arm a fault and return its number. ``times=None`` stays armed until cleared."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO sandbox_fault (kind, path, openid, persona, value, skip, times, probability, seed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (kind, path, openid, persona, value, skip, times, probability, seed),
            ).fetchone()
            return int(row[0])

    def clear(self, fault_id: int | None = None) -> None:
        """Disarm one fault or all; their counts stay readable until ``forget``."""
        with self._store.transaction() as db:
            if fault_id is None:
                db.execute("UPDATE sandbox_fault SET armed = 0")
            else:
                db.execute("UPDATE sandbox_fault SET armed = 0 WHERE id = ?", (fault_id,))

    def forget(self) -> None:
        with self._store.transaction() as db:
            db.execute("DELETE FROM sandbox_fault")

    def all(self) -> list[Fault]:
        with self._store.lock:
            rows = self._store.db.execute("SELECT * FROM sandbox_fault ORDER BY id").fetchall()
        return [Fault(**{**dict(row), "armed": bool(row["armed"])}) for row in rows]

    def as_dicts(self) -> list[dict[str, object]]:
        return [asdict(fault) for fault in self.all()]

    def watching(self, kinds: tuple[str, ...], path: str) -> bool:
        """Is anything armed that a call of ``path`` could meet? Cheap: asked on every call."""
        with self._store.lock:
            rows = self._store.db.execute("SELECT kind, path FROM sandbox_fault WHERE armed = 1").fetchall()
        return any(row["kind"] in kinds and fnmatch.fnmatchcase(path, row["path"]) for row in rows)

    def strike(
        self, kinds: tuple[str, ...], path: str, *, openid: str | None = None, persona: str | None = None
    ) -> Fault | None:
        """The fault this call meets, counted as fired; None if it meets none."""
        with self._store.lock:
            for fault in self.all():
                if fault.armed and fault.kind in kinds and _concerns(fault, path, openid, persona):
                    if self._count(fault):
                        return fault
        return None

    def _count(self, fault: Fault) -> bool:
        seen = fault.seen + 1
        lucky = random.Random(f"{fault.seed}/{seen}").random() < fault.probability
        fires = seen > fault.skip and lucky
        fired = fault.fired + fires
        spent = fault.times is not None and fired >= fault.times
        with self._store.transaction() as db:
            db.execute(
                "UPDATE sandbox_fault SET seen = ?, fired = ?, armed = ? WHERE id = ?",
                (seen, fired, 0 if spent else 1, fault.id),
            )
        return fires


def _concerns(fault: Fault, path: str, openid: str | None, persona: str | None) -> bool:
    if not fnmatch.fnmatchcase(path, fault.path):
        return False
    if fault.openid is not None and fault.openid != openid:
        return False
    return fault.persona is None or fault.persona == persona
