"""Every errcode has one meaning, written down."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from weigov.errors import OutcomeUnknown, RateLimited, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.wechat.errcodes import ERRCODES, Reaction, look_up, wait_s
from weigov.wechat.protocol import AccountStopped, TokenRefused, read_answer


def test_every_row_tells_an_operator_what_it_is_and_what_to_do() -> None:
    assert len(ERRCODES) > 250
    for row in ERRCODES.values():
        assert row.meaning and row.zh and row.advice
        assert bool(row.until) == (row.reaction == "quota"), row.code


def test_only_what_left_no_trace_may_be_sent_again_by_itself() -> None:
    refresh = {row.code for row in ERRCODES.values() if row.reaction == "refresh_token"}
    assert refresh == {40001, 40014, 41001, 42001}
    assert look_up(-1).reaction == "ambiguous"
    assert look_up(45065).reaction == "already_done"


def test_an_unlisted_code_is_refused() -> None:
    assert look_up(987654).reaction == "without_effect"


#: What each reaction comes out as: (of a send, of a read).
RAISES: dict[str, tuple[type[RemoteError] | None, type[RemoteError] | None]] = {
    "ok": (None, None),
    "already_done": (None, None),
    "refresh_token": (TokenRefused, TokenRefused),
    "without_effect": (RemoteRefused, RemoteRefused),
    "quota": (RateLimited, RateLimited),
    "ambiguous": (OutcomeUnknown, RemoteUnavailable),
    "account_stopped": (AccountStopped, AccountStopped),
    "call_stopped": (AccountStopped, AccountStopped),
}


@pytest.mark.parametrize("sending", [True, False])
def test_every_code_comes_out_as_its_reaction_says_in_one_line_with_its_advice(sending: bool) -> None:
    assert set(RAISES) == set(get_args(Reaction)) == {row.reaction for row in ERRCODES.values()}
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    for row in [*ERRCODES.values(), look_up(987654)]:
        body = json.dumps({"errcode": row.code, "errmsg": "x rid: 65004ee5-3ca2dfc2-6eb97a55"}).encode()
        expected = RAISES[row.reaction][not sending]
        try:
            read_answer("/cgi-bin/draft/add", 200, {}, body, sending=sending, now=now)
        except RemoteError as error:
            assert type(error) is expected and error.code == row.code
            text = str(error)
            assert row.zh in text and row.advice in text and "rid: 65004ee5" in text and "\n" not in text
            if isinstance(error, AccountStopped):
                assert error.whole_account == (row.reaction == "account_stopped")
            if isinstance(error, RateLimited):
                assert error.retry_after_s == wait_s(row.until, now)
                assert 0 < error.retry_after_s <= 31 * 86400
        else:
            assert expected is None, row


@pytest.mark.parametrize(
    ("until", "now", "expected"),
    [
        ("minute", "2026-11-23T04:00:00", 60),
        ("day", "2026-11-23T15:59:30", 30),  # 23:59:30 in Beijing
        ("day", "2026-11-23T16:00:00", 86400),
        ("month", "2026-11-30T15:00:00", 3600),
        ("month", "2026-12-31T16:00:00", 31 * 86400),
    ],
)
def test_days_and_months_are_beijings(until: str, now: str, expected: float) -> None:
    assert wait_s(until, datetime.fromisoformat(now).replace(tzinfo=UTC)) == expected  # type: ignore[arg-type]


@pytest.mark.interop
def test_every_documented_code_has_a_reaction(shared: Path) -> None:
    with (shared / "wechat" / "errcodes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        ours = ERRCODES[int(row["errcode"])]
        if row["retryable"] == "refresh-token":
            assert ours.reaction == "refresh_token"
        elif row["retryable"] == "quota-wait":
            assert ours.reaction == "quota"
        elif row["retryable"] == "yes":
            assert ours.reaction in ("ambiguous", "quota"), row
        elif int(row["errcode"]) == 0:
            assert ours.reaction == "ok"
        else:
            assert ours.reaction not in ("ok", "refresh_token"), row
