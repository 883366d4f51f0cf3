"""compose: mirror changes → deliveries. What cannot be mapped is quarantined with its reason; the rest goes on.

Each revision is decided once, and what it leads to is enqueued in the same transaction. Changed YAML composes nothing
until ``weigov apply``. The menu has no records of its own: it is composed from what is mirrored now (``menu``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from weigov.errors import RecordRejected, RemoteUnavailable
from weigov.flow import audience, collect
from weigov.flow.channels import news
from weigov.flow.columns import Columns, ColumnUnknown, columns_of
from weigov.flow.context import Context
from weigov.flow.images import Freezer
from weigov.flow.menu import compose_menu
from weigov.flow.mistakes import MISTAKES, where
from weigov.flow.where import matches
from weigov.ledger import outbox, revisions, streams
from weigov.ledger.outbox import New
from weigov.ledger.revisions import Pending
from weigov.ledger.streams import StreamRef
from weigov.mapping import apply
from weigov.records import Record, digest
from weigov.site.models import Flow

PRIORITY = {"remove": 10, "warning": 20, "template": 30, "menu": 40, "news": 50, "write": 60}
#: What revisions wait for, as operators read it.
IMAGES = "pictures that cannot be fetched"
COLUMNS = "columns not read yet"
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Composed:
    """What one compose did. ``held`` says why it did nothing; ``waiting``: revisions whose time is still to come."""

    flow: str
    deliveries: int = 0
    withdrawn: int = 0
    quarantined: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason → how many
    waiting: Mapping[str, int] = field(default_factory=dict)  # for what → how many
    held: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a revision comes to."""

    state: str  # of the revision
    reason: str = ""
    news: tuple[New, ...] = ()
    withdraw: bool = False


def compose(ctx: Context, flow_name: str) -> Composed:
    """Turn the pending revisions of one flow into deliveries. Safe to kill and to repeat."""
    flow = ctx.site.flows[flow_name]
    wanted = ctx.site.mapping_digest(flow_name)
    held = _begin(ctx, flow, wanted)
    return Composed(flow_name, held=held) if held else _work(ctx, flow, wanted, dry_run=False)


def preview(ctx: Context, flow_name: str) -> Composed:
    """What compose would do with the mapping as it is now. Only pictures it looks at are kept."""
    return _work(ctx, ctx.site.flows[flow_name], ctx.site.mapping_digest(flow_name), dry_run=True)


def _work(ctx: Context, flow: Flow, wanted: str, *, dry_run: bool) -> Composed:
    flow_name = flow.flow
    if flow.to.kind == "menu":
        made, held = compose_menu(ctx, flow, wanted, dry_run=dry_run)
        return Composed(flow_name, deliveries=made, held=held)
    columns = columns_of(ctx, flow)
    made = withdrawn = quarantined = 0
    skipped: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    held_back: dict[int, str] = {}  # record → what a revision of it waits for: what must not overtake it does too
    for chunk in _pending(ctx, flow_name):
        last = {item.record_id: item.id for item in chunk}
        decisions: list[tuple[Pending, Decision]] = []
        for item in chunk:
            if flow.order == "latest" and last[item.record_id] != item.id:
                decisions.append((item, Decision("superseded", "a newer change came first")))
                continue
            if flow.order == "latest" or item.record is None or item.record_id not in held_back:
                try:
                    decisions.append((item, decide(ctx, flow, item, columns, wanted)))
                    continue
                except RemoteUnavailable:
                    held_back[item.record_id] = IMAGES
                except ColumnUnknown:
                    held_back[item.record_id] = COLUMNS
            waiting[held_back[item.record_id]] += 1
        for _, decision in decisions:
            withdrawn += decision.state == "composed" and decision.withdraw
            quarantined += decision.state == "quarantined"
            if decision.state == "skipped":
                skipped[decision.reason] += 1
            if dry_run:
                made += len(decision.news)
        if not dry_run:
            with ctx.ledger.begin() as connection:
                for item, decision in decisions:
                    made += _commit(ctx, connection, flow, item, decision)
    return Composed(flow_name, made, withdrawn, quarantined, dict(skipped), dict(waiting))


def decide(ctx: Context, flow: Flow, item: Pending, columns: Columns, mapping_digest: str) -> Decision:
    """What this revision comes to: deliveries, a withdrawal, nothing, or quarantine.

    Raises RemoteUnavailable while an image cannot be fetched and ColumnUnknown until the columns were read: the
    revision waits.
    """
    assert flow.from_ is not None
    if item.record is None:
        return Decision("composed", withdraw=True)
    if not matches(flow.from_.where, item.record, columns.parents, ctx.site.zone):
        columns.need(flow.from_.where, item.record, since=item.created_at)
        return Decision("skipped", "not one this flow takes", withdraw=True)
    try:
        if flow.to.kind == "news":
            return _decide_news(ctx, flow, item, item.record, mapping_digest)
        return _decide_template(ctx, flow, item, item.record, mapping_digest)
    except RecordRejected as error:
        return Decision("quarantined", "; ".join(error.reasons))
    except MISTAKES as error:
        return Decision("quarantined", f"Weigov could not handle this record ({where(error)}): report it")


def _begin(ctx: Context, flow: Flow, mapping_digest: str) -> str:
    """Start a flow that has not begun yet; why it may not compose, if so."""
    with ctx.ledger.read() as connection:
        applied = revisions.applied_digest(connection, ctx.site.site, flow.flow)
    if applied is None:
        with ctx.ledger.begin() as connection:
            if flow.from_:
                ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
                streams.lock_stream(connection, ref, now=ctx.now())
                revisions.begin_flow(connection, ref, collect.reads(ctx.site, flow), mapping_digest, now=ctx.now())
            else:
                revisions.begin_gathering(connection, ctx.site.site, flow.flow, mapping_digest, now=ctx.now())
        return ""
    if applied != mapping_digest:
        return f"the YAML of {flow.flow} changed: see `weigov plan {flow.flow}`, then `weigov apply {flow.flow}`"
    return ""


def _decide_news(ctx: Context, flow: Flow, item: Pending, record: Record, mapping_digest: str) -> Decision:
    assert flow.from_ is not None
    freezer = Freezer(ctx, ctx.system(flow.from_.system))
    payload_at = (_pictures if flow.to.as_ == "newspic" else _article)(ctx, flow, record, freezer)
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(record.key)
    made = tuple(
        New(
            site=ctx.site.site,
            flow=flow.flow,
            record=ref,
            revision=item.n,
            effect="publish",
            target=f"account:{account}",
            subject="",
            channel="news",
            payload=(payload := payload_at(account)) | {"via": flow.to.via},
            title=str(payload["title"]),
            priority=PRIORITY["news"],
            mapping_digest=mapping_digest,
            approvals_needed=flow.review.needs if flow.review else 0,
        )
        for account in flow.to.accounts
    )
    if item.cause == "mapping":
        with ctx.ledger.read() as connection:
            made = tuple(new for new in made if not _already_there(connection, new))
    elif item.cause == "replay":
        # Of several accounts one may have refused what stands in the others.
        with ctx.ledger.read() as connection:
            made = tuple(new for new in made if not _stands(connection, new))
    return Decision("composed", news=made)


def _article(ctx: Context, flow: Flow, record: Record, freezer: Freezer) -> Callable[[str], dict[str, Any]]:
    """account → the frozen article there: the accounts' covers may differ. Raises RecordRejected."""
    article = apply.map_article(flow, record, apply.context(ctx.site, freezer.resolve))
    if not article.source_url:
        raise RecordRejected(record.key, "source_url is empty: an article must lead back to its source; map one")

    def at(account: str) -> dict[str, Any]:
        cover = freezer.cover(article.cover_url, article.title, ctx.site.accounts[account].cover_color or "")
        return {
            "title": article.title,
            "author": article.author,
            "digest": article.digest,
            "content": article.html,
            "source_url": article.source_url,
            "cover": cover.sha256,
            "images": freezer.shas,
            "dropped": dict(Counter(article.dropped) + freezer.dropped),
            **cover.crops,
        }

    return at


def _pictures(ctx: Context, flow: Flow, record: Record, freezer: Freezer) -> Callable[[str], dict[str, Any]]:
    """The same for a newspic (图片消息)."""
    story = apply.map_pictures(flow, record, apply.context(ctx.site))
    images = freezer.stories(story.images)
    if not images:
        raise RecordRejected(record.key, "images: none of its pictures could be had")
    payload = {
        "as": "newspic",
        "title": story.title,
        "content": story.text,
        "source_url": story.source_url,
        "images": images,
        "dropped": dict(freezer.dropped),
    }
    return lambda account: payload


def _decide_template(ctx: Context, flow: Flow, item: Pending, record: Record, mapping_digest: str) -> Decision:
    assert flow.from_ is not None and flow.valid_for is not None
    if item.cause == "mapping":
        return Decision("skipped", "a message is not sent again because its mapping changed")
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(record.key)
    context = apply.context(ctx.site, lambda url: None)
    now = ctx.now()
    made: list[New] = []
    for account in flow.to.accounts:
        with ctx.ledger.read() as connection:
            hashes = audience.subjects(ctx, connection, flow, account, record)
        if not hashes:
            continue
        template = ctx.site.accounts[account].templates[str(flow.to.template)]
        payload = {
            "template_id": template.id,
            "data": apply.map_template(flow, record, context),
            "url": apply.map_link(flow, record, context) or "",
        }
        made += [
            New(
                site=ctx.site.site,
                flow=flow.flow,
                record=ref,
                revision=item.n,
                effect="send",
                target=f"account:{account}",
                subject=subject,
                channel="template",
                payload=payload,
                title=f"{flow.title} {record.key}",
                priority=PRIORITY["warning" if flow.urgent else "template"],
                mapping_digest=mapping_digest,
                approvals_needed=flow.review.needs if flow.review else 0,
                expires_at=now + flow.valid_for,
            )
            for subject in hashes
        ]
    if not made:
        return Decision("skipped", "unbound")
    return Decision("composed", news=tuple(made))


def _commit(ctx: Context, connection: Connection, flow: Flow, item: Pending, decision: Decision) -> int:
    now = ctx.now()
    only_latest = decision.withdraw or flow.order == "latest"
    if not revisions.decide(
        connection, item.id, decision.state, now=now, reason=decision.reason, only_latest=only_latest
    ):
        return 0
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(item.key)
    if item.n > 1 and (decision.withdraw or decision.news):
        # A withdrawal reaches back to every older revision; so does a newer one where only the latest counts.
        if only_latest or flow.to.kind == "news":
            outbox.retire(
                connection,
                site=ctx.site.site,
                flow=flow.flow,
                record=ref,
                effect="publish" if flow.to.kind == "news" else "send",
                why="withdrawn" if decision.withdraw else "superseded",
                before_revision=item.n,
                now=now,
            )
        if decision.withdraw and flow.to.kind == "news":
            news.remove_published(connection, ctx.site.site, flow.flow, ref, now=now)
    return outbox.enqueue(connection, decision.news, now=now)


def _already_there(connection: Connection, new: New) -> bool:
    """Whether the newest article of this record at this target has exactly these bytes."""
    rows = outbox.find(
        connection, site=new.site, flow=new.flow, record=new.record, target=new.target, effect="publish"
    )
    return (
        bool(rows)
        and outbox.composed_digest(rows[-1]) == digest(new.payload)
        and rows[-1].state not in ("rejected", "refused")
    )


def _stands(connection: Connection, new: New) -> bool:
    """Whether exactly these bytes are what is published of this record at this target."""
    rows = outbox.find(
        connection, site=new.site, flow=new.flow, record=new.record, target=new.target, effect="publish"
    )
    return bool(rows) and outbox.composed_digest(rows[-1]) == digest(new.payload) and rows[-1].state == "confirmed"


def _pending(ctx: Context, flow: str) -> Iterator[list[Pending]]:
    after = 0
    while True:
        with ctx.ledger.read() as connection:
            chunk = revisions.pending(connection, ctx.site.site, flow, after=after, limit=_CHUNK)
        if not chunk:
            return
        yield chunk
        after = chunk[-1].id
