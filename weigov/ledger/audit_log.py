"""The audit log: who decided what, when, why, and through which door. Rows are added and never changed.

Each row carries the hash of the one before it, so that whoever changes, removes or inserts one breaks the chain from
there on; the database refuses changes by itself. Cutting rows off the end, or writing the whole chain anew, leaves a
sound chain: only a hash that was noted elsewhere shows it (``verify`` takes one as ``head``). No personal data is in
it: a citizen is never named, a record is named by its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, text

from weigov.errors import ReviewRejected
from weigov.ledger.tables import audit_log
from weigov.records import encode

#: As wide as the columns.
MAX_NAME = 128
MAX_ABOUT = 600
#: What stands before the first row.
BEGINNING = "0" * 64
_LOCK = 0x7765_6967_6F77  # one writer at a time on PostgreSQL; SQLite has only one
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``before`` is the hash of the row before it, ``hash`` its own."""

    n: int
    site: str
    at: datetime
    door: str  # shell | board | airflow: on a shell nobody proves who they are
    person: str
    what: str
    about: str  # delivery 12, flow notices, account city …
    was: str
    now: str
    reason: str
    before: str
    hash: str

    def as_text(self) -> dict[str, Any]:
        """As it is exported: the time in ISO 8601, UTC."""
        return asdict(self) | {"at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}


@dataclass(frozen=True, slots=True)
class Verified:
    """``problem`` is '' when the chain is whole. ``head`` is the newest hash: note it where nobody here can write."""

    rows: int
    head: str
    problem: str


def append(
    connection: Connection,
    site: str,
    what: str,
    *,
    about: str,
    person: str,
    reason: str,
    at: datetime,
    was: str = "",
    now: str = "",
) -> int:
    """Add one row in the caller's transaction; its number. The door is the ledger's (``Ledger.door``).

    Call it last: on PostgreSQL it waits for whoever else is adding one. Raises ReviewRejected without a name.
    """
    person = person.strip()
    if not person:
        raise ReviewRejected("a decision needs a name")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    newest = connection.execute(
        select(audit_log.c.n, audit_log.c.hash).order_by(audit_log.c.n.desc()).limit(1)
    ).one_or_none()
    row: dict[str, Any] = {
        "n": newest.n + 1 if newest else 1,
        "site": site,
        "at": at,
        "door": connection.get_execution_options().get("weigov_door", "shell"),
        "person": person[:MAX_NAME],
        "what": what,
        "about": about[:MAX_ABOUT],
        "was": was,
        "now": now,
        "reason": reason.strip(),
        "before": newest.hash if newest else BEGINNING,
    }
    row["hash"] = _hash(row | {"at": at.astimezone(UTC).isoformat(timespec="microseconds")})
    connection.execute(audit_log.insert().values(row))
    return int(row["n"])


def entries(connection: Connection, *, since: int = 1) -> Iterator[Entry]:
    """Every row from number ``since`` on, oldest first."""
    after = since - 1
    while True:
        query = select(audit_log).where(audit_log.c.n > after).order_by(audit_log.c.n).limit(_CHUNK)
        rows = connection.execute(query).all()
        for row in rows:
            yield Entry(**row._mapping)
        if len(rows) < _CHUNK:
            return
        after = rows[-1].n


def newest(connection: Connection, site: str, *, limit: int, before: int | None = None) -> list[Entry]:
    """The newest rows of one site, newest first; ``before``: of those with a smaller number."""
    query = select(audit_log).where(audit_log.c.site == site)
    if before is not None:
        query = query.where(audit_log.c.n < before)
    return [Entry(**row._mapping) for row in connection.execute(query.order_by(audit_log.c.n.desc()).limit(limit))]


def about(connection: Connection, site: str, what: str, about: str) -> Entry | None:
    """The newest row of this decision about this; the whole log is searched for it."""
    same = (audit_log.c.site == site, audit_log.c.what == what, audit_log.c.about == about[:MAX_ABOUT])
    row = connection.execute(select(audit_log).where(*same).order_by(audit_log.c.n.desc()).limit(1)).one_or_none()
    return Entry(**row._mapping) if row is not None else None


def verify(rows: Iterable[Mapping[str, Any]], *, head: str = "") -> Verified:
    """Walk a whole chain of rows as ``Entry.as_text`` gives them; where it breaks first, if it does.

    ``head``: a hash noted earlier, which must be in it.
    """
    before, number, seen_head = BEGINNING, 0, not head
    for row in rows:
        number += 1
        if row.get("n") != number:
            return Verified(number - 1, before, f"row {number} is missing, the next is row {row.get('n')}")
        if row.get("before") != before:
            return Verified(number - 1, before, f"row {number} does not follow row {number - 1}")
        if row.get("hash") != _hash({name: value for name, value in row.items() if name != "hash"}):
            return Verified(number - 1, before, f"row {number} was changed after it was written")
        before = str(row["hash"])
        seen_head = seen_head or before == head
    missing = (
        "" if seen_head else f"the hash {head[:12]}… is not in it: rows were cut off, or all of it was rewritten"
    )
    return Verified(number, before, missing)


def _hash(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(encode(dict(row))).hexdigest()
