"""review: held deliveries → people → released or refused. Only the ledger decides; this shows and asks it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from weigov.errors import ReviewRejected
from weigov.flow import links
from weigov.flow.context import Context
from weigov.flow.correct import corrected
from weigov.flow.menus.diff import differences, tree
from weigov.flow.menus.standing import last_confirmed
from weigov.ledger import audit_log, menus, outbox, reviews
from weigov.ledger.outbox import Delivery
from weigov.ledger.reviews import Decision
from weigov.ledger.states import State
from weigov.mapping.proofread import Finding, proofread
from weigov.mapping.steps import plain_text


@dataclass(frozen=True, slots=True)
class Held:
    """One delivery that waits for people, as a reviewer needs to see it. ``excerpt`` is text, never live HTML."""

    id: int
    flow: str
    flow_title: str
    target: str
    title: str
    digest: str
    source_url: str
    excerpt: str
    images: int
    dropped: Mapping[str, int]
    approvals: int
    needed: int
    people: tuple[str, ...]
    since: datetime
    effect: str = field(default="publish")
    kept: str = ""  # how what WeChat kept of the draft differs, where that is why it waits
    findings: tuple[Finding, ...] = ()
    changes: tuple[str, ...] = ()  # lines of what is published now (-) and of this (+); none when nothing is
    until: datetime | None = None  # its time limit
    is_late: bool = False
    corrected: str = ""  # who corrected which texts of the record, and why


def held(ctx: Context, flow: str | None = None) -> list[Held]:
    """What waits for review, oldest first."""
    with ctx.ledger.read() as connection:
        rows = outbox.find(connection, site=ctx.site.site, flow=flow, states=("waiting_review",))
        return [
            _shown(ctx, connection, row, reviews.of_delivery(connection, row.id), _published(connection, row))
            for row in rows
        ]


def shown(ctx: Context, delivery_id: int) -> Held | None:
    """One delivery as a reviewer needs to see it; None when it does not wait."""
    with ctx.ledger.read() as connection:
        row = outbox.get(connection, delivery_id)
        if row.state != "waiting_review":
            return None
        return _shown(ctx, connection, row, reviews.of_delivery(connection, row.id), _published(connection, row))


def decide(
    ctx: Context, delivery_id: int, *, digest: str, person: str, decision: Decision, comment: str = ""
) -> State:
    """Count one person's decision about the bytes ``digest`` names. Raises ReviewRejected."""
    with ctx.ledger.begin() as connection:
        if decision == "approve":
            _not_by(connection, delivery_id, person)
        state = reviews.decide(
            connection,
            delivery_id,
            digest=digest,
            person=person,
            decision=decision,
            comment=comment,
            now=ctx.now(),
        )
        audit_log.append(
            connection,
            ctx.site.site,
            decision,
            about=f"delivery {delivery_id}, digest {digest}",
            person=person,
            reason=comment,
            at=ctx.now(),
            was="waiting_review",
            now=state,
        )
    return state


def _not_by(connection: Connection, delivery_id: int, person: str) -> None:
    """Raise ReviewRejected where this person wrote what is to be approved."""
    try:
        by = corrected(connection, outbox.get(connection, delivery_id))
    except LookupError:
        return  # which is said where it is decided
    if by is not None and reviews.same_person(by.person, person.strip()):
        raise ReviewRejected(f"{by.person} corrected the texts of delivery {delivery_id}; another person is needed")


def _published(connection: Connection, row: Delivery) -> Delivery | None:
    """What citizens read of this record now."""
    if row.channel == "menu":
        return last_confirmed(menus.versions(connection, row.site, row.target))
    standing = outbox.find(
        connection, site=row.site, flow=row.flow, record=row.record, target=row.target, effect="publish",
        states=("confirmed",),
    )  # fmt: skip
    return standing[-1] if standing else None


def _shown(
    ctx: Context, connection: Connection, row: Delivery, decided: list[reviews.Review], published: Delivery | None
) -> Held:
    flow = ctx.site.flows.get(row.flow)
    mine = [r for r in decided if r.digest == row.digest]
    by = corrected(connection, row)
    within = flow.review.within if flow and flow.review else None
    until = (row.changed_at + within).astimezone(ctx.site.zone) if within else None
    return Held(
        id=row.id,
        flow=row.flow,
        flow_title=flow.title if flow else row.flow,
        target=row.target,
        title=row.title,
        digest=row.digest,
        source_url=str(row.payload.get("source_url", "")),
        excerpt=_excerpt(row),
        images=sum(len(one.get("images", ())) for one in _articles(row)),
        dropped=dict(row.payload.get("dropped", {})),
        approvals=sum(1 for r in mine if r.decision == "approve"),
        needed=row.approvals_needed,
        people=tuple(r.person for r in mine),
        since=row.created_at,
        effect=row.effect,
        kept=str(row.payload.get("kept", "")),
        findings=(*proofread(ctx.site.words, _texts(row)), *links.found(ctx, connection, row.payload)),
        changes=_changes(published, row) if published else (),
        until=until,
        is_late=until is not None and until <= ctx.now(),
        corrected=f"{by.person}: {by.what}" if by else "",
    )


def _articles(row: Delivery) -> Sequence[Mapping[str, Any]]:
    """The articles of a digest; the one of any other delivery."""
    found: Sequence[Mapping[str, Any]] = row.payload.get("articles") or (row.payload,)
    return found


def _excerpt(row: Delivery) -> str:
    if "articles" not in row.payload:
        return _texts(row)["content"][: 2000 if row.channel == "menu" else 300]
    # Each was read and approved when it was published: here it is which, and in what order.
    return "\n".join(f"{n}. {one['title']}" for n, one in enumerate(_articles(row), start=1))


def _texts(row: Delivery) -> dict[str, str]:
    """Each part of an article, of those of a digest, or the whole of a menu, as plain text."""
    if row.channel == "menu":
        return {"content": "\n".join(tree(row.payload))}
    articles = _articles(row)
    fields = {name: "\n".join(str(one.get(name, "")) for one in articles) for name in ("title", "author", "digest")}
    return fields | {"content": "\n".join(plain_text(str(one.get("content", ""))) for one in articles)}


def _changes(published: Delivery, row: Delivery) -> tuple[str, ...]:
    """Line by line, without what stayed; each begins with ``-`` or ``+``, of a menu also with ``~`` or ``>``."""
    if row.channel == "menu":
        return tuple(differences(published.payload, row.payload))
    was, now = ("\n".join(_texts(one).values()).splitlines() for one in (published, row))
    lines = difflib.unified_diff(was, now, lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")) and line[1:].strip())
