"""However many workers start at once, an account's token is fetched once, by WeChat's own count."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest

from tests.weigov.flow.deployment import Deployment, OtherSide, copy_site
from weigov import wiring
from weigov.settings import Settings


def _work(settings: Settings, barrier: threading.Barrier, answers: multiprocessing.Queue[str]) -> None:
    with wiring.opened(settings) as ctx:
        client = ctx.account("city")
        barrier.wait(120)
        answers.put("done" if client.get_menu().buttons == () else "a menu?")


def test_twenty_processes_that_start_at_once_fetch_one_token_by_wechats_count(
    other: OtherSide, migrated_postgres_url: str, tmp_path: Path
) -> None:
    settings = Deployment.prepare(other, tmp_path / "home", migrated_postgres_url).settings
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier, answers = context.Barrier(20), context.Queue()
    workers = [context.Process(target=_work, args=(settings, barrier, answers)) for _ in range(20)]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=120) for _ in workers] == ["done"] * 20
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 20
    assert other.state()["calls"]["/cgi-bin/menu/get"] == {"46003": 20}  # there is no menu: an answer all the same
    assert other.calls("stable_token") == 1 and other.calls("token") == 0


@pytest.mark.parametrize(("words", "path"), [("", "stable_token"), ("\n    access_token: token", "token")])
def test_a_site_chooses_by_which_call_its_token_comes(
    other: OtherSide, migrated_sqlite_url: str, tmp_path: Path, words: str, path: str
) -> None:
    site = copy_site(tmp_path)
    text = (site / "site.yaml").read_text(encoding="utf-8")
    (site / "site.yaml").write_text(text.replace("type: service", "type: service" + words), encoding="utf-8")
    settings = Deployment.prepare(other, tmp_path / "home", migrated_sqlite_url, site).settings
    with wiring.opened(settings) as ctx:
        ctx.account("city").get_menu()
    assert {name: other.calls(name) for name in ("stable_token", "token")} == {
        "stable_token": int(path == "stable_token"),
        "token": int(path == "token"),
    }
