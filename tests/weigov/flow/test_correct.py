"""A quarantined article's title is corrected for this revision, by one person, and approved by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_operator import Weigov, weigov
from weigov.errors import ReviewRejected
from weigov.flow.correct import Offer, correct, offer
from weigov.flow.review import decide, held
from weigov.ledger import audit_log, revisions

__all__ = ["weigov"]
LONG = "关于进一步做好全市老旧小区改造工程施工期间交通组织和安全管理有关工作的通知（征求意见稿）"
SHORT = "老旧小区改造施工期间交通组织通知"


@pytest.fixture
def reviewed(calm: Deployment) -> Iterator[Deployment]:
    """Notices need one person."""
    flow: Path = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 1}\nmap:", 1))
    calm.reopen()
    calm.apply("notices")
    yield calm


def too_long(town: Deployment) -> Mapping[str, Any]:
    """One that is in quarantine for its title."""
    article = publish(town.other, LONG)
    compose(town)
    return article


def compose(town: Deployment) -> None:
    town.collect("cms")
    town.compose("notices")
    town.drain_but_compose()


def offered(town: Deployment, article: Mapping[str, Any], flow: str = "notices") -> Offer | None:
    with town.ctx.ledger.read() as connection:
        return offer(town.ctx, connection, flow, str(article["id"]))


def put(town: Deployment, article: Mapping[str, Any], revision: int = 0, **texts: str) -> None:
    found = offered(town, article)
    assert found is not None
    correct(
        town.ctx, "notices", str(article["id"]), texts,
        revision=revision or found.revision, person="bianji", reason="先发出来",
    )  # fmt: skip


def test_it_is_composed_with_the_correction_and_who_corrected_cannot_approve(reviewed: Deployment) -> None:
    article = too_long(reviewed)
    assert held(reviewed.ctx) == [] and reviewed.other.articles() == []
    put(reviewed, article, short_title=f" {SHORT}\n")
    compose(reviewed)
    (row,) = held(reviewed.ctx)
    assert row.title == SHORT
    assert row.corrected == f"bianji: short_title: “” → “{SHORT}” (先发出来)"
    with pytest.raises(ReviewRejected, match=r"bianji corrected the texts .* another person is needed"):
        decide(reviewed.ctx, row.id, digest=row.digest, person=" bianji (7)", decision="approve")
    reviewed.approve("shenhe")
    reviewed.drain_but_compose()
    assert reviewed.other.titles() == [SHORT]
    with reviewed.ctx.ledger.read() as connection:
        log = list(audit_log.entries(connection))
    ref = f"cms/articles/{article['id']}"
    assert [(one.what, one.person, one.about) for one in log[-2:]] == [
        ("correct", "bianji", f"flow notices, revision 2 of {ref}"),
        ("approve", "shenhe", f"delivery {row.id}, digest {row.digest}"),
    ]


def test_reading_the_same_again_is_no_change_and_the_next_edit_comes_without_it(reviewed: Deployment) -> None:
    article = too_long(reviewed)
    put(reviewed, article, short_title=SHORT)
    compose(reviewed)
    reviewed.approve("shenhe")
    reviewed.drain_but_compose()
    reviewed.other.patch(f"/cms/articles/{article['id']}", title=LONG)  # saved again: only its date is another
    compose(reviewed)
    assert held(reviewed.ctx) == [] and reviewed.other.titles() == [SHORT]
    reviewed.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    compose(reviewed)
    with reviewed.ctx.ledger.read() as connection:
        (waiting,) = revisions.quarantined(connection, "demo")
    assert (waiting.key, waiting.n) == (str(article["id"]), 3)  # its title is as long as before
    assert reviewed.other.titles() == [SHORT]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"short_title": "很" * 40}, "it could still not be mapped: title: .*short_title has 40 characters"),
        ({"title": LONG}, "nothing was corrected"),
        ({"short_title": "短" * 501}, "at most 500 fit"),
        ({"html": "<p>别的</p>"}, "html may not be corrected here"),
        ({"column": "0103"}, "column may not be corrected here"),
        ({"cover": "https://x.example/a.png"}, "cover may not be corrected here"),
    ],
)
def test_what_would_not_do_is_refused_at_once(texts: dict[str, str], says: str, reviewed: Deployment) -> None:
    article = too_long(reviewed)
    with pytest.raises(ReviewRejected, match=says):
        put(reviewed, article, **texts)
    assert offered(reviewed, article) is not None


def test_a_correction_of_what_changed_meanwhile_is_refused(reviewed: Deployment) -> None:
    article = too_long(reviewed)
    seen = offered(reviewed, article)
    assert seen is not None
    reviewed.other.patch(f"/cms/articles/{article['id']}", append="（又改）")
    compose(reviewed)
    with pytest.raises(ReviewRejected, match="it changed since it was shown"):
        put(reviewed, article, revision=seen.revision, short_title=SHORT)


def test_where_nobody_reviews_nothing_may_be_corrected(calm: Deployment) -> None:
    article = too_long(calm)
    with calm.ctx.ledger.read() as connection:
        assert [row.key for row in revisions.quarantined(connection, "demo")] == [str(article["id"])]
    assert offered(calm, article) is None and offered(calm, article, "gone") is None


def test_what_is_not_in_quarantine_may_not_be_corrected(reviewed: Deployment) -> None:
    assert offered(reviewed, {"id": "nowhere"}) is None
    article = publish(reviewed.other, "短标题的通知")
    compose(reviewed)
    assert len(held(reviewed.ctx)) == 1 and offered(reviewed, article) is None


def test_it_is_corrected_by_command(reviewed: Deployment, weigov: Weigov) -> None:
    article = too_long(reviewed)
    key = str(article["id"])
    by = ("--as", "bianji", "--reason", "先发出来")
    refused = weigov("quarantine", "correct", "notices", key, "--set", "html=x", *by)
    assert refused.code == 1 and "html may not be corrected here" in refused.err
    assert (
        "short_title corrected"
        in weigov("quarantine", "correct", "notices", key, "--set", f"short_title={SHORT}", *by).good()
    )
    again = weigov("quarantine", "correct", "notices", key, "--set", f"short_title={SHORT}", *by)
    assert again.code == 1 and "it is not quarantined" in again.err
