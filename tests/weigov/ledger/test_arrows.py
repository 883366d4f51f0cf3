"""Every arrow of the state machine is taken by the function whose business it is, and no other arrow can be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from weigov.errors import LedgerConflict, ReviewRejected
from weigov.ledger import attempts, claims, deferrals, outbox, reviews, sending
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import ARROWS, STATES, UNSENT, State, in_flight

NEWS = "account:city"
LEASE = timedelta(seconds=90)


def new(record: str = "cms/articles/1", revision: int = 1, **changes: Any) -> New:
    values: dict[str, Any] = {
        "site": "s", "flow": "notices", "record": record, "revision": revision, "effect": "publish", "target": NEWS,
        "subject": "", "channel": "news", "payload": {"title": "公告", "revision": revision},
    }  # fmt: skip
    return New(**values | changes)


def claim(connection: Connection, now: datetime, *, owner: str = "w", limit: int = 9) -> list[Delivery]:
    return claims.claim(connection, target=NEWS, limit=limit, owner=owner, lease_s=LEASE.total_seconds(), now=now)


def begin(connection: Connection, row: Delivery, now: datetime, *, step: str = "draft", owner: str = "w") -> Delivery:
    return sending.begin(connection, row, step, owner=owner, lease_s=LEASE.total_seconds(), now=now)


def bring(connection: Connection, state: State, now: datetime, *, reviewed: bool = False) -> Delivery:
    """A delivery in ``state``, brought there as it would come there."""
    needs = 1 if reviewed or state in ("waiting_review", "refused") else 0
    outbox.enqueue(connection, [new(approvals_needed=needs, expires_at=now + timedelta(days=1))], now=now)
    (row,) = outbox.find(connection)
    for step in _WAY[state]:
        if row.state == "waiting_review" and step != "refuse":
            decide(connection, row, now)
        match step:
            case "claim":
                (row,) = claim(connection, now)
            case "begin":
                row = begin(connection, row, now)
            case "defer":
                outbox.defer(connection, row, until=now + timedelta(hours=1), reason="quota", now=now, owner="w")
            case "refuse":
                decide(connection, row, now, decision="refuse")
            case "superseded" | "withdrawn":
                retire(connection, now, why=step)
            case "expire":
                claims.expire_unsent(connection, now=now + timedelta(days=2))
            case _:
                outbox.settle(connection, row, step, now=now) if step in _SETTLED else outbox.move(
                    connection, row, step, now=now
                )
        row = outbox.get(connection, row.id)
    assert row.state == state
    return row


_SETTLED = ("unknown", "accepted", "confirmed", "rejected", "in_doubt")
_WAY: dict[State, list[Any]] = {
    "waiting_review": [],
    "ready": [],
    "deferred": ["claim", "defer"],
    "claimed": ["claim"],
    "sending": ["claim", "begin"],
    "unknown": ["claim", "begin", "unknown"],
    "accepted": ["claim", "begin", "accepted"],
    "confirmed": ["claim", "begin", "accepted", "confirmed"],
    "rejected": ["claim", "begin", "rejected"],
    "refused": ["refuse"],
    "superseded": ["superseded"],
    "withdrawn": ["withdrawn"],
    "expired": ["expire"],
    "in_doubt": ["claim", "begin", "unknown", "in_doubt"],
    "given_up": ["claim", "begin", "unknown", "in_doubt", "given_up"],
    "removed": ["claim", "begin", "accepted", "confirmed", "removed"],
}


def decide(
    connection: Connection,
    row: Delivery,
    now: datetime,
    *,
    person: str = "李",
    decision: reviews.Decision = "approve",
) -> State:
    return reviews.decide(connection, row.id, digest=row.digest, person=person, decision=decision, now=now)


def retire(connection: Connection, now: datetime, *, why: State = "superseded", before: int = 2) -> int:
    return outbox.retire(
        connection, site="s", flow="notices", record="cms/articles/1", effect="publish", why=why,
        before_revision=before, now=now,
    )  # fmt: skip


def release(c: Connection, row: Delivery, now: datetime) -> None:
    claims.release(c, [row], now=now, owner="w")


def lease_over(c: Connection, row: Delivery, now: datetime) -> None:
    claims.expire_leases(c, now=now + LEASE)


def settle(to: State) -> Callable[[Connection, Delivery, datetime], None]:
    return lambda c, row, now: outbox.settle(c, row, to, now=now)


def move(to: State) -> Callable[[Connection, Delivery, datetime], None]:
    return lambda c, row, now: outbox.move(c, row, to, now=now)


def defer(c: Connection, row: Delivery, now: datetime) -> None:
    outbox.defer(c, row, until=now + timedelta(hours=1), reason="quiet hours", now=now, owner="w")


def hold(c: Connection, row: Delivery, now: datetime) -> None:
    outbox.hold(c, row, {"kept": "lost: text"}, now=now, reason="lost: text", owner="w")


def defer_rest(c: Connection, row: Delivery, now: datetime) -> None:
    deferrals.defer_rest(
        c, target=NEWS, channel="news", effect="publish", until=now + timedelta(hours=1), reason="45009", now=now
    )


def later(c: Connection, row: Delivery, now: datetime) -> None:
    claim(c, now + timedelta(hours=1), limit=0)


def drop(why: State) -> Callable[[Connection, Delivery, datetime], None]:
    return lambda c, row, now: None if retire(c, now, why=why) else pytest.fail("nothing was dropped")


def expire(c: Connection, row: Delivery, now: datetime) -> None:
    assert claims.expire_unsent(c, now=now + timedelta(days=1)) == 1


def replay(c: Connection, row: Delivery, now: datetime) -> None:
    outbox.replay(c, row, now=now)


def park(c: Connection, row: Delivery, now: datetime) -> None:
    outbox.park(c, row, now=now, reason="restored")


TAKEN_BY: dict[tuple[State, State], Callable[[Connection, Delivery, datetime], object]] = {
    **{(unsent, "superseded"): drop("superseded") for unsent in UNSENT},
    **{(unsent, "withdrawn"): drop("withdrawn") for unsent in UNSENT},
    **{(unsent, "expired"): expire for unsent in UNSENT},
    ("waiting_review", "ready"): decide,
    ("waiting_review", "refused"): lambda c, row, now: decide(c, row, now, decision="refuse"),
    ("ready", "deferred"): defer_rest,
    ("deferred", "ready"): later,
    ("ready", "claimed"): lambda c, row, now: claim(c, now),
    ("claimed", "ready"): lease_over,
    ("claimed", "deferred"): defer,
    ("claimed", "waiting_review"): hold,
    ("claimed", "rejected"): move("rejected"),
    ("claimed", "sending"): begin,
    ("sending", "claimed"): lambda c, row, now: sending.end_step(
        c, row, remote_id="D1", owner="w", lease_s=90, now=now
    ),
    ("sending", "ready"): lambda c, row, now: sending.unsent(c, row, now=now, reason="not reached", owner="w"),
    ("sending", "deferred"): defer,
    ("sending", "accepted"): settle("accepted"),
    ("sending", "rejected"): settle("rejected"),
    ("sending", "unknown"): lease_over,
    ("accepted", "confirmed"): settle("confirmed"),
    ("accepted", "rejected"): settle("rejected"),
    ("accepted", "in_doubt"): settle("in_doubt"),
    ("confirmed", "removed"): move("removed"),
    ("unknown", "accepted"): settle("accepted"),
    ("unknown", "confirmed"): settle("confirmed"),
    ("unknown", "rejected"): settle("rejected"),
    ("unknown", "ready"): move("ready"),
    ("unknown", "sending"): begin,
    ("unknown", "in_doubt"): settle("in_doubt"),
    ("in_doubt", "accepted"): settle("accepted"),
    ("in_doubt", "confirmed"): settle("confirmed"),
    ("in_doubt", "rejected"): settle("rejected"),
    ("in_doubt", "given_up"): move("given_up"),
    ("in_doubt", "ready"): move("ready"),
    ("in_doubt", "waiting_review"): move("waiting_review"),
    **{(was, "in_doubt"): park for was in (*UNSENT, "claimed", "sending")},
    ("rejected", "ready"): replay,
    ("rejected", "waiting_review"): replay,
}


def test_every_arrow_has_its_test_and_every_state_a_way_to_it() -> None:
    assert set(TAKEN_BY) == ARROWS
    assert set(_WAY) == set(STATES)


@pytest.mark.parametrize("arrow", sorted(ARROWS), ids="_to_".join)
def test_arrow(ledger: Ledger, now: datetime, arrow: tuple[State, State]) -> None:
    was, to = arrow
    reviewed = to == "waiting_review"
    with ledger.begin() as connection:
        row = bring(connection, was, now, reviewed=reviewed)
        TAKEN_BY[arrow](connection, row, now)
        moved = outbox.get(connection, row.id)
        assert moved.state == to
        leased = to in ("claimed", "sending")
        assert (moved.lease_owner == "w") == leased
        # What is in flight keeps the next revision waiting, and nothing else does (but what is older and unsent).
        outbox.enqueue(connection, [new(revision=7)], now=now)
        waits = in_flight("news", to) or to in UNSENT
        claimed = claim(connection, now + timedelta(minutes=1), owner="other")
        assert (7 not in [other.revision for other in claimed]) == waits


def test_no_other_arrow_can_be_taken(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        row = bring(connection, "ready", now)
        for was in STATES:
            for to in STATES:
                if (was, to) not in ARROWS:
                    with pytest.raises(ValueError, match=f"from {was} to {to}"):
                        outbox.move(connection, outbox.changed(row, state=was), to, now=now)
        assert outbox.get(connection, row.id) == row


@pytest.mark.parametrize("arrow", sorted(ARROWS), ids="_to_".join)
def test_who_comes_second_changes_nothing(ledger: Ledger, now: datetime, arrow: tuple[State, State]) -> None:
    was, to = arrow
    elsewhere: State = "removed" if was != "removed" else "ready"
    with ledger.begin() as connection:
        row = bring(connection, elsewhere, now)
        with pytest.raises(LedgerConflict, match="somebody else"):
            outbox.move(connection, outbox.changed(row, state=was), to, now=now)
        assert outbox.get(connection, row.id) == row


def test_a_worker_whose_lease_is_another_s_can_do_nothing_with_it(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        mine = bring(connection, "claimed", now)
        claims.expire_leases(connection, now=now + LEASE)
        (theirs,) = claim(connection, now + LEASE, owner="other")
        with pytest.raises(LedgerConflict):
            begin(connection, mine, now + LEASE)
        claims.release(connection, [mine], now=now + LEASE, owner="w")
        assert outbox.get(connection, mine.id).lease_owner == "other"
        theirs = begin(connection, theirs, now + LEASE, owner="other")
        for late in (
            lambda: sending.end_step(connection, theirs, remote_id="D", owner="w", lease_s=90, now=now),
            lambda: outbox.settle(connection, theirs, "accepted", now=now, owner="w"),
            lambda: sending.unsent(connection, theirs, now=now, reason="", owner="w"),
        ):
            with pytest.raises(LedgerConflict):
                late()
            assert outbox.get(connection, mine.id).state == "sending"


def test_an_identity_is_enqueued_once_and_keeps_its_key(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        assert outbox.enqueue(connection, [new(), new(revision=2), new()], now=now) == 2
        assert outbox.enqueue(connection, [new(payload={"title": "changed"})], now=now) == 0
        first, second = outbox.find(connection)
        assert first.payload == {"title": "公告", "revision": 1}
        assert first.client_key == new().client_key != second.client_key
        assert len(first.client_key.encode()) == 32


def test_the_most_urgent_goes_first_and_revisions_in_their_order(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(
            connection,
            [
                new("cms/articles/1", 1),
                new("cms/articles/1", 2, priority=1),
                new("cms/articles/2", 1, priority=10),
                new("cms/articles/3", 1, due_at=now + timedelta(seconds=1)),
                new("cms/articles/4", 1, target="account:other"),
            ],
            now=now,
        )
        claimed = claim(connection, now)
        assert [(row.record[-1], row.revision) for row in claimed] == [("2", 1), ("1", 1)]
        assert claim(connection, now, owner="other") == []


def test_one_citizen_gets_one_message_at_a_time(ledger: Ledger, now: datetime) -> None:
    def message(case: str, citizen: str) -> New:
        return new(case, flow="progress", effect="send", subject=citizen, channel="template")

    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("C1", "anna"), message("C2", "anna"), message("C1", "bert")], now=now)
        first, other = claim(connection, now)
        assert (first.record, first.subject, other.subject) == ("C1", "anna", "bert")
        outbox.settle(connection, begin(connection, first, now, step="send"), "accepted", now=now, owner="w")
        (second,) = claim(connection, now)
        assert (second.record, second.subject) == ("C2", "anna")


def test_an_urgent_message_overtakes_and_holds_up_nobody(ledger: Ledger, now: datetime) -> None:
    """Both are free to go: the newer waits for nothing, and the older for nothing newer."""

    def message(case: str, citizen: str, priority: int) -> New:
        return new(case, flow=case, effect="send", subject=citizen, channel="template", priority=priority)

    with ledger.begin() as connection:
        waiting = [message("case", "anna", 30), message("warning", "anna", 10), message("case", "bert", 30)]
        outbox.enqueue(connection, waiting, now=now)
        first, other = claim(connection, now)
        assert [(row.record, row.subject) for row in (first, other)] == [("warning", "anna"), ("case", "bert")]
        assert claim(connection, now) == []
        outbox.settle(connection, begin(connection, first, now, step="send"), "accepted", now=now, owner="w")
        (second,) = claim(connection, now)
        assert (second.record, second.subject) == ("case", "anna")


@pytest.mark.parametrize(
    "newer", [{"record": "case 2"}, {"flow": "warnings"}, {"record": "question", "channel": "customer_service"}]
)
def test_what_waits_for_days_holds_up_its_own_record_only(
    ledger: Ledger, now: datetime, newer: dict[str, Any]
) -> None:
    message = partial(new, "case 1", flow="progress", effect="send", subject="anna", channel="template")
    with ledger.begin() as connection:
        outbox.enqueue(connection, [message()], now=now)
        (row,) = outbox.find(connection)
        outbox.defer(connection, row, until=now + timedelta(days=3), reason="paused", now=now)
        outbox.enqueue(connection, [message(revision=2), replace(message(), revision=3, **newer)], now=now)
        assert [row.revision for row in claim(connection, now)] == [3]


def test_what_the_database_knows_of_its_tables_changes_no_claim(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        many = [new("case", effect="send", subject=f"c{n}", channel="template") for n in range(1000)]
        outbox.enqueue(connection, many, now=now)
    with ledger.begin() as connection:
        connection.execute(text("ANALYZE"))
    try:
        with ledger.begin() as connection:
            assert len(claim(connection, now)) == 9
    finally:
        if ledger.dialect == "sqlite":
            with ledger.begin() as connection:
                connection.execute(text("DELETE FROM sqlite_stat1"))
        ledger.close()  # for others, who share it, it is forgotten


def test_a_claim_of_one_channel_leaves_the_others(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        message = new("case", effect="send", subject="anna", channel="template", priority=90)
        outbox.enqueue(connection, [new(), message], now=now)
        common: dict[str, Any] = {"target": NEWS, "limit": 9, "owner": "w", "lease_s": 90, "now": now}
        assert [row.channel for row in claims.claim(connection, channel="template", **common)] == ["template"]
        assert [row.channel for row in claims.claim(connection, **common)] == ["news"]


def test_what_was_retired_under_way_is_dropped_when_it_comes_back(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        row = bring(connection, "sending", now)
        assert retire(connection, now) == 1
        outbox.enqueue(connection, [new(revision=2)], now=now)
        sending.unsent(connection, row, now=now, reason="not reached", owner="w")
        assert [claimed.revision for claimed in claim(connection, now)] == [2]
        assert outbox.get(connection, row.id).state == "superseded"


def test_side_by_side_what_was_retired_since_its_claim_is_not_begun(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new(), new("cms/articles/2")], now=now)
        rows = claim(connection, now)
        assert len(rows) == 2 and retire(connection, now) == 1
        (begun,) = sending.begin_many(connection, rows, "send", owner="w", lease_s=90, now=now)
        assert begun.record == "cms/articles/2"


def test_what_has_expired_is_not_claimed(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new(expires_at=now)], now=now - timedelta(hours=1))
        assert claim(connection, now) == []
        assert claims.expire_unsent(connection, now=now) == 1


def test_each_step_keeps_its_receipt_and_a_replay_starts_over(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        row = begin(connection, bring(connection, "claimed", now), now, step="draft")
        row = sending.end_step(connection, row, remote_id="D1", owner="w", lease_s=90, now=now)
        row = begin(connection, row, now, step="submit")
        assert attempts.done(connection, row.id) == {"draft": "D1"}
        outbox.settle(connection, row, "rejected", now=now, reason="40007", owner="w")
        assert attempts.done(connection, row.id) == {"draft": "D1"}
        rejected = outbox.get(connection, row.id)
        assert rejected.reason == "40007"
        outbox.replay(connection, rejected, now=now)
        assert attempts.done(connection, row.id) == {}
        again = begin(connection, claim(connection, now)[0], now, step="draft")
        assert sending.end_step(connection, again, remote_id="D2", owner="w", lease_s=90, now=now).state == "claimed"
        assert attempts.done(connection, row.id) == {"draft": "D2"}


def test_an_unknown_step_found_afterwards_keeps_its_receipt(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        row = bring(connection, "unknown", now)
        assert attempts.done(connection, row.id) == {}
        outbox.settle(connection, row, "accepted", now=now, remote_id="P1")
        assert attempts.done(connection, row.id) == {"draft": "P1"}
        found = outbox.by_receipt(connection, row.target, "draft", "P1")
        assert found is not None and found.id == row.id
        assert outbox.by_receipt(connection, row.target, "submit", "P1") is None
        assert outbox.by_receipt(connection, row.target, "draft", "") is None


def test_the_pause_after_a_failed_try_grows(ledger: Ledger, now: datetime) -> None:
    pauses = []
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new()], now=now)
        for _ in range(7):
            (row,) = claim(connection, now)
            row = begin(connection, row, now)
            sending.unsent(connection, row, now=now, reason="not reached", owner="w")
            due = outbox.get(connection, row.id).due_at
            pauses.append((due - now).total_seconds())
            assert claim(connection, due - timedelta(seconds=1)) == []
            now = due
    assert pauses == [30, 120, 600, 1800, 3600, 3600, 3600]


def test_two_people_are_two_people(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new(approvals_needed=2)], now=now)
        (row,) = outbox.find(connection)
        assert claim(connection, now) == []
        assert decide(connection, row, now) == "waiting_review"
        for person, problem in (("李", "already decided"), (" 李 ", "already decided"), (" ", "needs a name")):
            with pytest.raises(ReviewRejected, match=problem):
                decide(connection, row, now, person=person)
        stale = outbox.changed(row, digest="0" * 64)
        with pytest.raises(ReviewRejected, match="changed since"):
            decide(connection, stale, now, person="王")
        assert decide(connection, row, now, person="王") == "ready"
        with pytest.raises(ReviewRejected, match="it is ready"):
            decide(connection, row, now, person="赵")
        with pytest.raises(ReviewRejected, match="no delivery 0"):
            decide(connection, outbox.changed(row, id=0), now)
        decided = [(review.person, review.decision) for review in reviews.of_delivery(connection, row.id)]
        assert decided == [("李", "approve"), ("王", "approve")]


def test_what_is_held_needs_people_who_saw_what_was_found(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new(approvals_needed=2)], now=now)
        (row,) = outbox.find(connection)
        for person in ("李", "王"):
            decide(connection, row, now, person=person)
        (claimed,) = claim(connection, now)
        assert outbox.hold(connection, claimed, {"kept": "x"}, now=now, reason="x", owner="w") == "waiting_review"
        held = outbox.get(connection, row.id)
        assert held.digest != row.digest and held.payload == {**row.payload, "kept": "x"}
        with pytest.raises(ReviewRejected, match="changed since"):
            decide(connection, row, now, person="赵")
        assert [decide(connection, held, now, person=person) for person in ("李", "王")] == [
            "waiting_review",
            "ready",
        ]


def test_what_is_pointless_is_not_held(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        row = bring(connection, "claimed", now)
        retire(connection, now, why="withdrawn")
        assert outbox.hold(connection, row, {}, now=now, reason="x", owner="w") == "ready"
        assert claim(connection, now) == []
        assert outbox.get(connection, row.id).state == "withdrawn"


def test_two_last_approvals_at_once_are_two(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        outbox.enqueue(connection, [new(f"cms/articles/{n}", approvals_needed=2) for n in range(10)], now=now)
        rows = outbox.find(connection)

    def approve_all(person: str) -> None:
        for row in rows:
            with ledger.begin() as connection:
                decide(connection, row, now, person=person)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(approve_all, ["李", "王"]))
    with ledger.read() as connection:
        assert {row.state for row in outbox.find(connection)} == {"ready"}


def test_workers_at_once_send_each_delivery_once(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        news = [new(f"cms/articles/{n % 12}", n // 12) for n in range(36)]
        outbox.enqueue(connection, news, now=now)
    sent: list[tuple[str, int]] = []

    def drain(owner: str) -> None:
        idle = 0
        while idle < 5:
            with ledger.begin() as connection:
                rows = claim(connection, now, owner=owner, limit=2)
            idle = 0 if rows else idle + 1
            for row in rows:
                with ledger.begin() as connection:
                    row = begin(connection, row, now, step="submit", owner=owner)
                sent.append((row.record, row.revision))
                with ledger.begin() as connection:
                    outbox.settle(connection, row, "accepted", now=now, owner=owner)
                    outbox.settle(connection, outbox.get(connection, row.id), "confirmed", now=now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(drain, ["w1", "w2", "w3", "w4"]))
    assert len(sent) == len(set(sent)) == 36
    for record in {record for record, _ in sent}:
        assert [revision for name, revision in sent if name == record] == [0, 1, 2]


def test_a_claim_goes_past_a_citizen_whom_another_worker_has_this_moment(ledger: Ledger, now: datetime) -> None:
    def message(case: str, citizen: str) -> New:
        return new(case, effect="send", subject=citizen, channel="template")

    with ledger.begin() as connection:
        outbox.enqueue(connection, [message("1", "anna"), message("2", "anna"), message("1", "bert")], now=now)

    def other() -> list[str]:
        with ledger.begin() as connection:
            return [row.subject for row in claim(connection, now, owner="other")]

    with ThreadPoolExecutor(1) as pool:
        with ledger.begin() as connection:
            assert [row.subject for row in claim(connection, now, limit=1)] == ["anna"]
            claimed = pool.submit(other)
            wait([claimed], timeout=0.3)  # it looks while this one is not committed
        assert claimed.result() == ["bert"]


def test_two_revisions_of_one_article_can_both_be_in_doubt(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        park(connection, bring(connection, "accepted", now), now)
        outbox.enqueue(connection, [new(revision=2)], now=now)
        (second,) = outbox.find(connection, states=("ready",))
        park(connection, second, now)
        assert [row.state for row in outbox.find(connection)] == ["in_doubt", "in_doubt"]
        outbox.enqueue(connection, [new(revision=3)], now=now)
        assert claim(connection, now) == []


def test_two_revisions_that_were_in_doubt_can_both_turn_out_to_be_accepted(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        bring(connection, "accepted", now)
        outbox.enqueue(connection, [new(revision=2)], now=now)
        (second,) = outbox.find(connection, states=("ready",))
        park(connection, second, now)
        outbox.settle(connection, outbox.get(connection, second.id), "accepted", now=now, remote_id="P2")
        assert [row.state for row in outbox.find(connection)] == ["accepted", "accepted"]
        outbox.enqueue(connection, [new(revision=3)], now=now)
        assert claim(connection, now) == []
