"""One token for everybody: fetched once, replaced only while the refused one is still the stored one."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
import requests

from tests.weigov.wechat.fake import NOW, SECRET, Peer, Store, account, hang_up, http, peer
from weigov.errors import RateLimited, RemoteUnavailable
from weigov.wechat import token
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.token import FORCE_PER_DAY, MARGIN, Family, TokenKeeper

HOUR = timedelta(hours=1)


def keeper(other: Peer, store: Store, session: requests.Session, family: Family = "stable") -> TokenKeeper:
    return TokenKeeper(account(other.base_url), store, session, lambda: NOW, family)


def forced(other: Peer) -> list[bool]:
    return [json.loads(body)["force_refresh"] for body in other.bodies("stable_token")]


def test_a_token_is_fetched_once_and_kept_until_shortly_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token, "HELD_S", 0.0)  # as if each were asked for a while later
    with peer() as other, requests.Session() as session:
        store = Store()
        kept = keeper(other, store, session)
        assert [kept.token() for _ in range(3)] == ["TOKEN-1"] * 3
        assert other.calls["stable_token"] == 1
        assert store.token is not None and store.token.expires_at == NOW + timedelta(seconds=7200)
        store.put("OLD", life=MARGIN + timedelta(seconds=1))
        assert kept.token() == "OLD"
        store.put("OLD", life=MARGIN)
        assert kept.token() == "TOKEN-1"
        assert forced(other) == [False, False]


def test_what_was_read_a_moment_ago_is_not_read_again_until_it_is_refused() -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        kept = keeper(other, store, session)
        store.put("ONE", life=HOUR)
        assert kept.token() == "ONE"
        store.put("TWO", life=HOUR)
        assert kept.token() == "ONE"
        assert kept.refused("ONE") == "TWO" == kept.token()
        assert other.calls["stable_token"] == 0


def test_twenty_keepers_starting_at_once_fetch_one_token() -> None:
    with peer() as other:
        store = Store()
        tokens = []

        def work() -> None:
            with requests.Session() as session:
                tokens.append(keeper(other, store, session).token())

        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tokens == ["TOKEN-1"] * 20
        assert other.calls["stable_token"] == 1


def test_a_refused_token_that_is_no_longer_stored_costs_nothing() -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        store.put("NEW")
        assert keeper(other, store, session).refused("OLD") == "NEW"
        assert not other.requests


def test_a_refused_token_is_asked_for_normally_before_it_is_forced() -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        store.put("KILLED")
        assert keeper(other, store, session).refused("KILLED") == "TOKEN-1"
        assert forced(other) == [False]

        store.put("STILL-THE-SAME")
        other.on(
            "stable_token",
            {"access_token": "STILL-THE-SAME", "expires_in": 3600},
            {"access_token": "FORCED", "expires_in": 7200},
        )
        assert keeper(other, store, session).refused("STILL-THE-SAME") == "FORCED"
        assert forced(other) == [False, False, True]


def test_forcing_is_not_repeated_within_minutes_nor_done_to_a_token_hardly_issued() -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        kept = keeper(other, store, session)
        store.put("T")
        other.on("stable_token", {"access_token": "T", "expires_in": 3600})
        for _ in range(5):
            assert kept.refused("T") == "T"
        assert sum(forced(other)) == 1

        other.on("stable_token", {"access_token": "T", "expires_in": 7190})
        before = len(forced(other))
        assert keeper(other, store, session).refused("T") == "T"
        assert forced(other)[before:] == [False]


def test_after_the_days_forced_refreshes_the_account_stands_still_for_one_reason() -> None:
    with peer() as other, requests.Session() as session:
        store = Store(forces=FORCE_PER_DAY)
        store.put("T")
        other.on("stable_token", {"access_token": "T", "expires_in": 3600})
        for _ in range(3):
            with pytest.raises(AccountStopped, match=r"^wechat city stable_token: 40001 .*20 次") as caught:
                keeper(other, store, session).refused("T")
            assert caught.value.whole_account and "\n" not in str(caught.value)
        assert not any(forced(other))
        assert store.read("", "").value == "T"  # type: ignore[union-attr]


@pytest.mark.parametrize(("code", "stops"), [(45009, True), (45011, False)])
def test_what_others_forced_counts_too(code: int, stops: bool) -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        store.put("T")
        same = {"access_token": "T", "expires_in": 3600}
        other.on("stable_token", same, {"errcode": code, "errmsg": ""}, same)
        if stops:
            for _ in range(2):
                with pytest.raises(AccountStopped, match="20 次"):
                    keeper(other, store, session).refused("T")
        else:
            assert keeper(other, store, session).refused("T") == "T"
        assert sum(forced(other)) == 1


def test_the_older_family_is_one_get_and_never_forced() -> None:
    with peer() as other, requests.Session() as session:
        other.on("token", {"access_token": "PLAIN", "expires_in": 7200})
        kept = keeper(other, Store(), session, "token")
        assert kept.token() == "PLAIN"
        assert kept.refused("PLAIN") == "PLAIN"
        assert other.calls == {"token": 2}
        assert other.requests[0].method == "GET"


@pytest.mark.parametrize("code", [40001, 40125, 40013, 40164, 40243, 50007, 89503])
def test_a_wrong_secret_or_a_shut_door_is_one_line_for_a_person(code: int) -> None:
    with peer() as other, requests.Session() as session:
        other.on("stable_token", {"errcode": code, "errmsg": f"invalid appsecret {SECRET}"})
        with pytest.raises(AccountStopped, match=rf"^wechat city stable_token: {code} ") as caught:
            keeper(other, Store(), session).token()
        assert caught.value.whole_account
        assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


def test_without_an_answer_no_token_is_stored_and_asking_later_is_right() -> None:
    with peer() as other, requests.Session() as session:
        store = Store()
        for reply in (hang_up, http(502, b""), {"errcode": -1}, {"expires_in": 7200}, {"access_token": "X"}):
            other.on("stable_token", reply)
            with pytest.raises(RemoteUnavailable) as caught:
                keeper(other, store, session).token()
            assert not isinstance(caught.value, AccountStopped)
        other.on("stable_token", {"errcode": 45009, "errmsg": ""})
        with pytest.raises(RateLimited):
            keeper(other, store, session).token()
        assert store.token is None
