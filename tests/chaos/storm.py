"""Everything at once: processes die, answers are lost, events come late, twice or never, and life upstream goes on.

All chances are drawn from one seed: what is done upstream, which calls fail, at which visit each process dies. What
the storm did is counted by itself, so that a quiet one cannot pass. Which of two processes comes first, and the kills
from outside, which hit calls that are under way, are the machine's: a replay meets the same storm, not the same
microseconds.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from sandbox.people import PEOPLE
from tests.chaos.workers import ROLES, Workers
from tests.weigov.flow.deployment import MORNING, Deployment, OtherSide
from weigov.ledger.tables import delivery

SEND = "/cgi-bin/message/template/send"
SUBMIT = "/cgi-bin/freepublish/submit"
COLUMNS = ("010201", "010401")
#: kind → path, value, chance. The order matters: the first that matches a call and has its chance strikes.
FAULTS: tuple[tuple[str, str, str | None, float], ...] = (
    ("lose_answer", SEND, None, 0.15),
    ("lose_answer", "/cgi-bin/freepublish/*", None, 0.15),
    ("lose_answer", "/cgi-bin/draft/*", None, 0.15),
    ("lose_answer", "/cms/*", None, 0.03),
    ("lose_answer", "/cases/*", None, 0.03),
    ("refuse_before", "/cgi-bin/*", None, 0.08),
    ("http_502", "/cgi-bin/*", None, 0.08),
    ("html_200", "/cgi-bin/*", None, 0.08),
    ("errcode", "/cgi-bin/[mdf]*", "-1", 0.05),
    ("errcode", "/cgi-bin/[mdf]*", "40001", 0.05),
    ("delay_s", "/cgi-bin/[mdf]*", "0.3", 0.4),
    ("drop_event", "*", None, 0.15),
    ("duplicate_event", "*", None, 0.15),
    ("delay_event", "*", "1", 0.2),
    ("event_first", "*", None, 0.2),
    ("publish_status", SUBMIT, "2", 0.3),
    ("publish_status", SUBMIT, "4", 0.5),
)
#: A day's calls of these are used up (45009) after a few: what they are for ends until tomorrow, so the days differ.
USED_UP: tuple[tuple[str, ...], ...] = (
    ("/cgi-bin/freepublish/get", "/cgi-bin/freepublish/batchget", "/cgi-bin/draft/batchget"),
    (SEND, "/cgi-bin/freepublish/delete"),
    ("/cgi-bin/freepublish/get", "/cgi-bin/draft/add"),
    (SUBMIT, "/cgi-bin/freepublish/batchget"),
)
KINDS = (*dict.fromkeys(kind if kind != "errcode" else f"{kind} {value}" for kind, _, value, _ in FAULTS),
         "errcode 45009", "expired token")  # fmt: skip
#: Beats until the evening, and of the evening, in which nobody is killed; kills a beat, the chance that one comes
#: from outside, calls of WeChat between two.
A_DAY, EVENING, KILLS_A_BEAT, FROM_OUTSIDE, CALLS_A_KILL = 8, 3, 3, 0.6, 6
#: A process dies at one of its first so many visits.
VISITS = {"collect": 60, "deliver": 100, "deliver-too": 100, "reconcile": 60, "gateway": 12}
#: Less than the lease and more: some calls end after their lease did.
#: With the eight minutes within which a key is used again it stays below the ten that WeChat knows it for.
BEAT_S = (61, 115)
_STATUS = ("11", "12", "13")  # a case goes on among them
_AIM_S = 1.2
_WORK_S = 1.5


@dataclass
class Storm:
    """One storm over one deployment."""

    town: Deployment
    seed: int
    kills: Counter[str] = field(default_factory=Counter)  # role → how many
    in_sending: int = 0  # kills that left a delivery in `sending`
    at_visits: int = 0  # kills at a visit the seed drew
    tokens_expired: int = 0
    published: list[str] = field(default_factory=list)  # ids of articles
    versions: Counter[str] = field(default_factory=Counter)
    _beats: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.other: OtherSide = self.town.other
        valid = [c for c in self.other.get("/cases/cases") if c["valid"] and c["status"] in _STATUS]
        known = {p.identity for p in PEOPLE}
        self._cases = [c["case_no"] for c in valid if c["applicant_id"] in known]

    def dies_at(self, role: str, life: int) -> int:
        """The visit at which the process of a role dies that is the ``life``-th to die so."""
        return random.Random(f"{self.seed}/{role}/{life}").randint(1, VISITS[role])

    def blow(self, workers: Workers, *, kills: int, in_sending: int, each: int, within_s: float) -> None:
        """Until so many kills are done, so many of them in `sending`, and each kind of fault was met ``each`` times.

        Raises AssertionError when that takes longer than ``within_s``.
        """
        for n, (kind, path, value, chance) in enumerate(FAULTS):
            more = {} if value is None else {"value": value}
            self.other.fault(kind, path, probability=chance, seed=self.seed * 100 + n, **more)
        end = time.monotonic() + within_s
        while self.kills.total() < kills or self.in_sending < in_sending or min(self.met().values()) < each:
            done = f"{self.kills.total()} of {kills} kills, {self.in_sending} of {in_sending} in sending"
            assert time.monotonic() < end, f"only {done}, {self.met()} of {each} each, within {within_s:.0f} s"
            self._live(workers)
            for _ in range(KILLS_A_BEAT):
                self._wait_for_work()
                if self.chance.random() < FROM_OUTSIDE:
                    self._kill_in_the_act(workers)
                else:
                    self._see_who_died(workers)
        self.other.mend()

    def _wait_for_work(self) -> None:
        """What was killed is to get on a little, on a slow machine too: some calls, or a while without any."""
        before, end = self._calls(), time.monotonic() + _WORK_S
        while self._calls() < before + CALLS_A_KILL and time.monotonic() < end:
            time.sleep(0.02)

    def _calls(self) -> int:
        with self.other.world.lock:
            return int(self.other.world.db.execute("SELECT COALESCE(SUM(calls), 0) FROM wx_call").fetchone()[0])

    def met(self) -> dict[str, int]:
        """Each of KINDS, and how many calls or events met it."""
        found = Counter({"expired token": self.tokens_expired})
        for fault in self.other.get("/faults"):
            found[fault["kind"] if fault["kind"] != "errcode" else f"errcode {fault['value']}"] += fault["fired"]
        return {kind: found[kind] for kind in KINDS}

    def _live(self, workers: Workers) -> None:
        """A beat of the clock, and what people upstream do in it."""
        day, beat = divmod(self._beats, A_DAY)
        self._beats += 1
        if beat == 0:
            self._next_morning(day, workers)
        self.other.advance(seconds=self.chance.uniform(*BEAT_S))
        for case_no in self.chance.sample(self._cases, 8):
            now = self.other.get(f"/cases/cases/{case_no}")["status"]
            status = self.chance.choice([s for s in _STATUS if s != now])
            self.other.post(f"/cases/cases/{case_no}/status", status=status)
        act = self.chance.random()
        for _ in range(3 if beat == 0 else int(act < 0.6)):
            self._publish()
        if act < 0.3 and self.published:
            self._edit(self.chance.choice(self.published))
        elif act > 0.9 and len(self.published) > 3:
            self.other.post(f"/cms/articles/{self.published.pop()}/withdraw")
        if self.chance.random() < 0.2:
            self.other.post("/qa/answer", count=1)
        if self.chance.random() < 0.5:
            self.other.post(f"/wechat/accounts/{self.other.appid}/tokens/expire")
            self.tokens_expired += 1

    def _next_morning(self, day: int, workers: Workers) -> None:
        if day:
            for _ in range(EVENING):  # what is uncertain may be asked again while WeChat knows its key
                self.other.advance(seconds=self.chance.uniform(*BEAT_S))
                self._wait_for_work()
            # Nothing is under way at night: no process stands still for a day between a decision and its call.
            workers.stop()
            time.sleep(1)
            tomorrow = self.town.ctx.now().astimezone(MORNING.tzinfo) + timedelta(days=1)
            self.other.at(tomorrow.replace(hour=10, minute=0))
            for role in ROLES:
                workers.start(role)
        for path in USED_UP[day % len(USED_UP)]:
            self.other.fault("errcode", path, value=45009, times=1, skip=self.chance.randint(0, 4))

    def _publish(self) -> None:
        title = f"关于第{len(self.published) + 1}号路段施工的通告"
        body = f"{title}。\n请有关单位和个人予以配合。"
        made = self.other.post("/cms/articles", title=title, channel_code=self.chance.choice(COLUMNS), text=body)
        self.published.append(made["id"])

    def _edit(self, article: str) -> None:
        self.versions[article] += 1
        now = self.other.get(f"/cms/articles/{article}")["title"].partition("（")[0]
        self.other.patch(f"/cms/articles/{article}", title=f"{now}（第{self.versions[article] + 1}版）")

    def _kill_in_the_act(self, workers: Workers) -> None:
        """Kill whoever has a call under way; the clock of the delivery stays in `sending`."""
        end = time.monotonic() + _AIM_S
        while time.monotonic() < end:
            for row in self._sending():
                role = workers.role_of(_pid(row))
                if role is not None:
                    self._kill(workers, role)
                    self.in_sending += any(late.id == row.id for late in self._sending())
                    return
            time.sleep(0.01)
        self._kill(workers, self.chance.choice(list(ROLES)))

    def _see_who_died(self, workers: Workers) -> None:
        """Wait for somebody to die at the visit the seed drew."""
        end = time.monotonic() + _AIM_S
        while time.monotonic() < end:
            dead = workers.take_dead()
            for role, pid in dead:
                self.kills[role] += 1
                self.at_visits += 1
                self.in_sending += any(_pid(row) == pid for row in self._sending())
            if dead:
                return
            time.sleep(0.01)
        self._kill(workers, self.chance.choice(list(ROLES)))

    def _sending(self) -> list[Any]:
        query = select(delivery.c.id, delivery.c.lease_owner).where(delivery.c.state == "sending")
        with self.town.ctx.ledger.read() as connection:
            return [row for row in connection.execute(query) if row.lease_owner.count(":") == 2]

    def _kill(self, workers: Workers, role: str) -> None:
        workers.kill(role)
        self.kills[role] += 1


def _pid(row: Any) -> int:
    return int(row.lease_owner.split(":")[1])
