"""An article whose column is not known yet waits for it; what waits is overtaken by nothing but what replaces it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from tests.weigov.flow.deployment import STREAMS, Deployment
from tests.weigov.flow.test_articles import NOTICES, PICTURE, publish
from weigov.flow import compose
from weigov.flow.collect import collect
from weigov.ledger import streams
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import record

COLUMNS = StreamRef("demo", "cms", "columns")
TITLE = "关于滨湖大道封闭施工的通告"


def forget_column(town: Deployment, key: str) -> None:
    with town.ctx.ledger.begin() as connection:
        connection.execute(delete(record).where(streams.in_stream(record, COLUMNS), record.c.key == key))


def test_articles_that_were_collected_before_their_columns_are_all_published(town: Deployment) -> None:
    assert STREAMS[0] == ("cms", "columns")
    collect(town.ctx, "cms", "articles")
    first = town.compose("notices", "policies")
    assert {name: sum(done.waiting.values()) for name, done in first.items()} == {"notices": 69, "policies": 69}
    assert all(not done.skipped and not done.deliveries for done in first.values())
    collect(town.ctx, "cms", "columns")
    second = town.compose("notices", "policies")
    assert {name: done.deliveries for name, done in second.items()} == {"notices": 15, "policies": 13}
    assert all(not done.waiting for done in second.values())


def test_an_article_of_a_new_column_waits_until_the_columns_are_read_again(calm: Deployment) -> None:
    forget_column(calm, NOTICES)
    calm.other.advance(minutes=10)
    publish(calm.other, TITLE)
    collect(calm.ctx, "cms", "articles")
    done = calm.compose("notices")["notices"]
    assert done.waiting == {"columns not read yet": 1} and not done.skipped
    collect(calm.ctx, "cms", "columns")
    assert calm.compose("notices")["notices"].deliveries == 1


def test_a_column_the_system_does_not_name_even_then_is_none_the_flow_takes(calm: Deployment) -> None:
    calm.other.advance(minutes=10)
    publish(calm.other, TITLE)
    collect(calm.ctx, "cms", "articles")
    calm.other.advance(minutes=10)
    collect(calm.ctx, "cms", "columns")
    forget_column(calm, NOTICES)
    done = calm.compose("notices")["notices"]
    assert done.skipped == {"not one this flow takes": 1} and not done.waiting


def test_columns_that_were_read_in_part_make_no_menu_and_hide_no_article(town: Deployment) -> None:
    collect(town.ctx, "cms", "columns")
    forget_column(town, NOTICES)
    with town.ctx.ledger.begin() as connection:  # as if the first reading had broken off
        state = streams.stream_state
        connection.execute(state.update().where(streams.in_stream(state, COLUMNS)).values(last_completed_at=None))
    collect(town.ctx, "cms", "articles")
    assert "not collected yet" in town.compose("menu")["menu"].held
    done = town.compose("notices")["notices"]
    assert done.waiting["columns not read yet"] > 0


@pytest.fixture
def with_lost_picture(calm: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An article that waits for a picture nobody serves at the moment; what comes next is looked at by itself."""
    monkeypatch.setattr(compose, "_CHUNK", 1)
    calm.other.fault("refuse_before", "/cms/files/road.jpg")
    article = publish(calm.other, TITLE, html=PICTURE)
    calm.collect("cms")
    assert sum(calm.compose("notices")["notices"].waiting.values()) == 1
    calm.other.advance(minutes=1)
    return article


def test_an_edit_that_needs_no_picture_overtakes_the_one_that_waits_for_it(
    calm: Deployment, with_lost_picture: dict[str, Any]
) -> None:
    calm.other.patch(f"/cms/articles/{with_lost_picture['id']}", title=f"{TITLE}（更正）", html="<p>改道通行。</p>")
    calm.round("cms")
    calm.other.mend()
    calm.round("cms")
    assert [article["title"] for article in calm.other.articles()] == [f"{TITLE}（更正）"]


def test_an_article_withdrawn_while_it_waits_is_never_published(
    calm: Deployment, with_lost_picture: dict[str, Any]
) -> None:
    calm.other.post(f"/cms/articles/{with_lost_picture['id']}/withdraw")
    calm.round("cms")
    calm.other.mend()
    calm.round("cms")
    assert calm.other.articles() == []
