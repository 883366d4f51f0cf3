"""Which citizen follows which case, or is which person in a system: openid ↔ reference, both unreadable at rest.

A citizen is named by the keyed hash of the openid everywhere outside this table; only the moment of sending needs
``openids``. References (case numbers, identities) are kept as hashes alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Select, bindparam, select

from weigov.errors import ConfigError, Fault
from weigov.ledger.dialect import insert_ignore, is_one_of, one_value
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import binding

Scope = Literal["case", "identity"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_CHUNK = 400
_MAX_OPENID = 64


def openid_hash(sealer: Sealer, openid: str) -> str:
    """What a citizen is called outside the bindings."""
    return sealer.blind("openid", openid)


def bind(
    connection: Connection,
    sealer: Sealer,
    appid: str,
    openid: str,
    system: str,
    scope: Scope,
    ref: str,
    *,
    now: datetime,
) -> bool:
    """Bind a citizen to a case or an identity; False when it was bound already."""
    return insert_ignore(connection, binding, [_row(sealer, appid, openid, system, scope, ref, now)]) == 1


@cache
def _openids(dialect: str) -> Select[Any]:
    return select(binding.c.openid_hash, binding.c.openid).where(
        binding.c.appid == bindparam("appid"), is_one_of(dialect, binding.c.openid_hash)
    )


def openids(connection: Connection, sealer: Sealer, appid: str, openid_hashes: Iterable[str]) -> dict[str, str]:
    """hash → openid, for sending; unknown hashes are left out."""
    found: dict[str, str] = {}
    wanted = list(dict.fromkeys(openid_hashes))
    dialect = connection.dialect.name
    for start in range(0, len(wanted), _CHUNK):
        asked = {"appid": appid, "values": one_value(dialect, wanted[start : start + _CHUNK])}
        for hashed, sealed in connection.execute(_openids(dialect), asked).all():
            if hashed not in found:
                found[hashed] = sealer.open(bytes(sealed), _context(appid, hashed)).decode()
    return found


def subjects(connection: Connection, sealer: Sealer, appid: str, system: str, scope: Scope, ref: str) -> list[str]:
    """The openid hashes bound to ``ref``, oldest binding first."""
    query = (
        select(binding.c.openid_hash)
        .where(
            binding.c.appid == appid,
            binding.c.system == system,
            binding.c.scope == scope,
            binding.c.ref_hash == _ref_hash(sealer, system, scope, ref),
        )
        .order_by(binding.c.id)
    )
    return list(connection.execute(query).scalars())


def check_key(connection: Connection, sealer: Sealer) -> None:
    """Raise ConfigError unless our keys are the ones the bindings were written with.

    With a wrong key every citizen would look unbound, and nobody would be told anything.
    """
    row = connection.execute(select(binding).order_by(binding.c.id).limit(1)).one_or_none()
    if row is None:
        return
    openid = sealer.open(bytes(row.openid), _context(row.appid, row.openid_hash)).decode()
    if openid_hash(sealer, openid) != row.openid_hash:
        raise ConfigError("the bindings do not match the first ledger key; keep the oldest key in its first place")


def import_csv(
    connection: Connection, sealer: Sealer, appid: str, file: Path, *, now: datetime, systems: Iterable[str] = ()
) -> tuple[int, int]:
    """Bind every line of a CSV file (UTF-8, with a header: openid, system, and case or identity): (added, known).

    A line names a case or an identity, not both. ``systems`` are the systems a line may name; none given, any.
    Raises ConfigError listing every faulty line, and then binds nothing.
    """
    rows, faults = _read(sealer, appid, file, frozenset(systems), now)
    if faults:
        raise ConfigError(faults)
    added = sum(
        insert_ignore(connection, binding, rows[start : start + _CHUNK]) for start in range(0, len(rows), _CHUNK)
    )
    return added, len(rows) - added


def _read(
    sealer: Sealer, appid: str, file: Path, systems: frozenset[str], now: datetime
) -> tuple[list[dict[str, object]], list[Fault]]:
    name = str(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([Fault(name, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Fault(name, "is not UTF-8", hint="save it as CSV UTF-8")]) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = [column.strip() for column in reader.fieldnames or ()]
    missing = [column for column in ("openid", "system") if column not in header]
    if not set(SCOPES) & set(header):
        missing.append("case or identity")
    if missing:
        hint = "the header is openid,system,case or openid,system,identity"
        raise ConfigError([Fault(name, f"no column {', '.join(missing)}", line=1, hint=hint)])
    reader.fieldnames = header
    rows: list[dict[str, object]] = []
    faults: list[Fault] = []
    try:
        for raw in reader:
            line = {column: (value or "").strip() for column, value in raw.items() if isinstance(column, str)}
            if not any(line.values()):
                continue
            problem = _fault(line, systems, too_long=None in raw)
            if problem:
                faults.append(Fault(name, problem, line=reader.line_num))
                continue
            scope: Scope = "case" if line.get("case") else "identity"
            rows.append(_row(sealer, appid, line["openid"], line["system"], scope, line[scope], now))
    except csv.Error:
        faults.append(Fault(name, "the quotes do not match", line=reader.line_num))
    return rows, faults


def _fault(line: dict[str, str], systems: frozenset[str], *, too_long: bool) -> str:
    """What is wrong with a line, without repeating an openid or a reference."""
    given = [scope for scope in SCOPES if line.get(scope)]
    openid = line["openid"]
    if too_long:
        return "has more values than the header has columns"
    if not openid:
        return "openid is empty"
    if len(openid) > _MAX_OPENID or not all(c.isascii() and (c.isalnum() or c in "-_") for c in openid):
        return "openid is not one: letters, digits, - and _ only"
    if not line["system"]:
        return "system is empty"
    if systems and line["system"] not in systems:
        return f"system is not one of this site's: {', '.join(sorted(systems))}"
    if len(given) != 1:
        return "names both a case and an identity" if given else "names neither a case nor an identity"
    return ""


def _row(
    sealer: Sealer, appid: str, openid: str, system: str, scope: Scope, ref: str, now: datetime
) -> dict[str, object]:
    hashed = openid_hash(sealer, openid)
    return {
        "appid": appid,
        "openid_hash": hashed,
        "openid": sealer.seal(openid.encode(), _context(appid, hashed)),
        "system": system,
        "scope": scope,
        "ref_hash": _ref_hash(sealer, system, scope, ref),
        "created_at": now,
    }


def _ref_hash(sealer: Sealer, system: str, scope: Scope, ref: str) -> str:
    return sealer.blind(f"ref {scope} {system}", ref)


def _context(appid: str, hashed: str) -> str:
    return f"binding {appid} {hashed}"
