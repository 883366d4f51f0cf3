"""The versions of an account's menu: which there were, going back to one, and letting one replace what is not ours.

Going back is a delivery of its own with the old payload, through the flow's review. The flow does not overwrite it:
it composes nothing more until its menu changes, or until a person releases it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from weigov.errors import ReviewRejected
from weigov.flow.context import Context
from weigov.flow.menus import standing as standings
from weigov.flow.menus.diff import Menu
from weigov.flow.menus.standing import Standing, found_name
from weigov.ledger import decisions, outbox
from weigov.ledger import menus as ledger
from weigov.ledger.menus import Found
from weigov.ledger.outbox import Delivery, New
from weigov.ledger.states import UNSENT
from weigov.records import digest
from weigov.site.models import Flow
from weigov.wechat.menus import from_console

#: A menu in one of these states never was, or is no longer, what citizens see.
VOID = frozenset({"rejected", "refused", "superseded", "withdrawn", "expired", "given_up"})


@dataclass(frozen=True, slots=True)
class Version:
    """One version: a delivery's id, or ``found-N`` for one that was not ours."""

    name: str
    at: datetime
    state: str
    by: str  # the flow and its revision, or who went back to which version
    reason: str
    menu: Menu = field(repr=False)


def history(ctx: Context, account: str) -> list[Version]:
    """Every version ever meant for ``account``, and every menu found there, oldest first."""
    target = f"account:{account}"
    with ctx.ledger.read() as connection:
        rows = ledger.versions(connection, ctx.site.site, target)
        came_back = _rollbacks(connection, rows)
        found = ledger.found(connection, ctx.site.site, target)
    ours = [
        Version(str(row.id), row.changed_at, row.state, came_back.get(row.id) or _by(row), row.reason, row.payload)
        for row in rows
    ]
    theirs = [
        Version(found_name(one), one.found_at, "not ours", "found at WeChat", "", standings.kept(one).menu())
        for one in found
    ]
    return sorted([*ours, *theirs], key=lambda version: version.at)


def waiting(ctx: Context, account: str) -> Delivery | None:
    """The version that has still to be sent, newest first; None when nothing waits."""
    with ctx.ledger.read() as connection:
        rows = ledger.versions(connection, ctx.site.site, f"account:{account}")
    return next((row for row in reversed(rows) if row.state in UNSENT or row.state in ("claimed", "unknown")), None)


def confirmed(ctx: Context, account: str) -> Delivery | None:
    """The version that was confirmed last."""
    with ctx.ledger.read() as connection:
        return standings.last_confirmed(ledger.versions(connection, ctx.site.site, f"account:{account}"))


def rollback(ctx: Context, account: str, version: str, *, person: str, reason: str) -> Delivery:
    """Enqueue an old version as a new delivery, in the place of what waits; the delivery.

    Raises ReviewRejected when there is no such version, or it cannot be made again.
    """
    flow = flow_of(ctx, account)
    target = f"account:{account}"
    menu = menu_of(ctx, account, version)
    with ctx.ledger.begin() as connection:
        row = enqueue(connection, ctx, flow, target, menu)
        decisions.note(
            connection, ctx.site.site, "rollback", delivery=row.id, was=version, now=row.state, person=person,
            reason=reason, at=ctx.now(),
        )  # fmt: skip
    return row


def release(ctx: Context, account: str, *, person: str, reason: str) -> None:
    """Let the flow make the menu again, after a rollback. Raises ReviewRejected when nothing keeps it from that."""
    flow = flow_of(ctx, account)
    with ctx.ledger.begin() as connection:
        kept_by = holding(connection, ctx.site.site, flow.flow, f"account:{account}", None)
        if kept_by is None:
            raise ReviewRejected(f"flow {flow.flow} is not held by a rollback at {account}")
        decisions.note(
            connection, ctx.site.site, "release", delivery=kept_by.id, was="held", now="released", person=person,
            reason=reason, at=ctx.now(),
        )  # fmt: skip


def overwrite(ctx: Context, account: str, standing: Standing, *, person: str, reason: str) -> Delivery:
    """Let the version that waits replace what stands there now, and exactly that; the version.

    ``standing`` is what the person was shown. Raises ReviewRejected when no version waits.
    """
    target = f"account:{account}"
    with ctx.ledger.begin() as connection:
        rows = [row for row in ledger.versions(connection, ctx.site.site, target) if row.state in UNSENT]
        if not rows:
            hint = f"`weigov menu rollback {account} VERSION` brings one back"
            raise ReviewRejected(f"no version of the menu waits to be sent to {account}; {hint}")
        row = rows[-1]
        if row.state == "waiting_review":
            raise ReviewRejected(f"version {row.id} waits for review first: `weigov review list`")
        found = ledger.keep_found(
            connection, ctx.site.site, target, standing.digest, standing.received, now=ctx.now()
        )
        decisions.note(
            connection, ctx.site.site, "over", delivery=row.id, was=found_name(found), now="ready", person=person,
            reason=reason, at=ctx.now(),
        )  # fmt: skip
        if row.state == "deferred":
            outbox.move(connection, row, "ready", now=ctx.now(), due_at=ctx.now())
    return row


def held_by(ctx: Context, account: str, menu: Menu) -> Delivery | None:
    """The rollback that keeps the account's flow from making ``menu``; None when nothing does."""
    with ctx.ledger.read() as connection:
        return holding(connection, ctx.site.site, flow_of(ctx, account).flow, f"account:{account}", menu)


def flow_of(ctx: Context, account: str) -> Flow:
    """The flow that makes the account's menu. Raises ReviewRejected."""
    for flow in ctx.site.flows.values():
        if flow.to.kind == "menu" and account in flow.to.accounts:
            return flow
    raise ReviewRejected(f"no sound flow makes a menu for {account}: see `weigov lint`")


def enqueue(
    connection: Connection, ctx: Context, flow: Flow, target: str, menu: Menu, mapping_digest: str = ""
) -> Delivery:
    """A new version, which replaces what waits."""
    rows = [row for row in ledger.versions(connection, ctx.site.site, target) if row.flow == flow.flow]
    new = New(
        site=ctx.site.site,
        flow=flow.flow,
        record=f"menu/{flow.flow}",
        revision=rows[-1].revision + 1 if rows else 1,
        effect="apply",
        target=target,
        subject="",
        channel="menu",
        payload=menu,
        title=flow.title,
        priority=40,
        mapping_digest=mapping_digest or ctx.site.mapping_digest(flow.flow),
        approvals_needed=flow.review.needs if flow.review else 0,
    )
    outbox.retire(
        connection, site=new.site, flow=new.flow, record=new.record, effect=new.effect, target=target,
        why="superseded", before_revision=new.revision, now=ctx.now(),
    )  # fmt: skip
    outbox.enqueue(connection, [new], now=ctx.now())
    return outbox.find(
        connection, site=new.site, flow=new.flow, record=new.record, target=target, effect="apply", limit=1_000_000
    )[-1]


def holding(connection: Connection, site: str, flow: str, target: str, menu: Menu | None) -> Delivery | None:
    """The rollback that keeps the flow from making ``menu`` (None: whatever it makes); None when nothing does.

    It does while it is the newest version and the flow wants what it wanted before.
    """
    rows = [row for row in ledger.versions(connection, site, target) if row.flow == flow]
    came_back = ledger.decided(connection, "rollback", [row.id for row in rows])
    released = ledger.decided(connection, "release", [row.id for row in rows])
    if not rows or rows[-1].id not in came_back or rows[-1].id in released or rows[-1].state in VOID:
        return None
    own = [row for row in rows if row.id not in came_back]
    if menu is not None and not (own and own[-1].digest == digest(menu)):
        return None
    return rows[-1]


def menu_of(ctx: Context, account: str, version: str) -> dict[str, Any]:
    """The menu of one version, as it would be made again. Raises ReviewRejected when it cannot be."""
    target = f"account:{account}"
    with ctx.ledger.read() as connection:
        for row in ledger.versions(connection, ctx.site.site, target):
            if str(row.id) == version:
                if not row.payload:
                    raise ReviewRejected(f"version {version} is too old: its buttons were not kept")
                return dict(row.payload)
        for one in ledger.found(connection, ctx.site.site, target):
            if found_name(one) == version:
                return _as_made(version, one)
    raise ReviewRejected(
        f"{account} has no version {version} of its menu; `weigov menu history {account}` lists them"
    )


def _as_made(version: str, found: Found) -> dict[str, Any]:
    standing = standings.kept(found)
    cannot = from_console(standing.current.buttons)[1] if standing.is_by_hand else []
    if cannot:
        why = f"only WeChat's console can make these buttons: {', '.join(cannot)}"
        raise ReviewRejected(f"{version} cannot be brought back by us: {why}")
    menu = standing.menu()
    if not menu["button"]:
        raise ReviewRejected(f"{version} is no menu: there was none; delete the menu in WeChat's console")
    return menu


def _rollbacks(connection: Connection, rows: Sequence[Delivery]) -> dict[int, str]:
    """delivery → who went back to which version."""
    found = {}
    for row in rows:
        for one in decisions.of_delivery(connection, row.id):
            if one.what == "rollback":
                found[row.id] = f"{one.person}, back to {one.was}: {one.reason}"
    return found


def _by(row: Delivery) -> str:
    return f"flow {row.flow}, revision {row.revision}"
