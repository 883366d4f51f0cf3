"""What people see of the ledger, and what whoever waits for it may rely on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from weigov.ledger import claims, inbox, intake, outbox, quota, reports, revisions, sending, streams
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.revisions import FlowReads
from weigov.ledger.seal import Sealer
from weigov.ledger.streams import StreamRef
from weigov.ports import Batch, Rejected
from weigov.records import Record

CASES = StreamRef("s", "cases", "cases")
FLOW = FlowReads("progress", frozenset({"status"}), "all")
NOTHING = {"compose": 0, "deliver": 0, "reconcile": 0}


def collect(connection: Connection, now: datetime, *keys: str, rejected: int = 0) -> list[int]:
    """Cases as a pull brings them; the ids of the revisions that wait to be composed."""
    streams.lock_stream(connection, CASES, now=now)
    revisions.begin_flow(connection, CASES, FLOW, "m", now=now)
    bad = [Rejected(f"row {n} of page 1", "no key") for n in range(rejected)]
    batch = Batch([Record("case", key, {"status": "受理"}) for key in keys], bad, complete=True)
    intake.store(connection, CASES, batch, [FLOW], first=True, now=now)
    return [item.id for item in revisions.pending(connection, "s", "progress", after=0, limit=99)]


def message(case: str, **changes: Any) -> New:
    values: dict[str, Any] = {
        "site": "s", "flow": "progress", "record": f"cases/cases/{case}", "revision": 1, "effect": "send",
        "target": "account:city", "subject": case, "channel": "template", "payload": {"data": "张三"},
    }  # fmt: skip
    return New(**values | changes)


def send(connection: Connection, now: datetime) -> list[Delivery]:
    """Everything that may go is under way."""
    rows = claims.claim(connection, target="account:city", limit=99, owner="w", lease_s=90, now=now)
    return [sending.begin(connection, row, "send", owner="w", lease_s=90, now=now) for row in rows]


def due(connection: Connection, now: datetime) -> dict[str, int]:
    return {kind: n for kind, n in reports.due_by_kind(connection, "s", now=now).items() if n}


def test_an_empty_ledger_has_nothing_to_do_and_nothing_to_say(ledger: Ledger, now: datetime) -> None:
    with ledger.read() as connection:
        assert reports.due_by_kind(connection, "s", now=now) == NOTHING
        assert reports.due(connection, "s", now=now) == 0
        assert reports.next_due_at(connection, "s", now=now) is None
        status = reports.status(connection, "s", now=now)
    assert status["flows"] == {} and status["streams"] == [] and status["quota"] == {}


def test_revisions_are_counted_by_what_became_of_them(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        ids = collect(connection, now, "C1", "C2", "C3", "C4", "C5")
        revisions.decide(connection, ids[0], "quarantined", now=now, reason="thing1 is longer than 20")
        revisions.decide(connection, ids[1], "skipped", now=now, reason="unbound")
        revisions.decide(connection, ids[2], "skipped", now=now, reason="unbound")
        revisions.decide(connection, ids[3], "composed", now=now)
        status = reports.status(connection, "s", now=now)
        assert due(connection, now) == {"compose": 1}
    flow = status["flows"]["progress"]
    assert flow["began_at"] == now
    assert flow["revisions"] == {"pending": 1, "quarantined": 1}
    assert flow["skipped"] == {"unbound": 2}
    (item,) = status["quarantine"]
    assert item == {
        "flow": "progress", "system": "cases", "stream": "cases", "key": "C1", "since": now,
        "reason": "thing1 is longer than 20",
    }  # fmt: skip
    assert status["due"] == 1


def test_only_the_newest_of_many_quarantined_are_named_and_all_are_counted(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        for at, revision in enumerate(collect(connection, now, *(f"C{n:02}" for n in range(30)))):
            revisions.decide(connection, revision, "quarantined", now=now, reason=f"reason {at}")
        status = reports.status(connection, "s", now=now)
    assert status["flows"]["progress"]["revisions"]["quarantined"] == 30
    reasons = [item["reason"] for item in status["quarantine"]]
    assert reasons == [f"reason {n}" for n in range(29, 29 - reports.NEWEST, -1)]


def test_a_delivery_is_counted_where_it_stands_and_told_where_it_stands_still(ledger: Ledger, now: datetime) -> None:
    soon = now + timedelta(minutes=1)
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message(f"C{n}") for n in range(5)], now=now)
        outbox.enqueue(connection, [message("R", approvals_needed=2, title="办件进度 R")], now=now)
        rows = send(connection, now)
        tomorrow = now + timedelta(hours=16)
        for row in rows[:2]:
            outbox.defer(connection, row, until=tomorrow, reason="45009", now=now, owner="w")
        outbox.settle(
            connection, rows[2], "unknown", now=now, reason="no answer", check_at=now + timedelta(minutes=1)
        )
        outbox.settle(connection, rows[3], "unknown", now=now)
        doubtful = outbox.get(connection, rows[3].id)
        outbox.settle(connection, doubtful, "in_doubt", now=now, reason="no event")
        outbox.settle(connection, rows[4], "accepted", now=now, check_at=now + timedelta(days=2))
        status = reports.status(connection, "s", now=now)
    assert status["flows"]["progress"]["deliveries"] == {
        "waiting_review": 1, "deferred": 2, "unknown": 1, "accepted": 1, "in_doubt": 1,
    }  # fmt: skip
    (deferred,) = status["deferred"]
    assert (deferred["count"], deferred["reason"], deferred["until"]) == (2, "45009", tomorrow)
    assert [(item["id"], item["reason"], item["step"]) for item in status["unknown"]] == [
        (rows[2].id, "no answer", "send")
    ]
    assert [(item["id"], item["reason"]) for item in status["in_doubt"]] == [(rows[3].id, "no event")]
    assert [item["title"] for item in status["waiting_review"]] == ["办件进度 R"]
    assert status["due"] == 0
    assert status["next_due_at"] == soon
    assert "张三" not in repr(status)


def test_what_is_due_depends_on_the_time(ledger: Ledger, now: datetime) -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("later", due_at=now + minute)], now=now)
        outbox.enqueue(connection, [message("now", expires_at=now + day)], now=now)
        assert due(connection, now) == {"deliver": 1}
        assert reports.next_due_at(connection, "s", now=now) == now + minute
        assert due(connection, now + minute) == {"deliver": 2}
        (row,) = send(connection, now)
        assert due(connection, now) == {}
        assert due(connection, now + timedelta(seconds=90)) == {"deliver": 1, "reconcile": 1}  # its lease is over
        outbox.settle(connection, row, "accepted", now=now, check_at=now + 2 * minute)
        assert due(connection, now) == {}
        assert due(connection, now + 2 * minute) == {"deliver": 1, "reconcile": 1}
        outbox.settle(connection, outbox.get(connection, row.id), "confirmed", now=now)
        assert due(connection, now + 2 * minute) == {"deliver": 1}


def test_what_another_delivery_keeps_waiting_is_not_due(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("C1", revision=1), message("C1", revision=2)], now=now)
        assert due(connection, now) == {"deliver": 1}
        (row,) = send(connection, now)
        outbox.settle(connection, row, "unknown", now=now, check_at=now + timedelta(minutes=1))
        assert due(connection, now) == {}
        outbox.settle(connection, outbox.get(connection, row.id), "in_doubt", now=now)
        assert due(connection, now) == {"deliver": 1}


def test_what_waits_for_a_person_is_not_due_until_it_expires(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("C1", approvals_needed=1, expires_at=now + timedelta(hours=1))], now=now)
        assert due(connection, now) == {}
        assert due(connection, now + timedelta(hours=1)) == {"deliver": 1}


def test_callbacks_are_due_until_they_are_handled(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    with ledger.begin() as connection:
        for key, event in (("a", "publishjobfinish"), ("b", "view")):
            inbox.store(
                connection, sealer, appid="wx1", dedupe_key=key, kind="event", event=event, remote_id="",
                openid="oAnna", payload=b"<xml/>", now=now,
            )  # fmt: skip
        assert due(connection, now) == {"reconcile": 2}
        assert reports.due(connection, "s", now=now, events=["publishjobfinish"]) == 1
        assert reports.status(connection, "s", now=now)["inbox"] == {"wx1": {"waiting": 2, "oldest": now}}
        for item in inbox.waiting(connection, sealer, "wx1", 9):
            inbox.handled(connection, item.id, "kept", now=now)
        assert due(connection, now) == {}


def test_a_stream_tells_its_last_success_and_its_last_problem(ledger: Ledger, now: datetime) -> None:
    later = now + timedelta(hours=1)
    with ledger.begin() as connection:
        collect(connection, now, "C1", rejected=2)
        streams.finish(connection, CASES, problem="", now=now)
        streams.finish(connection, CASES, problem="cases ListCases: not reached", now=later)
        (stream,) = reports.status(connection, "s", now=later)["streams"]
    assert stream == {
        "system": "cases", "stream": "cases", "last_started_at": now, "last_completed_at": now,
        "problem": "cases ListCases: not reached", "notes": "", "rejected": 2,
    }  # fmt: skip


def test_quota_is_shown_by_account_and_for_today_only(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        quota.reserve(connection, "wx1", {"/cgi-bin/menu/create": 1}, {"/cgi-bin/menu/create": 9}, now=now)
        quota.note_remote(connection, "wx2", "/cgi-bin/menu/create", 7, 1000, now=now)
        quota.exhaust(connection, "wx1", "/cgi-bin/draft/add", now=now - timedelta(days=1))
        assert reports.status(connection, "s", now=now)["quota"] == {
            "wx1": {"/cgi-bin/menu/create": {"used": 1, "daily_limit": None}},
            "wx2": {"/cgi-bin/menu/create": {"used": 7, "daily_limit": 1000}},
        }


def test_a_site_sees_its_own_work_only(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("C1", site="other")], now=now)
        collect(connection, now, "C1")
        assert reports.due_by_kind(connection, "other", now=now) == NOTHING | {"deliver": 1}
        assert reports.due_by_kind(connection, "s", now=now) == NOTHING | {"compose": 1}
        assert "deliveries" in reports.status(connection, "s", now=now)["flows"]["progress"]
        assert reports.status(connection, "s", now=now)["flows"]["progress"]["deliveries"] == {}
