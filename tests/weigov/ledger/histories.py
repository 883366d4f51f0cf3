"""Histories nobody would write: workers that die, answers that get lost, people who decide.

``Histories`` drives ``weigov.ledger.outbox`` and ``reviews`` as the verbs do, against a model of the far end that
always knows which effects came about. A call acts when its intent is committed or never; its answer may come late,
after the lease, or not at all. Every change of state is written down by a trigger in the database itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select, text

from tests.weigov.ledger.conftest import NOW, empty
from weigov.errors import LedgerConflict, ReviewRejected
from weigov.ledger import attempts, claims, deferrals, outbox, reports, reviews, sending
from weigov.ledger.engine import Ledger
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import ARROWS, STATES, UNCERTAIN, UNSENT, State, in_flight
from weigov.ledger.tables import delivery

SITE = "s"
LEASE_S = 90.0
REPEAT_FOR = timedelta(minutes=8)  # ours; WeChat's own window is longer
KEY_HONOURED = timedelta(minutes=10)
GIVE_UP = timedelta(minutes=30)
WORKERS = ("w1", "w2", "w3")
TARGETS = ("account:city", "system:cms")
EFFECTS = {"news": "publish", "template": "send", "menu": "apply", "write": "write:mark:confirmed"}
STEPS = {"news": ("draft", "submit"), "template": ("send",), "menu": ("menu",), "write": ("write",)}
#: After these nothing happens by itself or by a person.
OVER: frozenset[State] = frozenset(
    {"confirmed", "rejected", "refused", "superseded", "withdrawn", "expired", "given_up", "removed"}
)
HAPPENS = (
    *("work",) * 8,
    *("certainty",) * 3,
    *("change", "people", "time_passes", "time_is_up") * 2,
    "withdraw",
)
BEFORE = (*("lands",) * 6, *("fails",) * 4, "give back", "defer", "reject")
ENDS = ("answer", "answer", "answer", "silence", "death")
ENDS_WITHOUT_EFFECT = ("unsent", "deferred", "refused", "silence", "death")

_TRIGGER = {
    "sqlite": [
        "CREATE TABLE arrow_seen (id INTEGER, was TEXT, became TEXT)",
        """CREATE TRIGGER see_arrow AFTER UPDATE OF state ON delivery WHEN OLD.state != NEW.state
           BEGIN INSERT INTO arrow_seen VALUES (NEW.id, OLD.state, NEW.state); END""",
    ],
    "postgresql": [
        "CREATE TABLE arrow_seen (id BIGINT, was TEXT, became TEXT)",
        """CREATE FUNCTION see_arrow() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN INSERT INTO arrow_seen VALUES (NEW.id, OLD.state, NEW.state); RETURN NULL; END $$""",
        """CREATE TRIGGER see_arrow AFTER UPDATE OF state ON delivery FOR EACH ROW
           WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION see_arrow()""",
    ],
}


def watch(ledger: Ledger) -> None:
    """From now on the database itself writes every change of state down."""
    with ledger.begin() as connection:
        for statement in _TRIGGER[ledger.dialect]:
            connection.execute(text(statement))


def arrows_seen(ledger: Ledger) -> set[tuple[str, str]]:
    with ledger.read() as connection:
        rows = connection.execute(text("SELECT DISTINCT was, became FROM arrow_seen"))
        return {(row.was, row.became) for row in rows}


@dataclass
class Held:
    """A delivery in a worker's hands. ``landed`` is None between two calls, else whether this call acted."""

    worker: str
    row: Delivery
    landed: bool | None = None


class WeChat:
    """What really happened at the far end, by delivery and step."""

    def __init__(self) -> None:
        self.effects: Counter[tuple[int, str]] = Counter()
        self.first_at: dict[tuple[int, str], datetime] = {}
        self.order: dict[tuple[str, str, str, str], list[int]] = {}  # record, effect, target, subject → revisions

    def act(self, row: Delivery, now: datetime) -> None:
        """One call arrives. WeChat honours the key of a message for ten minutes, and of nothing else."""
        key = (row.id, row.step)
        if row.channel == "template" and key in self.first_at and now - self.first_at[key] < KEY_HONOURED:
            return
        self.effects[key] += 1
        self.first_at.setdefault(key, now)
        if row.step == STEPS[row.channel][-1]:
            story = self.order.setdefault((row.record, row.effect, row.target, row.subject), [])
            if not story or story[-1] != row.revision:
                story.append(row.revision)

    def acted(self, row: Delivery, step: str) -> bool:
        return self.effects[row.id, step] > 0

    def undo(self, row: Delivery) -> None:
        """It was not to be: what WeChat took and then refused is as if it never was."""
        for step in STEPS[row.channel]:
            self.effects.pop((row.id, step), None)
            self.first_at.pop((row.id, step), None)
        story = self.order.get((row.record, row.effect, row.target, row.subject), [])
        if row.revision in story:
            story.remove(row.revision)


class Histories(RuleBasedStateMachine):
    """See the module. ``ledger`` is set by the subclass a test makes for its database."""

    ledger: Ledger

    def __init__(self) -> None:
        super().__init__()
        empty(self.ledger)
        with self.ledger.begin() as connection:
            connection.execute(text("DELETE FROM arrow_seen"))
        self.now = NOW
        self.wechat = WeChat()
        self.hands: list[Held] = []
        self.newest: Counter[str] = Counter()
        self.enqueued: set[str] = set()
        self.pointless: set[int] = set()  # retired before they left, or while they were under way
        self.seen: list[Delivery] = []  # as somebody read them a while ago

    @initialize(draw=st.data())
    def begin(self, draw: st.DataObject) -> None:
        for _ in range(3):
            self.change(draw)

    @rule(what=st.sampled_from(HAPPENS), draw=st.data())
    def next(self, what: str, draw: st.DataObject) -> None:
        """The next thing that happens. One rule, so that no history lacks workers, answers or time."""
        getattr(self, what)(draw)

    # What comes from upstream.

    def change(self, draw: st.DataObject) -> None:
        """A record changed: its newer revision is enqueued, once, and retires the older ones where it should."""
        channel = draw.draw(st.sampled_from(["news", "news", "template", "template", "template", "menu", "write"]))
        name = f"{channel}/{draw.draw(st.integers(0, 1))}"
        citizens = draw.draw(st.sampled_from([("anna",), ("anna",), ("bert",), ("anna", "bert")]))
        latest = name != "template/1"  # that flow tells every change, and nobody reviews it
        valid_for = draw.draw(st.sampled_from([None, None, None, timedelta(minutes=5), timedelta(hours=1)]))
        approvals = draw.draw(st.sampled_from([0, 0, 0, 1, 2])) if latest else 0
        urgent = channel == "template" and draw.draw(st.booleans())
        self.newest[name] += 1
        news = [
            New(
                site=SITE,
                flow=channel,
                record=name,
                revision=self.newest[name],
                effect=EFFECTS[channel],
                target=TARGETS[channel == "write"],
                subject=subject,
                channel=channel,
                payload={"revision": self.newest[name]},
                priority=50 if channel == "news" else 10 if urgent else 30,
                approvals_needed=approvals,
                expires_at=self.now + valid_for if valid_for else None,
            )
            for subject in (citizens if channel == "template" else ("",))
        ]
        with self.ledger.begin() as connection:
            if latest:
                self._retire(connection, name, "superseded")
            assert outbox.enqueue(connection, news, now=self.now) == len(news)
            assert outbox.enqueue(connection, news, now=self.now) == 0
        self.enqueued |= {new.client_key for new in news}

    def withdraw(self, draw: st.DataObject) -> None:
        """A record is gone upstream, and with it whatever was not sent yet."""
        name = draw.draw(st.sampled_from(["news/0", "news/1", "template/0"]))
        self.newest[name] += 1
        with self.ledger.begin() as connection:
            self._retire(connection, name, "withdrawn")

    def _retire(self, connection: Connection, name: str, why: State) -> None:
        channel = name.split("/")[0]
        older = outbox.find(connection, flow=channel, record=name)
        self.pointless |= {row.id for row in older if row.state not in OVER}
        outbox.retire(
            connection,
            site=SITE,
            flow=channel,
            record=name,
            effect=EFFECTS[channel],
            why=why,
            before_revision=self.newest[name],
            now=self.now,
        )

    def time_passes(self, draw: st.DataObject) -> None:
        self.now += timedelta(seconds=draw.draw(st.sampled_from([5, 40, 100, 100, 400, 2000, 7200])))

    def time_is_up(self, draw: st.DataObject | None = None) -> None:
        """What ran out is noticed; until then what counts as due is what a drain would find."""
        self.due_is_what_a_drain_would_find()
        with self.ledger.begin() as connection:
            claims.expire_unsent(connection, now=self.now)
            claims.expire_leases(connection, now=self.now)

    # People.

    def people(self, draw: st.DataObject) -> None:
        """Somebody decides something that waits for a person."""
        row = self._pick(draw, "waiting_review", "in_doubt", "rejected")
        if row is None:
            self.work(draw)
            return
        with self._unless_moved(row):
            self._decide(row, draw)

    def _decide(self, row: Delivery, draw: st.DataObject) -> None:
        if row.state == "waiting_review":
            self._review(
                row, draw.draw(st.sampled_from(["李", "王"])), draw.draw(st.sampled_from([True, True, False]))
            )
        elif row.state == "in_doubt":
            self._look(row, draw.draw(st.booleans()))
        else:
            with self.ledger.begin() as connection:
                if outbox.is_newest(connection, row):
                    outbox.replay(connection, row, now=self.now)
                    self.pointless.discard(row.id)
                    self.wechat.undo(row)  # an orphaned draft, at most

    def _review(self, row: Delivery, person: str, approves: bool) -> None:
        decision: reviews.Decision = "approve" if approves else "refuse"
        with self.ledger.begin() as connection:
            try:
                state = reviews.decide(
                    connection, row.id, digest=row.digest, person=person, decision=decision, now=self.now
                )
            except ReviewRejected:
                decided = [review.person for review in reviews.of_delivery(connection, row.id)]
                assert person in decided or outbox.get(connection, row.id).state != "waiting_review"
                return
            votes = reviews.approvals(connection, row.id, row.digest)
        if approves:
            assert state == ("ready" if votes >= row.approvals_needed else "waiting_review")
        else:
            assert state == "refused"

    def _look(self, row: Delivery, again: bool) -> None:
        """Somebody who looked at WeChat itself settles what is in doubt, by what is true."""
        with self.ledger.begin() as connection:
            if self.wechat.acted(row, STEPS[row.channel][-1]):
                outbox.settle(connection, row, "accepted" if again else "confirmed", now=self.now)
            elif again and outbox.is_newest(connection, row):
                outbox.move(connection, row, "ready", now=self.now, due_at=self.now)
            else:
                outbox.move(connection, row, "given_up", now=self.now)

    # Workers.

    def work(self, draw: st.DataObject) -> None:
        """One worker does its next thing: end the call it makes, make the call it may, or claim."""
        worker = draw.draw(st.sampled_from(WORKERS))
        mine = [held for held in self.hands if held.worker == worker]
        if not mine:
            self._claim(worker, draw.draw(st.sampled_from(("account:city",) * 3 + ("system:cms",))))
            return
        held = mine[0]
        if held.landed is None:
            how = draw.draw(st.sampled_from(BEFORE))
            if how == "give back":
                self._give_back(worker)
            elif how == "defer" or how == "reject":
                self._stop_before(held, how)
            else:
                self._intend(held, lands=how == "lands")
        else:
            self._end(held, draw.draw(st.sampled_from(ENDS if held.landed else ENDS_WITHOUT_EFFECT)))

    def _claim(self, worker: str, target: str, limit: int = 2) -> None:
        with self.ledger.begin() as connection:
            rows = claims.claim(connection, target=target, limit=limit, owner=worker, lease_s=LEASE_S, now=self.now)
        assert all(row.due_at <= self.now and row.state == "claimed" for row in rows)
        assert not any(row.id in self.pointless for row in rows)
        self.hands += [Held(worker, row) for row in rows]

    def _stop_before(self, held: Held, how: str) -> None:
        """No quota for it (and for its kind), or it breaks WeChat's rules: seen before any call."""
        row, until = held.row, self.now + timedelta(minutes=5)
        self.hands.remove(held)
        try:
            with self.ledger.begin() as connection:
                if how == "reject":
                    outbox.move(connection, row, "rejected", now=self.now, owner=held.worker, reason="too long")
                    return
                outbox.defer(connection, row, until=until, reason="quota", now=self.now, owner=held.worker)
                deferrals.defer_rest(
                    connection,
                    target=row.target,
                    channel=row.channel,
                    effect=row.effect,
                    until=until,
                    reason="quota",
                    now=self.now,
                )
        except LedgerConflict:
            pass  # the lease was lost: somebody else sees to it

    def _give_back(self, worker: str) -> None:
        idle = [held for held in self.hands if held.worker == worker and held.landed is None]
        others = [row for row in self.all() if row.lease_owner not in ("", worker)]
        with self.ledger.begin() as connection:
            claims.release(connection, [held.row for held in idle], now=self.now, owner=worker)
        assert others == [row for row in self.all() if row.lease_owner not in ("", worker)]
        self.hands = [held for held in self.hands if held not in idle]

    def _intend(self, held: Held, lands: bool) -> None:
        with self.ledger.read() as connection:
            now = outbox.get(connection, held.row.id)
            done = attempts.done(connection, held.row.id)
        mine = now.state == "claimed" and now.lease_owner == held.worker
        step = next(step for step in STEPS[held.row.channel] if step not in done or not mine)
        try:
            with self.ledger.begin() as connection:
                held.row = sending.begin(connection, held.row, step, owner=held.worker, lease_s=LEASE_S, now=self.now)
        except LedgerConflict:
            assert not mine
            self.hands.remove(held)
            return
        assert mine
        held.landed = lands
        if lands:
            self.wechat.act(held.row, self.now)

    def _end(self, held: Held, how: str) -> None:
        row, worker = held.row, held.worker
        last = row.step == STEPS[row.channel][-1]
        held.landed = None
        if not (how == "answer" and not last):
            self.hands.remove(held)
        if how == "death":
            return
        try:
            with self.ledger.begin() as connection:
                if how == "unsent":
                    sending.unsent(connection, row, now=self.now, reason="not reached", owner=worker)
                elif how == "deferred":
                    until = self.now + timedelta(minutes=5)
                    outbox.defer(connection, row, until=until, reason="45009", now=self.now, owner=worker)
                elif how == "refused":
                    outbox.settle(connection, row, "rejected", now=self.now, reason="40007", owner=worker)
                elif how == "silence":
                    outbox.settle(connection, row, "unknown", now=self.now, owner=worker, check_at=self.now)
                elif last:
                    outbox.settle(connection, row, "accepted", now=self.now, remote_id=f"R{row.id}", owner=worker)
                    if row.channel in ("menu", "write"):
                        outbox.move(connection, outbox.get(connection, row.id), "confirmed", now=self.now)
                else:
                    held.row = sending.end_step(
                        connection, row, remote_id=f"D{row.id}", owner=worker, lease_s=LEASE_S, now=self.now
                    )
        except LedgerConflict:
            self._too_late(held, how, last)

    def _too_late(self, held: Held, how: str, last: bool) -> None:
        """The lease ran out first; an answer that something happened is still worth keeping."""
        with self.ledger.begin() as connection:
            now = outbox.get(connection, held.row.id)
            assert (now.state, now.lease_owner) != ("sending", held.worker) or now.tries != held.row.tries
            if how == "answer" and now.state == "unknown" and now.step == held.row.step:
                if last:
                    outbox.settle(connection, now, "accepted", now=self.now, remote_id=f"R{now.id}")
                else:
                    attempts.adopt(connection, now, now.step, f"D{now.id}", now=self.now)
                    outbox.move(connection, now, "ready", now=self.now)
        if held in self.hands:
            self.hands.remove(held)

    # Certainty.

    def certainty(self, draw: st.DataObject) -> None:
        """Something becomes certain: by asking, by an event, or by giving up."""
        row = self._pick(draw, "unknown", "accepted", "confirmed")
        if row is None:
            self.work(draw)
            return
        with self._unless_moved(row):
            self._learn(row, draw)

    def _learn(self, row: Delivery, draw: st.DataObject) -> None:
        if row.state == "unknown":
            self._reconcile(row, draw.draw(st.sampled_from(WORKERS)), draw.draw(st.booleans()))
        elif row.state == "accepted":
            says = draw.draw(st.sampled_from(["confirmed", "confirmed", "rejected", "in_doubt"]))
            with self.ledger.begin() as connection:
                outbox.settle(connection, row, says, now=self.now)
            if says == "rejected":
                self.wechat.undo(row)
        elif row.channel == "news" and draw.draw(st.integers(0, 3)) == 3:
            with self.ledger.begin() as connection:
                outbox.move(connection, row, "removed", now=self.now)

    def _reconcile(self, row: Delivery, worker: str, lands: bool) -> None:
        acted = self.wechat.acted(row, row.step)
        if row.channel == "template":
            assert row.first_intent_at is not None
            age = self.now - row.first_intent_at
            if age < REPEAT_FOR:
                with self.ledger.begin() as connection:
                    again = sending.begin(connection, row, row.step, owner=worker, lease_s=LEASE_S, now=self.now)
                self.hands.append(Held(worker, again, landed=lands or acted))
                if lands:
                    self.wechat.act(again, self.now)
                return
            with self.ledger.begin() as connection:
                if acted and lands:  # its event came
                    outbox.settle(connection, row, "accepted", now=self.now, remote_id=f"R{row.id}")
                elif age >= GIVE_UP:
                    outbox.settle(connection, row, "in_doubt", now=self.now, reason="no event")
            return
        with self.ledger.begin() as connection:
            if row.channel == "menu":
                outbox.move(connection, row, "ready", now=self.now, due_at=self.now, reason="it overwrites")
            elif row.channel == "write":
                outbox.settle(connection, row, "in_doubt", now=self.now, reason="cannot be repeated")
            elif not acted:
                outbox.move(connection, row, "ready", now=self.now, due_at=self.now, reason="proved absent")
            elif row.step == "submit":
                outbox.settle(connection, row, "confirmed", now=self.now, remote_id=f"R{row.id}")
            else:
                attempts.adopt(connection, row, row.step, f"D{row.id}", now=self.now)
                outbox.move(connection, row, "ready", now=self.now, due_at=self.now)

    # What is always true.

    @invariant()
    def no_effect_twice_where_no_key_is_honoured(self) -> None:
        overwrites = {row.id for row in self.all() if row.channel == "menu"}
        twice = {key: n for key, n in self.wechat.effects.items() if n > 1 and key[0] not in overwrites}
        assert not twice, twice

    @invariant()
    def revisions_of_a_record_arrive_in_their_order(self) -> None:
        for key, story in self.wechat.order.items():
            assert story == sorted(story), (key, story)

    @invariant()
    def in_flight_is_what_it_says_and_only_once(self) -> None:
        query = select(delivery.c.channel, delivery.c.state, delivery.c.in_flight, delivery.c.flight_key)
        with self.ledger.read() as connection:
            rows = connection.execute(query).all()
        flying = [row.flight_key for row in rows if row.in_flight]
        assert len(flying) == len(set(flying))
        for row in rows:
            assert row.in_flight == in_flight(row.channel, row.state), row
            assert row.in_flight or row.state not in UNCERTAIN

    @invariant()
    def only_the_arrows_of_the_state_machine_are_taken(self) -> None:
        assert arrows_seen(self.ledger) <= ARROWS

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = self.all()
        assert {row.client_key for row in rows} == self.enqueued
        assert len(rows) == len(self.enqueued)
        assert all(row.state in STATES for row in rows)

    def due_is_what_a_drain_would_find(self) -> None:
        with self.ledger.read() as connection:
            due = reports.due_by_kind(connection, SITE, now=self.now)["deliver"]
        found = 0
        with self.ledger.engine.connect() as connection, connection.begin() as transaction:
            found += claims.expire_unsent(connection, now=self.now)
            for target in TARGETS:
                found += len(claims.claim(connection, target=target, limit=99, owner="x", lease_s=1, now=self.now))
            transaction.rollback()
        # A citizen's more urgent message goes with this claim, their others with the next.
        assert bool(due) == bool(found)
        assert found <= due <= found + self.overtaken()

    def teardown(self) -> None:
        """Every worker dies; others come, all goes well, and in the end nothing stands still."""
        self.hands = []
        for _ in range(60):
            self.now += timedelta(hours=3)
            before = [(row.id, row.state) for row in self.all()]
            self.time_is_up()
            for row in self.all():
                if row.state == "waiting_review":
                    for person in ("李", "王"):
                        with self.ledger.begin() as connection:
                            if outbox.get(connection, row.id).state == "waiting_review":
                                decided = {review.person for review in reviews.of_delivery(connection, row.id)}
                                if person not in decided:
                                    reviews.decide(
                                        connection, row.id, digest=row.digest, person=person, decision="approve",
                                        now=self.now,
                                    )  # fmt: skip
                elif row.state == "unknown":
                    self._reconcile(row, "w1", lands=True)
                elif row.state == "accepted":
                    with self.ledger.begin() as connection:
                        outbox.settle(connection, row, "confirmed", now=self.now)
                elif row.state == "in_doubt":
                    with self.ledger.begin() as connection:
                        acted = self.wechat.acted(row, STEPS[row.channel][-1])
                        outbox.move(connection, row, "confirmed" if acted else "given_up", now=self.now)
            for target in TARGETS:
                self._claim("w1", target, 99)
            while self.hands:
                for held in list(self.hands):
                    if held.landed is None:
                        self._intend(held, lands=True)
                    else:
                        self._end(held, "answer")
            if before == [(row.id, row.state) for row in self.all()]:
                break
        rows = self.all()
        assert {row.state for row in rows} <= OVER
        for row in rows:
            acted = self.wechat.acted(row, STEPS[row.channel][-1])
            if row.state in ("confirmed", "removed"):
                assert acted, f"{row.state}, but nothing happened"
            elif row.state != "given_up" and row.channel != "menu":
                assert not acted, f"{row.state}, but it happened"
        self.no_effect_twice_where_no_key_is_honoured()
        self.revisions_of_a_record_arrive_in_their_order()
        self.only_the_arrows_of_the_state_machine_are_taken()
        with self.ledger.read() as connection:
            assert reports.due(connection, SITE, now=self.now) == 0
            assert reports.next_due_at(connection, SITE, now=self.now) is None

    def overtaken(self) -> int:
        """How many unsent messages may stand behind another one to the same citizen."""
        unsent = [row.subject for row in self.all() if row.channel == "template" and row.state in UNSENT]
        return len(unsent) - len(set(unsent))

    def all(self) -> list[Delivery]:
        with self.ledger.read() as connection:
            return outbox.find(connection)

    def _pick(self, draw: st.DataObject, *states: State) -> Delivery | None:
        """A delivery in one of ``states``, as it is now or as somebody saw it a while ago."""
        if draw.draw(st.booleans()):
            self.seen = self.all()
        rows = [row for row in self.seen if row.state in states]
        return draw.draw(st.sampled_from(rows)) if rows else None

    @contextmanager
    def _unless_moved(self, row: Delivery) -> Iterator[None]:
        """Who acts on what he saw too long ago is told, and nothing of his is written."""
        try:
            yield
        except LedgerConflict:
            with self.ledger.read() as connection:
                assert outbox.get(connection, row.id) != row


assert OVER.isdisjoint(UNSENT | UNCERTAIN)
