"""The menus of a flow: fixed buttons and mirrored columns. Nothing new, nothing sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weigov.errors import RecordRejected
from weigov.flow.context import Context
from weigov.flow.menus import versions
from weigov.ledger import menus as ledger
from weigov.ledger import mirror, streams
from weigov.ledger.streams import StreamRef
from weigov.mapping import apply
from weigov.records import digest
from weigov.site.menu_models import MenuChildren, MenuEntry, MenuLeaf
from weigov.site.models import Flow
from weigov.wechat import rules


def compose_menu(ctx: Context, flow: Flow, mapping_digest: str, *, dry_run: bool) -> tuple[int, str]:
    """Enqueue the menu where it differs from the newest version: (deliveries, why none could be composed)."""
    try:
        menu = build(ctx, flow)
    except NotCollected as missing:
        return 0, str(missing)
    broken = problems(menu)
    if broken:
        return 0, "the menu breaks WeChat's rules: " + "; ".join(broken)
    made, held = 0, []
    for account in flow.to.accounts:
        target = f"account:{account}"
        with ctx.ledger.begin() as connection:
            rows = [row for row in ledger.versions(connection, ctx.site.site, target) if row.flow == flow.flow]
            live = [row for row in rows if row.state not in versions.VOID]
            if live and live[-1].digest == digest(menu):
                continue
            if rows and rows[-1].state == "refused" and rows[-1].digest == digest(menu):
                held.append(
                    f"{account} does without version {rows[-1].id}, which a reviewer refused, until this flow's menu"
                    f" changes or `weigov menu rollback {account} {rows[-1].id}` has it reviewed again"
                )
                continue
            kept_by = versions.holding(connection, ctx.site.site, flow.flow, target, menu)
            if kept_by is not None:
                held.append(
                    f"{account} keeps version {kept_by.id}, which a person went back to, until this flow's menu"
                    f" changes or `weigov menu release {account}`"
                )
                continue
            made += 1
            if not dry_run:
                versions.enqueue(connection, ctx, flow, target, menu, mapping_digest)
    return made, "; ".join(held)


def not_made(ctx: Context) -> dict[str, str]:
    """flow → why its menu is not made now, of every flow that wants one."""
    flows = [flow for flow in ctx.site.flows.values() if flow.to.kind == "menu"]
    reasons = {flow.flow: compose_menu(ctx, flow, "", dry_run=True)[1] for flow in flows}
    return {name: reason for name, reason in reasons.items() if reason}


class NotCollected(Exception):
    """A stream the menu is made from was not read yet."""


def build(ctx: Context, flow: Flow) -> dict[str, Any]:
    """The menu as a delivery carries it (``weigov.flow.menus``). Raises NotCollected."""
    menu: dict[str, Any] = {"button": [_entry(ctx, entry) for entry in flow.menu]}
    if flow.conditional:
        menu["conditional"] = [
            {
                "for": one.for_.model_dump(exclude_none=True),
                "button": [_entry(ctx, entry) for entry in one.menu],
            }
            for one in flow.conditional
        ]
    return menu


def problems(menu: Mapping[str, Any]) -> list[str]:
    """What WeChat would refuse of it."""
    found = rules.menu_problems(menu["button"])
    for n, one in enumerate(menu.get("conditional", ())):
        # Which number a tag has is asked when it is sent.
        rule = {"tag_id": "0"} if "tag" in one["for"] else {"client_platform_type": "1"}
        found += [f"conditional.{n}.{problem}" for problem in rules.conditional_problems(rule, one["button"])]
    return found


def _entry(ctx: Context, entry: MenuEntry) -> dict[str, Any]:
    if entry.children is None:
        return _leaf(entry)
    if isinstance(entry.children, MenuChildren):
        children = _from_stream(ctx, entry.children)
        if not children:
            raise NotCollected(f"the columns of {entry.name} were not collected yet")
    else:
        children = [_leaf(leaf) for leaf in entry.children]
    return {"name": entry.name, "sub_button": children}


def _leaf(leaf: MenuLeaf) -> dict[str, Any]:
    (action,) = leaf.actions()
    kind = {"url": "view", "key": "click"}.get(action, action)
    if leaf.miniprogram is not None:
        return {"type": kind, "name": leaf.name, **leaf.miniprogram.model_dump()}
    (part,) = rules.BUTTON_TYPES[kind]
    return {"type": kind, "name": leaf.name, part: getattr(leaf, action)}


def _from_stream(ctx: Context, children: MenuChildren) -> list[dict[str, Any]]:
    ref = StreamRef(ctx.site.site, children.from_.system, children.from_.stream)
    with ctx.ledger.read() as connection:
        if not streams.was_read_whole(connection, ref):
            return []
        columns = [r for r in mirror.records(connection, ref) if r.get("parent") == children.from_.under]
    try:
        return apply.menu_children(children, columns)
    except RecordRejected as error:
        raise NotCollected(str(error)) from None
