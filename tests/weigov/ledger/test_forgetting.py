"""Of a citizen who left nothing is kept, after a while, that says who they are; on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from weigov.ledger import bindings, citizens, forgetting, grants, inbox, trials
from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import binding, citizen, guest, subscribe_grant
from weigov.ledger.tables import inbox as inbox_table

APP, WHO, OTHER = "wx1", "o-who-left-the-account", "o-who-stayed-with-it"
SEALER = Sealer({"k1": b"k" * 32}, "k1")
DAY = timedelta(days=1)


def know(ledger: Ledger, openid: str, now: datetime) -> str:
    """All that may be kept of a citizen; what they are called."""
    subject = bindings.openid_hash(SEALER, openid)
    with ledger.begin() as connection:
        bindings.bind(connection, SEALER, APP, openid, "cases", "identity", "110101199003070029", now=now)
        citizens.keep_openid(connection, SEALER, APP, subject, openid)
        trials.add_guest(connection, APP, openid[-6:], subject, now=now)
        grants.note(connection, APP, subject, "TM1", source=openid, long_term=False, at=now)
        inbox.store(
            connection, SEALER, appid=APP, dedupe_key=openid, kind="message", event="", remote_id="1",
            openid=openid, payload=b"<xml>my case</xml>", now=now,
        )  # fmt: skip
    return subject


def leave(ledger: Ledger, subject: str, at: datetime) -> None:
    with ledger.begin() as connection:
        citizens.note_gone(connection, APP, subject, "left", at=at)


def forget(ledger: Ledger, now: datetime) -> int:
    with ledger.begin() as connection:
        return forgetting.forget(connection, APP, now=now)


def kept(ledger: Ledger, openid: str) -> dict[str, int]:
    """What is there of a citizen: kind → how many."""
    subject = bindings.openid_hash(SEALER, openid)
    tables = {"binding": binding, "guest": guest, "grant": subscribe_grant}
    with ledger.read() as connection:
        found = {
            name: connection.execute(select(func.count()).where(table.c.openid_hash == subject)).scalar_one()
            for name, table in tables.items()
        }
        found["openid"] = len(citizens.openids(connection, SEALER, APP, [subject]))
        said = inbox_table.c.payload != b""
        found["said"] = connection.execute(
            select(func.count()).where(inbox_table.c.subject == subject, said)
        ).scalar_one()
    return found


ALL = {"binding": 1, "guest": 1, "grant": 1, "openid": 1, "said": 1}
NOTHING = dict.fromkeys(ALL, 0)


def test_who_left_is_forgotten_a_month_later_and_nobody_else(ledger: Ledger, now: datetime) -> None:
    who = know(ledger, WHO, now)
    know(ledger, OTHER, now)
    leave(ledger, who, now)
    assert forget(ledger, now + forgetting.KEPT - timedelta(seconds=1)) == 0 and kept(ledger, WHO) == ALL
    assert forget(ledger, now + forgetting.KEPT) == 1
    assert kept(ledger, WHO) == NOTHING and kept(ledger, OTHER) == ALL
    with ledger.read() as connection:
        unhandled = inbox.waiting(connection, SEALER, APP, 10)
    assert who not in {item.subject for item in unhandled}
    assert forget(ledger, now + 2 * forgetting.KEPT) == 0


def test_who_came_back_in_time_keeps_their_bindings(ledger: Ledger, now: datetime) -> None:
    who = know(ledger, WHO, now)
    leave(ledger, who, now)
    with ledger.begin() as connection:
        citizens.note_here(connection, APP, who, at=now + 29 * DAY)
    assert forget(ledger, now + 60 * DAY) == 0 and kept(ledger, WHO) == ALL


@pytest.mark.parametrize("why", ["blocked", "stranger"])
def test_who_only_cannot_be_reached_is_not_forgotten(ledger: Ledger, now: datetime, why: citizens.Gone) -> None:
    who = know(ledger, WHO, now)
    with ledger.begin() as connection:
        citizens.note_gone(connection, APP, who, why, at=now)
    assert forget(ledger, now + 60 * DAY) == 0 and kept(ledger, WHO) == ALL


def test_who_came_back_after_that_and_left_again_is_forgotten_again(ledger: Ledger, now: datetime) -> None:
    who = know(ledger, WHO, now)
    leave(ledger, who, now)
    forget(ledger, now + 31 * DAY)
    with ledger.begin() as connection:
        citizens.note_here(connection, APP, who, at=now + 40 * DAY)
        bindings.bind(connection, SEALER, APP, WHO, "cases", "case", "A1", now=now + 40 * DAY)
    leave(ledger, who, now + 50 * DAY)
    assert forget(ledger, now + 60 * DAY) == 0 and forget(ledger, now + 80 * DAY) == 1
    assert kept(ledger, WHO) == NOTHING


def test_all_who_left_are_forgotten_a_batch_at_a_time(
    ledger: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "_CHUNK", 2)
    for n in range(5):
        leave(ledger, know(ledger, f"o-{n}", now), now)
    later = now + forgetting.KEPT
    assert [forget(ledger, later) for _ in range(4)] == [2, 2, 1, 0]
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(citizen)).scalar_one() == 0
