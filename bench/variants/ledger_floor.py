"""The floor: the same rows by the driver alone, a hundred to a commit. SQLite only; nothing is fenced or checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.variants import Count, Step
from bench.variants.ledger import certain, news, opened
from weigov.records import digest, encode

_AT_ONCE = 100

_ENQUEUE = """INSERT INTO delivery (site, flow, record, revision, effect, target, subject, channel, client_key, title,
 payload, digest, state, flight_key, priority, due_at, created_at, changed_at)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'ready', ?, ?, ?, ?, ?)"""
_CLAIM = "UPDATE delivery SET state = 'claimed', in_flight = 1, lease_owner = 'bench' WHERE id = ?"
_INTENT = "UPDATE delivery SET state = 'sending', step = 'send', tries = 1 WHERE id = ?"
_OPEN = "INSERT INTO attempt (delivery_id, step, n, outcome, intent_at) VALUES (?, 'send', 1, 'open', ?)"
_ANSWER = "UPDATE attempt SET outcome = 'ok', remote_id = 'm' || delivery_id, outcome_at = ? WHERE delivery_id = ?"
_SETTLE = "UPDATE delivery SET state = 'accepted', lease_owner = '', changed_at = ? WHERE id = ?"


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    ledger = opened(spec)
    waiting = news(spec["n"])
    raw: Any = ledger.engine.raw_connection()

    def group(*statements: tuple[str, list[Any]]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        for text, rows in statements:
            raw.executemany(text, rows)
        raw.execute("COMMIT")

    def work() -> Count:
        now = datetime.now(UTC).isoformat(" ")
        for at in range(0, len(waiting), _AT_ONCE):
            group((_ENQUEUE, [
                (new.site, new.flow, new.record, 1, new.effect, new.target, new.subject, new.channel, new.client_key,
                 new.title, encode(new.payload).decode(), digest(new.payload), new.flight_key, new.priority, now, now,
                 now)
                for new in waiting[at : at + _AT_ONCE]
            ]))  # fmt: skip
        for at in range(0, len(waiting), _AT_ONCE):
            ids = list(range(at + 1, min(at + _AT_ONCE, len(waiting)) + 1))
            group((_CLAIM, [(one,) for one in ids]))
            group((_INTENT, [(one,) for one in ids]), (_OPEN, [(one, now) for one in ids]))
            group((_ANSWER, [(now, one) for one in ids]), (_SETTLE, [(now, one) for one in ids]))
        return lambda: certain(ledger)

    yield "first", work
    raw.close()
    ledger.close()
