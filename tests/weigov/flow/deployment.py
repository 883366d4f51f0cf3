"""A deployment as an operator has one, and the other side of it: what every test of the flows stands on.

``OtherSide`` is the sandbox on a real port; ``Deployment`` a site, a ledger, a gateway and the verbs. What came about
is judged by ``OtherSide`` alone, through its control API: our ledger may not be a witness for itself.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.app import create_app as create_sandbox
from sandbox.people import PEOPLE, SERVICE_APPID
from sandbox.wire import ClosableProtocol
from sandbox.world import World
from tests.weigov.serving import Web, serve
from weigov import wiring
from weigov.flow.collect import Collected, collect
from weigov.flow.compose import Composed, compose
from weigov.flow.context import Context
from weigov.flow.deliver import Drained, deliver
from weigov.flow.plan import apply
from weigov.flow.reconcile import JOB_EVENTS, Reconciled, reconcile
from weigov.flow.review import decide, held
from weigov.flow.statistics import Pulled, statistics
from weigov.flow.sync_back import SyncedBack, sync_back
from weigov.gateway.app import create_app as create_gateway
from weigov.gateway.build import build
from weigov.ledger import reports
from weigov.settings import Settings

BEIJING = ZoneInfo("Asia/Shanghai")
#: A Tuesday at ten: no quiet hours, no end of a day, nearby.
MORNING = datetime(2026, 3, 10, 10, 0, tzinfo=BEIJING)
DEMO = Path(__file__).parents[3] / "mappings" / "demo"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MASTER_KEY = base64.b64encode(b"w" * 32).decode()
STREAMS = (("cms", "columns"), ("cms", "articles"), ("cases", "cases"), ("qa", "answers"), ("qa", "questions"))
FLOWS = ("menu", "notices", "policies", "case_progress", "answers")
SYSTEMS = ("cms", "cases", "qa")
#: Longer than anything that is open by itself: later, only a new day or a person goes on.
PATIENCE = timedelta(minutes=40)


class OtherSide:
    """The sandbox: its hand (the control API) and its state."""

    def __init__(self, world: World, web: Web) -> None:
        self.world = world
        self.web = web
        self.base_url = web.base_url
        self.appid = SERVICE_APPID
        self.clocks: list[Any] = []
        self.secret = next(a["secret"] for a in self.get("/wechat/accounts") if a["appid"] == self.appid)
        world.clock.set(MORNING)
        for name in ("wechat", *SYSTEMS):
            self.post("/reset", subsystem=name)
        self.patch(f"/wechat/accounts/{self.appid}/settings", event_delay_s=0)
        self._first_day = self.snapshot()

    # the control API

    def get(self, path: str, /, **query: Any) -> Any:
        return self._checked(self.web.get(f"/_sandbox{path}", params=query))

    def post(self, path: str, /, **body: Any) -> Any:
        return self._checked(self.web.post(f"/_sandbox{path}", json=body))

    def put(self, path: str, /, **body: Any) -> Any:
        return self._checked(self.web.put(f"/_sandbox{path}", json=body))

    def patch(self, path: str, /, **body: Any) -> Any:
        return self._checked(self.web.patch(f"/_sandbox{path}", json=body))

    def delete(self, path: str) -> Any:
        return self._checked(self.web.delete(f"/_sandbox{path}"))

    def _checked(self, answer: Any) -> Any:
        assert answer.ok, f"{answer.status_code} {answer.text[:300]}"
        return answer.json()

    def fault(self, kind: str, path: str = "*", **more: Any) -> int:
        return int(self.post("/faults", kind=kind, path=path, **more)["id"])

    def mend(self) -> None:
        self.delete("/faults")

    def fired(self, kind: str) -> int:
        return int(self.get("/faults/counts").get(kind, 0))

    def advance(self, **span: float) -> None:
        """Move the clock on; everybody has noticed when this returns."""
        self.post("/clock/advance", seconds=timedelta(**span).total_seconds())
        self._notice()

    def at(self, moment: datetime) -> None:
        self.post("/clock/set", moment=moment.isoformat())
        self._notice()

    def _notice(self) -> None:
        for clock in self.clocks:
            with clock._lock:  # a reading under way is of the time before, and would be believed like a new one
                clock._asked_at = None  # else it would believe its last reading for a fifth of a second

    # what reached the phones

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/wechat/state", appid=self.appid)
        return found

    def articles(self) -> list[dict[str, Any]]:
        """Every article that was ever published, those deleted since too."""
        found: list[dict[str, Any]] = self.get("/wechat/articles", appid=self.appid)["published"]
        return found

    def refused_articles(self) -> list[dict[str, Any]]:
        """Every article that was submitted, and that WeChat then did not publish."""
        found: list[dict[str, Any]] = self.get("/wechat/articles", appid=self.appid)["refused"]
        return found

    def standing(self) -> list[dict[str, Any]]:
        return [a for a in self.articles() if not a["is_deleted"]]

    def titles(self) -> list[str]:
        return sorted(a["title"] for a in self.standing())

    def sources(self) -> Counter[str]:
        """Upstream address → how many articles standing in WeChat lead there."""
        return Counter(a["content_source_url"].partition("#")[0] for a in self.standing())

    def messages(self) -> list[dict[str, Any]]:
        """Every template message WeChat accepted, in order."""
        found: list[dict[str, Any]] = self.get("/wechat/messages", appid=self.appid)
        return found

    def received(self) -> Counter[tuple[str, str]]:
        """(identity, first words) → how often it reached that phone."""
        names = {p.openid: p.identity for p in PEOPLE}
        return Counter(
            (names[m["openid"]], m["data"].get("phrase2") or m["data"]["thing1"])
            for m in self.messages()
            if m["delivered"]
        )

    def most_often(self) -> int:
        """How often the message that was shown most often was shown to one person: 1, or somebody was told twice."""
        return max(c["most_often"] for c in self.get("/wechat/citizens", appid=self.appid))

    def menu(self) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = self.state()["menu"]
        return found

    def calls(self, path: str) -> int:
        """How often a path was called with success."""
        return int(self.state()["calls"].get(f"/cgi-bin/{path}", {}).get("0", 0))

    def write_backs(self, system: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/{system}/write-backs")
        return found

    def persona(self, identity: str, persona: str) -> None:
        self.put(f"/wechat/personas/{openid(identity)}", persona=persona)

    # its days

    def snapshot(self) -> sqlite3.Connection:
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        with self.world.lock:
            self.world.db.backup(kept)
        return kept

    def restore(self, snapshot: sqlite3.Connection | None = None) -> None:
        """Back to the first day at ten in the morning, or to a snapshot."""
        with self.world.lock:
            (snapshot or self._first_day).backup(self.world.db)
        self.world.clock.reset()
        self.world.clock.set(MORNING)
        self.clocks.clear()

    def events_done(self) -> None:
        """Wait until every event that is due was sent to its callback."""
        self.get("/wechat/articles", appid=self.appid)  # settles the jobs that are due
        self.get("/wechat/mass", appid=self.appid)
        wait_until(lambda: not any(e["state"] in ("pending", "sending") for e in self._events()))

    def _events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/wechat/events", appid=self.appid)
        return found

    def close(self) -> None:
        self._first_day.close()


def openid(identity: str) -> str:
    return next(p.openid for p in PEOPLE if p.identity == identity)


def wait_until(true: Callable[[], bool], timeout_s: float = 20) -> None:
    end, pause_s = time.monotonic() + timeout_s, 0.01
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.25)  # asking takes computing from what is waited for


@dataclass(frozen=True)
class FarEnd:
    """What all far ends held at one moment."""

    menu: list[dict[str, Any]] | None
    articles: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    write_backs: dict[str, list[dict[str, Any]]]
    drafts: list[dict[str, Any]]
    calls: dict[str, dict[str, int]]

    @classmethod
    def take(cls, other: OtherSide) -> FarEnd:
        state = other.state()
        return cls(
            state["menu"],
            state["articles"]["published"],
            other.messages(),
            {name: other.write_backs(name) for name in SYSTEMS},
            state["drafts"],
            state["calls"],
        )

    @property
    def standing(self) -> dict[str, dict[str, Any]]:
        """Upstream address → the article that stands in WeChat for it. Two for one is a failure."""
        found: dict[str, dict[str, Any]] = {}
        for article in self.articles:
            if not article["is_deleted"]:
                assert article["content_source_url"].partition("#")[0] not in found, f"twice: {article['title']}"
                found[article["content_source_url"].partition("#")[0]] = article
        return found

    def last_told(self, system: str, key: str) -> dict[str, Any]:
        """The newest write-back about a record."""
        name = {"cms": "id", "cases": "case_no", "qa": "answer_id"}[system]
        return next(w for w in reversed(self.write_backs[system]) if w[name] == key)


@contextmanager
def other_side(state: Path) -> Iterator[OtherSide]:
    world = World.open(state)
    with serve(create_sandbox(world), http=ClosableProtocol, lifespan="on") as web:
        world.base_url = web.base_url
        other = OtherSide(world, web)
        yield other
        other.close()
    world.close()


@contextmanager
def _kept(clocks: list[Any]) -> Iterator[None]:
    """The clocks that are made meanwhile are told when the sandbox's is moved."""

    class Kept(wiring._SandboxClock):
        def __init__(self, url: str) -> None:
            super().__init__(url)
            clocks.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "_SandboxClock", Kept)
        yield


@dataclass
class Deployment:
    """One site over one ledger: what ``weigov.wiring`` makes of ``settings``, and the verbs by short names."""

    other: OtherSide
    settings: Settings
    ctx: Context = field(init=False)
    gateway: Web = field(init=False)
    _open: ExitStack = field(default_factory=ExitStack)

    # building it

    @classmethod
    def prepare(cls, other: OtherSide, home: Path, ledger_url: str, site: Path = DEMO) -> Deployment:
        """Write the secrets and name the parts; ``start`` opens them."""
        home.mkdir(parents=True, exist_ok=True)
        login = {name: other.get(f"/{name}/state")["credentials"] for name in SYSTEMS}
        extra = {"token": "cbtoken", "encoding_aes_key": AES_KEY}
        at = other.base_url
        connections = {
            "wechat_city": _connection("wechat_account", at, other.appid, other.secret, extra=extra),
            "cms": _connection("gov_rest", at, login["cms"]["appId"], login["cms"]["appSecret"]),
            "cases": _connection(
                "gov_soap", f"{at}/cases/services/CaseService", login["cases"]["userName"], login["cases"]["password"]
            ),
            "qa": _connection("gov_rest", at, password=login["qa"]["api_key"]),
            wiring.MASTER_KEY: {"conn_type": "generic", "password": MASTER_KEY},
        }
        secrets = home / "secrets.json"
        secrets.write_text(json.dumps(connections))
        settings = Settings(
            site=site,
            home=home,
            ledger_url=ledger_url,
            secrets_file=secrets,
            clock=f"sandbox:{other.base_url}",
            gateway_host="127.0.0.1",
            gateway_port=18700,
        )
        return cls(other, settings)

    def start(self) -> Deployment:
        self.ctx = self._open.enter_context(wiring.opened(self.settings))
        self.other.clocks.append(self.ctx.clock)
        with _kept(self.other.clocks):
            parts, close = build(self.settings)
        self._open.callback(close)
        self.gateway = self._open.enter_context(serve(create_gateway(parts)))
        callback = f"{self.gateway.base_url}/wechat/city"
        self.other.put(
            f"/wechat/accounts/{self.other.appid}/callback", url=callback, token="cbtoken", encoding_aes_key=AES_KEY
        )
        return self

    def stop(self) -> None:
        self.other.delete(f"/wechat/accounts/{self.other.appid}/callback")
        self.leave()

    def leave(self) -> None:
        """Close what was opened; WeChat is not told."""
        self._open.close()

    def reopen(self) -> None:
        """As the next process would: the site is read again."""
        with ExitStack() as again:
            self.ctx = again.enter_context(wiring.opened(self.settings))
            self._open.callback(again.pop_all().close)
        self.other.clocks.append(self.ctx.clock)

    @property
    def environ(self) -> dict[str, str]:
        """What a child process needs to be the same deployment."""
        s = self.settings
        return {
            "WEIGOV_SITE": str(s.site),
            "WEIGOV_HOME": str(s.home),
            "WEIGOV_LEDGER_URL": s.ledger_url,
            "WEIGOV_SECRETS_FILE": str(s.secrets_file),
            "WEIGOV_CLOCK": s.clock,
        }

    # the verbs

    def bind_everyone(self) -> int:
        from weigov.ledger import bindings

        file = self.settings.home / "bindings.csv"
        file.write_text(self.other.web.get("/_sandbox/cases/bindings.csv").text)
        with self.ctx.ledger.begin() as connection:
            added, _ = bindings.import_csv(
                connection, self.ctx.sealer, self.other.appid, file, now=self.ctx.now(), systems=self.ctx.site.systems
            )
        return added

    def collect(self, *systems: str) -> list[Collected]:
        return [collect(self.ctx, *pair) for pair in STREAMS if not systems or pair[0] in systems]

    def compose(self, *flows: str) -> dict[str, Composed]:
        return {name: compose(self.ctx, name) for name in flows or FLOWS if name in self.ctx.site.flows}

    def apply(self, flow: str) -> int:
        return apply(self.ctx, flow, person="wang")

    def approve(self, *people: str) -> None:
        for row in held(self.ctx):
            for person in people or ("bianji", "shenhe"):
                decide(self.ctx, row.id, digest=row.digest, person=person, decision="approve")

    def deliver(self, **more: Any) -> Drained:
        return deliver(self.ctx, "city", **more)

    def reconcile(self) -> Reconciled:
        self.other.events_done()
        return reconcile(self.ctx, "city")

    def statistics(self, **more: Any) -> Pulled:
        return statistics(self.ctx, "city", **more)

    def sync_back(self, *systems: str) -> list[SyncedBack]:
        return [sync_back(self.ctx, name) for name in systems or SYSTEMS]

    def round(self, *systems: str) -> None:
        """Collect, compose, review, and everything after it until nothing is due."""
        self.collect(*systems)
        self.compose()
        self.approve()
        self.drain()

    def drain(self) -> None:
        """Deliver, reconcile and sync back until nothing is due and nothing will be soon; the clock moves on."""
        for _ in range(25):
            self.deliver()
            self.other.advance(seconds=5)  # articles are published
            self.reconcile()
            self.sync_back()
            if self.due():
                continue
            with self.ctx.ledger.read() as connection:
                soon = reports.next_due_at(connection, self.ctx.site.site, now=self.ctx.now())
            wait = soon - self.ctx.now() if soon else PATIENCE
            if wait >= PATIENCE:
                return
            self.other.advance(seconds=wait.total_seconds() + 1)
        raise AssertionError(f"still due: {self.due()}")

    def drain_but_compose(self) -> None:
        """``drain`` where a flow is held, so that its revisions stay due."""
        for _ in range(3):
            self.deliver()
            self.other.advance(seconds=5)
            self.reconcile()
            self.sync_back()

    def due(self) -> dict[str, int]:
        with self.ctx.ledger.read() as connection:
            found = reports.due_by_kind(connection, self.ctx.site.site, now=self.ctx.now(), events=JOB_EVENTS)
        return {kind: count for kind, count in found.items() if count}

    def status(self) -> dict[str, Any]:
        with self.ctx.ledger.read() as connection:
            return reports.status(connection, self.ctx.site.site, now=self.ctx.now())


class Lived:
    """A deployment over SQLite at a moment of its life, and ``again`` that moment for each test that begins there.

    The sandbox with its clock, the ledger, the site and the secrets are put back, and the site is opened anew; the
    gateway goes on. Living up to there takes a second, going back hundredths.
    """

    def __init__(self, town: Deployment) -> None:
        self._town = town
        self._moment = town.ctx.now()
        self._sandbox = town.other.snapshot()
        self._ledger = sqlite3.connect(":memory:", check_same_thread=False)
        with self._ledger_file() as file:
            file.backup(self._ledger)
        self._files = {path: path.read_bytes() for path in self._paths()}
        self._open: Deployment | None = None

    def again(self) -> Deployment:
        self._leave()
        town = Deployment(self._town.other, self._town.settings)
        town.other.restore(self._sandbox)
        town.other.at(self._moment)
        for path in [path for path in self._paths() if path not in self._files]:
            path.unlink()
        for path, content in self._files.items():
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
        with self._ledger_file() as file:
            self._ledger.backup(file)
        town.gateway = self._town.gateway
        town.reopen()
        self._open = town
        return town

    def close(self) -> None:
        """Forget the moment; the deployment it was of goes on."""
        self._leave()
        self._sandbox.close()
        self._ledger.close()

    def _leave(self) -> None:
        if self._open is not None:
            self._open.leave()
            self._open = None

    def _paths(self) -> list[Path]:
        settings = self._town.settings
        return [settings.secrets_file, *(path for path in settings.site.rglob("*") if path.is_file())]

    def _ledger_file(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._town.settings.ledger_url.removeprefix("sqlite:///"), timeout=30))


def copy_site(folder: Path, **changes: Callable[[str], str]) -> Path:
    """The demo's mappings in ``folder``/demo, each named flow's text changed."""
    site = folder / "demo"
    shutil.copytree(DEMO, site)
    for flow, change in changes.items():
        rewrite(site / "flows" / f"{flow}.yaml", change)
    return site


def calm_site(folder: Path) -> Path:
    """The demo site but for this: articles begin now, and nobody reviews notices."""
    return copy_site(
        folder,
        notices=lambda text: text.replace("begin: all", "begin: now").replace("review: {needs: 2}\n", ""),
        policies=lambda text: text.replace("begin: all", "begin: now"),
    )


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before, f"nothing changed in {path.name}"
    path.write_text(after, encoding="utf-8")


def to_drafts(text: str) -> str:
    """A flow of articles that leaves them in the draft box; of those there are no figures."""
    return re.sub(r"\n  figures: .*", "", text.replace("via: publish", "via: draft"))


def _connection(kind: str, host: str, login: str = "", password: str = "", **more: Any) -> dict[str, Any]:
    return {"conn_type": kind, "host": host, "login": login, "password": password, **more}
