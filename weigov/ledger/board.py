"""What the board asks of the ledger, so that a million deliveries cost no more than a thousand.

Every question walks an index and stops: counts end at ``CAP`` (then it is "more than"), lists are pages by key, text
is looked for among a bounded number of rows at a time. Nothing is added up over a whole table. Only looks; call it in
``ledger.read()``. No openid and no payload leaves through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, func, literal, select, union_all

from weigov.ledger.states import STATES, State
from weigov.ledger.tables import delivery, record, reject, revision

#: Nothing is counted further.
CAP = 10_000
#: Rows of one page, and rows looked at for one page where a filter has no index.
PAGE = 50
LOOK_AT = 5_000
_STEP = 500
#: Of what a flow composed so many are looked at for what was confirmed last: reviews let the newer pass the older.
_NEWEST = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery in a list."""

    id: int
    flow: str
    record: str
    revision: int
    effect: str
    target: str
    channel: str
    title: str
    state: State
    reason: str
    step: str
    retire: str
    approvals_needed: int
    due_at: datetime
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. ``next``: ask for what is older with ``before`` of this id; None when there is nothing older."""

    rows: tuple[Any, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shall hold; what is empty does not matter. ``before``: an id of the page before."""

    flow: str = ""
    state: str = ""
    target: str = ""
    channel: str = ""
    words: str = ""  # in the title
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One flow: how many deliveries stand in each state (at most ``CAP`` + 1), and how late it is."""

    flow: str
    states: Mapping[str, int]
    pending: int
    quarantined: int
    last_success: datetime | None
    oldest_waiting: datetime | None  # changed upstream or composed then, and still not sent
    write_backs: Mapping[str, int] = field(default_factory=dict)


_ROW = [delivery.c[name] for name in Row.__dataclass_fields__]
_LIGHT = [delivery.c.id, delivery.c.target, delivery.c.channel, delivery.c.title]
#: Changes that have not reached anybody and wait for no person.
_WAITS: tuple[State, ...] = ("ready", "deferred", "claimed", "sending")


def flow_names(connection: Connection, site: str) -> list[str]:
    """The flows that have deliveries, by hopping from one to the next in the index."""
    return list(_hop(connection, delivery, "flow", delivery.c.site == site))


def flow_line(connection: Connection, site: str, flow: str, states: Sequence[State] = STATES) -> FlowLine:
    """How one flow stands, counted in ``states``."""
    both = _count_states(connection, site, flow, states)
    pending = _queue(site, flow, "pending")
    oldest = [
        select(revision.c.created_at).where(*pending).order_by(revision.c.id).limit(1),
        *(
            select(delivery.c.created_at).where(*_in(site, flow, state)).order_by(delivery.c.id).limit(1)
            for state in _WAITS
        ),
    ]
    times = connection.execute(union_all(*(select(one.subquery()) for one in oldest))).scalars().all()
    last = (
        select(delivery.c.changed_at)
        .where(*_in(site, flow, "confirmed"), delivery.c.channel != "write")
        .order_by(delivery.c.id.desc())
        .limit(_NEWEST)
        .subquery()
    )
    return FlowLine(
        flow,
        {state: n for (state, is_write), n in both.items() if not is_write},
        capped(connection, select(literal(1)).where(*pending)),
        capped(connection, select(literal(1)).where(*_queue(site, flow, "quarantined"))),
        connection.execute(select(func.max(last.c.changed_at))).scalar(),
        min((moment for moment in times if moment is not None), default=None),
        {state: n for (state, is_write), n in both.items() if is_write},
    )


def deferred(connection: Connection, site: str, flow: str) -> list[dict[str, Any]]:
    """Why deliveries of ``flow`` wait and until when: target, reason, count, until (the earliest)."""
    some = (
        select(delivery.c.target, delivery.c.reason, delivery.c.due_at)
        .where(*_in(site, flow, "deferred"))
        .limit(CAP + 1)
        .subquery()
    )
    until = func.min(some.c.due_at).label("until")
    query = select(some.c.target, some.c.reason, func.count().label("count"), until)
    found = connection.execute(query.group_by(some.c.target, some.c.reason).order_by(until))
    return [dict(row._mapping) for row in found]


def listed(connection: Connection, site: str, flows: Sequence[str], wanted: Wanted, *, limit: int = PAGE) -> Page:
    """One page of deliveries. ``flows`` are all there are; where a filter finds little, the page may be short
    although there is more (``next``): no more than ``LOOK_AT`` rows are looked at."""
    low = first_id(connection, wanted.since) if wanted.since else 0
    high = wanted.before
    if wanted.until is not None:
        end = first_id(connection, wanted.until)
        high = end if high is None else min(high, end)
    found: list[int] = []
    looked = 0
    while True:
        few = _STEP if _narrow(wanted) else limit + 1
        rows = _newest(connection, site, flows, wanted, low, high, few)
        looked += len(rows)
        for row in rows:
            if _matches(row, wanted):
                found.append(row.id)
                if len(found) > limit:
                    return Page(_rows(connection, found[:limit]), found[limit - 1])
        if len(rows) < few:
            return Page(_rows(connection, found), None)
        high = rows[-1].id
        if looked >= LOOK_AT:
            return Page(_rows(connection, found), high)


def quarantined(
    connection: Connection, site: str, flows: Iterable[str], *, before: int | None = None, limit: int = PAGE
) -> Page:
    """One page of records that could not be mapped: id (the revision's), flow, system, stream, key, reason, since."""
    parts = []
    for flow in flows:
        part = select(revision.c.id).where(*_queue(site, flow, "quarantined"))
        if before is not None:
            part = part.where(revision.c.id < before)
        parts.append(part.order_by(revision.c.id.desc()).limit(limit + 1))
    ids = _merged(connection, parts, limit + 1)
    if not ids:
        return Page((), None)
    query = (
        select(
            revision.c.id,
            revision.c.flow,
            record.c.system,
            record.c.stream,
            record.c.key,
            revision.c.reason,
            func.coalesce(revision.c.decided_at, revision.c.created_at).label("since"),
        )
        .join(record, record.c.id == revision.c.record_id)
        .where(revision.c.id.in_(ids[:limit]))
        .order_by(revision.c.id.desc())
    )
    rows = tuple(dict(row._mapping) for row in connection.execute(query))
    return Page(rows, ids[limit - 1] if len(ids) > limit else None)


def unreadable(connection: Connection, site: str) -> tuple[list[dict[str, Any]], int]:
    """Rows that could not even become a record: the newest, and how many in all."""
    of_site = (reject.c.site == site, reject.c.resolved_at.is_(None))
    columns = (reject.c.system, reject.c.stream, reject.c.key, reject.c.reason, reject.c.first_at.label("since"))
    newest = connection.execute(select(*columns).where(*of_site).order_by(reject.c.id.desc()).limit(PAGE))
    return [dict(row._mapping) for row in newest], capped(connection, select(literal(1)).where(*of_site))


def by_record(connection: Connection, site: str, name: str, *, limit: int = 200) -> list[Row]:
    """The deliveries about one record (system/stream/key), newest first."""
    query = select(*_ROW).where(delivery.c.site == site, delivery.c.record == name)
    return [Row(**row._mapping) for row in connection.execute(query.order_by(delivery.c.id.desc()).limit(limit))]


def collected(connection: Connection, site: str, system: str, stream: str) -> int:
    """How many records the mirror holds of a stream, at most ``CAP`` + 1."""
    of_stream = (record.c.site == site, record.c.system == system, record.c.stream == stream)
    return capped(connection, select(literal(1)).where(*of_stream))


def by_state(connection: Connection, site: str, flows: Sequence[str], low: int, high: int) -> dict[str, int]:
    """state → how many of the deliveries from id ``low`` up to ``high`` stand in it now."""
    found: dict[str, int] = {}
    for start in range(low, high, _CHUNK_IDS):
        query = (
            select(delivery.c.state, func.count())
            .where(delivery.c.site == site, delivery.c.flow.in_(list(flows)), delivery.c.state.in_(STATES))
            .where(delivery.c.id >= start, delivery.c.id < min(start + _CHUNK_IDS, high))
            .group_by(delivery.c.state)
        )
        for state, n in connection.execute(query):
            found[state] = found.get(state, 0) + n
    return found


_CHUNK_IDS = 100_000  # so that no single question takes long
_AT_ONCE = 4  # states counted by one question: fewer questions, and none that takes long


def first_id(connection: Connection, moment: datetime, *, before: int | None = None) -> int:
    """The first delivery composed at ``moment`` or later, one past the last when there is none.

    ``before``: an id that it cannot be behind, where one is known. Ids are given in the order of time, so a date
    needs no index of its own: it is guessed by proportion and by halving in turn, as one looks up a word.
    """
    low = connection.execute(select(func.min(delivery.c.id))).scalar_one() or 1
    high = before or (connection.execute(select(func.max(delivery.c.id))).scalar_one() or 0) + 1
    query = select(delivery.c.id, delivery.c.created_at).order_by(delivery.c.id).limit(1)
    known: dict[int, datetime] = {}
    halve = False
    while low < high:
        guess = (low + high) // 2
        if not halve and low - 1 in known and high in known:
            share = (moment - known[low - 1]) / max(known[high] - known[low - 1], _MOMENT)
            guess = min(max(low + int((high - low) * share), low), high - 1)
        halve = not halve
        at = connection.execute(query.where(delivery.c.id >= guess)).one_or_none()
        if at is None or at.created_at >= moment:
            high = guess
            known |= {guess: at.created_at} if at is not None else {}
        else:
            low = at.id + 1
            known[at.id] = at.created_at
    return int(low)


_MOMENT = timedelta(microseconds=1)


def last_published(
    connection: Connection, site: str, flows: Iterable[str], target: str, channels: Sequence[str]
) -> datetime | None:
    """When something readable was last published at ``target``; a draft is read by nobody.

    Of each flow the newest are looked at: what waited for review may have gone after what was composed later.
    """
    moments = []
    for flow in flows:
        newest = (
            select(delivery.c.changed_at, delivery.c.payload)
            .where(
                *_in(site, flow, "confirmed"),
                delivery.c.channel.in_(list(channels)),
                delivery.c.effect != "remove",
                delivery.c.target == target,
            )
            .order_by(delivery.c.id.desc())
            .limit(_NEWEST)
            .subquery()
        )
        is_draft = func.coalesce(newest.c.payload, "").contains('"via":"draft"')
        moments.append(connection.execute(select(func.max(newest.c.changed_at)).where(~is_draft)).scalar())
    return max((moment for moment in moments if moment is not None), default=None)


def newest_payloads(
    connection: Connection, site: str, flows: Iterable[str], channels: Sequence[str], *, limit: int
) -> list[tuple[int, str, str]]:
    """(id, record, payload) of the newest confirmed articles: for what is counted over what is in them."""
    found: list[tuple[int, str, str]] = []
    for flow in flows:
        query = select(delivery.c.id, delivery.c.record, delivery.c.payload).where(
            *_in(site, flow, "confirmed"), delivery.c.channel.in_(list(channels)), delivery.c.effect != "remove"
        )
        rows = connection.execute(query.order_by(delivery.c.id.desc()).limit(limit)).all()
        found += [(row.id, row.record, row.payload or "{}") for row in rows]
    return sorted(found, reverse=True)[:limit]


def newest_of_kind(connection: Connection, site: str, streams: Iterable[tuple[str, str]], *, limit: int) -> list[str]:
    """Payloads of the newest records that are not withdrawn, of these streams."""
    found: list[str] = []
    for system, stream in streams:
        query = select(record.c.payload).where(
            record.c.site == site,
            record.c.system == system,
            record.c.stream == stream,
            record.c.withdrawn_at.is_(None),
        )
        found += connection.execute(query.order_by(record.c.id.desc()).limit(limit)).scalars()
    return found


def _in(site: str, flow: str, state: str) -> tuple[Any, ...]:
    return delivery.c.site == site, delivery.c.flow == flow, delivery.c.state == state


def _queue(site: str, flow: str, state: str) -> tuple[Any, ...]:
    # Spelled out, not bound: only then is the index on this state's rows one that will do.
    return revision.c.site == site, revision.c.flow == flow, revision.c.state == literal(state, literal_execute=True)


def capped(connection: Connection, query: Select[Any]) -> int:
    """How many rows, at most ``CAP`` + 1."""
    return int(connection.execute(select(func.count()).select_from(query.limit(CAP + 1).subquery())).scalar_one())


def _count_states(
    connection: Connection, site: str, flow: str, states: Sequence[State]
) -> dict[tuple[str, bool], int]:
    found: dict[tuple[str, bool], int] = {}
    for at in range(0, len(states), _AT_ONCE):
        parts = []
        for state in states[at : at + _AT_ONCE]:
            is_write = (delivery.c.channel == "write").label("is_write")
            some = select(is_write).where(*_in(site, flow, state)).limit(CAP + 1).subquery()
            counted = select(literal(state).label("state"), some.c.is_write, func.count().label("n"))
            parts.append(counted.group_by(some.c.is_write))
        found |= {(row.state, bool(row.is_write)): row.n for row in connection.execute(union_all(*parts))}
    return found


def _newest(
    connection: Connection, site: str, flows: Sequence[str], wanted: Wanted, low: int, high: int | None, few: int
) -> Sequence[Any]:
    """The newest ``few`` that match what has an index: id, and what ``_matches`` looks at."""

    def bounded(query: Select[Any]) -> Select[Any]:
        query = query.where(delivery.c.id >= low) if low else query
        query = query.where(delivery.c.id < high) if high is not None else query
        return query.order_by(delivery.c.id.desc()).limit(few)

    if not wanted.flow and not wanted.state:
        return connection.execute(bounded(select(*_LIGHT).where(delivery.c.site == site))).all()
    parts = [
        bounded(select(delivery.c.id).where(*_in(site, flow, state)))
        for flow in ([wanted.flow] if wanted.flow else flows)
        for state in ([wanted.state] if wanted.state else STATES)
    ]
    ids = _merged(connection, parts, few)
    return connection.execute(select(*_LIGHT).where(delivery.c.id.in_(ids)).order_by(delivery.c.id.desc())).all()


def _rows(connection: Connection, ids: Sequence[int]) -> tuple[Row, ...]:
    """These deliveries, newest first."""
    query = select(*_ROW).where(delivery.c.id.in_(ids)).order_by(delivery.c.id.desc())
    return tuple(Row(**row._mapping) for row in connection.execute(query)) if ids else ()


def _merged(connection: Connection, parts: Sequence[Select[Any]], few: int) -> list[int]:
    """The greatest ``few`` ids of all parts, each of which is one walk along an index."""
    if not parts:
        return []
    every = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return list(connection.execute(select(every.c.id).order_by(every.c.id.desc()).limit(few)).scalars())


def _narrow(wanted: Wanted) -> bool:
    return bool(wanted.target or wanted.channel or wanted.words)


def _matches(row: Any, wanted: Wanted) -> bool:
    return (
        (not wanted.target or row.target == wanted.target)
        and (not wanted.channel or row.channel == wanted.channel)
        and (not wanted.words or wanted.words.casefold() in row.title.casefold())
    )


def _hop(connection: Connection, table: Table, name: str, *where: Any) -> Iterator[str]:
    query = select(func.min(table.c[name])).where(*where)
    value = connection.execute(query).scalar_one()
    while value is not None:
        yield value
        value = connection.execute(query.where(table.c[name] > value)).scalar_one()
