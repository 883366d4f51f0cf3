"""correct: a person mends the short texts of one quarantined record, and it is composed with them.

For a title that is too long now, while its system is mended later. What upstream has and the mirror stay as they
are: the correction is of one revision, and the next change upstream comes without it. Only where a flow is reviewed,
and who corrected is no reviewer of it; never of messages, whose texts are about citizens. Why so:
docs/decisions/0032-correcting-on-the-board.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from weigov.errors import RecordRejected, ReviewRejected
from weigov.flow import collect
from weigov.flow.context import Context
from weigov.ledger import audit_log, mirror, revisions, streams
from weigov.ledger.outbox import Delivery
from weigov.ledger.streams import StreamRef
from weigov.mapping import apply
from weigov.records import KINDS, Record, with_texts
from weigov.site.models import Flow

#: What a flow maps that may be made of a corrected text: never the body, nor what pictures are fetched for.
_MAPPED = ("title", "author", "digest", "source_url")
MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be corrected of one quarantined record. ``texts``: field → what it has now."""

    revision: int  # the id of the one that is quarantined; a newer one makes the offer stale
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Corrected:
    """That a delivery says something else than its record."""

    person: str
    what: str  # the texts before and after, and why
    at: datetime


def offer(ctx: Context, connection: Connection, flow_name: str, key: str) -> Offer | None:
    """What may be corrected of a quarantined record of this flow; None where nothing may."""
    flow = ctx.site.flows.get(flow_name)
    if flow is None or flow.from_ is None or not flow.review or flow.to.kind != "news" or flow.gather:
        return None
    found = mirror.get(connection, _ref(ctx, flow), key)
    if found is None or found[1].withdrawn:
        return None
    newest = revisions.of_record(connection, found[0], flow_name)
    if newest is None or newest.state != "quarantined":
        return None
    texts = _texts(flow, found[1])
    return Offer(newest.id, texts) if texts else None


def correct(
    ctx: Context, flow_name: str, key: str, texts: Mapping[str, str], *, revision: int, person: str, reason: str
) -> None:
    """Have the record composed with these texts. Raises ReviewRejected, also where it still could not be mapped.

    ``revision`` is that of the offer which was looked at.
    """
    if not reason.strip():
        raise ReviewRejected("a decision needs a name and a reason")
    flow = ctx.site.flows[flow_name]
    with ctx.ledger.begin() as connection:
        ref = _ref(ctx, flow)
        streams.lock_stream(connection, ref, now=ctx.now())
        offered = offer(ctx, connection, flow_name, key)
        if offered is None or offered.revision != revision:
            raise ReviewRejected(f"{flow_name}/{key}: it changed since it was shown, or may not be corrected here")
        changes = _changes(offered, texts)
        found = mirror.get(connection, ref, key)
        assert found is not None  # the offer is of it
        _try(ctx, flow, with_texts(found[1], changes))
        reads = collect.reads(ctx.site, flow)
        revisions.compose_again(connection, ref, key, reads, cause="corrected", now=ctx.now(), corrected=changes)
        made = revisions.of_record(connection, found[0], flow_name)
        said = "; ".join(f"{name}: “{offered.texts[name]}” → “{text}”" for name, text in changes.items())
        audit_log.append(
            connection,
            ref.site,
            "correct",
            about=_about(flow_name, ref.record_ref(key), made.n),
            person=person,
            reason=f"{said} ({reason.strip()})",
            at=ctx.now(),
            was="quarantined",
            now="pending",
        )


def corrected(connection: Connection, row: Delivery) -> Corrected | None:
    """Whether ``row`` was composed with texts that a person corrected: who, which, why."""
    system, _, rest = row.record.partition("/")
    stream, _, key = rest.partition("/")
    ref = StreamRef(row.site, system, stream)
    if revisions.cause_of(connection, ref, key, row.flow, row.revision) != "corrected":
        return None  # nearly always; the log need not be searched
    entry = audit_log.about(connection, row.site, "correct", _about(row.flow, row.record, row.revision))
    return Corrected(entry.person, entry.reason, entry.at) if entry else None


def _ref(ctx: Context, flow: Flow) -> StreamRef:
    assert flow.from_ is not None
    return StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)


def _about(flow: str, record: str, n: int) -> str:
    return f"flow {flow}, revision {n} of {record}"


def _texts(flow: Flow, record: Record) -> dict[str, str]:
    """The fields of ``record`` that the flow takes short texts from, and that decide nothing else."""
    assert flow.from_ is not None
    rules = [flow.map[name] for name in _MAPPED if name in flow.map]
    names = [name for rule in rules if not rule.code and not rule.format for name in (rule.from_, rule.or_) if name]
    shape = KINDS[record.kind]
    found = {}
    for name in names:
        is_text = shape.get(name) == "text" or name.startswith("extra.")
        if is_text and name not in flow.from_.where and len(value := record.get(name) or "") <= MAX_CHARS:
            found[name] = str(value)
    return found


def _changes(offered: Offer, texts: Mapping[str, str]) -> dict[str, str]:
    """What ``texts`` would change, each as one line."""
    changes: dict[str, str] = {}
    for name, text in texts.items():
        if name not in offered.texts:
            raise ReviewRejected(f"{name} may not be corrected here")
        line = " ".join(text.split())
        if len(line) > MAX_CHARS:
            raise ReviewRejected(f"{name} has {len(line)} characters, at most {MAX_CHARS} fit")
        if line != " ".join(offered.texts[name].split()):
            changes[name] = line
    if not changes:
        raise ReviewRejected("nothing was corrected: every text is as it was")
    return changes


def _try(ctx: Context, flow: Flow, record: Record) -> None:
    """Raise ReviewRejected where the mapping would still refuse it; pictures are looked at later."""
    how = apply.map_pictures if flow.to.as_ == "newspic" else apply.map_article
    try:
        how(flow, record, apply.context(ctx.site, lambda source: source))
    except RecordRejected as error:
        raise ReviewRejected(f"it could still not be mapped: {'; '.join(error.reasons)}") from None
