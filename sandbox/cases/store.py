"""The case system's tables, what its status codes mean, and how a case moves."""

from dataclasses import dataclass
from typing import Any

from sandbox.upstream import stamp_after, wall
from sandbox.world import World

SCHEMA = """
CREATE TABLE IF NOT EXISTS cases_case (
    case_no TEXT PRIMARY KEY, item_name TEXT NOT NULL, item_short_name TEXT NOT NULL, item_code TEXT NOT NULL,
    applicant_name TEXT NOT NULL, applicant_id TEXT NOT NULL, status TEXT NOT NULL, stdver TEXT NOT NULL,
    office TEXT NOT NULL, accepted_at TEXT NOT NULL, updated_at TEXT NOT NULL, promise_date TEXT NOT NULL,
    valid INTEGER NOT NULL, query_password TEXT NOT NULL,
    to_come TEXT NOT NULL, turn INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS cases_case_order ON cases_case (updated_at, case_no);
CREATE TABLE IF NOT EXISTS cases_step (
    n INTEGER PRIMARY KEY AUTOINCREMENT, case_no TEXT NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cases_evaluation (
    case_no TEXT PRIMARY KEY, score INTEGER NOT NULL, comment TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cases_delivery (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, case_no TEXT NOT NULL, channel TEXT NOT NULL,
    state TEXT NOT NULL, detail TEXT NOT NULL, delivered_at TEXT NOT NULL);
"""

USER_NAME, PASSWORD = "weigov", "demo-cases-secret"

_GOING_ON = {"11": "受理", "12": "补正", "13": "审查"}
# The results changed their meaning with the second edition of the standard; a case says which edition it follows.
MEANING: dict[str, dict[str, str]] = {
    "1.0": _GOING_ON
    | {"0": "出证", "1": "退回办结", "2": "作废", "3": "删除", "4": "转报", "5": "补正不来", "6": "办结"},
    "2.0": _GOING_ON
    | {"0": "准予许可", "1": "不予许可", "2": "作废", "3": "删除", "4": "转报", "5": "退件", "6": "不予受理"},
}


@dataclass
class Case:
    """``to_come`` are the codes it will still go through, ``turn`` its place in the queue of those that move."""

    case_no: str
    item_name: str
    item_short_name: str
    item_code: str
    applicant_name: str
    applicant_id: str
    status: str
    stdver: str
    office: str
    accepted_at: str
    updated_at: str
    promise_date: str
    valid: int
    query_password: str
    to_come: str
    turn: int

    @property
    def meaning(self) -> str:
        return MEANING[self.stdver][self.status]

    @property
    def finished(self) -> bool:
        return self.status not in _GOING_ON


class NotThere(LookupError):
    """No such case."""


def case(world: World, case_no: str) -> Case:
    with world.lock:
        row = world.db.execute("SELECT * FROM cases_case WHERE case_no = ?", (case_no,)).fetchone()
    if row is None:
        raise NotThere(f"no case {case_no}")
    return Case(**dict(row))


def cases(
    world: World, *, updated_after: str = "", applicant_id: str = "%", limit: int = -1, offset: int = 0
) -> tuple[list[Case], int]:
    """One page in the order of change, and how many there are in all."""
    where = "WHERE updated_at >= ? AND applicant_id LIKE ?"
    values = (updated_after, applicant_id)
    with world.lock:
        total = world.db.execute(f"SELECT count(*) FROM cases_case {where}", values).fetchone()[0]
        rows = world.db.execute(
            f"SELECT * FROM cases_case {where} ORDER BY updated_at, case_no LIMIT ? OFFSET ?",
            (*values, limit, offset),
        ).fetchall()
    return [Case(**dict(row)) for row in rows], total


def steps(world: World, case_no: str) -> list[tuple[str, str]]:
    with world.lock:
        rows = world.db.execute(
            "SELECT status, at FROM cases_step WHERE case_no = ? ORDER BY n", (case_no,)
        ).fetchall()
    return [(row["status"], row["at"]) for row in rows]


def move(world: World, case_no: str, status: str) -> Case:
    """Bring the case to a status code of its edition."""
    with world.lock:
        stamp = _stamp(world, case_no)
        with world.db:
            world.db.execute(
                "UPDATE cases_case SET status = ?, updated_at = ? WHERE case_no = ?", (status, stamp, case_no)
            )
            world.db.execute(
                "INSERT INTO cases_step (case_no, status, at) VALUES (?, ?, ?)", (case_no, status, stamp)
            )
        return case(world, case_no)


def advance(world: World, count: int) -> list[tuple[Case, Case]]:
    """Move the next ``count`` cases of the queue one step each; each then goes to the end of the queue."""
    moved = []
    with world.lock:
        rows = world.db.execute(
            "SELECT * FROM cases_case WHERE to_come != '' AND valid = 1 ORDER BY turn LIMIT ?", (count,)
        ).fetchall()
        for row in rows:
            before = Case(**dict(row))
            status, _, rest = before.to_come.partition(" ")
            moved.append((before, move(world, before.case_no, status)))
            with world.db:
                world.db.execute(
                    "UPDATE cases_case SET to_come = ?, turn = (SELECT max(turn) + 1 FROM cases_case)"
                    " WHERE case_no = ?",
                    (rest, before.case_no),
                )
    return moved


def void(world: World, case_no: str) -> Case:
    with world.lock:
        stamp = _stamp(world, case_no)
        with world.db:
            world.db.execute("UPDATE cases_case SET valid = 0, updated_at = ? WHERE case_no = ?", (stamp, case_no))
        return case(world, case_no)


def _stamp(world: World, case_no: str) -> str:
    newest = world.db.execute("SELECT max(updated_at) FROM cases_case").fetchone()[0]
    return stamp_after(world, case(world, case_no).updated_at, newest)


def save_evaluation(world: World, case_no: str, score: int, comment: str) -> bool:
    """False if the case was evaluated before."""
    with world.transaction() as db:
        done = db.execute(
            "INSERT INTO cases_evaluation VALUES (?, ?, ?, ?) ON CONFLICT (case_no) DO NOTHING",
            (case_no, score, comment, wall(world.clock.now())),
        )
        return done.rowcount == 1


def save_delivery(world: World, case_no: str, channel: str, state: str, detail: str, delivered_at: str) -> None:
    with world.transaction() as db:
        db.execute(
            "INSERT INTO cases_delivery (at, case_no, channel, state, detail, delivered_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (wall(world.clock.now()), case_no, channel, state, detail, delivered_at),
        )


def evaluations(world: World) -> list[dict[str, Any]]:
    with world.lock:
        return [dict(row) for row in world.db.execute("SELECT * FROM cases_evaluation ORDER BY at, case_no")]


def deliveries(world: World) -> list[dict[str, Any]]:
    with world.lock:
        return [dict(row) for row in world.db.execute("SELECT * FROM cases_delivery ORDER BY n")]
