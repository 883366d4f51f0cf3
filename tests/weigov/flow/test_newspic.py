"""Picture messages (图片消息): several pictures and a plain text, published once like any article."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.killed import run_until_killed
from tests.weigov.flow.test_articles import publish, said
from tests.weigov.flow.test_kill import kill_at
from weigov.flow.review import held
from weigov.wechat.client import AccountClient

ROAD, LAKE = '<img src="/cms/files/road.jpg">', '<img src="/cms/files/lake.jpg">'
STORY = f"<p>春日的滨湖公园。</p>{ROAD}{ROAD}{LAKE}"
MAP = """\
map:
  title: {from: title, max: 32}
  content: {from: html, steps: [plain_text]}
  images: {from: html}
  source_url: {from: url}
"""


def as_newspic(text: str) -> str:
    before, _, rest = text.partition("map:\n")
    return before.replace("via: publish", "as: newspic, via: publish") + MAP + rest[rest.index("sync_back:") :]


@pytest.fixture
def pictures(calm: Deployment) -> Iterator[Deployment]:
    rewrite(calm.settings.site / "flows" / "notices.yaml", lambda text: as_newspic(text))
    calm.reopen()
    calm.apply("notices")
    yield calm


def shown(town: Deployment) -> list[dict[str, Any]]:
    with town.other.world.lock:
        rows = town.other.world.db.execute("SELECT articles FROM wx_publish ORDER BY publish_id").fetchall()
    return [article for row in rows for article in json.loads(row["articles"])]


def test_it_is_published_edited_and_withdrawn(pictures: Deployment) -> None:
    town, other = pictures, pictures.other
    made = publish(other, "春日掠影", html=STORY)
    town.round("cms")
    (article,) = shown(town)
    assert article["article_type"] == "newspic" and len(article["image_info"]["image_list"]) == 2
    assert article["content"] == f"春日的滨湖公园。\n\n原文：{made['url']}"
    assert [state for state, _ in said(other, made)] == ["confirmed"]
    assert town.status()["kept"] == []
    other.patch(f"/cms/articles/{made['id']}", title="夏日掠影")
    town.round("cms")
    assert other.titles() == ["夏日掠影"] and len(other.state()["materials"]) == 2  # uploaded once
    other.post(f"/cms/articles/{made['id']}/withdraw")
    town.round("cms")
    assert other.titles() == [] and said(other, made)[-1][0] == "removed"


def test_pictures_that_stand_in_another_order_are_told(pictures: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    read = AccountClient.get_draft

    def turned(client: AccountClient, media_id: str) -> Any:
        articles = read(client, media_id)
        for article in articles or ():
            article["image_info"]["image_list"].reverse()
        return articles

    monkeypatch.setattr(AccountClient, "get_draft", turned)
    publish(pictures.other, "春日掠影", html=STORY)
    pictures.round("cms")
    assert [one["found"] for one in pictures.status()["kept"]] == ["pictures: they stand in another order"]


@pytest.mark.parametrize("path", ["material/add_material", "draft/add", "draft/get", "freepublish/submit"])
def test_a_lost_answer_leaves_one_and_every_picture_once(pictures: Deployment, path: str) -> None:
    town, other = pictures, pictures.other
    made = publish(other, "春日掠影", html=STORY)
    town.round("cms")
    other.patch(f"/cms/articles/{made['id']}", title="夏日掠影", html=STORY.replace("春日", "夏日"))
    other.fault("lose_answer", f"/cgi-bin/{path}", times=1)
    publish(other, "秋日掠影", html=STORY.replace("春日", "秋日"))
    town.round("cms")
    assert other.titles() == ["夏日掠影", "秋日掠影"] and len(other.articles()) == 3
    assert other.state()["drafts"] == [] and len(other.state()["materials"]) == 2


def test_an_edit_of_its_picture_alone_is_not_taken_for_what_it_replaces(pictures: Deployment) -> None:
    """Both have the same words and as many pictures: nothing else tells whose they are."""
    town, other = pictures, pictures.other
    made = publish(other, "春日掠影", html=f"<p>春日的滨湖公园。</p>{ROAD}")
    town.round("cms")
    other.patch(f"/cms/articles/{made['id']}", html=f"<p>春日的滨湖公园。</p>{LAKE}")
    other.fault("http_502", "/cgi-bin/freepublish/submit", times=1)  # it was not published, and nobody knows
    town.round("cms")
    assert other.titles() == ["春日掠影"] and len(other.articles()) == 2 and other.state()["drafts"] == []
    first, second = ([one["image_media_id"] for one in a["image_info"]["image_list"]] for a in shown(town))
    assert first != second


def test_killed_at_each_picture_it_is_published_once(pictures: Deployment) -> None:
    town, other = pictures, pictures.other
    publish(other, "春日掠影", html=STORY)
    town.collect("cms")
    town.compose("notices", "policies")
    kill_at(town, "intent:picture", "effect:picture", "effect:draft")
    run_until_killed(town.environ, "effect:submit", "deliver")
    other.advance(seconds=95)
    town.drain()
    assert other.titles() == ["春日掠影"] and len(other.articles()) == 1 and len(other.state()["materials"]) == 2


def test_what_cannot_be_one_is_quarantined_with_the_reason(pictures: Deployment) -> None:
    town, other = pictures, pictures.other
    publish(other, "没有图片", html="<p>文</p>")
    publish(other, "图片取不到", html='<p>文</p><img src="/cms/files/none.jpg">')
    publish(other, "图片太多", html="<p>文</p>" + "".join(f'<img src="/cms/files/{n}.jpg">' for n in range(21)))
    town.collect("cms")
    assert town.compose("notices")["notices"].quarantined == 3
    assert sorted(item["reason"] for item in town.status()["quarantine"]) == [
        "images: has 0 pictures, 1 to 20 fit",
        "images: has 21 pictures, 1 to 20 fit",
        "images: none of its pictures could be had",
    ]
    assert held(town.ctx) == []
