"""What a change of a record says to citizens: the message, its correction, and to whom of them.

A message to the few who are bound to a record is composed at once. One to many, and every correction, goes by a
fan-out (``fan_out``): what all have in common is kept, and the deliveries are made batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from weigov.errors import RecordRejected
from weigov.flow import audience, trial
from weigov.flow.context import Context
from weigov.ledger import fan_outs, told
from weigov.ledger.outbox import New
from weigov.ledger.revisions import Pending
from weigov.ledger.streams import StreamRef
from weigov.mapping import apply
from weigov.mapping.model import CUSTOM_FIELDS
from weigov.mapping.proofread import blocking, proofread
from weigov.records import Record, digest
from weigov.site.models import MANY, CorrectionText, Flow

#: Smaller goes first: withdrawals (10), warnings, messages, menus and articles.
WARNING, MESSAGE = 20, 30
UNBOUND = "unbound"
NO_GUEST = "on trial, and none of them is a guest"
_ONLY_HEIRS = "corrected"


@dataclass(frozen=True, slots=True)
class Said:
    """What one revision says at one account. ``subjects`` is None when it is for many, to be found batch by batch."""

    account: str
    subjects: tuple[str, ...] | None
    message: Mapping[str, Any] | None = field(repr=False)  # None: nothing but a correction
    correction: Mapping[str, Any] | None = field(repr=False)


def decide(ctx: Context, flow: Flow, item: Pending, record: Record) -> tuple[list[Said], str]:
    """What a revision says, and why it says nothing, if so. Raises RecordRejected when it cannot be mapped."""
    context = apply.context(ctx.site, lambda url: None)
    edited = flow.correction.edited if flow.correction else None
    found: list[Said] = []
    why = UNBOUND
    for account in flow.to.accounts:
        with ctx.ledger.read() as connection:
            on_trial = trial.holds(connection, ctx.site.site, flow, item.created_at)
            subjects = audience.receivers(ctx, connection, flow, account, record, only_guests=on_trial)
        if on_trial and not subjects:
            why = NO_GUEST
        if subjects is not None and not subjects and edited is None:
            continue
        message = text(ctx, flow, account, None, record, context)
        correction = text(ctx, flow, account, edited, record, context) if edited else None
        found.append(Said(account, subjects, message, correction))
    return found, why


def decide_withdrawal(ctx: Context, flow: Flow, record: Record | None) -> list[Said]:
    """What those are told who have a text that was withdrawn. Raises RecordRejected when it cannot be mapped."""
    words = flow.correction.withdrawn if flow.correction else None
    if words is None or record is None:
        return []
    context = apply.context(ctx.site, lambda url: None)
    return [Said(a, (), None, text(ctx, flow, a, words, record, context)) for a in flow.to.accounts]


def text(
    ctx: Context, flow: Flow, account: str, words: CorrectionText | None, record: Record, context: apply.Context
) -> dict[str, Any]:
    """The payload of a message; ``words`` say what is other than in the flow. Raises RecordRejected."""
    said = in_words(flow, words)
    if flow.to.form:
        values = apply.map_custom(said, record, context, CUSTOM_FIELDS[flow.to.form][1])
        refuse_blocked(ctx, record.key, values, numbers=False)  # an answer to the one who asked
        return {"form": flow.to.form, "values": values}
    template = ctx.site.accounts[account].templates[str(said.to.template)]
    data = apply.map_template(said, record, context)
    refuse_blocked(ctx, record.key, data, numbers=flow.to.audience in MANY)  # else they are the citizen's own
    return {
        "template_id": template.id,
        "data": data,
        "url": apply.map_link(said, record, context) or "",
    }


def refuse_blocked(ctx: Context, key: str, fields: Mapping[str, str], *, numbers: bool = True) -> None:
    """What the site's bank of words stops does not even come before a reviewer."""
    blocked = blocking(proofread(ctx.site.words, fields, numbers=numbers))
    if blocked:
        raise RecordRejected(key, *blocked)


def in_words(flow: Flow, words: CorrectionText | None) -> Flow:
    """The flow as it would be if its correction were all it had to say."""
    if words is None:
        return flow
    return flow.model_copy(
        update={
            "map": words.map or flow.map,
            "link": words.link or flow.link,
            "to": flow.to.model_copy(update={"template": words.template or flow.to.template}),
        }
    )


def commit(
    ctx: Context,
    connection: Connection,
    flow: Flow,
    item: Pending,
    said: Sequence[Said],
    mapping_digest: str,
) -> list[New]:
    """What a revision says, to be enqueued; where it is for many, that is noted.

    Whom the fan-out of an older revision had not come to when it was superseded hears this instead.
    """
    assert flow.from_ is not None
    now = ctx.now()
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream).record_ref(item.key)
    made: list[New] = []
    for one in said:
        target = f"account:{one.account}"
        common = _common(flow, item, one, mapping_digest, now)
        begin: dict[str, Any] = {
            "site": ctx.site.site, "flow": flow.flow, "record": ref, "revision": item.n, "target": target, "now": now,
        }  # fmt: skip
        older = told.count_older(
            connection, site=ctx.site.site, flow=flow.flow, record=ref, target=target, before_revision=item.n
        )
        rest = None
        if one.correction is not None and one.message is not None:
            rest = _rest(
                fan_outs.ended(connection, ctx.site.site, flow.flow, ref, target, before_revision=item.n)
            )  # fmt: skip
        if one.correction is not None and (older or rest):
            then = {"then": rest} if rest else {}
            fan_outs.begin(connection, **begin, receivers=_ONLY_HEIRS, message=common | then, total=older)
        elif one.message is None:
            continue
        elif one.subjects is None:
            total = audience.count(ctx, connection, flow, one.account)
            fan_outs.begin(connection, **begin, receivers=str(flow.to.audience), message=common, total=total)
        else:
            news = [
                delivery(ctx.site.site, flow.flow, ref, item.n, target, subject, common, one.message)
                for subject in one.subjects
            ]
            made += news
    return made


def delivery(
    site: str, flow: str, record: str, revision: int, target: str, subject: str, common: Mapping[str, Any],
    payload: Mapping[str, Any],
) -> New:  # fmt: skip
    """One citizen's delivery of what ``common`` says to all."""
    return New(
        site=site,
        flow=flow,
        record=record,
        revision=revision,
        effect="send",
        target=target,
        subject=subject,
        channel=str(common["channel"]),
        payload=payload,
        title=str(common["title"]),
        priority=int(common["priority"]),
        mapping_digest=str(common["mapping_digest"]),
        approvals_needed=int(common["approvals_needed"]),
        expires_at=datetime.fromisoformat(common["expires_at"]),
    )


def _common(flow: Flow, item: Pending, one: Said, mapping_digest: str, now: datetime) -> dict[str, Any]:
    assert flow.valid_for is not None
    return {
        "channel": flow.to.kind,
        "title": f"{flow.title} {item.key}",
        "priority": WARNING if flow.urgent else MESSAGE,
        "mapping_digest": mapping_digest,
        "approvals_needed": flow.review.needs if flow.review else 0,
        "expires_at": (now + flow.valid_for).isoformat(),
        "message": one.message,
        "correction": one.correction,
        "says": digest(one.message) if one.message is not None else "",
    }


def _rest(ended: Iterable[fan_outs.FanOut]) -> Mapping[str, str] | None:
    """Whom the newest text had still to come to when it was superseded: receivers and where they begin.

    A withdrawal is no text: who had not heard of the record before it has not heard of it after it either.
    """
    for old in ended:
        if old.state == "superseded" and old.receivers in MANY:
            return {"receivers": old.receivers, "cursor": old.cursor}
        if old.message["message"] is not None:
            then: Mapping[str, str] | None = old.message.get("then") if old.state == "superseded" else None
            return then
    return None
