"""A person settles what is in doubt: it is told upstream, kept with name and reason, and later changes go on."""

from __future__ import annotations

import json

import pytest

from tests.weigov.command import command
from tests.weigov.flow.deployment import Deployment, rewrite, to_drafts
from tests.weigov.flow.test_articles import publish, said, untold
from tests.weigov.flow.test_messages import ORDINARY, case_of, move, told
from tests.weigov.flow.test_operator import Weigov, lines, weigov
from weigov.flow.audit import audit
from weigov.ledger import attempts, decisions, outbox, receipts
from weigov.ledger.outbox import Delivery

__all__ = ["weigov"]
BY = ("--as", "wangfang", "--reason", "looked in the console")


def doubtful(town: Deployment) -> Delivery:
    """The one delivery without an answer, once nothing more could be learnt about it."""
    with town.ctx.ledger.begin() as connection:
        (row,) = outbox.find(connection, states=("unknown",))
        outbox.settle(connection, row, "in_doubt", now=town.ctx.now(), reason="no answer, no event")
        return row


def article_in_doubt(town: Deployment, fault: str) -> tuple[dict[str, object], Delivery]:
    town.other.fault(fault, "/cgi-bin/freepublish/submit", times=1)
    town.other.fault("drop_event", "/cgi-bin/freepublish/*")
    article = publish(town.other, "关于道路限行的通告")
    town.collect("cms")
    town.compose()
    town.deliver()
    row = doubtful(town)
    town.other.advance(seconds=10)
    town.other.mend()
    return article, row


def message_in_doubt(town: Deployment, fault: str) -> tuple[str, Delivery]:
    town.other.fault(fault, "/cgi-bin/message/template/send", times=1)
    town.other.fault("drop_event", "/cgi-bin/message/template/*")
    number = case_of(town.other, ORDINARY[0])
    move(town.other, number, "12")
    town.collect("cases")
    town.compose()
    town.deliver()
    row = doubtful(town)
    town.other.mend()
    return number, row


def state_of(town: Deployment, row: Delivery) -> str:
    with town.ctx.ledger.read() as connection:
        return outbox.get(connection, row.id).state


def test_an_article_that_is_there_is_found_confirmed_told_and_later_replaced(
    calm: Deployment, weigov: Weigov
) -> None:
    article, row = article_in_doubt(calm, "lose_answer")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert len(calm.other.articles()) == 1  # the edit waits behind the doubt
    assert "confirmed" in weigov("settle", str(row.id), *BY, "--arrived").good()
    calm.drain()
    (standing,) = calm.other.standing()
    assert len(calm.other.articles()) == 2
    assert said(calm.other, article)[-1] == ("confirmed", standing["url"])
    assert state_of(calm, row) == "removed"


def test_a_withdrawal_reaches_an_article_that_was_in_doubt(calm: Deployment, weigov: Weigov) -> None:
    article, row = article_in_doubt(calm, "lose_answer")
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    weigov("settle", str(row.id), *BY, "--arrived").good()
    calm.drain()
    assert calm.other.standing() == [] and said(calm.other, article)[-1][0] == "removed"


def test_an_article_wechat_does_not_show_did_not_arrive(calm: Deployment, weigov: Weigov) -> None:
    _, row = article_in_doubt(calm, "refuse_before")
    for receipt in ([], ["--receipt", "https://mp.weixin.qq.com/s/none"], ["--receipt", "NOT-AN-ARTICLE"]):
        typed = weigov("settle", str(row.id), *BY, "--arrived", *receipt)
        assert typed.code == 1 and "WeChat shows no such article" in lines(typed.err)[0]
    assert state_of(calm, row) == "in_doubt"


@pytest.mark.parametrize("by", ["id", "address"])
def test_an_article_published_by_hand_is_named_by_its_id_or_address(
    calm: Deployment, weigov: Weigov, by: str
) -> None:
    first = publish(calm.other, "关于启用新政务服务大厅的公告")
    calm.round("cms")
    (other,) = calm.other.standing()
    article, row = article_in_doubt(calm, "refuse_before")
    with calm.ctx.ledger.begin() as connection:  # as if nobody of ours had published the first
        (mine,) = outbox.find(connection, record=f"cms/articles/{first['id']}", effect="publish")
        (known,) = [r for r in receipts.of_delivery(connection, mine.id) if r.kind == "article"]
        connection.exec_driver_sql(f"UPDATE receipt SET delivery_id = NULL WHERE id = {known.id}")
    receipt = known.remote_id if by == "id" else other["url"]
    weigov("settle", str(row.id), *BY, "--arrived", "--receipt", receipt).good()
    calm.sync_back("cms")
    assert said(calm.other, article)[-1] == ("confirmed", other["url"])


def test_an_article_that_was_not_sent_goes_out_once_from_the_draft_that_is_there(
    calm: Deployment, weigov: Weigov
) -> None:
    article, row = article_in_doubt(calm, "refuse_before")
    typed = weigov("settle", str(row.id), *BY, "--not-sent", "--yes")
    assert typed.code == 0 and lines(typed.err) == [
        f"delivery {row.id}: every reader of the account may see the article twice"
    ]
    calm.drain()
    assert len(calm.other.articles()) == 1 and calm.other.state()["drafts"] == []
    assert calm.other.calls("draft/add") == 1
    assert said(calm.other, article)[-1][0] == "confirmed"


def test_an_article_that_wechat_shows_is_not_sent_again_whoever_says_so(calm: Deployment, weigov: Weigov) -> None:
    _, row = article_in_doubt(calm, "lose_answer")
    typed = weigov("settle", str(row.id), *BY, "--not-sent", "--yes")
    assert typed.code == 1 and "settle it with --arrived" in typed.err
    assert state_of(calm, row) == "in_doubt"


def test_a_message_is_sent_again_only_after_the_warning_was_answered(calm: Deployment, weigov: Weigov) -> None:
    number, row = message_in_doubt(calm, "refuse_before")
    asked = weigov("settle", str(row.id), *BY, "--not-sent")  # nobody there to say yes
    assert asked.code == 1 and f"delivery {row.id}: 1 citizen may be told twice" in asked.err
    assert state_of(calm, row) == "in_doubt"
    assert "ready" in weigov("settle", str(row.id), *BY, "--not-sent", "--yes").good()
    calm.drain()
    assert told(calm.other, number) == ["补正"]


def test_a_message_nobody_wants_any_more_is_not_sent_again(calm: Deployment, weigov: Weigov) -> None:
    _, row = message_in_doubt(calm, "refuse_before")
    calm.other.advance(days=8)
    typed = weigov("settle", str(row.id), *BY, "--not-sent", "--yes")
    assert typed.code == 1 and "--give-up" in typed.err


def test_a_message_that_arrived_keeps_its_number(calm: Deployment, weigov: Weigov) -> None:
    number, row = message_in_doubt(calm, "lose_answer")
    weigov("settle", str(row.id), *BY, "--arrived", "--receipt", "4711").good()
    calm.drain()
    assert told(calm.other, number) == ["补正"]
    with calm.ctx.ledger.read() as connection:
        assert [r.remote_id for r in receipts.of_delivery(connection, row.id)] == ["4711"]


def test_what_was_given_up_stays_and_the_next_change_goes_on(calm: Deployment, weigov: Weigov) -> None:
    article, row = article_in_doubt(calm, "refuse_before")
    assert "given_up" in weigov("settle", str(row.id), *BY, "--give-up").good()
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    calm.round("cms")
    assert len(calm.other.standing()) == 1 and state_of(calm, row) == "given_up"


def test_who_decided_what_and_why_is_kept_and_shown(calm_on_each: Deployment) -> None:
    number, row = message_in_doubt(calm_on_each, "refuse_before")
    del number
    command(calm_on_each.environ, "settle", str(row.id), *BY, "--give-up").good()
    with calm_on_each.ctx.ledger.read() as connection:
        (kept,) = decisions.of_delivery(connection, row.id)
    assert (kept.what, kept.was, kept.now) == ("settle", "in_doubt", "given_up")
    assert (kept.person, kept.reason) == ("wangfang", "looked in the console")
    shown = command(calm_on_each.environ, "status").good()
    assert f"decided: settle delivery {row.id}: in_doubt → given_up, wangfang at" in shown
    (found,) = json.loads(command(calm_on_each.environ, "status", "--json").good())["decisions"]
    assert found["person"] == "wangfang"


def test_only_what_is_in_doubt_is_settled_and_the_line_says_what_to_do(calm: Deployment, weigov: Weigov) -> None:
    publish(calm.other, "关于道路限行的通告")
    calm.round("cms")
    with calm.ctx.ledger.read() as connection:
        (row,) = outbox.find(connection, effect="publish", states=("confirmed",))
    for number, what in ((str(row.id), "it is confirmed"), ("999", "there is no delivery 999")):
        typed = weigov("settle", number, *BY, "--arrived")
        assert typed.code == 1 and what in typed.err and len(lines(typed.err)) == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "one of --arrived, --not-sent, --give-up"),
        (("--arrived", "--give-up"), "one of --arrived, --not-sent, --give-up"),
        (("--give-up", "--receipt", "1"), "--receipt names one delivery"),
    ],
)
def test_a_contradiction_on_the_command_line_is_one_line(
    calm: Deployment, weigov: Weigov, words: tuple[str, ...], what: str
) -> None:
    typed = weigov("settle", "1", *BY, *words)
    assert typed.code == 1 and len(lines(typed.err)) == 1 and what in typed.err


def test_a_decision_without_a_name_or_a_reason_moves_nothing(calm: Deployment, weigov: Weigov) -> None:
    _, row = message_in_doubt(calm, "refuse_before")
    for person, reason in ((" ", "why"), ("wangfang", " ")):
        typed = weigov("settle", str(row.id), "--as", person, "--reason", reason, "--give-up")
        assert typed.code == 1 and "a name and a reason" in typed.err
    assert state_of(calm, row) == "in_doubt"


def write_back_in_doubt(town: Deployment) -> tuple[dict[str, object], Delivery]:
    article = untold(town)
    with town.ctx.ledger.begin() as connection:
        (row,) = outbox.find(connection, channel="write", states=("ready", "unknown"))
        outbox.park(connection, row, now=town.ctx.now(), reason="recovered")
    return article, row


def test_a_write_back_that_was_not_sent_is_written_and_tells_no_citizen(calm: Deployment, weigov: Weigov) -> None:
    article, row = write_back_in_doubt(calm)
    typed = weigov("settle", str(row.id), *BY, "--not-sent", "--yes")
    assert lines(typed.err) == [f"delivery {row.id}: 0 citizens are told twice; cms may book it twice"]
    calm.drain()
    assert [state for state, _ in said(calm.other, article)] == ["confirmed"]


def test_a_write_back_that_arrived_keeps_its_number_and_is_not_repeated(calm: Deployment, weigov: Weigov) -> None:
    article, row = write_back_in_doubt(calm)
    weigov("settle", str(row.id), *BY, "--arrived", "--receipt", "W-77").good()
    calm.drain()
    assert said(calm.other, article) == []
    with calm.ctx.ledger.read() as connection:
        assert attempts.done(connection, row.id) == {"write": "W-77"}


def test_a_draft_that_is_there_arrived_and_can_be_withdrawn(calm: Deployment, weigov: Weigov) -> None:
    rewrite(calm.settings.site / "flows" / "notices.yaml", to_drafts)
    calm.reopen()
    calm.apply("notices")
    calm.other.fault("lose_answer", "/cgi-bin/draft/add", times=1)
    article = publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose()
    calm.deliver()
    row = doubtful(calm)
    refused = weigov("settle", str(row.id), *BY, "--not-sent", "--yes")
    assert refused.code == 1 and "settle it with --arrived" in refused.err
    assert "confirmed" in weigov("settle", str(row.id), *BY, "--arrived").good()
    assert audit(calm.ctx, sources=False).differences == ()
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert calm.other.state()["drafts"] == [] and state_of(calm, row) == "removed"
