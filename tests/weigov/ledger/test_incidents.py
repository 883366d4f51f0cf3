"""Incidents: one row from the beginning of a thing until it is over, and each told once."""

from __future__ import annotations

from datetime import datetime, timedelta

from weigov.ledger import incidents
from weigov.ledger.engine import Ledger
from weigov.ledger.incidents import HOLD, Wrong

WECOM, MAIL = "wecom", "mail"
BOTH = frozenset({WECOM, MAIL})


def look(
    ledger: Ledger, wrong: dict[str, str], now: datetime, channels: frozenset[str] = BOTH
) -> list[tuple[str, bool]]:
    """One watch in which everybody hears everything: (key, is it over) of what was told."""
    told = []
    with ledger.begin() as connection:
        incidents.observe(connection, "demo", {key: Wrong(said) for key, said in wrong.items()}, now=now)
        for one in incidents.to_tell(connection, "demo", channels):
            for channel in sorted(one.unheard(channels)):
                incidents.heard(connection, one, channel)
                told.append((f"{one.key} {channel}", one.is_over))
    return told


def test_what_goes_on_is_told_once_and_its_end_once(ledger: Ledger, now: datetime) -> None:
    wrong = {"stopped:account:city": "40164"}
    assert look(ledger, wrong, now) == [("stopped:account:city mail", False), ("stopped:account:city wecom", False)]
    assert look(ledger, {"stopped:account:city": "40164 again"}, now + timedelta(minutes=5)) == []
    assert look(ledger, {}, now + timedelta(minutes=10)) == []
    over = look(ledger, {}, now + timedelta(minutes=10) + HOLD)
    assert over == [("stopped:account:city mail", True), ("stopped:account:city wecom", True)]
    assert look(ledger, {}, now + timedelta(hours=9)) == []
    assert look(ledger, wrong, now + timedelta(hours=10)) != []  # a new one


def test_what_comes_and_goes_is_one_incident(ledger: Ledger, now: datetime) -> None:
    told = []
    for minute in range(0, 120, 5):
        told += look(
            ledger, {"stream:cms/articles": "no answer"} if minute % 10 else {}, now + timedelta(minutes=minute)
        )
    assert [key for key, _ in told] == ["stream:cms/articles mail", "stream:cms/articles wecom"]
    with ledger.read() as connection:
        (one,) = incidents.current(connection, "demo")
        assert one.times == 12 and one.gone_since is None


def test_what_is_over_is_listed_with_its_end_and_counted(ledger: Ledger, now: datetime) -> None:
    for hour in (0, 2):
        look(ledger, {"x": "y"}, now + timedelta(hours=hour))
        look(ledger, {}, now + timedelta(hours=hour, minutes=5))
        look(ledger, {}, now + timedelta(hours=hour, minutes=5) + HOLD)
    look(ledger, {"x": "y"}, now + timedelta(hours=4))
    with ledger.read() as connection:
        over = incidents.over(connection, "demo", since=now, limit=9)
        ends = [now + timedelta(hours=hour, minutes=5) + HOLD for hour in (2, 0)]
        assert [one.closed_at for one in over] == ends and incidents.how_often(connection, "demo", since=now) == {
            "x": 3
        }
        late = now + timedelta(hours=1)
        assert incidents.how_often(connection, "demo", since=late) == {"x": 2}
        assert len(incidents.over(connection, "demo", since=late, limit=9)) == 1
        assert incidents.over(connection, "town", since=now, limit=9) == []


def test_who_did_not_hear_of_the_beginning_does_not_hear_of_the_end(ledger: Ledger, now: datetime) -> None:
    assert look(ledger, {"x": "y"}, now, frozenset({WECOM})) == [("x wecom", False)]
    look(ledger, {}, now + timedelta(minutes=1), frozenset({WECOM}))
    assert look(ledger, {}, now + timedelta(minutes=1) + HOLD) == [("x wecom", True)]


def test_a_channel_that_failed_hears_of_it_later(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        incidents.observe(connection, "demo", {"x": Wrong("y")}, now=now)
        (one,) = incidents.to_tell(connection, "demo", BOTH)
        incidents.heard(connection, one, WECOM)
    assert look(ledger, {"x": "y"}, now) == [("x mail", False)]


def test_a_task_is_over_when_it_runs_well_and_not_because_nobody_saw_it(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        for code in ("40164", "40001", "40164"):
            wrong = Wrong(f"deliver: {code}", code)
            incidents.again(connection, "demo", "task:deliver_city.deliver", wrong, now=now)
    look(ledger, {}, now + 3 * HOLD)
    with ledger.begin() as connection:
        (one,) = incidents.current(connection, "demo")
        assert (one.said, one.why, one.times) == ("deliver: 40164", "40164", 3)
        assert incidents.is_open(connection, "demo", "task:deliver_city.deliver")
        incidents.end(connection, "demo", "task:deliver_city.deliver", now=now)
        incidents.end(connection, "demo", "task:deliver_city.deliver", now=now)
        assert incidents.current(connection, "demo") == []
    assert look(ledger, {}, now)[0] == ("task:deliver_city.deliver mail", True)


def test_one_site_s_incidents_are_not_another_s(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        incidents.observe(connection, "demo", {"x": Wrong("y")}, now=now)
        incidents.observe(connection, "town", {"x": Wrong("z")}, now=now)
        assert [one.said for one in incidents.current(connection, "town")] == ["z"]
