"""Who is bound to what: found by its hash, unreadable at rest, imported all or not at all."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from weigov.errors import ConfigError
from weigov.ledger import bindings
from weigov.ledger.engine import Ledger
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import binding

APP = "wx0123456789abcdef"
ANNA, BERT = "oKx7s5Jb0Lr0aAnna", "oKx7s5Jb0Lr0aBert"


def test_a_bound_citizen_is_found_by_case_and_by_identity(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    with ledger.begin() as connection:
        assert bindings.bind(connection, sealer, APP, ANNA, "cases", "case", "C1", now=now)
        assert not bindings.bind(connection, sealer, APP, ANNA, "cases", "case", "C1", now=now)
        assert bindings.bind(connection, sealer, APP, BERT, "cases", "case", "C1", now=now)
        assert bindings.bind(connection, sealer, APP, BERT, "cases", "identity", "C1", now=now)
        anna, bert = (bindings.openid_hash(sealer, openid) for openid in (ANNA, BERT))
        assert bindings.subjects(connection, sealer, APP, "cases", "case", "C1") == [anna, bert]
        assert bindings.subjects(connection, sealer, APP, "cases", "identity", "C1") == [bert]
        assert bindings.subjects(connection, sealer, APP, "cases", "case", "C2") == []
        assert bindings.subjects(connection, sealer, APP, "qa", "case", "C1") == []
        assert bindings.subjects(connection, sealer, "wxother", "cases", "case", "C1") == []
        assert bindings.openids(connection, sealer, APP, [bert, "0" * 64, anna]) == {anna: ANNA, bert: BERT}
        assert bindings.openids(connection, sealer, "wxother", [anna]) == {}


def test_no_openid_and_no_reference_can_be_read_in_the_database(
    ledger: Ledger, sealer: Sealer, now: datetime
) -> None:
    with ledger.begin() as connection:
        bindings.bind(connection, sealer, APP, ANNA, "cases", "identity", "110101199003070000", now=now)
        stored = repr(connection.execute(select(binding)).all())
    assert ANNA not in stored
    assert "110101199003070000" not in stored


def test_an_openid_moved_to_another_citizens_row_does_not_open(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    with ledger.begin() as connection:
        bindings.bind(connection, sealer, APP, ANNA, "cases", "case", "C1", now=now)
        bindings.bind(connection, sealer, APP, BERT, "cases", "case", "C2", now=now)
        anna, bert = (bindings.openid_hash(sealer, openid) for openid in (ANNA, BERT))
        sealed = connection.execute(select(binding.c.openid).where(binding.c.openid_hash == anna)).scalar_one()
        connection.execute(binding.update().where(binding.c.openid_hash == bert).values(openid=sealed))
        with pytest.raises(ConfigError):
            bindings.openids(connection, sealer, APP, [bert])


def test_more_citizens_than_fit_one_query_are_found(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    names = [f"oCitizen{n}" for n in range(900)]
    with ledger.begin() as connection:
        for name in names:
            bindings.bind(connection, sealer, APP, name, "cases", "case", "C1", now=now)
        hashes = bindings.subjects(connection, sealer, APP, "cases", "case", "C1")
        found = bindings.openids(connection, sealer, APP, hashes)
        assert [found[hashed] for hashed in hashes] == names


def test_a_wrong_key_is_noticed_before_everybody_looks_unbound(ledger: Ledger, sealer: Sealer, now: datetime) -> None:
    rotated = Sealer({"k1": b"1" * 32, "k2": b"2" * 32}, "k2")
    wrong = Sealer({"k1": b"3" * 32}, "k1")
    moved = Sealer({"k2": b"2" * 32, "k1": b"1" * 32}, "k2")
    with ledger.begin() as connection:
        bindings.check_key(connection, wrong)  # nothing is bound: nothing to be wrong about
        bindings.bind(connection, sealer, APP, ANNA, "cases", "case", "C1", now=now)
        bindings.check_key(connection, rotated)
        with pytest.raises(ConfigError, match="does not open"):
            bindings.check_key(connection, wrong)
        with pytest.raises(ConfigError, match="oldest key in its first place"):
            bindings.check_key(connection, moved)


def test_a_file_is_imported_once(ledger: Ledger, sealer: Sealer, now: datetime, tmp_path: Path) -> None:
    file = tmp_path / "bindings.csv"
    file.write_text(
        f'openid, system ,case,identity\n{ANNA},cases,C1,\n\n{ANNA},cases,C1,\n"{BERT}",qa,,U7\n',
        encoding="utf-8-sig",
    )
    with ledger.begin() as connection:
        assert bindings.import_csv(connection, sealer, APP, file, now=now) == (2, 1)
        assert bindings.import_csv(connection, sealer, APP, file, now=now, systems=["cases", "qa"]) == (0, 3)
        assert bindings.subjects(connection, sealer, APP, "qa", "identity", "U7") == [
            bindings.openid_hash(sealer, BERT)
        ]


def test_every_faulty_line_is_named_and_nothing_is_bound(
    ledger: Ledger, sealer: Sealer, now: datetime, tmp_path: Path
) -> None:
    lines = [
        "openid,system,case,identity",
        f"{ANNA},cases,C1,",  # sound
        ",cases,C1,",
        f"{ANNA} {BERT},cases,C1,",
        f"{ANNA},,C1,",
        f"{ANNA},{BERT},C1,",  # columns mixed up: the openid stands where the system should
        f"{ANNA},cases,C1,U7",
        f"{ANNA},cases",
        f"{ANNA},cases,C1,,more",
    ]
    file = tmp_path / "bindings.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    with ledger.begin() as connection:
        with pytest.raises(ConfigError) as caught:
            bindings.import_csv(connection, sealer, APP, file, now=now, systems=["cases", "qa"])
        assert connection.execute(select(binding)).all() == []
    assert [(fault.line, fault.message.split(":")[0]) for fault in caught.value.faults] == [
        (3, "openid is empty"),
        (4, "openid is not one"),
        (5, "system is empty"),
        (6, "system is not one of this site's"),
        (7, "names both a case and an identity"),
        (8, "names neither a case nor an identity"),
        (9, "has more values than the header has columns"),
    ]
    assert ANNA not in str(caught.value) and BERT not in str(caught.value)
    assert str(caught.value).splitlines()[0].startswith(f"{file}:3: ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no column openid, system, case or identity"),
        (b"openid,case\n", "no column system"),
        (b"openid,system\n", "no column case or identity"),
        ("openid,system,case\n张三,cases,C1".encode("gb18030"), "not UTF-8"),
        (b'openid,system,case\n"oAnna,cases,C1\n', "quotes"),
    ],
)
def test_a_file_that_is_no_such_table_is_said_to_be_none(
    content: bytes, problem: str, sealer: Sealer, now: datetime, tmp_path: Path
) -> None:
    file = tmp_path / "bindings.csv"
    file.write_bytes(content)
    engine = Ledger("sqlite://")
    with engine.begin() as connection, pytest.raises(ConfigError, match=problem) as caught:
        bindings.import_csv(connection, sealer, APP, file, now=now)
    assert "oAnna" not in str(caught.value)
    engine.close()


def test_a_missing_file_is_one_line(sealer: Sealer, now: datetime, tmp_path: Path) -> None:
    engine = Ledger("sqlite://")
    with engine.begin() as connection, pytest.raises(ConfigError, match="cannot be read: No such file"):
        bindings.import_csv(connection, sealer, APP, tmp_path / "none.csv", now=now)
    engine.close()
