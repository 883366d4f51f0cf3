"""The Q&A system's tables; asking, answering, and the order in which both are read."""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.upstream import stamp_after, wall
from sandbox.world import World

SCHEMA = """
CREATE TABLE IF NOT EXISTS qa_question (
    id TEXT PRIMARY KEY, question TEXT NOT NULL, short_question TEXT NOT NULL, category TEXT NOT NULL,
    asker TEXT NOT NULL, source TEXT NOT NULL, asked_at TEXT NOT NULL,
    answer TEXT NOT NULL, answered_at TEXT, withdrawn INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS qa_answer_order ON qa_question (answered_at, id);
CREATE TABLE IF NOT EXISTS qa_key (key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS qa_delivery (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, answer_id TEXT NOT NULL, state TEXT NOT NULL,
    detail TEXT NOT NULL);
"""

API_KEY = "demo-qa-key"
SITE = "https://www.shifan.example/hdjl/zxts/"
# What an official writes under a question for which the texts hold no answer.
_STANDARD = "<p>您好！您反映的事项已转有关单位办理，工作人员将在五个工作日内与您联系。</p>"


@dataclass
class Question:
    """``answer`` may be written before it is published: ``answered_at`` decides."""

    id: str
    question: str
    short_question: str
    category: str
    asker: str
    source: str
    asked_at: str
    answer: str
    answered_at: str | None
    withdrawn: int = 0

    @property
    def answered(self) -> bool:
        return self.answered_at is not None


class NotThere(LookupError):
    """No such question."""


class KeyReused(ValueError):
    """The idempotency key came before, with another body."""


def add(world: World, new: Question) -> None:
    with world.transaction() as db:
        db.execute(
            "INSERT INTO qa_question VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (new.id, new.question, new.short_question, new.category, new.asker, new.source, new.asked_at, new.answer,
             new.answered_at, new.withdrawn),
        )  # fmt: skip


def question(world: World, question_id: str) -> Question:
    with world.lock:
        row = world.db.execute("SELECT * FROM qa_question WHERE id = ?", (question_id,)).fetchone()
    if row is None:
        raise NotThere(f"no question {question_id}")
    return Question(**dict(row))


def answers(world: World, after: tuple[str, str] = ("", ""), limit: int = -1) -> list[Question]:
    """Published answers after the place (answered_at, id)."""
    return _page(world, "answered_at", "answered_at IS NOT NULL AND withdrawn = 0", after, limit)


def questions(world: World, after: tuple[str, str] = ("", ""), limit: int = -1) -> list[Question]:
    """Questions after the place (asked_at, id)."""
    return _page(world, "asked_at", "1", after, limit)


def ask(world: World, asker: str, text: str, source: str, key: str) -> tuple[str, bool]:
    """Keep a question; its id, and whether it is new. Raises KeyReused."""
    request = json.dumps([asker, text, source], ensure_ascii=False)
    with world.lock:
        known = _answer_to(world, key, request)
        if known is not None:
            return known, False
        count = world.db.execute("SELECT count(*) FROM qa_question").fetchone()[0]
        question_id = f"Q{10001 + count}"
        now = wall(world.clock.now())
        short = text if len(text) <= 20 else ""
        add(world, Question(question_id, text, short, "其他", asker, source, now, _STANDARD, None))
        _remember(world, key, request, question_id)
        return question_id, True


def answer_next(world: World, count: int) -> list[Question]:
    """Publish the answers of the ``count`` oldest open questions."""
    with world.lock:
        rows = world.db.execute(
            "SELECT id FROM qa_question WHERE answered_at IS NULL ORDER BY asked_at, id LIMIT ?", (count,)
        ).fetchall()
        return [publish(world, row["id"]) for row in rows]


def publish(world: World, question_id: str, html: str | None = None) -> Question:
    """Publish an answer, or a corrected one: stamped after every answer there is, so that cursors meet it."""
    with world.lock:
        found = question(world, question_id)
        newest = world.db.execute("SELECT max(answered_at) FROM qa_question").fetchone()[0]
        stamp = stamp_after(world, newest, newest)
        with world.db:
            world.db.execute(
                "UPDATE qa_question SET answer = ?, answered_at = ?, withdrawn = 0 WHERE id = ?",
                (found.answer if html is None else html, stamp, question_id),
            )
        return question(world, question_id)


def withdraw(world: World, question_id: str) -> None:
    with world.transaction() as db:
        db.execute("UPDATE qa_question SET withdrawn = 1 WHERE id = ?", (question_id,))


def save_delivery(world: World, answer_id: str, state: str, detail: str, key: str | None) -> None:
    """Keep a write-back. Raises KeyReused."""
    request = json.dumps([answer_id, state, detail], ensure_ascii=False)
    with world.lock:
        if key is not None:
            if _answer_to(world, key, request) is not None:
                return
            _remember(world, key, request, "ok")
        with world.db:
            world.db.execute(
                "INSERT INTO qa_delivery (at, answer_id, state, detail) VALUES (?, ?, ?, ?)",
                (wall(world.clock.now()), answer_id, state, detail),
            )


def deliveries(world: World) -> list[dict[str, Any]]:
    with world.lock:
        return [dict(row) for row in world.db.execute("SELECT * FROM qa_delivery ORDER BY n")]


def _page(world: World, by: str, where: str, after: tuple[str, str], limit: int) -> list[Question]:
    with world.lock:
        rows = world.db.execute(
            f"SELECT * FROM qa_question WHERE {where} AND ({by}, id) > (?, ?) ORDER BY {by}, id LIMIT ?",
            (*after, limit),
        ).fetchall()
    return [Question(**dict(row)) for row in rows]


def _answer_to(world: World, key: str, request: str) -> str | None:
    row = world.db.execute("SELECT request, answer FROM qa_key WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["request"] != request:
        raise KeyReused(key)
    return str(row["answer"])


def _remember(world: World, key: str, request: str, answer: str) -> None:
    with world.db:
        world.db.execute("INSERT INTO qa_key VALUES (?, ?, ?)", (key, request, answer))
