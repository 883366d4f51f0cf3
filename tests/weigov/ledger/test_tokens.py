"""An account's token is fetched once however many workers ask, and never stops the ledger's writers."""

from __future__ import annotations

import multiprocessing
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from weigov.errors import ConfigError, RemoteUnavailable
from weigov.ledger import media
from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import metadata, token
from weigov.ledger.tokens import LedgerTokenStore
from weigov.ports import Token, TokenStore

APP = "wx0123456789abcdef"


def test_a_token_is_fetched_replaced_and_read_by_version(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    store: TokenStore = LedgerTokenStore(ledger, sealer)
    assert store.read(APP, "stable") is None
    first = store.refresh(APP, "stable", 0, lambda: ("T1", now))
    assert first == store.read(APP, "stable") == Token("T1", now, 1)
    later = now + timedelta(hours=2)
    assert store.refresh(APP, "stable", 1, lambda: ("T2", later)) == Token("T2", later, 2)
    assert store.read(APP, "token") is None
    assert store.read("wxother", "stable") is None


def test_who_saw_an_older_token_gets_the_newer_one_and_fetches_nothing(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    store = LedgerTokenStore(ledger, sealer)
    store.refresh(APP, "stable", 0, lambda: ("T1", now))

    def never() -> tuple[str, datetime]:
        raise AssertionError("fetched again")

    assert store.refresh(APP, "stable", 0, never) == Token("T1", now, 1)
    assert store.refresh(APP, "stable", 7, never) == Token("T1", now, 1)


def test_a_fetch_that_fails_leaves_the_token_and_the_lock_as_they_were(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    store = LedgerTokenStore(ledger, sealer)
    store.refresh(APP, "stable", 0, lambda: ("T1", now))

    def fails() -> tuple[str, datetime]:
        raise RemoteUnavailable("wechat", "stable_token", "not reached")

    with pytest.raises(RemoteUnavailable):
        store.refresh(APP, "stable", 1, fails)
    assert store.read(APP, "stable") == Token("T1", now, 1)
    assert store.refresh(APP, "stable", 1, lambda: ("T2", now)).version == 2


def test_a_token_is_sealed_in_its_place(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    store = LedgerTokenStore(ledger, sealer)
    store.refresh(APP, "stable", 0, lambda: ("T1-secret", now))
    with ledger.begin() as connection:
        (row,) = connection.execute(select(token)).all()
        assert b"T1-secret" not in bytes(row.value)
        connection.execute(token.update().values(appid="wxother"))
    with pytest.raises(ConfigError, match="does not open"):
        store.read("wxother", "stable")
    with pytest.raises(ConfigError, match="key k1, which is not configured"):
        LedgerTokenStore(ledger, Sealer({"k2": b"2" * 32}, "k2")).read("wxother", "stable")


def test_forced_refreshes_are_counted_for_all_workers_apart_and_by_beijing_day(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    apart = timedelta(minutes=5)
    workers = [LedgerTokenStore(ledger, sealer) for _ in range(2)]
    for n in range(3):
        at = now + n * apart
        assert workers[n % 2].spend_force(APP, now=at, per_day=3, apart=apart) == "granted"
        expected = "too_soon" if n < 2 else "used_up"
        assert workers[(n + 1) % 2].spend_force(APP, now=at + apart / 2, per_day=3, apart=apart) == expected
    later = now + timedelta(hours=1)
    assert workers[0].spend_force(APP, now=later, per_day=3, apart=apart) == "used_up"
    assert workers[0].spend_force("wxother", now=later, per_day=3, apart=apart) == "granted"
    tomorrow = now.replace(hour=16)  # midnight in Beijing
    assert workers[1].spend_force(APP, now=tomorrow, per_day=3, apart=apart) == "granted"


def test_what_wechat_says_of_forced_refreshes_ends_them_for_the_day(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    store = LedgerTokenStore(ledger, sealer)
    store.no_force_left(APP, now=now, per_day=3)
    assert store.spend_force(APP, now=now, per_day=3, apart=timedelta(0)) == "used_up"


def test_nobody_waits_for_a_slow_fetch_but_who_wants_the_same_token(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    store = LedgerTokenStore(ledger, sealer)
    fetching, answer = threading.Event(), threading.Event()
    fetches: list[str] = []

    def slow() -> tuple[str, datetime]:
        fetches.append("slow")
        fetching.set()
        assert answer.wait(10)
        return "T1", now

    def quick() -> tuple[str, datetime]:
        fetches.append("quick")
        return "T1 again", now

    one = threading.Thread(target=lambda: store.refresh(APP, "stable", 0, slow))
    one.start()
    assert fetching.wait(10)
    two = threading.Thread(target=lambda: store.refresh(APP, "stable", 0, quick))
    two.start()
    with ledger.begin() as connection:
        media.keep_blob(connection, b"a writer", "text/plain", now=now)
    assert store.refresh("wxother", "stable", 0, lambda: ("T", now)).version == 1
    assert store.read(APP, "stable") is None
    assert two.is_alive()
    answer.set()
    one.join(10)
    two.join(10)
    assert fetches == ["slow"]


def test_a_stranger_who_stored_first_without_the_lock_wins(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    store = LedgerTokenStore(ledger, sealer)
    store.refresh(APP, "stable", 0, lambda: ("T1", now))

    def overtaken() -> tuple[str, datetime]:
        with ledger.begin() as connection:
            sealed = sealer.seal(b"T9", f"token {APP} stable")
            connection.execute(token.update().values(value=sealed, version=9))
        return "T2", now

    assert store.refresh(APP, "stable", 1, overtaken) == Token("T9", now, 9)


def test_a_ledger_in_memory_takes_turns_too(sealer: Sealer, now: datetime) -> None:
    ledger = Ledger("sqlite://")
    metadata.create_all(ledger.engine)
    assert LedgerTokenStore(ledger, sealer).refresh(APP, "stable", 0, lambda: ("T1", now)).version == 1
    ledger.close()


def _ask(
    url: str, calls: Path, now: datetime, barrier: threading.Barrier, answers: multiprocessing.Queue[str]
) -> None:
    ledger = Ledger(url)
    store = LedgerTokenStore(ledger, Sealer({"k1": b"1" * 32}, current="k1"))

    def fetch() -> tuple[str, datetime]:
        with calls.open("a") as file:
            file.write("fetched\n")
        return "T1", now

    barrier.wait(60)
    answers.put(store.refresh(APP, "stable", 0, fetch).value)
    ledger.close()


def test_twenty_processes_that_start_at_once_fetch_one_token(
    migrated_url: str, tmp_path: Path, now: datetime
) -> None:
    # The forkserver starts them with nothing of ours open: no connection is shared.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier, answers, calls = context.Barrier(20), context.Queue(), tmp_path / "calls"
    workers = [context.Process(target=_ask, args=(migrated_url, calls, now, barrier, answers)) for _ in range(20)]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=60) for _ in workers] == ["T1"] * 20
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 20
    assert calls.read_text() == "fetched\n"


def _hold_for_ever(url: str, holding: threading.Event) -> None:
    def fetch() -> tuple[str, datetime]:
        holding.set()
        threading.Event().wait()
        raise AssertionError

    LedgerTokenStore(Ledger(url), Sealer({"k1": b"1" * 32}, current="k1")).refresh(APP, "stable", 0, fetch)


def test_a_worker_that_dies_while_it_fetches_keeps_nobody_waiting(
    migrated_url: str, sealer: Sealer, now: datetime
) -> None:
    context = multiprocessing.get_context("forkserver")
    holding = context.Event()
    worker = context.Process(target=_hold_for_ever, args=(migrated_url, holding))
    worker.start()
    assert holding.wait(60)
    worker.kill()
    worker.join(60)
    ledger = Ledger(migrated_url)
    assert LedgerTokenStore(ledger, sealer).refresh(APP, "stable", 0, lambda: ("T1", now)).version == 1
    ledger.close()
