"""A town in which something of everything happened, made once: published, told, held, quarantined, in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import MORNING, Deployment, OtherSide, calm_site
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, case_of, move
from weigov.ledger import audit_log, outbox, quota
from weigov.ledger.migrate import migrate
from weigov.ledger.outbox import Delivery, New

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
#: Longer than an article's title may be, and the record has no short one.
TOO_LONG = "关于进一步做好全市老旧小区改造工程施工期间交通组织和安全管理有关工作的通知（征求意见稿）"


@dataclass
class Town:
    """The deployment, and what happened in it by name."""

    it: Deployment
    published: Delivery
    told: str  # the case its applicant was told of
    unbound: str  # a case nobody is bound to
    quarantined: str  # an article's key
    spare: str  # another one, to be replayed
    mended: str  # a third, to be corrected
    doubts: list[Delivery] = field(default_factory=list)

    def enqueue(self, name: str, **more: object) -> Delivery:
        """A delivery of one's own, about a record called ``name``."""
        with self.it.ctx.ledger.begin() as connection:
            values: dict[str, object] = {
                "site": "demo", "flow": "notices", "record": f"cms/articles/{name}", "revision": 1,
                "effect": "publish", "target": "account:city", "subject": "", "channel": "news", "title": name,
                "payload": {"title": name, "content": "<p>正文</p>", "via": "publish", "images": [], "author": "办"},
            } | more  # fmt: skip
            outbox.enqueue(connection, [New(**values)], now=self.it.ctx.now())  # type: ignore[arg-type]
            return outbox.find(connection, record=str(values["record"]))[-1]

    def in_doubt(self, name: str, **more: object) -> Delivery:
        """One that a person must settle."""
        row = self.enqueue(name, **more)
        with self.it.ctx.ledger.begin() as connection:
            outbox.park(connection, row, now=self.it.ctx.now(), reason="recovered: a test")
            return outbox.get(connection, row.id)

    def spend(self, calls: int) -> None:
        """Use up calls of draft/add, of which a day has 1000, and as many of one that has no limit known."""
        path = "/cgi-bin/draft/add"
        spent = {path: calls, "/datacube/getarticleread": calls}
        with self.it.ctx.ledger.begin() as connection:
            quota.reserve(connection, self.it.other.appid, spent, dict.fromkeys(spent, 1000), now=self.it.ctx.now())

    def get(self, delivery: int) -> Delivery:
        """As it stands now."""
        with self.it.ctx.ledger.read() as connection:
            return outbox.get(connection, delivery)

    def log(self) -> list[audit_log.Entry]:
        """The audit log, oldest first."""
        with self.it.ctx.ledger.read() as connection:
            return list(audit_log.entries(connection))


@contextmanager
def made(other: OtherSide, home: Path) -> Iterator[Town]:
    """Such a town over a ledger in ``home``, the demo's other side being ``other``."""
    url = f"sqlite:///{home / 'ledger.db'}"
    migrate(url)
    it = Deployment.prepare(other, home / "home", url, calm_site(home)).start()
    yield busy(it)
    it.stop()


def busy(town: Deployment) -> Town:
    """Make it happen."""
    other = town.other
    other.at(MORNING - timedelta(minutes=10))
    town.bind_everyone()
    town.collect()
    town.compose("notices", "policies", "case_progress", "answers")
    other.at(MORNING)
    bound = {p.identity for p in PEOPLE}
    told = case_of(other, ORDINARY[0])
    unbound = next(
        str(c["case_no"]) for c in other.get("/cases/cases") if c["valid"] and c["applicant_id"] not in bound
    )
    publish(other, f"关于停水的通知{SCRIPT[:20]}", html=f"<p>停水</p>{SCRIPT}")
    article = publish(other, TOO_LONG)
    spare, mended = publish(other, f"{TOO_LONG}二"), publish(other, f"{TOO_LONG}三")
    move(other, told, "13")
    move(other, unbound, "13")
    town.round("cms", "cases")
    with town.ctx.ledger.begin() as connection:
        (row,) = outbox.find(connection, flow="notices", effect="publish", states=("confirmed",))
    return Town(town, row, told, unbound, str(article["id"]), str(spare["id"]), str(mended["id"]))
