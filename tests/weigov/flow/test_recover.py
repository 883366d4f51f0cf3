"""After a failover or a restore nothing that may have been sent is sent again; while stopped, nothing leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.weigov.command import command
from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, case_of, move, told
from tests.weigov.flow.test_operator import Weigov, lines, weigov
from tests.weigov.flow.test_standstill import write_messages
from weigov.flow import deliver, recover
from weigov.ledger import claims, decisions, outbox, sending
from weigov.ledger.states import State

__all__ = ["weigov"]


def ids(town: Deployment, *states: State, **more: str) -> list[str]:
    with town.ctx.ledger.read() as connection:
        return [str(row.id) for row in outbox.find(connection, states=states, **more)]


def moved(town: Deployment, how_many: int = 1) -> list[str]:
    numbers = [case_of(town.other, identity) for identity in ORDINARY[:how_many]]
    for number in numbers:
        move(town.other, number, "12")
    town.collect("cases")
    town.compose()
    return numbers


def test_what_was_under_way_is_parked_and_counted_and_the_rest_goes(calm_on_each: Deployment) -> None:
    town = calm_on_each
    town.other.fault("lose_answer", "/cgi-bin/freepublish/submit", times=1)
    publish(town.other, "关于道路限行的通告")
    publish(town.other, "关于供水管道抢修的通知")
    town.collect("cms")
    town.compose()
    town.deliver()
    numbers = moved(town, 3)
    with town.ctx.ledger.begin() as connection:  # a worker that died with two in its hands
        rows = claims.claim(connection, target="account:city", limit=2, owner="w", lease_s=90, now=town.ctx.now())
        sending.begin(connection, rows[0], "send", owner="w", lease_s=90, now=town.ctx.now())
    typed = command(town.environ, "recover", "--reason", "failover", "--as", "wangfang")
    assert typed.good() == (
        "in doubt now: claimed 1, sending 1, unknown 1, accepted 1; harmless to repeat, goes on: 0\n"
    )
    assert "recover, wangfang at" in command(town.environ, "status").good()
    town.deliver()
    assert sorted(told(town.other, number) for number in numbers) == [[], [], ["补正"]]


def test_what_does_no_harm_twice_is_not_parked(calm: Deployment) -> None:
    calm.other.fault("lose_answer", "/cgi-bin/menu/create", times=1)
    calm.compose("menu")
    calm.deliver()
    assert ids(calm, "unknown", channel="menu")
    with calm.ctx.ledger.begin() as connection:
        found = outbox.find(connection, states=("unknown",))
    assert recover.recover(calm.ctx, person="wangfang", reason="failover") == recover.Recovered({}, len(found))
    calm.drain()
    assert calm.status()["in_doubt"] == [] and calm.other.menu() is not None


def test_while_stopped_nothing_leaves_and_the_line_says_why(calm: Deployment, weigov: Weigov) -> None:
    (number,) = moved(calm)
    assert "stopped" in weigov("recover", "--stop", "--as", "wangfang", "--reason", "disk replaced").good()
    for words in (["deliver"], ["sync-back", "cases"]):
        typed = weigov(*words)
        (line,) = lines(typed.err)
        assert (
            typed.code == 1 and "stopped by wangfang" in line and "disk replaced" in line and "weigov recover" in line
        )
    assert calm.other.messages() == []
    assert "deliveries are stopped by wangfang" in weigov("status").good()
    assert "in doubt now: nothing" in weigov("recover", "--as", "wangfang", "--reason", "it is back").good()
    calm.drain()
    assert told(calm.other, number) == ["补正"]


def test_a_stop_in_the_midst_of_a_drain_ends_it_at_the_next_claim(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(calm, 3)
    monkeypatch.setattr(deliver, "CLAIM", 1)
    send = deliver._send

    def send_and_stop(*what: object) -> None:
        recover.stop(calm.ctx, person="wangfang", reason="failover")
        send(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(deliver, "_send", send_and_stop)
    assert "stopped by wangfang" in calm.deliver().stopped
    assert len(calm.other.messages()) == 1


def test_a_stop_between_two_claims_is_no_standstill(calm: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    write_messages(calm, 60)
    whole, person = claims.claim, {"person": "wangfang", "reason": "failover"}

    def claim(*args: Any, **kwargs: Any) -> Any:
        rows = whole(*args, **kwargs)
        if kwargs["channel"]:  # the claim of those that go side by side: the next is refused
            raise AssertionError("claimed although deliveries are stopped")
        return rows

    checked = deliver._stopped

    def stopped(ctx: Any, connection: Any) -> str:
        if not (why := checked(ctx, connection)) and calm.other.messages():
            decisions.note(connection, ctx.site.site, "stop", at=ctx.now(), **person)
            return ""  # this claim was in time
        return why

    monkeypatch.setattr(claims, "claim", claim)
    monkeypatch.setattr(deliver, "_stopped", stopped)
    assert "stopped by wangfang" in calm.deliver().stopped
    assert len(calm.other.messages()) < 60 and ids(calm, "claimed") == []
    assert calm.status()["stopped"] == []


def test_a_restored_backup_sends_nothing_again_that_was_sent_since(
    calm: Deployment, weigov: Weigov, tmp_path: Path
) -> None:
    """The backup was made before a message and an article left; another message was collected after it."""
    early = publish(calm.other, "关于道路限行的通告")
    calm.collect("cms")
    calm.compose()
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(str(make_url(calm.settings.ledger_url).database))) as ledger:
        with closing(sqlite3.connect(backup)) as copy:
            ledger.backup(copy)
    (number,) = moved(calm)
    calm.drain()
    assert len(calm.other.articles()) == 1 and told(calm.other, number) == ["补正"]
    calm.settings = replace(calm.settings, ledger_url=f"sqlite:///{backup}")
    calm.reopen()
    weigov("recover", "--stop", "--as", "wangfang", "--reason", "restored").good()
    calm.collect("cases")
    calm.compose()
    said = weigov("recover", "--restored", "--as", "wangfang", "--reason", "restored").good()
    assert "ready 2" in said
    calm.drain()
    assert len(calm.other.articles()) == 1 and told(calm.other, number) == ["补正"]
    assert calm.other.most_often() == 1
    weigov("settle", *ids(calm, "in_doubt"), "--as", "wangfang", "--reason", "seen", "--arrived").good()
    calm.other.patch(f"/cms/articles/{early['id']}", append="（更正）")
    calm.round("cms")
    assert len(calm.other.standing()) == 1 and len(calm.other.articles()) == 2


def test_stopping_and_parking_at_once_is_a_contradiction(calm: Deployment, weigov: Weigov) -> None:
    typed = weigov("recover", "--stop", "--restored", "--reason", "restored")
    assert typed.code == 1 and len(lines(typed.err)) == 1 and "stop first" in typed.err
    assert "stopped" not in weigov("status").good()


def test_what_was_parked_before_its_review_is_reviewed_when_it_was_not_sent(calm: Deployment, weigov: Weigov) -> None:
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 2}\nmap:", 1))
    weigov("apply", "notices", "--yes").good()
    publish(calm.other, "关于道路限行的通告")
    weigov("collect", "cms").good()
    weigov("compose").good()
    (number,) = ids(calm, "waiting_review")
    by = ("--as", "wangfang", "--reason", "restored")
    assert "waiting_review 1" in weigov("recover", "--restored", *by).good()
    assert "waiting_review" in weigov("settle", number, *by, "--not-sent", "--yes").good()
    calm.reopen()
    calm.deliver()
    assert calm.other.articles() == [] and calm.other.state()["drafts"] == []
    calm.approve()
    calm.drain()
    assert len(calm.other.standing()) == 1
