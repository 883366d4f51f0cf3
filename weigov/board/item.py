"""One delivery's whole life: upstream revision → mapping → reviewers → WeChat's ids → receipts → told upstream."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from weigov.flow.context import Context
from weigov.flow.images import fill
from weigov.ledger import board, decisions, media, mirror, outbox, receipts, reviews
from weigov.ledger.board import Row
from weigov.ledger.outbox import Delivery
from weigov.ledger.streams import StreamRef
from weigov.ledger.tables import attempt, delivery, revision
from weigov.records import Record

#: What is shown of pictures in one article; more would make the page heavy.
_PICTURE_BYTES = 8 << 20
#: Numbers of identity cards and telephones, should a message carry one.
_PERSONAL = re.compile(r"(?<!\d)(\d{3})\d{4,12}(\d{3}[\dXx])(?!\d)")
#: The preview is a document of its own: no script, nothing fetched, no origin.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)


_OF_CALL = ("step", "n", "outcome", "remote_id", "detail", "intent_at", "outcome_at")


@dataclass(frozen=True, slots=True)
class Life:
    """Everything known of one delivery, oldest first where there is an order."""

    row: Delivery
    mapping_digest: str
    lease_until: datetime | None  # of the worker that has it
    upstream: Record | None
    changed_at: datetime | None
    revisions: tuple[Any, ...]  # n, cause, state, reason, created_at: of this flow and record, newest first
    reviews: tuple[reviews.Review, ...]
    attempts: tuple[Any, ...]  # step, n, outcome, remote_id, detail, intent_at, outcome_at
    receipts: tuple[receipts.Receipt, ...]
    decisions: tuple[decisions.Decision, ...]
    told: tuple[Row, ...]  # write-backs about it
    others: tuple[Row, ...]  # other deliveries of the record
    is_newest: bool


def life(ctx: Context, delivery_id: int) -> Life:
    """Look it up. Raises LookupError."""
    with ctx.ledger.read() as connection:
        row = outbox.get(connection, delivery_id)
        if row.site != ctx.site.site:
            raise LookupError(f"no delivery {delivery_id}")
        more = select(delivery.c.mapping_digest, delivery.c.lease_until).where(delivery.c.id == row.id)
        mapping_digest, lease_until = connection.execute(more).one()
        found = record_of(ctx, connection, row.record)
        columns = (attempt.c[name] for name in _OF_CALL)
        calls = select(*columns).where(attempt.c.delivery_id == row.id).order_by(attempt.c.id).limit(200)
        every = board.by_record(connection, row.site, row.record)
        return Life(
            row,
            mapping_digest,
            lease_until,
            found[1] if found else None,
            found[2] if found else None,
            tuple(revisions_of(connection, found[0], row.flow)) if found else (),
            tuple(reviews.of_delivery(connection, row.id)),
            tuple(connection.execute(calls)),
            tuple(receipts.of_delivery(connection, row.id)),
            tuple(reversed(decisions.of_delivery(connection, row.id))),
            tuple(o for o in every if o.channel == "write" and o.flow == row.flow and o.revision == row.revision),
            tuple(o for o in every if o.channel != "write" and o.id != row.id)[:20],
            outbox.is_newest(connection, row),
        )


def record_of(ctx: Context, connection: Connection, name: str) -> tuple[int, Record, datetime] | None:
    """(row id, the record, when it last changed) of ``system/stream/key``; None when it is a menu's, or unknown."""
    from weigov.ledger.tables import record

    system, _, rest = name.partition("/")
    stream, _, key = rest.partition("/")
    if not key:
        return None
    ref = StreamRef(ctx.site.site, system, stream)
    found = mirror.get(connection, ref, key)
    if found is None:
        return None
    changed = connection.execute(select(record.c.changed_at).where(record.c.id == found[0])).scalar_one()
    return found[0], found[1], changed


def title_of(ctx: Context, connection: Connection, quarantined: Mapping[str, Any]) -> str:
    """What people call a record of the quarantine; '' for one about a citizen."""
    ref = StreamRef(ctx.site.site, quarantined["system"], quarantined["stream"])
    found = mirror.get(connection, ref, quarantined["key"])
    return str(found[1].get("title") or "") if found is not None and found[1].kind in ("article", "guide") else ""


def revisions_of(connection: Connection, record_id: int, flow: str, *, limit: int = 20) -> list[Any]:
    """The revisions of a record that ``flow`` saw, newest first."""
    columns = (revision.c[name] for name in ("n", "cause", "state", "reason", "created_at", "decided_at"))
    query = select(*columns).where(revision.c.record_id == record_id, revision.c.flow == flow)
    return list(connection.execute(query.order_by(revision.c.n.desc()).limit(limit)))


def masked(text: str) -> str:
    """``text`` without whole numbers of people or telephones."""
    return _PERSONAL.sub(r"\1****\2", text)


def preview(ctx: Context, delivery_id: int) -> str:
    """What the citizen sees, as a whole HTML document that must be served with ``PREVIEW_POLICY``. LookupError."""
    with ctx.ledger.read() as connection:
        row = outbox.get(connection, delivery_id)
        if row.site != ctx.site.site:
            raise LookupError(f"no delivery {delivery_id}")
        articles = row.payload.get("articles") or ([row.payload] if "content" in row.payload else [])
        parts = [_article(connection, article) for article in articles]
    if not parts:
        parts = [_fields(row)]
    return _DOCUMENT.replace("BODY", "<hr>".join(parts))


def _article(connection: Connection, article: Mapping[str, Any]) -> str:
    left = _PICTURE_BYTES
    urls: dict[str, str] = {}
    for sha256 in article.get("images", ()):
        try:
            data, kind = media.blob(connection, sha256)
        except LookupError:
            continue
        left -= len(data)
        if left < 0:
            break
        urls[sha256] = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    content = fill(str(article.get("content", "")), urls)
    head = f"<h1>{html.escape(str(article.get('title', '')))}</h1>"
    author = f"<p class=author>{html.escape(str(article['author']))}</p>" if article.get("author") else ""
    return f"<article>{head}{author}{content}</article>"


def fields_of(row: Delivery) -> list[tuple[str, str]]:
    """A message's or a menu's values by their names, at most 80; not masked."""
    lines: list[tuple[str, str]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list | tuple):
            for number, inner in enumerate(value):
                walk(f"{name}.{number + 1}", inner)
        else:
            lines.append((name.removesuffix(".value"), str(value)))

    walk("", row.payload.get("data") or row.payload.get("button") or row.payload)
    return lines[:80]


def _fields(row: Delivery) -> str:
    """Its values, one a line."""
    cells = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(masked(value))}</dd>" for name, value in fields_of(row)
    )
    return f"<article><h1>{html.escape(row.title)}</h1><dl>{cells}</dl></article>"


_DOCUMENT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>预览</title><style>
body{margin:0;padding:16px;background:#fff;color:#222;font:16px/1.7 system-ui,"Noto Sans CJK SC",sans-serif;
overflow-wrap:anywhere}h1{font-size:1.35rem;line-height:1.4;margin:0 0 6px}.author{color:#5b6472;margin:0 0 14px}
img{max-width:100%;height:auto}dl{margin:0}dt{color:#5b6472;font-size:.85rem}dd{margin:0 0 8px}
</style></head><body>BODY</body></html>"""
