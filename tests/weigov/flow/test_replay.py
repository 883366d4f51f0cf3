"""A rejected delivery is tried again when a person says so, and nobody else is told again by it."""

from __future__ import annotations

import pytest

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish, said
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move, told
from tests.weigov.flow.test_operator import Weigov, lines, weigov
from weigov.flow import collect
from weigov.ledger import decisions, outbox, revisions
from weigov.ledger.outbox import Delivery
from weigov.ledger.streams import StreamRef

__all__ = ["weigov"]
BY = ("--as", "wangfang", "--reason", "the reason is gone")


def rejected(town: Deployment) -> Delivery:
    with town.ctx.ledger.read() as connection:
        (row,) = outbox.find(connection, states=("rejected",))
    return row


def refused_article(town: Deployment) -> tuple[dict[str, object], Delivery]:
    town.other.fault("publish_status", "/cgi-bin/freepublish/*", value="4", times=1)
    article = publish(town.other, "关于举办招聘会的公告")
    town.round("cms")
    return article, rejected(town)


def test_a_rejected_article_is_composed_again_as_it_is_now(calm: Deployment, weigov: Weigov) -> None:
    article, row = refused_article(calm)
    assert weigov("replay", str(row.id), *BY).good() == f"delivery {row.id}: pending\n"
    calm.compose()
    calm.drain()
    assert calm.other.titles() == ["关于举办招聘会的公告"]
    assert [state for state, _ in said(calm.other, article)] == ["rejected", "confirmed"]
    with calm.ctx.ledger.read() as connection:
        (kept,) = decisions.of_delivery(connection, row.id)
    assert (kept.what, kept.was, kept.person) == ("replay", "rejected", "wangfang")


def test_a_rejected_message_goes_again_to_this_citizen_only(calm: Deployment, weigov: Weigov) -> None:
    calm.other.persona(ORDINARY[0], "unfollowed")
    numbers = [case_of(calm.other, identity) for identity in ORDINARY[:2]]
    for number in numbers:
        move(calm.other, number, "12")
    calm.round("cases")
    row = rejected(calm)
    calm.other.persona(ORDINARY[0], "ordinary")
    calm.other.events_done()  # that they follow again is known
    assert "ready" in weigov("replay", str(row.id), *BY).good()
    calm.drain()
    assert all(told(calm.other, number) == ["补正"] for number in numbers)
    assert calm.other.most_often() == 1


def test_what_was_replaced_withdrawn_or_not_rejected_is_not_replayed(calm: Deployment, weigov: Weigov) -> None:
    article, row = refused_article(calm)
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.collect("cms")
    gone = weigov("replay", str(row.id), *BY)
    assert gone.code == 1 and "is withdrawn upstream" in gone.err
    calm.other.post(f"/cms/articles/{article['id']}/restore")
    calm.round("cms")
    old = weigov("replay", str(row.id), *BY)
    assert old.code == 1 and "a newer change of" in old.err
    for number, what in ((row.id + 1, "it is confirmed"), (999, "there is no delivery 999")):
        wrong = weigov("replay", str(number), *BY)
        assert wrong.code == 1 and what in wrong.err and len(lines(wrong.err)) == 1
    assert len(calm.other.articles()) == 1


def test_a_message_is_not_replayed_while_wechat_would_take_it_for_the_first(calm: Deployment, weigov: Weigov) -> None:
    calm.other.fault("template_status", SEND, value="failed: system failed", times=1)
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.collect("cases")
    calm.compose("case_progress")
    calm.deliver()
    calm.reconcile()
    assert "ready" in weigov("replay", str(rejected(calm).id), *BY).good()
    calm.drain()
    assert told(calm.other, number) == ["补正"]


@pytest.mark.parametrize(("change", "composed", "hears"), [("void", True, []), ("13", False, ["审查"])])
def test_a_message_about_what_changed_since_is_not_replayed(
    calm: Deployment, weigov: Weigov, change: str, composed: bool, hears: list[str]
) -> None:
    calm.other.persona(ORDINARY[0], "unfollowed")
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.round("cases")
    row = rejected(calm)
    calm.other.persona(ORDINARY[0], "ordinary")
    calm.other.events_done()  # that they follow again is known
    if change == "void":
        calm.other.post(f"/cases/cases/{number}/void")
    else:
        move(calm.other, number, change)
    calm.collect("cases")
    if composed:
        calm.compose("case_progress")
    typed = weigov("replay", str(row.id), *BY)
    assert typed.code == 1 and "a newer change of" in typed.err
    calm.round("cases")
    assert told(calm.other, number) == hears


def test_a_message_whose_time_is_over_is_not_replayed(calm: Deployment, weigov: Weigov) -> None:
    calm.other.persona(ORDINARY[0], "unfollowed")
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.round("cases")
    calm.other.advance(days=8)
    typed = weigov("replay", str(rejected(calm).id), *BY)
    assert typed.code == 1 and "valid_for is over" in typed.err


def test_where_exactly_that_stands_a_replay_publishes_nothing(calm: Deployment) -> None:
    article = publish(calm.other, "关于举办招聘会的公告")
    calm.round("cms")
    site = calm.ctx.site
    with calm.ctx.ledger.begin() as connection:
        ref = StreamRef(site.site, "cms", "articles")
        reads = collect.reads(site, site.flows["notices"])
        assert revisions.compose_again(connection, ref, article["id"], reads, cause="replay", now=calm.ctx.now())
    assert calm.compose("notices")["notices"].deliveries == 0
