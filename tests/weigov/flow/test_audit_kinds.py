"""Drift of what bears no mark of ours: picture messages, and messages to many. Each kind is one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from tests.weigov.flow.deployment import Deployment, Lived, rewrite
from tests.weigov.flow.mass import MONDAY, TITLES, begin, digests, sent, with_weekly, work
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_newspic import STORY, as_newspic
from weigov.flow.audit import audit, mass
from weigov.ledger import attempts, budget
from weigov.ledger.tables import delivery


@pytest.fixture(scope="module")
def lived_once(calm_lived: Lived) -> Iterator[Lived]:
    calm = calm_lived.again()
    with_weekly(calm)
    begin(calm, TITLES[0])
    calm.other.at(MONDAY)
    work(calm)
    assert len(sent(calm.other)) == 1
    rewrite(calm.settings.site / "flows" / "notices.yaml", as_newspic)
    calm.reopen()
    calm.apply("notices")
    publish(calm.other, "春日掠影", html=STORY)
    calm.round("cms")
    lived = Lived(calm)
    yield lived
    lived.close()


@pytest.fixture
def lived(lived_once: Lived) -> Deployment:
    """A message to many, sent; and a picture message, published."""
    return lived_once.again()


def edited(town: Deployment, change: Callable[[dict[str, object]], object]) -> None:
    """Somebody edited the picture message in WeChat."""
    with town.other.world.transaction() as db:
        number, text = db.execute(
            "SELECT publish_id, articles FROM wx_publish ORDER BY publish_id DESC LIMIT 1"
        ).fetchone()
        (article,) = json.loads(text)
        assert article["article_type"] == "newspic"
        change(article)
        db.execute("UPDATE wx_publish SET articles = ? WHERE publish_id = ?", (json.dumps([article]), number))


def again_by_hand(town: Deployment) -> None:
    client = town.ctx.account("city")
    with town.other.world.lock:
        (text,) = town.other.world.db.execute(
            "SELECT articles FROM wx_publish ORDER BY publish_id DESC LIMIT 1"
        ).fetchone()
    (there,) = json.loads(text)
    names = ("article_type", "title", "content", "image_info")
    client.submit(client.add_draft([{name: there[name] for name in names}]))
    town.other.advance(seconds=10)
    town.other.events_done()


def taken_down(town: Deployment) -> None:
    (article,) = (a for a in town.other.standing() if a["title"] == "春日掠影")
    town.other.post(f"/wechat/articles/{article['article_id']}/take-down", status=6)


def deleted_in_the_console(town: Deployment) -> None:
    (row,) = digests(town)
    with town.ctx.ledger.read() as connection:
        number = attempts.done(connection, row.id)[budget.STEP]
    town.ctx.account("city").mass.delete(number, 0)


def digest_is(state: str) -> Callable[[Deployment], None]:
    def put(town: Deployment) -> None:
        (row,) = digests(town)
        with town.ctx.ledger.begin() as connection:
            connection.execute(update(delivery).where(delivery.c.id == row.id).values(state=state))

    return put


DRIFTS: dict[str, tuple[Callable[[Deployment], object], str]] = {
    "pictures gone": (taken_down, "published, but no longer in WeChat"),
    "pictures twice": (again_by_hand, "stands 2 times in WeChat"),
    "pictures with another title": (
        lambda town: edited(town, lambda article: article.update(title="夏日掠影")),
        "not what was approved: title differ",
    ),
    "a picture fewer": (
        lambda town: edited(town, lambda article: article["image_info"]["image_list"].pop()),  # type: ignore[index]
        "not what was approved: number of pictures differ",
    ),
    "message deleted": (deleted_in_the_console, "sent, but deleted in WeChat since"),
    "message rejected": (digest_is("rejected"), "WeChat says that it was sent, but the ledger says rejected"),
    "message given up": (digest_is("given_up"), "WeChat says that it was sent, but the ledger says given_up"),
    "message in doubt": (digest_is("in_doubt"), "in doubt, but WeChat says that it was sent"),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_each_kind_of_drift_is_one_line(lived: Deployment, kind: str) -> None:
    drift, said = DRIFTS[kind]
    assert audit(lived.ctx, sources=False).differences == ()
    drift(lived)
    found = audit(lived.ctx, sources=False)
    (line,) = found.differences
    assert said in line.what and line.todo and line.delivery and found.not_compared == ()


def test_messages_that_are_not_asked_about_are_said(lived: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "NEWEST", 0)
    assert audit(lived.ctx, sources=False).not_compared == ("city: only the newest 0 mass messages were compared",)
