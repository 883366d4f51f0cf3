"""Revisions: the changes of records that flows care about, their queue and their quarantine.

A revision exists only when the digest of the fields a flow reads differs from its newest: A→B→A is three, reading the
same again is none. They are made under the stream's lock (``streams.lock_stream``), in the order things happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection, and_, func, literal, select, update

from weigov.ledger import mirror
from weigov.ledger.dialect import insert_ignore, is_one_of, one_value
from weigov.ledger.streams import StreamRef, chunks, in_stream
from weigov.ledger.tables import position, record, revision
from weigov.records import Kind, Record, digest, digest_of, dump, load, with_texts

#: The digest of a revision that says: gone upstream.
WITHDRAWN = "-"

#: ``now``, ``all``, or the moment from which on what existed before is delivered too.
Begin = Literal["now", "all"] | datetime


@dataclass(frozen=True, slots=True)
class FlowReads:
    """What the mirror must know of a flow: which fields make a revision, and where it began."""

    flow: str
    fields: frozenset[str]
    begin: Begin


@dataclass(frozen=True, slots=True)
class Pending:
    """A revision waiting to be composed. ``record`` is None when it says withdrawn."""

    id: int
    n: int
    record_id: int
    key: str
    cause: str
    digest: str
    record: Record | None
    created_at: datetime


def begin_flow(
    connection: Connection, ref: StreamRef, flow: FlowReads, mapping_digest: str, *, now: datetime
) -> bool:
    """Start a flow over what is mirrored already, once; whether it was new.

    What existed before is a baseline unless ``begin`` says otherwise. Call under the stream's lock.
    """
    if not begin_gathering(connection, ref.site, flow.flow, mapping_digest, now=now):
        return False
    reads = digest(sorted(flow.fields))
    connection.execute(
        update(position).where(position.c.site == ref.site, position.c.flow == flow.flow).values(reads=reads)
    )
    for chunk in chunks(mirror.rows(connection, ref)):
        news = []
        for record_id, item in chunk:
            delivers = not item.withdrawn and _wanted(item, flow.begin)
            news.append(
                _revision(
                    ref,
                    flow.flow,
                    record_id,
                    1,
                    WITHDRAWN if item.withdrawn else digest_of(item, flow.fields),
                    cause="begin",
                    item=item if delivers else None,
                    now=now,
                )
            )
        connection.execute(revision.insert(), news)
    return True


def begin_gathering(connection: Connection, site: str, flow: str, mapping_digest: str, *, now: datetime) -> bool:
    """Start a flow that has no stream of its own (a menu), once; whether it was new."""
    row = {"site": site, "flow": flow, "began_at": now, "mapping_digest": mapping_digest, "applied_at": now}
    return bool(insert_ignore(connection, position, [row]))


def follow(connection: Connection, ref: StreamRef, flow: FlowReads, *, now: datetime) -> int:
    """Give a flow the revisions it was not there to see: left out while its YAML was broken, say; how many.

    When it reads other fields than before, that alone is no change of any record: what it had seen is a baseline.
    Call under the stream's lock, before anything new is stored.
    """
    where = and_(position.c.site == ref.site, position.c.flow == flow.flow)
    seen = connection.execute(
        select(position.c.reads, func.coalesce(position.c.read_at, position.c.began_at).label("until")).where(where)
    ).one_or_none()
    if seen is None:
        return 0
    reads = digest(sorted(flow.fields))
    conditions = (record.c.changed_at > seen.until,) if seen.reads in ("", reads) else ()
    made = 0
    for chunk in chunks(mirror.rows(connection, ref, *conditions)):
        ids = [record_id for record_id, _ in chunk]
        last = newest(connection, ids, flow.flow)
        missed = set(
            connection.execute(
                select(record.c.id).where(record.c.id.in_(ids), record.c.changed_at > seen.until)
            ).scalars()
        )
        news = []
        for record_id, item in chunk:
            n, old, _ = last.get(record_id, (0, WITHDRAWN, ""))
            new = WITHDRAWN if item.withdrawn else digest_of(item, flow.fields)
            if new != old:
                made += record_id in missed
                kept = item if record_id in missed else None
                news.append(_revision(ref, flow.flow, record_id, n + 1, new, cause="follow", item=kept, now=now))
        if news:
            connection.execute(revision.insert(), news)
    connection.execute(update(position).where(where).values(reads=reads))
    return made


def has_seen(connection: Connection, ref: StreamRef, flows: Sequence[FlowReads], *, until: datetime) -> None:
    """These flows have been given every change of the stream that was stored up to ``until``."""
    connection.execute(
        update(position)
        .where(position.c.site == ref.site, position.c.flow.in_([flow.flow for flow in flows]))
        .values(read_at=until)
    )


def pending(connection: Connection, site: str, flow: str, *, after: int, limit: int) -> list[Pending]:
    """The next revisions to compose, in the order they happened, behind revision id ``after``."""
    query = (
        select(revision, record.c.key, record.c.kind, record.c.partition)
        .join(record, record.c.id == revision.c.record_id)
        .where(
            revision.c.site == site,
            revision.c.flow == flow,
            revision.c.state == "pending",
            revision.c.id > after,
        )
        .order_by(revision.c.id)
        .limit(limit)
    )
    found = []
    for row in connection.execute(query):
        item = None
        if row.digest != WITHDRAWN:
            item = load(cast(Kind, row.kind), row.key, row.payload.encode(), partition=row.partition)
        found.append(Pending(row.id, row.n, row.record_id, row.key, row.cause, row.digest, item, row.created_at))
    return found


def waiting_since(connection: Connection, site: str, moment: datetime) -> dict[str, int]:
    """flow → how many revisions are pending since then or longer."""
    query = select(revision.c.flow, func.count().label("n")).where(
        revision.c.site == site, revision.c.state == literal("pending", literal_execute=True)
    )
    rows = connection.execute(query.where(revision.c.created_at <= moment).group_by(revision.c.flow))
    return {row.flow: row.n for row in rows}


def newest(connection: Connection, record_ids: Iterable[int], flow: str) -> dict[int, tuple[int, str, str]]:
    """record id → (n, digest, state) of its newest revision for ``flow``."""
    found: dict[int, tuple[int, str, str]] = {}
    for chunk in chunks(record_ids):
        top = (
            select(revision.c.record_id, func.max(revision.c.n).label("n"))
            .where(revision.c.record_id.in_(chunk), revision.c.flow == flow)
            .group_by(revision.c.record_id)
            .subquery()
        )
        query = select(revision.c.record_id, revision.c.n, revision.c.digest, revision.c.state).join(
            top,
            and_(revision.c.record_id == top.c.record_id, revision.c.n == top.c.n, revision.c.flow == flow),
        )
        found.update((row.record_id, (row.n, row.digest, row.state)) for row in connection.execute(query))
    return found


def has_newer_change(connection: Connection, ref: StreamRef, key: str, flow: str, n: int) -> bool:
    """Whether the record itself changed, or was withdrawn, after revision ``n``, whatever came of that."""
    query = (
        select(revision.c.id)
        .join(record, record.c.id == revision.c.record_id)
        .where(in_stream(record, ref), record.c.key == key, revision.c.flow == flow, revision.c.n > n)
        .where(revision.c.cause.in_(("collect", "withdrawn")))
    )
    return connection.execute(query.limit(1)).first() is not None


def decide(
    connection: Connection,
    revision_id: int,
    state: str,
    *,
    now: datetime,
    reason: str = "",
    only_latest: bool = False,
) -> bool:
    """What compose made of a pending revision: composed | skipped | quarantined | superseded.

    False when somebody else decided it first: then nothing may be enqueued for it. An older revision of the record
    that waits in quarantine waits no longer, and where ``only_latest`` counts neither does one that is pending still.
    """
    changed = connection.execute(
        update(revision)
        .where(revision.c.id == revision_id, revision.c.state == "pending")
        .values(state=state, reason=reason, decided_at=now, payload=None)
    )
    if changed.rowcount != 1:
        return False
    this = connection.execute(
        select(revision.c.record_id, revision.c.flow, revision.c.n).where(revision.c.id == revision_id)
    ).one()
    connection.execute(
        update(revision)
        .where(
            revision.c.record_id == this.record_id,
            revision.c.flow == this.flow,
            revision.c.n < this.n,
            revision.c.state.in_(("quarantined", "pending") if only_latest else ("quarantined",)),
        )
        .values(state="superseded", reason="a newer revision came", decided_at=now, payload=None)
    )
    return True


def compose_again(
    connection: Connection,
    ref: StreamRef,
    key: str,
    flow: FlowReads,
    *,
    cause: str,
    now: datetime,
    corrected: Mapping[str, str] | None = None,
) -> bool:
    """Put the record as it is now before ``compose`` again, as a new revision; False when it is withdrawn or gone.

    ``corrected``: texts it is composed with instead of its own. The revision is of the record as it is upstream all
    the same: reading that again is no change.
    """
    found = mirror.get(connection, ref, key)
    if found is None or found[1].withdrawn:
        return False
    record_id, item = found
    n = newest(connection, [record_id], flow.flow).get(record_id, (0, "", ""))[0] + 1
    value = digest_of(item, flow.fields)
    item = with_texts(item, corrected or {})
    connection.execute(
        revision.insert(), [_revision(ref, flow.flow, record_id, n, value, cause=cause, item=item, now=now)]
    )
    connection.execute(
        update(revision)
        .where(revision.c.record_id == record_id, revision.c.flow == flow.flow, revision.c.state == "quarantined")
        .values(state="superseded", reason="composed again", decided_at=now)
    )
    return True


def quarantined(
    connection: Connection, site: str, flow: str | None = None, *, after: int = 0, limit: int = 1000
) -> list[Any]:
    """Rows (id, flow, system, stream, key, n, reason, created_at) of records that could not be mapped, behind the id
    ``after``."""
    query = (
        select(
            revision.c.id,
            revision.c.flow,
            record.c.system,
            record.c.stream,
            record.c.key,
            revision.c.n,
            revision.c.reason,
            revision.c.created_at,
        )
        .join(record, record.c.id == revision.c.record_id)
        .where(revision.c.site == site, revision.c.state == "quarantined", revision.c.id > after)
        .order_by(revision.c.id)
        .limit(limit)
    )
    if flow is not None:
        query = query.where(revision.c.flow == flow)
    return list(connection.execute(query))


def of_record(connection: Connection, record_id: int, flow: str) -> Any:
    """The newest revision (id, n, cause, state) of one record for ``flow``; None when there is none."""
    columns = (revision.c.id, revision.c.n, revision.c.cause, revision.c.state)
    query = select(*columns).where(revision.c.record_id == record_id, revision.c.flow == flow)
    return connection.execute(query.order_by(revision.c.n.desc()).limit(1)).one_or_none()


def cause_of(connection: Connection, ref: StreamRef, key: str, flow: str, n: int) -> str:
    """Why the record has its ``n``-th revision for ``flow``; '' when it has none."""
    query = (
        select(revision.c.cause)
        .join(record, record.c.id == revision.c.record_id)
        .where(in_stream(record, ref), record.c.key == key, revision.c.flow == flow, revision.c.n == n)
    )
    return connection.execute(query).scalar_one_or_none() or ""


def applied_digest(connection: Connection, site: str, flow: str) -> str | None:
    """The digest of the mapping this flow may compose with; None when it has not begun."""
    query = select(position.c.mapping_digest).where(position.c.site == site, position.c.flow == flow)
    return connection.execute(query).scalar_one_or_none()


def apply_mapping(connection: Connection, site: str, flow: str, mapping_digest: str, *, now: datetime) -> None:
    """From now on the flow composes with this mapping."""
    connection.execute(
        update(position)
        .where(position.c.site == site, position.c.flow == flow)
        .values(mapping_digest=mapping_digest, applied_at=now)
    )


def revise(
    connection: Connection,
    ref: StreamRef,
    items: Sequence[Record],
    existed: set[str],
    flows: Sequence[FlowReads],
    *,
    first: bool,
    now: datetime,
) -> int:
    query = select(record.c.id, record.c.key)
    dialect = connection.dialect.name
    keys = one_value(dialect, [item.key for item in items])
    rows = connection.execute(query.where(in_stream(record, ref), is_one_of(dialect, record.c.key)), {"values": keys})
    ids = {row.key: row.id for row in rows}
    made = 0
    for flow in flows:
        last = newest(connection, ids.values(), flow.flow)
        news = []
        for item in items:
            record_id = ids[item.key]
            n, old, _ = last.get(record_id, (0, WITHDRAWN, ""))
            new = WITHDRAWN if item.withdrawn else digest_of(item, flow.fields)
            if new == old:
                continue
            counts = n > 0 or item.key in existed or not first or _wanted(item, flow.begin)
            news.append(
                _revision(
                    ref,
                    flow.flow,
                    record_id,
                    n + 1,
                    new,
                    cause="withdrawn" if item.withdrawn else "collect",
                    item=item if counts else None,
                    now=now,
                )
            )
            made += counts
        if news:
            connection.execute(revision.insert(), news)
    return made


def _revision(
    ref: StreamRef,
    flow: str,
    record_id: int,
    n: int,
    value: str,
    *,
    cause: str,
    item: Record | None,
    now: datetime,
) -> dict[str, Any]:
    """A revision row; without ``item`` it is a baseline: noted, never composed."""
    return {
        "record_id": record_id,
        "site": ref.site,
        "flow": flow,
        "n": n,
        "digest": value,
        "cause": cause,
        "state": "baseline" if item is None else "pending",
        "payload": dump(item).decode() if item is not None and value != WITHDRAWN else None,
        "created_at": now,
    }


def _wanted(item: Record, begin: Begin) -> bool:
    """Whether a record that existed before the flow began is delivered all the same."""
    if begin == "all":
        return True
    if begin == "now":
        return False
    moment = next((m for m in (item.get(name) for name in ("published_at", "answered_at", "updated_at")) if m), None)
    return isinstance(moment, datetime) and moment >= begin
