"""Nothing that needs two people leaves after one, after the same one twice, or after it was changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import publish, said
from weigov.errors import ReviewRejected
from weigov.flow.review import Held, decide, held


@pytest.fixture
def reviewed(calm: Deployment) -> Iterator[Deployment]:
    """Notices need two people, as in the demo."""
    flow: Path = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 2}\nmap:", 1))
    calm.reopen()
    calm.apply("notices")
    yield calm


def one_held(town: Deployment) -> Held:
    (row,) = held(town.ctx)
    return row


def compose(town: Deployment) -> None:
    town.collect("cms")
    town.compose("notices", "policies")
    town.drain()


def test_it_leaves_after_two_different_people_and_not_before(reviewed: Deployment) -> None:
    publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    row = one_held(reviewed)
    assert (row.title, row.needed, row.approvals) == ("关于供水管道抢修的通知", 2, 0)
    assert "请有关单位和个人予以配合" in row.excerpt and "<" not in row.excerpt
    reviewed.approve("bianji")
    reviewed.drain()
    assert reviewed.other.articles() == []
    with pytest.raises(ReviewRejected, match="bianji has already decided"):
        decide(reviewed.ctx, row.id, digest=row.digest, person=" bianji ", decision="approve")
    reviewed.drain()
    assert reviewed.other.articles() == []
    reviewed.approve("shenhe")
    reviewed.drain()
    assert reviewed.other.titles() == ["关于供水管道抢修的通知"]
    with pytest.raises(ReviewRejected, match="no longer waits"):
        decide(reviewed.ctx, row.id, digest=row.digest, person="zhuren", decision="approve")


def test_one_person_is_one_by_every_name_and_two_of_one_name_are_two(reviewed: Deployment) -> None:
    publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    row = one_held(reviewed)
    reviewed.approve("li (7)")
    for other in ("li", "lili (7)", "li (7)"):  # on the command line, renamed in Airflow, again
        with pytest.raises(ReviewRejected, match="another person is needed"):
            decide(reviewed.ctx, row.id, digest=row.digest, person=other, decision="approve")
    assert decide(reviewed.ctx, row.id, digest=row.digest, person="li (9)", decision="approve") == "ready"


def test_a_reviewer_is_shown_what_was_found_and_what_differs_from_what_citizens_read(reviewed: Deployment) -> None:
    (reviewed.settings.site / "words.yaml").write_text("warn: [{word: 按装, say: 安装}]\n", encoding="utf-8")
    reviewed.reopen()
    article = publish(reviewed.other, "关于按装电表的通知", html="<p>周一按装。</p><p>请配合。</p>")
    compose(reviewed)
    first = one_held(reviewed)
    assert [(one.level, one.field) for one in first.findings] == [("warn", "title"), ("warn", "content")]
    assert first.changes == ()
    reviewed.approve()
    reviewed.drain()
    reviewed.other.patch(
        f"/cms/articles/{article['id']}", title="关于安装电表的通知", html="<p>周二安装。</p><p>请配合。</p>"
    )
    compose(reviewed)
    second = one_held(reviewed)
    assert second.findings == ()
    assert {line for line in second.changes if "月" not in line} == {
        "-关于按装电表的通知", "+关于安装电表的通知", "-周一按装。", "+周二安装。",
    }  # fmt: skip


def test_what_one_person_refused_never_leaves_and_the_cms_knows(reviewed: Deployment) -> None:
    article = publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    row = one_held(reviewed)
    reviewed.approve("bianji")
    decide(reviewed.ctx, row.id, digest=row.digest, person="shenhe", decision="refuse", comment="时间有误")
    reviewed.drain()
    assert held(reviewed.ctx) == [] and reviewed.other.articles() == []
    assert said(reviewed.other, article) == [("refused", "")]
    assert reviewed.other.get("/cms/write-backs")[-1]["reason"] == "时间有误"


def test_an_approval_of_something_else_is_refused(reviewed: Deployment) -> None:
    publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    row = one_held(reviewed)
    with pytest.raises(ReviewRejected, match="look at it again"):
        decide(reviewed.ctx, row.id, digest="0" * 64, person="bianji", decision="approve")


def test_edited_while_it_waited_every_approval_starts_anew(reviewed: Deployment) -> None:
    article = publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    old = one_held(reviewed)
    reviewed.approve("bianji")
    reviewed.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    compose(reviewed)
    new = one_held(reviewed)
    assert new.digest != old.digest and new.approvals == 0
    with pytest.raises(ReviewRejected):
        decide(reviewed.ctx, old.id, digest=old.digest, person="shenhe", decision="approve")
    reviewed.approve("shenhe")
    reviewed.drain()
    assert reviewed.other.articles() == []
    reviewed.approve("bianji")
    reviewed.drain()
    assert len(reviewed.other.articles()) == 1


def test_the_bytes_people_approved_leave_though_the_picture_changed_since(reviewed: Deployment) -> None:
    publish(reviewed.other, "关于供水管道抢修的通知", html='<p>见图</p><p><img src="/cms/files/road.jpg"></p>')
    compose(reviewed)
    reviewed.approve("bianji", "shenhe")
    reviewed.other.fault("http_502", "/cms/*")  # nothing is fetched again
    reviewed.deliver()
    reviewed.other.advance(seconds=5)
    assert len(reviewed.other.standing()) == 1


def test_a_withdrawal_needs_nobodys_approval(reviewed: Deployment) -> None:
    article = publish(reviewed.other, "关于供水管道抢修的通知")
    reviewed.round("cms")
    reviewed.other.post(f"/cms/articles/{article['id']}/withdraw")
    compose(reviewed)
    assert held(reviewed.ctx) == [] and reviewed.other.standing() == []


def test_withdrawn_while_it_waited_nobody_is_asked_any_more(reviewed: Deployment) -> None:
    article = publish(reviewed.other, "关于供水管道抢修的通知")
    compose(reviewed)
    reviewed.other.post(f"/cms/articles/{article['id']}/withdraw")
    compose(reviewed)
    assert held(reviewed.ctx) == []
