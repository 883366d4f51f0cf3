"""Several at once over one ledger, on both databases: each citizen is told once, each article stands once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sandbox.people import PEOPLE
from tests.weigov.flow import killed
from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish
from weigov import wiring
from weigov.errors import LedgerConflict
from weigov.flow.collect import collect
from weigov.flow.compose import compose
from weigov.flow.deliver import deliver
from weigov.flow.reconcile import reconcile
from weigov.flow.sync_back import sync_back

REACHED = {p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}


def at_once(town: Deployment, *verbs: Callable[[Any], Any]) -> list[Any]:
    """Each verb in a thread over a context of its own; what each gave, or the LedgerConflict it met."""
    found: list[Any] = [None] * len(verbs)
    ready = threading.Barrier(len(verbs))

    def work(place: int, ctx: Any) -> None:
        ready.wait(20)
        try:
            found[place] = verbs[place](ctx)
        except LedgerConflict as conflict:
            found[place] = conflict

    with ExitStack() as contexts:
        threads = [
            threading.Thread(target=work, args=(n, contexts.enter_context(wiring.opened(town.settings))))
            for n in range(len(verbs))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert None not in found, "one of them failed"
    return found


def expected(moved: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    return {(m["applicant_id"], m["to"]): 1 for m in moved if m["applicant_id"] in REACHED}


def test_two_delivers_at_once_send_each_message_and_each_article_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=24)
    for n in "一二三四":
        publish(town.other, f"关于第{n}号路段限行的通告")
    town.collect("cases", "cms")
    town.compose()
    at_once(town, *[lambda ctx: deliver(ctx, "city")] * 2)
    town.drain()
    assert town.other.received() == expected(moved)
    assert len(town.other.articles()) == len(town.other.titles()) == 4
    assert town.other.calls("menu/create") == 1


def test_four_processes_delivering_send_each_message_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=36)
    town.collect("cases")
    town.compose("case_progress")
    processes = [killed.start(town.environ, "deliver") for _ in range(4)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
        process.close()
    town.drain()
    assert town.other.received() == expected(moved)


def test_two_collects_of_one_stream_lose_nothing_and_double_nothing(calm_on_each: Deployment) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=12)
    found = at_once(town, *[lambda ctx: collect(ctx, "cases", "cases")] * 2)
    assert not all(isinstance(one, LedgerConflict) for one in found)
    assert sum(one.stored.revisions for one in found if not isinstance(one, LedgerConflict)) == 12
    town.round("cases")
    assert town.other.received() == expected(moved)


def test_two_composes_at_once_enqueue_each_change_once(calm_on_each: Deployment) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=12)
    town.collect("cases")
    at_once(town, *[lambda ctx: compose(ctx, "case_progress")] * 2)
    town.round("cases")
    assert town.other.received() == expected(moved)


def test_everything_at_once_ends_where_one_after_another_ends(calm_on_each: Deployment) -> None:
    town = calm_on_each
    moved = town.other.post("/cases/advance", count=12)
    articles = [publish(town.other, f"关于第{n}号路段限行的通告") for n in "一二三"]
    town.collect("cases", "cms")
    town.compose("case_progress", "notices", "policies")
    town.deliver()
    town.other.patch(f"/cms/articles/{articles[0]['id']}", append="（更正）")
    town.other.advance(seconds=5)
    town.other.events_done()
    verbs = [
        lambda ctx: reconcile(ctx, "city"),
        lambda ctx: reconcile(ctx, "city"),
        lambda ctx: deliver(ctx, "city"),
        lambda ctx: sync_back(ctx, "cases"),
        lambda ctx: sync_back(ctx, "cms"),
        lambda ctx: collect(ctx, "cms", "articles"),
    ]
    found = at_once(town, *verbs)
    assert not [one for one in found if isinstance(one, LedgerConflict)]
    town.round("cms")
    assert town.other.received() == expected(moved)
    assert len(town.other.standing()) == 3 and len(town.other.articles()) == 4
    told = [w["case_no"] for w in town.other.write_backs("cases")]
    assert len(told) == len(set(told))
