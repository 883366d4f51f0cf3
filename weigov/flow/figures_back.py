"""Figures → write-backs: how many read each article on each day, told to the system the article came from.

One delivery a record, day and account; when WeChat corrects a figure, one more, which takes the place of what has not
left. Its ``revision`` counts these, so the newest is written last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.flow.filling import filled
from weigov.ledger import figures, outbox
from weigov.ledger.outbox import New
from weigov.records import digest
from weigov.site.models import FiguresBack, Flow, Formatted
from weigov.wechat import rules

#: Figures older than this are told no more: WeChat counts an article for 30 days.
TOLD_DAYS = 35
#: Records whose figures are looked at together.
PAGE = 50
#: After what became of the articles themselves.
PRIORITY = 70

#: What a flow calls a figure → its kind in the ledger and WeChat's name.
SOURCES: Mapping[str, tuple[str, str]] = {
    "figures.reads": ("read", "read_user"),
    "figures.shares": ("share", "share_user"),
    "figures.total_reads": ("total", "read_user"),
    "figures.total_shares": ("total", "share_user"),
    "figures.total_likes": ("total", "like_user"),
    "figures.total_favourites": ("total", "collection_user"),
    "figures.total_comments": ("total", "comment_count"),
}


def enqueue(ctx: Context, flow: Flow) -> int:
    """Enqueue the write-backs that are due: figures never told, or told otherwise by now; how many.

    Looked for without a lock: of two runs at once both find the same, and the identity lets one of them in.
    """
    back = flow.sync_back.figures if flow.sync_back else None
    if back is None:
        return 0
    since = rules.beijing_day(ctx.now()) - timedelta(days=TOLD_DAYS)
    enqueued, after = 0, ""
    while True:
        with ctx.ledger.read() as connection:
            records = figures.records(connection, ctx.site.site, flow.flow, since, after=after, limit=PAGE)
            due = _due(ctx, connection, flow, back, since, records)
        enqueued += _put(ctx, due) if due else 0
        if len(records) < PAGE:
            return enqueued
        after = records[-1]


def _put(ctx: Context, due: Sequence[New]) -> int:
    with ctx.ledger.begin() as connection:
        for new in (one for one in due if one.revision > 1):
            outbox.retire(
                connection,
                site=new.site,
                flow=new.flow,
                record=new.record,
                effect=new.effect,
                why="superseded",
                before_revision=new.revision,
                now=ctx.now(),
                subject=new.subject,
            )
        return outbox.enqueue(connection, due, now=ctx.now())


def _due(
    ctx: Context, connection: Connection, flow: Flow, back: FiguresBack, since: date, records: Sequence[str]
) -> list[New]:
    told = figures.told(connection, ctx.site.site, flow.flow, f"figures:{back.operation}:", since, records)
    due = []
    for (record, target, day), counted in _figures(connection, ctx.site.site, flow, back, since, records).items():
        new = _write(ctx, connection, flow, back, record, target, day, counted)
        before = told.get((record, new.effect, target))
        if before is None:
            due.append(new)
        elif before.digest != digest(new.payload):
            due.append(replace(new, revision=before.revision + 1))
    return due


def _figures(
    connection: Connection, site: str, flow: Flow, back: FiguresBack, since: date, records: Sequence[str]
) -> dict[tuple[str, str, str], dict[str, int]]:
    """(record, target, day) → the figures asked for, of those days that have any."""
    asked = {source.from_ if isinstance(source, Formatted) else source for source in back.with_.values()}
    wanted = {SOURCES[name]: name for name in asked if isinstance(name, str) and name in SOURCES}
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in figures.of_flow(connection, site, flow.flow, since, records):
        name = wanted.get((row.kind, row.metric))
        if name is not None:
            found.setdefault((row.record, row.target, row.day), {})[name] = int(row.value)
    return found


def _write(
    ctx: Context,
    connection: Connection,
    flow: Flow,
    back: FiguresBack,
    record: str,
    target: str,
    day: str,
    counted: Mapping[str, int],
) -> New:
    assert flow.from_ is not None
    known = {"account": target.removeprefix("account:"), "figures.day": date.fromisoformat(day), **counted}
    values = filled(ctx, connection, flow, record, back.with_, known)
    return New(
        site=ctx.site.site,
        flow=flow.flow,
        record=record,
        revision=1,
        effect=f"figures:{back.operation}:{day}",
        target=f"system:{flow.from_.system}",
        subject=target,
        channel="write",
        payload={"operation": back.operation, "values": values},
        title=f"{flow.title} {day} → {flow.from_.system}",
        priority=PRIORITY,
    )
