"""Citizens as receivers: whom messages do not reach, why and since when, and the openids that events brought.

A citizen is called by the openid's hash. What is remembered is only ever overtaken by something later: a refusal that
is written down after the citizen came back does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from weigov.ledger.dialect import insert_ignore, is_one_of, one_value
from weigov.ledger.seal import Sealer
from weigov.ledger.tables import citizen, inbox

#: left: an event said so, which goes before all others; stranger: WeChat refused, for they do not follow; blocked:
#: takes no messages of this account; unknown: WeChat knows no such openid here; refuses: not this kind of message;
#: barred: the account's own blacklist has them.
Gone = Literal["left", "stranger", "blocked", "unknown", "refuses", "barred"]

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Away:
    """Why messages do not reach somebody, and since when that is known."""

    why: str
    since: datetime


def note_gone(connection: Connection, appid: str, subject: str, why: Gone, *, at: datetime) -> None:
    """Messages did not reach this citizen at ``at``; nothing when a later sign of them is known."""
    insert_ignore(connection, citizen, [{"appid": appid, "openid_hash": subject}])
    connection.execute(
        update(citizen)
        .where(citizen.c.appid == appid, citizen.c.openid_hash == subject)
        .where(or_(citizen.c.here_at.is_(None), citizen.c.here_at < at))
        .where(or_(citizen.c.gone_at.is_(None), citizen.c.gone_at <= at if why == "left" else citizen.c.gone_at < at))
        .values(gone=why, gone_at=at)
    )


def note_here(connection: Connection, appid: str, subject: str, *, at: datetime) -> None:
    """This citizen follows the account, or wrote to it, at ``at``; nothing when they are known to have gone later."""
    insert_ignore(connection, citizen, [{"appid": appid, "openid_hash": subject}])
    connection.execute(
        update(citizen)
        .where(citizen.c.appid == appid, citizen.c.openid_hash == subject)
        .where(or_(citizen.c.gone_at.is_(None), citizen.c.gone_at <= at))
        .values(gone="", here_at=at)
    )


def keep_openid(connection: Connection, sealer: Sealer, appid: str, subject: str, openid: str) -> None:
    """Keep, sealed, the openid an event came from: a citizen without any binding may be sent what they agreed to."""
    insert_ignore(connection, citizen, [{"appid": appid, "openid_hash": subject}])
    connection.execute(
        update(citizen)
        .where(citizen.c.appid == appid, citizen.c.openid_hash == subject, citizen.c.openid.is_(None))
        .values(openid=sealer.seal(openid.encode(), _context(appid, subject)))
    )


def openids(connection: Connection, sealer: Sealer, appid: str, subjects: Iterable[str]) -> dict[str, str]:
    """hash → openid, of those whose openid an event brought."""
    found: dict[str, str] = {}
    for chunk in _chunks(subjects):
        query = select(citizen.c.openid_hash, citizen.c.openid).where(
            citizen.c.appid == appid, citizen.c.openid_hash.in_(chunk), citizen.c.openid.is_not(None)
        )
        for row in connection.execute(query):
            found[row.openid_hash] = sealer.open(bytes(row.openid), _context(appid, row.openid_hash)).decode()
    return found


def away(connection: Connection, appid: str, subjects: Iterable[str]) -> dict[str, Away]:
    """Those of ``subjects`` whom messages do not reach."""
    found: dict[str, Away] = {}
    dialect = connection.dialect.name
    for chunk in _chunks(subjects):
        asked = {"appid": appid, "values": one_value(dialect, chunk)}
        found |= {row.openid_hash: Away(row.gone, row.gone_at) for row in connection.execute(_gone(dialect), asked)}
    return found


@cache
def _gone(dialect: str) -> Select[Any]:
    return select(citizen.c.openid_hash, citizen.c.gone, citizen.c.gone_at).where(
        citizen.c.appid == bindparam("appid"), is_one_of(dialect, citizen.c.openid_hash), citizen.c.gone != ""
    )


def left_since(connection: Connection, appid: str, subject: str, since: datetime) -> bool:
    """Whether this citizen is known to have left the account at ``since`` or later; events know whole seconds."""
    query = select(citizen.c.id).where(
        citizen.c.appid == appid,
        citizen.c.openid_hash == subject,
        citizen.c.gone == "left",
        citizen.c.gone_at >= since.replace(microsecond=0),
    )
    return connection.execute(query).first() is not None


def last_signs(
    connection: Connection, appid: str, subjects: Iterable[str], events: Collection[str]
) -> dict[str, datetime]:
    """When each of ``subjects`` last wrote to the account or caused one of ``events``, as the inbox knows."""
    found: dict[str, datetime] = {}
    for chunk in _chunks(subjects):
        query = (
            select(inbox.c.subject, func.max(inbox.c.received_at).label("at"))
            .where(inbox.c.appid == appid, inbox.c.subject.in_(chunk))
            .where(or_(inbox.c.kind == "message", inbox.c.event.in_(list(events))))
            .group_by(inbox.c.subject)
        )
        found |= {row.subject: row.at for row in connection.execute(query)}
    return found


def count_away(connection: Connection, appid: str) -> dict[str, int]:
    """Why → how many citizens messages do not reach."""
    query = select(citizen.c.gone, func.count().label("n")).where(citizen.c.appid == appid, citizen.c.gone != "")
    return {row.gone: row.n for row in connection.execute(query.group_by(citizen.c.gone).order_by(citizen.c.gone))}


def _chunks(subjects: Iterable[str]) -> Iterable[list[str]]:
    wanted = sorted(set(subjects))
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))


def _context(appid: str, hashed: str) -> str:
    return f"citizen {appid} {hashed}"
