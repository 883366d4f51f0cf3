"""Everything at once: processes die, answers are lost, events come late, twice or never, and life upstream goes on.

All chances are drawn from one seed. What the storm did is counted by itself, so that a quiet one cannot pass.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from sandbox.people import PEOPLE
from tests.chaos.workers import ROLES, Workers
from tests.weigov.flow.deployment import Deployment, OtherSide
from weigov.ledger.tables import delivery

SEND = "/cgi-bin/message/template/send"
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
    ("delay_s", "/cgi-bin/[mdf]*", "0.3", 0.5),
    ("drop_event", "*", None, 0.15),
    ("duplicate_event", "*", None, 0.15),
    ("delay_event", "*", "1", 0.2),
    ("event_first", "*", None, 0.2),
)
#: Less than the lease and more: some calls end after their lease did.
BEAT_S = (61, 140)
_STATUS = ("11", "12", "13")  # a case goes on among them
_AIM_S = 1.2


@dataclass
class Storm:
    """One storm over one deployment."""

    town: Deployment
    seed: int
    kills: Counter[str] = field(default_factory=Counter)  # role → how many
    in_sending: int = 0  # kills that left a delivery in `sending`
    tokens_expired: int = 0
    published: list[str] = field(default_factory=list)  # ids of articles
    versions: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.other: OtherSide = self.town.other
        valid = [c for c in self.other.get("/cases/cases") if c["valid"] and c["status"] in _STATUS]
        known = {p.identity for p in PEOPLE}
        self._cases = [c["case_no"] for c in valid if c["applicant_id"] in known]

    def blow(self, workers: Workers, *, kills: int, within_s: float) -> None:
        """Until so many kills are done. Raises AssertionError when they take longer than ``within_s``."""
        for n, (kind, path, value, chance) in enumerate(FAULTS):
            more = {} if value is None else {"value": value}
            self.other.fault(kind, path, probability=chance, seed=self.seed * 100 + n, **more)
        end = time.monotonic() + within_s
        while self.kills.total() < kills:
            assert time.monotonic() < end, f"only {self.kills.total()} of {kills} kills within {within_s:.0f} s"
            self._live()
            for _ in range(4):
                time.sleep(self.chance.uniform(0.02, 0.6))
                if self.chance.random() < 0.7:
                    self._kill_in_the_act(workers)
                else:
                    self._kill(workers, self.chance.choice(list(ROLES)))
        self.other.mend()

    def _live(self) -> None:
        """A beat of the clock, and what people upstream do in it."""
        self.other.advance(seconds=self.chance.uniform(*BEAT_S))
        for case_no in self.chance.sample(self._cases, 12):
            now = self.other.get(f"/cases/cases/{case_no}")["status"]
            status = self.chance.choice([s for s in _STATUS if s != now])
            self.other.post(f"/cases/cases/{case_no}/status", status=status)
        act = self.chance.random()
        if act < 0.35 and len(self.published) < 60:
            title = f"关于第{len(self.published) + 1}号路段施工的通告"
            body = f"{title}。\n请有关单位和个人予以配合。"
            made = self.other.post("/cms/articles", title=title, channel_code=self.chance.choice(COLUMNS), text=body)
            self.published.append(made["id"])
        elif act < 0.5 and self.published:
            self._edit(self.chance.choice(self.published))
        elif act < 0.56 and len(self.published) > 3:
            self.other.post(f"/cms/articles/{self.published.pop()}/withdraw")
        elif act < 0.65:
            self.other.post("/qa/answer", count=1)
        if self.chance.random() < 0.5:
            self.other.post(f"/wechat/accounts/{self.other.appid}/tokens/expire")
            self.tokens_expired += 1

    def _edit(self, article: str) -> None:
        self.versions[article] += 1
        now = self.other.get(f"/cms/articles/{article}")["title"].partition("（")[0]
        self.other.patch(f"/cms/articles/{article}", title=f"{now}（第{self.versions[article] + 1}版）")

    def _kill_in_the_act(self, workers: Workers) -> None:
        """Kill whoever has a call under way; the clock of the delivery stays in `sending`."""
        end = time.monotonic() + _AIM_S
        while time.monotonic() < end:
            for row in self._sending():
                role = workers.role_of(int(row.lease_owner.split(":")[1]))
                if role is not None:
                    self._kill(workers, role)
                    self.in_sending += any(late.id == row.id for late in self._sending())
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
