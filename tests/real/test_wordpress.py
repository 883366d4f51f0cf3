"""A real CMS as the upstream: every public post of a WordPress comes to WeChat, under WeChat's real limits.

WordPress runs from Debian's packages, WeChat is the sandbox with the daily limits of a new account (100 articles
published, 10 deleted), Weigov is as a site runs it: command line, gateway, ledger. The run moves the clock on day by
day until nothing waits; editors mend, edit and trash; on the way WordPress dies in the middle of a pull and WeChat's
answers get lost. What came of it is read from the two far ends.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.real import far_ends, pictures, posts
from tests.real.deployment import ACCOUNT, ROOT, Deployment
from tests.real.machine import Say
from tests.real.wordpress import WordPress
from weigov.flow.collect import Collected, collect
from weigov.flow.compose import Composed, compose
from weigov.flow.context import Context
from weigov.flow.deliver import deliver
from weigov.flow.reconcile import JOB_EVENTS, reconcile
from weigov.ledger import reports
from weigov.ledger.quota import BEIJING
from weigov.wiring import opened

pytestmark = pytest.mark.real

SITE = ROOT / "mappings" / "wordpress"
SUBMIT, DRAFT, DELETE = "/cgi-bin/freepublish/submit", "/cgi-bin/draft/add", "/cgi-bin/freepublish/delete"
LIMITS = {SUBMIT: 100, DELETE: 10, "/cgi-bin/freepublish/get": 100, "/cgi-bin/draft/add": 1000}
#: The sandbox's days begin so far back that they end before today: WordPress lives by the real clock.
DAYS_BACK = 20
#: The hour at which the first begins, whenever the test runs: a first day of a few minutes is no day of its own.
MORNING = 9
#: A wait up to this long is for an answer, a longer one for the next day.
_SOON = timedelta(hours=1)
_EVENTS_S = 10.0


@dataclass
class Story:
    """What happened, for the tests to judge."""

    seed: posts.Seed
    ids: dict[str, int]
    stopped_collect: tuple[int, str, str]  # exit code, stdout, stderr
    mirrored_before: int = 0
    collected: Collected | None = None
    composed_without: Composed | None = None  # while WordPress was down
    composed_without_s: float = 0
    quarantine: dict[str, str] = field(default_factory=dict)
    first: tuple[far_ends.Site, far_ends.Account] | None = None
    last: tuple[far_ends.Site, far_ends.Account] | None = None
    edited: list[str] = field(default_factory=list)  # links
    edit_moments: list[str] = field(default_factory=list)
    untouched_edit: str = ""  # saved again without a change
    trashed: list[str] = field(default_factory=list)
    days: list[dict[str, int]] = field(default_factory=list)  # calls by path, of each day
    faults: dict[str, int] = field(default_factory=dict)
    refused_for_quota: dict[str, int] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None


@pytest.fixture(scope="module")
def story(wordpress: WordPress, tmp_path_factory: pytest.TempPathFactory, say: Say) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("wordpress")
    seed, ids = _fill(wordpress, folder)
    say(f"{len(seed.posts)} posts written, {len(seed.public())} of them for everybody")
    weigov = Deployment(folder, SITE)
    try:
        connection = {"conn_type": "gov_rest", "host": wordpress.url, "login": wordpress.login}
        weigov.start(
            {"wordpress": {**connection, "password": wordpress.password}},
            (datetime.now(BEIJING) - timedelta(days=DAYS_BACK)).replace(hour=MORNING),
        )
        yield _Run(wordpress, weigov, Story(seed, ids, _killed_while_collecting(wordpress, weigov)), say).play()
    finally:
        weigov.stop()


def _fill(site: WordPress, folder: Path) -> tuple[posts.Seed, dict[str, int]]:
    media = pictures.make(folder)
    seed = posts.make([each["name"] for each in media], datetime.now(UTC))
    file = folder / "seed.json"
    file.write_text(json.dumps(posts.as_json(seed, media), ensure_ascii=False), encoding="utf-8")
    return seed, json.loads(site.php("seed.php", str(file)))["posts"]


def _killed_while_collecting(site: WordPress, weigov: Deployment) -> tuple[int, str, str]:
    """WordPress dies after it gave the first page of posts."""
    collecting = weigov.start_cli("collect", "wordpress", "articles")
    deadline = time.monotonic() + 60
    while "page=1&" not in site.access_log.read_text(encoding="utf-8", errors="replace"):
        assert collecting.poll() is None and time.monotonic() < deadline, "no page was asked for"
        time.sleep(0.002)
    site.stop_web()
    out, err = collecting.communicate(timeout=120)
    return collecting.returncode, out, err


class _Run:
    def __init__(self, site: WordPress, weigov: Deployment, story: Story, say: Say) -> None:
        self._site, self._weigov, self._story, self._say = site, weigov, story, say

    def play(self) -> Story:
        story, weigov = self._story, self._weigov
        with opened(weigov.settings) as ctx:
            story.mirrored_before = self._mirrored(ctx)
            self._site.start_web()
            self._say(f"WordPress died after a page of {story.mirrored_before} and is back")
            self._lose_answers()
            collect(ctx, "wordpress", "columns")
            story.collected = collect(ctx, "wordpress", "articles")
            self._site.stop_web()
            began = time.monotonic()
            story.composed_without = compose(ctx, "posts")
            story.composed_without_s = time.monotonic() - began
            self._site.start_web()
        with opened(weigov.settings) as ctx:
            compose(ctx, "posts")
            story.quarantine = {row["key"]: row["reason"] for row in self._status(ctx)["quarantine"]}
            self._day_by_day(ctx)
            self._mend()
            self._pull_and_send(ctx)
            story.first = self._far_ends()
            self._edit_and_trash(story.first[0])
            self._pull_and_send(ctx)
            story.last = self._far_ends()
            story.status = self._status(ctx)
        self._look_back()
        return story

    # ---- what happens

    def _lose_answers(self) -> None:
        """A few answers get lost on their way to us after the effect, at points that are the same in every run."""
        for path, seed, times in ((SUBMIT, 7, 5), (DRAFT, 11, 3), (DELETE, 13, 1)):
            fault = {"kind": "lose_answer", "path": path, "times": times, "probability": 0.03, "seed": seed}
            if path == DELETE:
                fault["probability"] = 0.3
            self._weigov.sandbox.post("/faults", fault)

    def _mend(self) -> None:
        """An editor does what each reason asks for."""
        ids = self._story.ids
        for name, change in {
            "post-1002": {"excerpt": "市级非遗名录公布"},
            "post-1003": {"excerpt": "市级非遗名录和传承人名单"},
            "post-1004": {"content": "<p>示范市地方志，全文分十二期登载。</p>"},
            "post-1005": {"excerpt": "本文介绍有关情况。"},
        }.items():
            self._site.rest("POST", f"posts/{ids[name]}", json=change)

    def _edit_and_trash(self, site: far_ends.Site) -> None:
        """Eight edits and a save without a change in one request, so that several share a second; four trashings."""
        story = self._story
        post = story.ids
        text = "<!-- wp:paragraph --><p>更正：{}</p><!-- /wp:paragraph -->"
        changes: dict[str, dict[str, Any]] = {
            "post-0": {"title": "更正后的标题 & “新”"},
            "post-1": {"content": text.format("第一处")},
            "post-2": {"content": text.format("第二处 &lt;注意&gt;"), "title": "标题和正文一起改"},
            "post-3": {"excerpt": "重新写的摘要"},
            "post-30": {"content": text.format("第三处")},
            "post-31": {"content": text.format("第四处")},
            "post-160": {"title": "另一处更正"},
            "post-319": {"content": text.format("最新一篇")},
        }
        same = self._site.rest("GET", f"posts/{post['post-40']}", params={"context": "edit"}).json()
        changes["post-40"] = {"title": same["title"]["raw"], "content": same["content"]["raw"]}
        answers = self._site.batch({f"/wp/v2/posts/{post[name]}": change for name, change in changes.items()})
        by_id = {answer["id"]: answer for answer in answers}
        story.edited = [by_id[post[name]]["link"] for name in changes if name != "post-40"]
        story.edit_moments = [by_id[post[name]]["modified_gmt"] for name in changes]
        story.untouched_edit = by_id[post["post-40"]]["link"]
        for name in ("post-10", "post-150", "post-200", "post-318"):
            link = self._site.rest("GET", f"posts/{post[name]}").json()["link"]
            assert link in site.posts
            story.trashed.append(link)
            self._site.rest("DELETE", f"posts/{post[name]}")

    # ---- Weigov's part

    def _pull_and_send(self, ctx: Context) -> None:
        collect(ctx, "wordpress", "articles")
        compose(ctx, "posts")
        self._day_by_day(ctx)

    def _day_by_day(self, ctx: Context) -> None:
        """Deliver and reconcile; when the rest waits for its time, move the clock there; until nothing waits."""
        while True:
            while self._due(ctx):
                drained = deliver(ctx, ACCOUNT)
                assert not drained.stopped, drained.stopped
                self._until_events_came(ctx)
            with ctx.ledger.read() as connection:
                upon = reports.next_due_at(connection, ctx.site.site, now=ctx.now())
            if upon is None:
                return
            if upon - ctx.now() > _SOON:
                self._end_day(ctx)
            self._weigov.move_to(upon + timedelta(seconds=1))

    def _until_events_came(self, ctx: Context) -> None:
        """Events are sent in real time: give them a moment before the clock moves and their absence counts."""
        deadline = time.monotonic() + _EVENTS_S
        while True:
            reconcile(ctx, ACCOUNT)
            counts = self._status(ctx)["flows"]["posts"]["deliveries"]
            if not counts.get("accepted") or time.monotonic() > deadline:
                return
            time.sleep(0.2)

    def _end_day(self, ctx: Context) -> None:
        calls = self._calls_today()
        self._story.days.append(calls)
        counts = self._status(ctx)["flows"]["posts"]["deliveries"]
        said = ", ".join(f"{state} {n}" for state, n in counts.items())
        day = datetime.fromisoformat(self._weigov.sandbox.get("/clock")["beijing"]).date()
        self._say(f"{day}: {calls[SUBMIT]} submitted, {calls[DELETE]} deleted; deliveries: {said}")

    # ---- looking

    def _due(self, ctx: Context) -> int:
        with ctx.ledger.read() as connection:
            return reports.due(connection, ctx.site.site, now=ctx.now(), events=JOB_EVENTS)

    def _status(self, ctx: Context) -> dict[str, Any]:
        with ctx.ledger.read() as connection:
            return reports.status(connection, ctx.site.site, now=ctx.now())

    def _mirrored(self, ctx: Context) -> int:
        """How many posts wait for compose, though the pull was cut off."""
        found = self._status(ctx)
        return int(found["flows"]["posts"]["revisions"]["pending"])

    def _calls_today(self) -> dict[str, int]:
        quota = self._weigov.sandbox.get("/wechat/state", appid=self._weigov.appid)["quota"]
        return {path: quota[path]["used"] for path in LIMITS}

    def _far_ends(self) -> tuple[far_ends.Site, far_ends.Account]:
        site, account = far_ends.wordpress(self._site), far_ends.wechat(self._weigov.sandbox, self._weigov.appid)
        self._say(
            f"WordPress says {site.total} published ({site.locked} of them behind a password), "
            f"WeChat shows {len(account.standing)}; published {sum(account.published.values())} times in all"
        )
        return site, account

    def _look_back(self) -> None:
        story, sandbox = self._story, self._weigov.sandbox
        story.days.append(self._calls_today())
        for fault in sandbox.get("/faults"):
            story.faults[fault["path"]] = fault["fired"]
        calls = sandbox.get("/wechat/state", appid=self._weigov.appid)["calls"]
        story.refused_for_quota = {path: by["45009"] for path, by in calls.items() if "45009" in by}
        story.ended_at = self._weigov.now()


# ---- the way there


def test_a_wordpress_that_dies_during_a_pull_costs_one_line_and_nothing_else(story: Story) -> None:
    code, out, err = story.stopped_collect
    assert code == 1
    (line,) = (out + err).strip().splitlines()
    assert "wordpress" in line and "could not be read" in line, line
    assert story.mirrored_before == 100  # the page it did give
    assert story.collected is not None and not story.collected.incomplete
    stored = story.collected.stored
    # By the deployment's clock the posts are of the future, so the list is read twice: only the new can be counted.
    assert story.mirrored_before + stored.new == len(story.seed.posts) and stored.rejected == 0


def test_posts_whose_pictures_cannot_be_had_wait_and_the_others_go_on(story: Story) -> None:
    composed = story.composed_without
    assert composed is not None
    waiting = sum(composed.waiting.values())
    assert waiting > 100 and composed.deliveries > 50
    assert waiting + composed.deliveries + composed.quarantined == len(story.seed.public())
    assert story.composed_without_s < 60  # not four attempts for each of hundreds of pictures


def test_what_cannot_be_mapped_waits_with_its_reason_and_stops_nothing_else(story: Story) -> None:
    wanted = {str(story.ids[name]): word for name, word in story.seed.unmappable.items()}
    assert set(story.quarantine) == set(wanted)
    for key, word in wanted.items():
        assert story.quarantine[key].startswith(f"{word}: "), story.quarantine[key]


def test_the_run_took_the_days_that_the_limits_ask_for(story: Story) -> None:
    for calls in story.days:
        assert all(calls[path] <= limit for path, limit in LIMITS.items()), calls
    # A delivery whose draft got no answer may keep its place in the day's quota: the day then ends so many short.
    assert all(day[SUBMIT] >= 100 - story.faults[DRAFT] for day in story.days[:3])
    assert sum(day[SUBMIT] for day in story.days) == len(story.seed.public()) + len(story.edited)
    # Four were withdrawn and eight replaced; what is replaced leaves half of a day's ten deletions to withdrawals.
    assert [day[DELETE] for day in story.days if day[DELETE]] == [5, 5, 2]
    assert story.refused_for_quota == {}  # we knew, and did not find out by calling
    assert story.ended_at is not None and story.ended_at < datetime.now(UTC)


def test_answers_were_lost_and_nothing_stayed_in_doubt(story: Story) -> None:
    assert story.faults == {SUBMIT: 5, DRAFT: 3, DELETE: 1}
    counts = story.status["flows"]["posts"]["deliveries"]
    assert set(counts) == {"confirmed", "removed"}
    assert counts["removed"] == len(story.edited) + len(story.trashed)
    assert story.status["due"] == 0 and story.status["next_due_at"] is None and not story.status["quarantine"]


# ---- the far ends


@pytest.mark.parametrize("moment", ["first", "last"])
def test_wechat_shows_exactly_what_wordpress_publishes(story: Story, moment: str) -> None:
    site, account = getattr(story, moment)
    assert site.total - site.locked == len(site.posts) == len(account.standing) >= 300
    assert site.locked == 2
    assert account.twice == []
    assert account.standing.keys() == site.posts.keys()
    assert {link: shown.title for link, shown in account.standing.items()} == {
        link: shown.title for link, shown in site.posts.items()
    }
    different = [shown.title for link, shown in site.posts.items() if account.standing[link].digest != shown.digest]
    assert different == []


def test_every_picture_is_one_of_wechats_own_and_none_is_missing(story: Story) -> None:
    assert story.last is not None
    site, account = story.last
    assert [shown.foreign for shown in account.standing.values() if shown.foreign] == []
    counts = {link: shown.pictures for link, shown in account.standing.items()}
    assert counts == {link: shown.pictures for link, shown in site.posts.items()}
    assert sum(counts.values()) > 200


def test_every_post_was_published_once_and_an_edited_one_once_more(story: Story) -> None:
    assert story.last is not None
    again = {link: n for link, n in story.last[1].published.items() if n != 1}
    assert again == dict.fromkeys(story.edited, 2)
    assert len(story.edited) == 8
    assert len(set(story.edit_moments)) < len(story.edit_moments)  # some were saved in one second
    assert story.last[1].published[story.untouched_edit] == 1


def test_what_was_trashed_is_gone(story: Story) -> None:
    assert story.first is not None and story.last is not None
    assert len(story.trashed) == 4
    for link in story.trashed:
        assert link in story.first[1].standing and link not in story.last[1].standing
    assert len(story.last[1].standing) == len(story.first[1].standing) - 4


def test_what_was_never_public_never_left(story: Story) -> None:
    assert story.last is not None
    assert len(story.seed.hidden()) == 32
    assert {post.title for post in story.seed.hidden()} & story.last[1].titles == set()
    assert not any("不公开" in title for title in story.last[1].titles)
