"""What WeChat or the account's staff take down later is noticed by itself, and nothing else is taken for gone."""

from __future__ import annotations

from typing import Any

from sandbox.wechat import publish as publishing
from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish, said
from weigov.ledger import outbox

BATCHGET = "freepublish/batchget"


def rows(town: Deployment, state: Any) -> dict[str, str]:
    """title → reason, of the articles in ``state``."""
    with town.ctx.ledger.read() as connection:
        return {row.title: row.reason for row in outbox.find(connection, effect="publish", states=(state,))}


def take_down(town: Deployment, title: str, status: int, **more: Any) -> None:
    (there,) = [a for a in town.other.standing() if a["title"] == title]
    town.other.post(f"/wechat/articles/{there['article_id']}/take-down", status=status, **more)


def bury(town: Deployment, count: int) -> None:
    """So many newer articles of other people's, published in the console."""
    with town.other.world.transaction() as db:
        (kept,) = db.execute("SELECT * FROM wx_publish ORDER BY publish_id DESC LIMIT 1").fetchall()
        articles = kept["articles"].replace("#wg-", "#by-hand-").replace("关于", "他人关于")
        for n in range(count):
            columns = dict(kept) | {"publish_id": None, "article_id": f"by-hand-{n}", "articles": articles}
            columns["published_at"] += 60
            marks = ", ".join("?" * len(columns))
            db.execute(f"INSERT INTO wx_publish ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))


def test_what_is_taken_down_later_is_noticed_with_and_without_an_event(calm_on_each: Deployment) -> None:
    town, other = calm_on_each, calm_on_each.other
    titles = ["甲", "乙", "丙", "丁"]
    made = {title: publish(other, f"关于{title}路限行的通告") for title in titles}
    town.round("cms")
    assert len(rows(town, "confirmed")) == 4
    take_down(town, "关于甲路限行的通告", 6, event=True)
    take_down(town, "关于乙路限行的通告", 5)
    take_down(town, "关于丙路限行的通告", 6, listed=False)
    assert town.reconcile().states == {}  # the event is taken; of the others nothing can be known within the hour
    assert rows(town, "removed") == {"关于甲路限行的通告": "taken down by WeChat"}
    other.advance(minutes=70)
    assert town.reconcile().states == {"removed": 2}
    assert rows(town, "removed") == {
        "关于甲路限行的通告": "taken down by WeChat",
        "关于乙路限行的通告": "taken down by the account's own staff",
        "关于丙路限行的通告": "taken down by WeChat",
    }
    assert {item["title"] for item in town.status()["taken_down"]} == set(rows(town, "removed"))
    assert rows(town, "confirmed") == {"关于丁路限行的通告": ""}
    calls = other.calls(BATCHGET)
    town.reconcile()
    assert other.calls(BATCHGET) == calls  # once an hour
    town.drain()
    told = {title: said(other, article)[-1][0] for title, article in made.items()}
    assert told == {"甲": "removed", "乙": "removed", "丙": "removed", "丁": "confirmed"}
    # An edit publishes it anew.
    other.patch(f"/cms/articles/{made['甲']['id']}", append="（更正）")
    town.round("cms")
    assert sorted(other.titles()) == ["关于丁路限行的通告", "关于甲路限行的通告"]


def test_old_articles_are_looked_at_in_turn_and_half_of_the_calls_are_left(calm: Deployment) -> None:
    town, other = calm, calm.other
    publish(other, "关于甲路限行的通告")
    publish(other, "关于乙路限行的通告")
    town.round("cms")
    bury(town, 90)  # ours are on the fifth page now
    take_down(town, "关于乙路限行的通告", 6)
    for _ in range(30):
        other.advance(hours=1)
        town.reconcile()
        if rows(town, "removed"):
            break
    assert rows(town, "removed") == {"关于乙路限行的通告": "taken down by WeChat"}
    assert rows(town, "confirmed") == {"关于甲路限行的通告": ""}
    assert other.calls(BATCHGET) <= 50


def test_an_article_that_no_list_shows_is_asked_for_by_its_id(calm: Deployment) -> None:
    town, other = calm, calm.other
    publish(other, "关于甲路限行的通告")
    publish(other, "关于乙路限行的通告")
    town.round("cms")
    other.advance(hours=30)
    town.reconcile()
    bury(town, 90)
    take_down(town, "关于乙路限行的通告", 5, listed=False)
    for _ in range(10):
        other.advance(hours=7)
        town.reconcile()
    assert rows(town, "removed") == {"关于乙路限行的通告": "taken down by the account's own staff"}
    assert rows(town, "confirmed") == {"关于甲路限行的通告": ""}


def test_our_own_removal_is_not_taken_for_somebody_elses(calm: Deployment) -> None:
    town, other = calm, calm.other
    article = publish(other, "关于甲路限行的通告")
    town.round("cms")
    other.advance(hours=2)
    other.fault("lose_answer", "/cgi-bin/freepublish/delete", times=1)
    other.post(f"/cms/articles/{article['id']}/withdraw")
    town.collect("cms")
    town.compose()
    assert town.deliver().states["unknown"] == 1
    other.fault("http_502", "/cgi-bin/freepublish/getarticle", times=2)  # it is not certain yet that we did it
    town.reconcile()
    town.drain()
    assert rows(town, "removed") == {"关于甲路限行的通告": ""}
    assert town.status()["taken_down"] == []


def test_a_removal_that_waits_for_tomorrow_is_dropped_when_it_is_gone_already(calm: Deployment) -> None:
    town, other = calm, calm.other
    other.put(f"/wechat/accounts/{other.appid}/limits", path="/cgi-bin/freepublish/delete", daily=0)
    article = publish(other, "关于甲路限行的通告")
    town.round("cms")
    other.post(f"/cms/articles/{article['id']}/withdraw")
    town.round("cms")
    take_down(town, "关于甲路限行的通告", publishing.BANNED, event=True)
    town.reconcile()
    assert rows(town, "removed") == {"关于甲路限行的通告": "taken down by WeChat"}
    with town.ctx.ledger.read() as connection:
        (removal,) = outbox.find(connection, effect="remove")
    assert (removal.state, removal.reason) == ("superseded", "it is gone already")
    other.advance(days=1)
    town.drain()
    assert other.calls("freepublish/delete") == 0
