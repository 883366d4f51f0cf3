"""Which digest took which article, and whose the figures of a digest's articles are; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from weigov.ledger import figures, gathered, outbox
from weigov.ledger.engine import Ledger
from weigov.ledger.figures import Number
from weigov.ledger.gathered import Published
from weigov.ledger.outbox import New
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import delivery

REF, CITY, APP = StreamRef("demo", "cms", "articles"), "account:city", "wx1"
WEEKLY = {"site": "demo", "flow": "weekly", "target": CITY}
DAY = date(2026, 11, 22)


def put(ledger: Ledger, *news: New, now: datetime, state: str = "confirmed") -> list[int]:
    with ledger.begin() as connection:
        outbox.enqueue(connection, news, now=now)
        ids = []
        for new in news:
            (row,) = outbox.find(
                connection, flow=new.flow, record=new.record, effect=new.effect, revision=new.revision
            )
            connection.execute(update(delivery).where(delivery.c.id == row.id).values(state=state))
            ids.append(row.id)
    return ids


def article(key: str, revision: int = 1, effect: str = "publish") -> New:
    return New("demo", "notices", REF.record_ref(key), revision, effect, CITY, "", "news", {"title": key})


def digest(revision: int = 1) -> New:
    return New("demo", "weekly", "gather/weekly", revision, "send", CITY, "", "mass", {})


def standing(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        return [one.record for one in gathered.published(connection, REF, CITY)]


def take(ledger: Ledger, delivery_id: int, *of: Published) -> None:
    with ledger.begin() as connection:
        gathered.take(connection, **WEEKLY, items=of, delivery_id=delivery_id)


def test_only_what_stands_and_is_not_about_to_change_is_offered(ledger: Ledger, now: datetime) -> None:
    put(ledger, article("a"), article("b"), article("c"), article("d"), now=now)
    put(ledger, article("e"), now=now, state="removed")
    put(ledger, article("b", 2), now=now, state="ready")  # an edit on its way
    put(ledger, article("c", effect="remove"), now=now, state="deferred")
    put(ledger, article("d", 2), now=now, state="rejected")  # an edit that came to nothing
    assert standing(ledger) == [REF.record_ref("a"), REF.record_ref("d")]


def test_an_article_is_in_one_digest_of_a_flow_and_one_that_never_left_lets_go(ledger: Ledger, now: datetime) -> None:
    of, other = put(ledger, article("a"), article("b"), now=now)
    first, second = put(ledger, digest(1), digest(2), now=now, state="ready")
    a = Published(of, REF.record_ref("a"), 1, now)
    b = Published(other, REF.record_ref("b"), 1, now)
    take(ledger, first, b, a)
    with pytest.raises(IntegrityError):
        take(ledger, second, a)
    with ledger.begin() as connection:
        assert [(one.record, one.place) for one in gathered.of_delivery(connection, first)] == [
            (b.record, 1), (a.record, 2)
        ]  # fmt: skip
        assert gathered.taken(connection, **WEEKLY) == {a.record, b.record}
        assert gathered.taken(connection, **WEEKLY, but=[first]) == set()
        assert gathered.let_go(connection, **WEEKLY) == 0  # it may leave still
        connection.execute(update(delivery).where(delivery.c.id == first).values(state="superseded"))
        assert gathered.taken(connection, **WEEKLY) == set()
        assert gathered.let_go(connection, **WEEKLY) == 2
    take(ledger, second, a)
    with ledger.begin() as connection:
        gathered.pass_on(connection, of=second, to=first)
        assert [one.record for one in gathered.of_delivery(connection, first)] == [a.record]


def test_figures_of_a_digest_are_its_articles_by_their_places(ledger: Ledger, now: datetime) -> None:
    of, other = put(ledger, article("a"), article("b"), now=now)
    (sent,) = put(ledger, digest(), now=now)
    a, b = Published(of, REF.record_ref("a"), 1, now), Published(other, REF.record_ref("b"), 1, now)
    take(ledger, sent, b, a)
    told = {"100_1": (of, 5), "200_1": (sent, 40), "200_2": (sent, 30)}  # msgid → whose, readers
    since = DAY - timedelta(days=1)
    with ledger.begin() as connection:
        numbers = [Number(DAY, msgid, "read_user", n) for msgid, (_, n) in told.items()]
        figures.keep(connection, APP, "read", [DAY], numbers, late=False, now=now)
        for msgid, (whose, _) in told.items():
            figures.join(connection, APP, msgid, whose)
        records = figures.records(connection, "demo", "notices", since, after="", limit=10)
        assert records == [a.record, b.record]
        assert figures.records(connection, "demo", "notices", since, after=a.record, limit=10) == [b.record]
        assert figures.records(connection, "demo", "notices", since, after="", limit=1) == [a.record]
        rows = figures.of_flow(connection, "demo", "notices", since, records)
        assert {(row.record, row.kind): row.value for row in rows} == {(a.record, "read"): 35, (b.record, "read"): 40}
        assert figures.of_flow(connection, "demo", "notices", since, [b.record])[0].value == 40
        shown = figures.most_read(connection, APP, DAY, DAY, 10)
    assert [(one["msgid"], one["record"], one["reads"]) for one in shown] == [
        ("200_1", b.record, 40), ("200_2", a.record, 30), ("100_1", a.record, 5)
    ]  # fmt: skip


def test_a_previewed_digest_waits_for_its_message_behind_any_number_of_others(ledger: Ledger, now: datetime) -> None:
    both = [replace(digest(n), effect=effect) for n in range(1, 1_102) for effect in ("preview", "send")]
    late = replace(digest(1_102), effect="preview")
    with ledger.begin() as connection:
        outbox.enqueue(connection, [*both, late, replace(late, revision=1_103)], now=now)
        connection.execute(update(delivery).values(state="confirmed"))
        connection.execute(update(delivery).where(delivery.c.revision == 1_103).values(retire="superseded"))
        (found,) = gathered.without_message(connection, "demo", CITY)
        assert outbox.get(connection, found).revision == 1_102
