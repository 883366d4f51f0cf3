"""The menu of an account: fixed buttons and mirrored columns. Nothing new, nothing sent."""

from __future__ import annotations

from typing import Any

from weigov.errors import RecordRejected
from weigov.flow.context import Context
from weigov.ledger import mirror, outbox, streams
from weigov.ledger.outbox import New
from weigov.ledger.streams import StreamRef
from weigov.mapping import apply
from weigov.records import digest
from weigov.site.models import Flow, MenuChildren, MenuEntry, MenuLeaf
from weigov.wechat import rules

#: A menu in one of these states never was, or is no longer, what citizens see.
_VOID = frozenset({"rejected", "refused", "superseded", "withdrawn", "expired", "given_up"})


def compose_menu(ctx: Context, flow: Flow, mapping_digest: str, *, dry_run: bool) -> tuple[int, str]:
    """Enqueue the menu when it differs from the newest one: (deliveries, why nothing could be composed)."""
    try:
        buttons = build(ctx, flow)
    except _NotCollected as missing:
        return 0, str(missing)
    broken = rules.menu_problems(buttons)
    if broken:
        return 0, "the menu breaks WeChat's rules: " + "; ".join(broken)
    payload = {"button": buttons}
    made = 0
    for account in flow.to.accounts:
        target = f"account:{account}"
        with ctx.ledger.begin() as connection:
            rows = outbox.find(connection, site=ctx.site.site, flow=flow.flow, target=target, effect="apply")
            live = [row for row in rows if row.state not in _VOID]
            if live and live[-1].digest == digest(payload):
                continue
            made += 1
            if dry_run:
                continue
            n = rows[-1].revision + 1 if rows else 1
            record = f"menu/{flow.flow}"
            outbox.retire(
                connection,
                site=ctx.site.site,
                flow=flow.flow,
                record=record,
                effect="apply",
                why="superseded",
                before_revision=n,
                now=ctx.now(),
            )
            new = New(
                site=ctx.site.site,
                flow=flow.flow,
                record=record,
                revision=n,
                effect="apply",
                target=target,
                subject="",
                channel="menu",
                payload=payload,
                title=flow.title,
                priority=40,
                mapping_digest=mapping_digest,
                approvals_needed=flow.review.needs if flow.review else 0,
            )
            outbox.enqueue(connection, [new], now=ctx.now())
    return made, ""


class _NotCollected(Exception):
    """A stream the menu is made from was not read yet."""


def build(ctx: Context, flow: Flow) -> list[dict[str, Any]]:
    """The buttons as WeChat takes them."""
    return [_entry(ctx, entry) for entry in flow.menu]


def _entry(ctx: Context, entry: MenuEntry) -> dict[str, Any]:
    if entry.children is None:
        return _leaf(entry)
    if isinstance(entry.children, MenuChildren):
        children = _from_stream(ctx, entry.children)
        if not children:
            raise _NotCollected(f"the columns of {entry.name} were not collected yet")
    else:
        children = [_leaf(leaf) for leaf in entry.children]
    return {"name": entry.name, "sub_button": children}


def _leaf(leaf: MenuLeaf) -> dict[str, Any]:
    if leaf.url is not None:
        return {"type": "view", "name": leaf.name, "url": leaf.url}
    return {"type": "click", "name": leaf.name, "key": leaf.key}


def _from_stream(ctx: Context, children: MenuChildren) -> list[dict[str, Any]]:
    ref = StreamRef(ctx.site.site, children.from_.system, children.from_.stream)
    with ctx.ledger.read() as connection:
        if not streams.was_read_whole(connection, ref):
            return []
        columns = [r for r in mirror.records(connection, ref) if r.get("parent") == children.from_.under]
    try:
        return apply.menu_children(children, columns)
    except RecordRejected as error:
        raise _NotCollected(str(error)) from None
