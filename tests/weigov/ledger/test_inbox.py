"""A callback is kept once, sealed, until it is handled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from weigov.ledger import bindings, inbox
from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import inbox as table

APP = "wx0123456789abcdef"
XML = "<xml><Content>我的身份证</Content></xml>".encode()


def store(connection: Connection, sealer: Sealer, key: str, now: datetime, **changes: Any) -> bool:
    values: dict[str, Any] = {
        "appid": APP, "dedupe_key": key, "kind": "event", "event": "publishjobfinish", "remote_id": "77",
        "openid": "oAnna", "payload": XML, "now": now,
    }  # fmt: skip
    return inbox.store(connection, sealer, **values | changes)


def test_a_callback_that_comes_again_is_known(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    with ledger.begin() as connection:
        assert store(connection, sealer, "a", now)
        assert not store(connection, sealer, "a", now, payload=b"<xml/>")
        assert store(connection, sealer, "a", now, appid="wxother")
        assert [item.payload for item in inbox.waiting(connection, sealer, APP, 10)] == [XML]


def test_what_waits_comes_oldest_first_and_only_until_it_is_handled(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    with ledger.begin() as connection:
        for key in "abc":
            store(connection, sealer, key, now, event="view" if key == "b" else "publishjobfinish")
        first, second = inbox.waiting(connection, sealer, APP, 2)
        assert (first.event, second.event) == ("publishjobfinish", "view")
        assert inbox.handled(connection, first.id, "joined", now=now)
        assert not inbox.handled(connection, first.id, "again", now=now)
        assert [item.id for item in inbox.waiting(connection, sealer, APP, 10)] == [second.id, second.id + 1]
        assert [item.id for item in inbox.waiting(connection, sealer, APP, 10, after=second.id)] == [second.id + 1]
        assert [i.id for i in inbox.waiting(connection, sealer, APP, 10, events=["view"])] == [second.id]


def test_a_callback_names_its_citizen_as_the_bindings_do(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    with ledger.begin() as connection:
        store(connection, sealer, "a", now)
        store(connection, sealer, "b", now, openid="")
        one, nobody = inbox.waiting(connection, sealer, APP, 10)
    assert one.subject == bindings.openid_hash(sealer, "oAnna")
    assert nobody.subject == ""


def test_nothing_a_citizen_wrote_can_be_read_in_the_database_or_a_repr(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    with ledger.begin() as connection:
        store(connection, sealer, "a", now)
        (row,) = connection.execute(select(table)).all()
        assert b"xml" not in bytes(row.payload)
        assert "oAnna" not in repr(row)
        assert "xml" not in repr(inbox.waiting(connection, sealer, APP, 10))
