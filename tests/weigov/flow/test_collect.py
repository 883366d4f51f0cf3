"""What a pull may say besides records: keys that are gone, warnings, tokens, stretches of time; and starting anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from tests.weigov.command import command
from tests.weigov.flow.deployment import BEIJING, Deployment
from tests.weigov.flow.test_articles import publish, said
from weigov.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from weigov.flow.collect import collect, reset
from weigov.flow.sync_back import sync_back
from weigov.ledger import mirror, streams
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import record, revision
from weigov.ports import Batch, PullState, Rejected, Window, WriteResult

ARTICLES = ("cms", "articles")


class Told:
    """A system that says what it is told to, over a real one that does all the rest."""

    def __init__(self, real: Any, batches: Sequence[Batch] = (), **acts: Callable[..., Any]) -> None:
        self._real, self._batches, self._acts = real, batches, acts
        self.states: list[PullState] = []
        self.acknowledged: list[Any] = []

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        self.states.append(state)
        yield from self._batches

    def acknowledge(self, stream: str, token: Any) -> None:
        self.acknowledged.append(token)

    def __getattr__(self, name: str) -> Any:
        return self._acts.get(name) or getattr(self._real, name)


def telling(town: Deployment, *batches: Batch, **acts: Callable[..., Any]) -> Told:
    """From now on the deployment's CMS is this one."""
    told = Told(town.ctx.system("cms"), batches, **acts)
    system = town.ctx.system
    town.ctx = replace(town.ctx, system=lambda name: told if name == "cms" else system(name))
    return told


def titles_after(town: Deployment) -> list[str]:
    town.compose()
    town.approve()
    town.drain()
    return town.other.titles()


def test_what_vanished_leaves_wechat_and_its_system_is_told(calm: Deployment) -> None:
    gone, stays = publish(calm.other, "已被删除的通告"), publish(calm.other, "仍然有效的通告")
    calm.round("cms")
    real = calm.ctx
    telling(calm, Batch((), gone=[gone["id"], "never-seen"]), Batch((), complete=True))
    stored = collect(calm.ctx, *ARTICLES).stored
    assert (stored.withdrawn, stored.revisions) == (1, 2)  # two flows read the stream
    calm.ctx = real
    assert titles_after(calm) == [stays["title"]]
    assert [state for state, _ in said(calm.other, gone)] == ["confirmed", "removed"]


def test_telling_the_same_twice_withdraws_once(calm: Deployment) -> None:
    gone = publish(calm.other, "已被删除的通告")
    calm.round("cms")
    telling(calm, Batch((), gone=[gone["id"]]))
    assert collect(calm.ctx, *ARTICLES).stored.withdrawn == 1
    assert collect(calm.ctx, *ARTICLES).stored.withdrawn == 0


def test_what_is_listed_again_as_it_was_is_published_again(calm: Deployment) -> None:
    back = publish(calm.other, "恢复发布的通告")
    calm.round("cms")
    real = calm.ctx
    telling(calm, Batch((), gone=[back["id"]]))
    collect(calm.ctx, *ARTICLES)
    calm.ctx = real
    assert titles_after(calm) == []
    calm.other.advance(minutes=1)
    calm.round("cms")  # within the overlap: the row is listed, and its details are read although it did not change
    assert calm.other.titles() == ["恢复发布的通告"]


def test_a_batch_is_acknowledged_once_it_is_stored(calm: Deployment) -> None:
    told = telling(calm, Batch((), token=["a", "b"]), Batch(()), Batch((), token="c", complete=True))
    collect(calm.ctx, *ARTICLES)
    assert told.acknowledged == [["a", "b"], "c"]


def test_a_refused_acknowledgement_is_the_runs_problem_and_costs_nothing(calm: Deployment) -> None:
    def refuse(stream: str, token: Any) -> None:
        raise RemoteRefused("cms", stream, "may not write the sign flag")

    article = publish(calm.other, "只读账号也能读到的通告")
    *_, batch = calm.ctx.system("cms").pull("articles", PullState(), calm.ctx.now())
    told = telling(calm, replace(batch, token="t"))
    told.acknowledge = refuse  # type: ignore[method-assign]
    found = collect(calm.ctx, *ARTICLES)
    assert found.stored.new == 1 and "may not write the sign flag" in found.incomplete
    with calm.ctx.ledger.read() as connection:
        assert mirror.get(connection, StreamRef("demo", *ARTICLES), article["id"]) is not None
    (problem,) = [s["problem"] for s in calm.status()["streams"] if s["stream"] == "articles"]
    assert "may not write the sign flag" in problem


def test_a_warning_stops_nothing_and_is_shown(calm: Deployment) -> None:
    telling(calm, Batch((), notes=["column source: is missing (3 rows)"], complete=True))
    found = collect(calm.ctx, *ARTICLES)
    assert found.notes == ("column source: is missing (3 rows)",) and not found.incomplete
    assert "note: cms/articles: column source: is missing (3 rows)" in command(calm.environ, "status").out
    calm.ctx = replace(calm.ctx, system=lambda name: Told(None, [Batch((), complete=True)]))
    collect(calm.ctx, *ARTICLES)
    assert "is missing" not in command(calm.environ, "status").out


def test_everything_that_was_incomplete_is_said_not_only_the_first(calm: Deployment) -> None:
    telling(calm, Batch((), incomplete="列表缩短"), Batch((), partition="02", incomplete="无权限"))
    assert collect(calm.ctx, *ARTICLES).incomplete == "列表缩短; 无权限"


def test_the_engine_may_ask_for_every_live_key(calm: Deployment) -> None:
    told = telling(calm, Batch((), complete=True))
    collect(calm.ctx, *ARTICLES, accept_vanished=True)
    (state,) = told.states
    with calm.ctx.ledger.read() as connection:
        known = [record.key for record in mirror.records(connection, StreamRef("demo", *ARTICLES))]
    assert sorted(state.live()) == sorted(known) and len(known) > 50 and state.accept_vanished


# a stretch of time, and starting anew


def cursor(town: Deployment) -> str:
    with town.ctx.ledger.read() as connection:
        return streams.cursors(connection, StreamRef("demo", *ARTICLES))[""]


def test_a_stretch_of_time_is_read_again_and_no_cursor_moves(calm: Deployment) -> None:
    before = cursor(calm)
    article = publish(calm.other, "回补时读到的通告")
    since = calm.ctx.now() - timedelta(hours=1)
    found = collect(calm.ctx, *ARTICLES, window=Window(since))
    assert found.stored.new == 1 and cursor(calm) == before
    with calm.ctx.ledger.read() as connection:
        assert mirror.get(connection, StreamRef("demo", *ARTICLES), article["id"]) is not None


def forget(town: Deployment) -> str:
    """Lose one old article from the mirror, as if it had never been read; its key."""
    with town.ctx.ledger.begin() as connection:
        row = connection.execute(
            select(record).where(record.c.stream == "articles", record.c.withdrawn_at.is_(None)).limit(1)
        ).one()
        connection.execute(delete(revision).where(revision.c.record_id == row.id))
        connection.execute(delete(record).where(record.c.id == row.id))
    return str(row.key)


@pytest.mark.parametrize("anew", [False, True])
def test_an_old_article_found_by_reading_again_is_noted_not_published(calm: Deployment, anew: bool) -> None:
    """It was there before the flow began, as far as anybody can tell: ``begin: now`` leaves it alone."""
    forget(calm)
    window = None if anew else Window(datetime(2020, 1, 1, tzinfo=UTC))
    if anew:
        reset(calm.ctx, *ARTICLES)
    assert collect(calm.ctx, *ARTICLES, window=window).stored.new == 1
    assert titles_after(calm) == []
    calm.round("cms")
    assert calm.other.titles() == []


@pytest.mark.parametrize("anew", [False, True])
def test_what_came_since_the_last_collect_is_published_whoever_reads_it_first(calm: Deployment, anew: bool) -> None:
    publish(calm.other, "刚刚发布的通告")
    if anew:
        reset(calm.ctx, *ARTICLES)
    collect(calm.ctx, *ARTICLES, window=None if anew else Window(calm.ctx.now() - timedelta(hours=1)))
    assert titles_after(calm) == ["刚刚发布的通告"]
    calm.round("cms")
    assert len(calm.other.articles()) == 1


def test_a_change_missed_once_is_published_when_that_time_is_read_again(calm: Deployment) -> None:
    article = publish(calm.other, "后来改过的通告")
    calm.round("cms")
    calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    collect(calm.ctx, *ARTICLES, window=Window(calm.ctx.now() - timedelta(hours=1)))
    titles_after(calm)
    assert len(calm.other.articles()) == 2 and len(calm.other.standing()) == 1


def test_a_stream_read_anew_tells_nobody_anything_twice(calm: Deployment) -> None:
    publish(calm.other, "已经发布的通告")
    calm.round("cms")
    assert reset(calm.ctx, *ARTICLES) == 1
    with calm.ctx.ledger.read() as connection:
        assert streams.cursors(connection, StreamRef("demo", *ARTICLES)) == {}
    found = collect(calm.ctx, *ARTICLES)
    assert found.stored.unchanged > 50 and found.stored.new == found.stored.revisions == 0
    assert titles_after(calm) == ["已经发布的通告"] and len(calm.other.articles()) == 1


def test_the_command_line_reads_a_stretch_and_forgets_cursors(calm: Deployment) -> None:
    environ = calm.environ
    day = calm.ctx.now().astimezone(BEIJING)
    typed = command(environ, "collect", "cms", "articles", "--since", f"{day:%Y-%m-%d}", "--until", f"{day:%Y-%m-%d}")
    assert typed.code == 0 and typed.out.startswith("cms/articles: ")
    assert command(environ, "reset", "cms", "articles").out.startswith("cms/articles: 1 cursor forgotten")
    for wrong in (["collect", "--since", "2026-01-01"], ["collect", "cms", "articles", "--until", "2026-01-01"]):
        typed = command(environ, *wrong)
        assert typed.code == 1 and typed.err.count("\n") == 1 and "--" in typed.err


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-02-02", "2026-02-01", "--since must be before --until"),
        ("2026-02-01T08:00:00", "2026-02-01T08:00:00", "--since must be before --until"),
        ("2036-02-01", "2036-02-03", "--since is in the future: it is 2026-"),
    ],
)
def test_a_stretch_that_holds_no_time_is_not_read(calm: Deployment, since: str, until: str, told: str) -> None:
    typed = command(calm.environ, "collect", "cms", "articles", "--since", since, "--until", until)
    assert typed.code == 1 and told in typed.err and typed.err.count("\n") == 1 and not typed.out


def test_it_is_said_where_a_system_cannot_be_asked_up_to_a_moment(calm: Deployment) -> None:
    said = "note: this system cannot be asked up to a moment: everything since 2026-03-01 00:00 was read"
    stretch = ("collect", "cms", "articles", "--since", "2026-03-01")
    assert said in command(calm.environ, *stretch, "--until", "2026-03-02").out
    assert "note" not in command(calm.environ, *stretch).out


# a write that was not answered, where the system can be asked


@pytest.fixture
def asked(calm: Deployment) -> Iterator[tuple[Deployment, dict[str, Any]]]:
    """An article whose write-back got no answer, at a CMS that can be asked about it."""
    shape = calm.ctx.site.shapes["cms"]
    operation = replace(shape.operations["mark_published"], idempotency="query_first", settle_s=120)
    shapes = {**calm.ctx.site.shapes, "cms": replace(shape, operations={"mark_published": operation})}
    calm.ctx = replace(calm.ctx, site=replace(calm.ctx.site, shapes=shapes))
    article = publish(calm.other, "回写无回音的通告")
    calm.collect("cms")
    calm.compose()
    calm.deliver()
    calm.other.advance(seconds=5)
    calm.reconcile()
    yield calm, article


def lose(operation: str, values: Any, *, key: str) -> WriteResult:
    raise OutcomeUnknown("cms", operation, "was sent, but no answer came")


def test_it_is_asked_about_once_it_has_settled_and_confirmed_when_found(
    asked: tuple[Deployment, dict[str, Any]],
) -> None:
    town, article = asked
    seen: list[tuple[str, Any]] = []

    def find(operation: str, values: Any, *, key: str) -> WriteResult:
        seen.append((operation, values["id"]))
        return WriteResult("R7")

    telling(town, write=lose, find=find)
    assert sync_back(town.ctx, "cms").drained.states == {"unknown": 1}
    town.other.advance(seconds=60)
    assert sync_back(town.ctx, "cms").settled == {"unknown": 1} and seen == []  # it would not show yet
    town.other.advance(seconds=61)
    assert sync_back(town.ctx, "cms").settled == {"confirmed": 1}
    assert seen == [("mark_published", article["id"])]
    assert said(town.other, article) == []  # it was not written again


def test_it_is_written_again_only_when_it_surely_took_no_effect(asked: tuple[Deployment, dict[str, Any]]) -> None:
    town, article = asked
    real = town.ctx
    told = telling(town, write=lose, find=lambda operation, values, key: None)
    assert sync_back(town.ctx, "cms").drained.states == {"unknown": 1}
    town.other.advance(seconds=121)
    told._acts["write"] = real.system("cms").write
    found = sync_back(town.ctx, "cms")
    assert found.settled == {"ready": 1} and found.drained.states == {"confirmed": 1}
    assert [state for state, _ in said(town.other, article)] == ["confirmed"]


def test_while_it_cannot_be_asked_it_stays_unknown_and_in_the_end_goes_to_a_person(
    asked: tuple[Deployment, dict[str, Any]],
) -> None:
    town, _ = asked

    def down(operation: str, values: Any, *, key: str) -> WriteResult | None:
        raise RemoteUnavailable("cms", operation, "nothing listens there")

    telling(town, write=lose, find=down)
    sync_back(town.ctx, "cms")
    town.other.advance(seconds=121)
    assert sync_back(town.ctx, "cms").settled == {"unknown": 1}
    town.other.advance(minutes=6)
    assert sync_back(town.ctx, "cms").settled == {"unknown": 1}
    town.other.advance(days=1)
    assert sync_back(town.ctx, "cms").settled == {"in_doubt": 1}
    assert "could not be asked since" in town.status()["in_doubt"][0]["reason"]


def test_a_refused_question_goes_to_a_person_at_once(asked: tuple[Deployment, dict[str, Any]]) -> None:
    town, _ = asked

    def refuse(operation: str, values: Any, *, key: str) -> WriteResult | None:
        raise RemoteRefused("cms", operation, "refused: 无权限")

    telling(town, write=lose, find=refuse)
    sync_back(town.ctx, "cms")
    town.other.advance(seconds=121)
    assert sync_back(town.ctx, "cms").settled == {"in_doubt": 1}


# a stream that is never whole


def test_what_is_new_is_published_though_the_stream_was_never_read_to_its_end(town: Deployment) -> None:
    """One department that always refuses must not keep what the others publish back for good."""
    begun = town.ctx.now()
    with town.ctx.ledger.begin() as connection:  # as after a first collect that was incomplete
        ref = StreamRef("demo", *ARTICLES)
        streams.lock_stream(connection, ref, now=begun)
        streams.finish(connection, ref, problem="department 7: refused", now=begun)
    town.other.advance(minutes=5)
    publish(town.other, "部门之一一直拒绝时发布的政策", "010401")
    real = list(town.ctx.system("cms").pull("articles", PullState(), town.ctx.now()))
    telling(town, *(replace(batch, complete=False, incomplete="department 7: refused") for batch in real))
    flow = town.ctx.site.flows["policies"]
    town.ctx = replace(
        town.ctx, site=replace(town.ctx.site, flows={"policies": flow.model_copy(update={"begin": "now"})})
    )
    stored = collect(town.ctx, *ARTICLES).stored
    assert stored.new > 50 and stored.revisions == 1


def test_a_mistake_of_ours_does_not_look_like_a_stream_at_rest(calm: Deployment) -> None:
    def stumble(stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        raise KeyError("13800138000")
        yield

    told = telling(calm)
    told.pull = stumble  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        collect(calm.ctx, *ARTICLES)
    (problem,) = [s["problem"] for s in calm.status()["streams"] if s["stream"] == "articles"]
    assert problem == "stumbled over its answers (KeyError): a mistake of ours"


def test_a_row_that_came_twice_and_once_unreadable_stays_among_the_unreadable(calm: Deployment) -> None:
    article = publish(calm.other, "一行两次的通告")
    *_, batch = calm.ctx.system("cms").pull("articles", PullState(), calm.ctx.now())
    telling(calm, replace(batch, rejected=[Rejected(article["id"], "column updateTime: is no time")]))
    collect(calm.ctx, *ARTICLES)
    assert [row["key"] for row in calm.status()["unreadable"]] == [article["id"]]
