"""compose: mirror changes → deliveries. What cannot be mapped is quarantined with its reason; the rest goes on.

Each revision is decided once, and what it leads to is enqueued in the same transaction. Changed YAML composes nothing
until ``weigov apply``. The menu has no records of its own: it is composed from what is mirrored now (``menu``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from weigov.errors import RecordRejected, RemoteUnavailable
from weigov.flow import citizen_events, collect, fan_out, heap, links, messages, trial
from weigov.flow.channels import news
from weigov.flow.columns import Columns, ColumnUnknown, columns_of
from weigov.flow.context import Context
from weigov.flow.frozen import frozen
from weigov.flow.gather import gather, take_back
from weigov.flow.images import Freezer
from weigov.flow.menu import compose_menu
from weigov.flow.messages import Said
from weigov.flow.mistakes import MISTAKES, where
from weigov.flow.where import matches
from weigov.ledger import fan_outs, mirror, outbox, revisions, streams
from weigov.ledger.outbox import New
from weigov.ledger.revisions import Pending
from weigov.ledger.states import State
from weigov.ledger.streams import StreamRef
from weigov.records import Record, digest
from weigov.site.models import Flow

PRIORITY = {"remove": 10, "template": 30, "menu": 40, "news": 50, "write": 60}
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
    notes: tuple[str, ...] = ()  # how far messages to many have come, where they are not all made


@dataclass(frozen=True, slots=True)
class Decision:
    """What a revision comes to."""

    state: str  # of the revision
    reason: str = ""
    news: tuple[New, ...] = ()
    withdraw: bool = False
    said: tuple[Said, ...] = ()  # to citizens


def compose(ctx: Context, flow_name: str) -> Composed:
    """Turn the pending revisions of one flow into deliveries. Safe to kill and to repeat."""
    flow = ctx.site.flows[flow_name]
    wanted = ctx.site.mapping_digest(flow_name)
    held = _begin(ctx, flow, wanted)
    if held:
        return Composed(flow_name, withdrawn=_take_back(ctx, flow), held=held)
    with heap.set_aside():
        composed = _work(ctx, flow, wanted, dry_run=False)
    links.check(ctx, flow)  # before anybody is asked; what is composed is committed
    return composed


def preview(ctx: Context, flow_name: str) -> Composed:
    """What compose would do with the mapping as it is now. Only pictures it looks at are kept."""
    with heap.set_aside():
        return _work(ctx, ctx.site.flows[flow_name], ctx.site.mapping_digest(flow_name), dry_run=True)


def _work(ctx: Context, flow: Flow, wanted: str, *, dry_run: bool) -> Composed:
    flow_name = flow.flow
    if flow.to.kind == "menu":
        made, held = compose_menu(ctx, flow, wanted, dry_run=dry_run)
        return Composed(flow_name, deliveries=made, held=held)
    if flow.gather:
        done = gather(ctx, flow, wanted, dry_run=dry_run)
        return Composed(flow_name, done.deliveries, done.withdrawn, skipped=done.skipped)
    columns = columns_of(ctx, flow)
    if not dry_run:
        fan_out.expand(ctx, flow)  # what one that died left half-made
        if flow.to.audience == "subscribers":
            for account in flow.to.accounts:  # who agreed a moment ago is one of them
                citizen_events.drain(ctx, ctx.account(account).account.appid)
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
                made += len(decision.news) + sum(len(one.subjects or ()) for one in decision.said)
        if not dry_run:
            with ctx.ledger.begin() as connection:
                gathered: list[New] = []
                for item, decision in decisions:
                    made += _commit(ctx, connection, flow, item, decision, wanted, gathered)
                made += outbox.enqueue(connection, gathered, now=ctx.now())
    told = 0 if dry_run else fan_out.expand(ctx, flow)
    notes = () if dry_run else fan_out.notes(ctx, flow)
    return Composed(flow_name, made + told, withdrawn, quarantined, dict(skipped), dict(waiting), notes=notes)


def _take_back(ctx: Context, flow: Flow) -> int:
    """What was withdrawn upstream goes though its flow is held: that needs no mapping, and no word of anybody's."""
    if flow.to.kind == "menu":
        return 0
    if flow.gather:
        return take_back(ctx, flow)
    assert flow.from_ is not None
    ref, withdrawn = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream), 0
    for chunk in _pending(ctx, flow.flow):
        for item in chunk:
            if item.record is not None:
                continue
            with ctx.ledger.begin() as connection:
                found = mirror.get(connection, ref, item.key)
                if found is not None and not found[1].withdrawn:
                    continue  # it was put back since: it stands until the apply
                if flow.to.kind != "news":
                    # What did not leave never does; who has it hears so after the apply, in the words of then.
                    _retire(ctx, connection, flow, item, ref.record_ref(item.key), "withdrawn")
                else:
                    _commit(ctx, connection, flow, item, Decision("composed", withdraw=True), "", [])
                    withdrawn += 1
    return withdrawn


def decide(ctx: Context, flow: Flow, item: Pending, columns: Columns, mapping_digest: str) -> Decision:
    """What this revision comes to: deliveries, a withdrawal, nothing, or quarantine.

    Raises RemoteUnavailable while an image cannot be fetched and ColumnUnknown until the columns were read: the
    revision waits.
    """
    assert flow.from_ is not None
    if item.record is None:
        return _decide_withdrawal(ctx, flow, item, "composed")
    if not matches(flow.from_.where, item.record, columns.parents, ctx.site.zone):
        columns.need(flow.from_.where, item.record, since=item.created_at)
        return _decide_withdrawal(ctx, flow, item, "skipped", "not one this flow takes")
    try:
        if flow.to.kind == "news":
            return _decide_news(ctx, flow, item, item.record, mapping_digest)
        return _decide_message(ctx, flow, item, item.record)
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
            if flow.from_ and not flow.gather:
                ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
                streams.lock_stream(connection, ref, now=ctx.now())
                revisions.begin_flow(connection, ref, collect.reads(ctx.site, flow), mapping_digest, now=ctx.now())
            else:
                revisions.begin_gathering(connection, ctx.site.site, flow.flow, mapping_digest, now=ctx.now())
        applied = mapping_digest
    with ctx.ledger.begin() as connection:
        if held := trial.begin(ctx, connection, flow):
            return held
    if applied != mapping_digest:
        return f"the YAML of {flow.flow} changed: see `weigov plan {flow.flow}`, then `weigov apply {flow.flow}`"
    return ""


def _decide_news(ctx: Context, flow: Flow, item: Pending, record: Record, mapping_digest: str) -> Decision:
    assert flow.from_ is not None
    freezer = Freezer(ctx, ctx.system(flow.from_.system))
    payload_at = frozen(ctx, flow, record, freezer)
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(record.key)
    with ctx.ledger.read() as connection:
        on_trial = trial.holds(connection, ctx.site.site, flow, item.created_at)
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
            payload=(payload := payload_at(account)) | {"via": "draft" if on_trial else flow.to.via},
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
    elif item.cause in ("replay", "corrected"):
        # Of several accounts one may have refused what stands in the others.
        with ctx.ledger.read() as connection:
            made = tuple(new for new in made if not _stands(connection, new))
    return Decision("composed", news=made)


def _decide_message(ctx: Context, flow: Flow, item: Pending, record: Record) -> Decision:
    if item.cause == "mapping":
        return Decision("skipped", "a message is not sent again because its mapping changed")
    said, why = messages.decide(ctx, flow, item, record)
    return Decision("composed", said=tuple(said)) if said else Decision("skipped", why)


def _decide_withdrawal(ctx: Context, flow: Flow, item: Pending, state: str, reason: str = "") -> Decision:
    """It is withdrawn, whatever else; who has a message about it may have to hear so."""
    if flow.correction is None or flow.from_ is None:
        return Decision(state, reason, withdraw=True)
    record = item.record
    if record is None:
        with ctx.ledger.read() as connection:
            ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
            found = mirror.get(connection, ref, item.key)
        record = found[1] if found else None
    try:
        return Decision(state, reason, withdraw=True, said=tuple(messages.decide_withdrawal(ctx, flow, record)))
    except RecordRejected as error:
        return Decision("quarantined", "; ".join(error.reasons), withdraw=True)


def _commit(
    ctx: Context,
    connection: Connection,
    flow: Flow,
    item: Pending,
    decision: Decision,
    mapping_digest: str,
    gathered: list[New],
) -> int:
    """Decide one revision; what it leads to is ``gathered`` with the others'. How many of these it had enqueued."""
    now = ctx.now()
    only_latest = decision.withdraw or flow.order == "latest"
    if not revisions.decide(
        connection, item.id, decision.state, now=now, reason=decision.reason, only_latest=only_latest
    ):
        return 0
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(item.key)
    made = 0
    if any(
        new.record == ref for new in gathered
    ):  # of an older revision: it must be there to be retired or corrected
        made = outbox.enqueue(connection, gathered, now=now)
        gathered.clear()
    if item.n > 1 and (decision.withdraw or decision.news or decision.said):
        # A withdrawal reaches back to every older revision; so does a newer one where only the latest counts.
        if only_latest or flow.to.kind == "news":
            # First: whoever makes the deliveries of one just now has committed them before they are retired.
            fan_outs.supersede(connection, ctx.site.site, flow.flow, ref, before_revision=item.n, now=now)
            _retire(ctx, connection, flow, item, ref, "withdrawn" if decision.withdraw else "superseded")
        if decision.withdraw and flow.to.kind == "news":
            news.remove_published(connection, ctx.site.site, flow.flow, ref, now=now)
    gathered += messages.commit(ctx, connection, flow, item, decision.said, mapping_digest)
    gathered += decision.news
    return made


def _retire(ctx: Context, connection: Connection, flow: Flow, item: Pending, record: str, why: State) -> None:
    """What older revisions led to is pointless now."""
    outbox.retire(
        connection,
        site=ctx.site.site,
        flow=flow.flow,
        record=record,
        effect="publish" if flow.to.kind == "news" else "send",
        why=why,
        before_revision=item.n,
        now=ctx.now(),
    )


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
