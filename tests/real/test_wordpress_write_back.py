"""WordPress through a network that fails: its posts are read whole, and what became of them is written back once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.descriptor import find_descriptor
from tests.real.desk import HASTY, LIMITS, Desk, desk
from tests.real.proxy import Kind, Proxy, proxy
from tests.real.wordpress import WordPress
from weigov.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection

pytestmark = pytest.mark.real

POSTS, CATEGORIES = "^/wp-json/wp/v2/posts", "^/wp-json/wp/v2/categories"
LINK = "https://mp.weixin.qq.com/s/abc"


@pytest.fixture(scope="module")
def posts(wordpress: WordPress) -> list[str]:
    """Six posts of this test's own, besides whatever stands there."""
    made = [
        wordpress.rest("POST", "posts", json={"title": f"回写{n}", "content": f"<p>正文{n}</p>", "status": "publish"})
        for n in range(6)
    ]
    return [str(answer.json()["id"]) for answer in made]


@pytest.fixture(scope="module")
def front(wordpress: WordPress) -> Iterator[Proxy]:
    with proxy(wordpress.url) as it:
        yield it


def connection(wordpress: WordPress, front: Proxy) -> Connection:
    return Connection("upstream", "", front.url, wordpress.login, wordpress.password)


@pytest.fixture
def cms(wordpress: WordPress, front: Proxy, posts: list[str], tmp_path: Path) -> Iterator[Desk]:
    front.clear()
    with desk(tmp_path, find_descriptor("wordpress"), connection(wordpress, front)) as it:
        yield it


def standing(wordpress: WordPress) -> int:
    """How many posts WordPress itself says there are, in whatever state."""
    states = "publish,future,draft,pending,private,trash"
    answer = wordpress.rest("GET", "posts", params={"status": states, "per_page": 1, "context": "edit"})
    return int(answer.headers["X-WP-Total"])


def noted(wordpress: WordPress, post: str) -> tuple[str, str]:
    meta = wordpress.rest("GET", f"posts/{post}").json()["meta"]
    return meta["wechat_state"], meta["wechat_url"]


def test_nothing_contradicts_the_descriptor(cms: Desk) -> None:
    assert cms.objections() == []


@pytest.mark.parametrize("kind", ["reset", "http_503", "html", "truncate", "cut", "lose", "delay", "drip"])
def test_a_list_that_breaks_is_asked_for_again(
    wordpress: WordPress, front: Proxy, tmp_path: Path, kind: Kind
) -> None:
    front.clear()
    seconds = {"delay": 4.0, "drip": 0.2}.get(kind, 0)
    fault = front.plan(kind, "GET", CATEGORIES, seconds=seconds)
    limits = HASTY if seconds else LIMITS
    with desk(tmp_path, find_descriptor("wordpress"), connection(wordpress, front), limits=limits) as cms:
        assert not cms.collect("columns").incomplete
        total = wordpress.rest("GET", "categories", params={"per_page": 1}).headers["X-WP-Total"]
        assert fault.did == 1 and len(cms.records("columns")) == int(total)


def test_posts_cut_off_without_a_length_are_noticed_and_read_whole(
    wordpress: WordPress, front: Proxy, cms: Desk
) -> None:
    front.plan("truncate", "GET", POSTS, times=4)
    with pytest.raises(RemoteUnavailable, match="cut short or broken"):
        cms.collect("articles")
    front.clear()
    front.plan("truncate", "GET", POSTS)
    collected = cms.collect("articles")
    assert not collected.incomplete and collected.stored.new == standing(wordpress)


def test_what_became_of_a_post_stands_beside_it_and_its_text_stays(
    wordpress: WordPress, cms: Desk, posts: list[str]
) -> None:
    cms.collect("articles")
    before = cms.records("articles")[posts[0]]
    values = {"id": posts[0], "state": "confirmed", "url": LINK}
    assert cms.system.write("record_delivery", values, key="k").remote_id == posts[0]
    assert noted(wordpress, posts[0]) == ("confirmed", LINK)
    cms.collect("articles")
    after = cms.records("articles")[posts[0]]
    assert (after.get("title"), after.get("html")) == (before.get("title"), before.get("html"))
    with pytest.raises(RemoteRefused, match="Invalid post ID"):
        cms.system.write("record_delivery", {**values, "id": "999999"}, key="k")


@pytest.mark.parametrize(
    ("kind", "n", "took_effect"), [("lose", 1, True), ("truncate", 2, True), ("html", 3, False), ("reset", 4, False)]
)
def test_a_note_whose_answer_was_lost_is_written_again(
    wordpress: WordPress, front: Proxy, cms: Desk, posts: list[str], kind: Kind, n: int, took_effect: bool
) -> None:
    front.plan(kind, "POST", POSTS)
    post = posts[n]
    values = {"id": post, "state": "confirmed", "url": LINK}
    number = cms.write("record_delivery", values, record=f"upstream/articles/{post}")
    cms.sync_back()
    assert cms.delivery(number).state == "unknown"
    assert noted(wordpress, post) == (("confirmed", LINK) if took_effect else ("", ""))
    for _ in range(2):
        cms.ahead += timedelta(hours=1)
        cms.sync_back()
    assert cms.delivery(number).state == "confirmed" and noted(wordpress, post) == ("confirmed", LINK)
    assert len(front.asked_for("POST", f"{POSTS}/{post}")) == 2


def test_who_writes_past_the_outbox_is_told_that_it_is_not_known(front: Proxy, cms: Desk, posts: list[str]) -> None:
    front.plan("lose", "POST", POSTS)
    with pytest.raises(OutcomeUnknown):
        cms.system.write("record_delivery", {"id": posts[5], "state": "confirmed", "url": LINK}, key="k")
