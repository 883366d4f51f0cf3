"""What waits and why; what the next compose would do; taking a changed mapping over."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from weigov.commands.console import UNPROVEN, Json, context, log_in, names, out, plain
from weigov.commands.quota import quota_table
from weigov.errors import ConfigError

#: How many of people's newest decisions are shown; ``--json`` has more.
_DECISIONS = 5
_LISTED = (
    "kept", "taken_down", "deferred", "accepted", "unknown", "in_doubt", "waiting_review", "quarantine", "unreadable",
)  # fmt: skip
_TITLES = {
    "kept": "not kept by WeChat as it was sent",
    "taken_down": "taken down in WeChat (an edit upstream publishes it again)",
}


def status(as_json: Json = False) -> None:
    """What waits, what stands still and why, and what is due now."""
    from weigov.flow.channels import news
    from weigov.flow.menu import not_made
    from weigov.flow.plan import held_flows
    from weigov.flow.reconcile import JOB_EVENTS
    from weigov.ledger import pauses, reports, waiting
    from weigov.wechat.cover import NO_FONT, find_font

    with context() as ctx:
        with ctx.ledger.read() as connection:
            found = reports.status(connection, ctx.site.site, now=ctx.now())
            found["due"] = reports.due_by_kind(connection, ctx.site.site, now=ctx.now(), events=JOB_EVENTS)
            found["still_readable"] = waiting.still_readable(
                connection, ctx.site.site, priority=news.WITHDRAWAL, now=ctx.now()
            )
            found["paused"] = {flow: asdict(one) for flow, one in pauses.paused(connection, ctx.site.site).items()}
        found["accounts"] = {name: _quotas(ctx, name) for name in ctx.site.accounts}
        found["away"] = _away(ctx)
        found["held"] = held_flows(ctx)
        articles = any(flow.to.kind == "news" for flow in ctx.site.flows.values())
        found["no_cover_font"] = NO_FONT if articles and find_font() is None else ""
        found["menus"] = not_made(ctx)
        found["unproven"] = sorted(name for name, offered in ctx.site.shapes.items() if offered.unproven)
        zone = ctx.site.zone
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str, indent=2))
        return
    show_status(found, zone)


def _quotas(ctx: Any, account: str) -> list[dict[str, Any]]:
    """Its paths; none where its connection is missing, which is deliver's to say."""
    from weigov.flow.quotas import outlook

    try:
        return [asdict(path) for path in outlook(ctx, account)]
    except ConfigError:
        return []


def _away(ctx: Any) -> dict[str, dict[str, int]]:
    """Account → why → how many citizens messages do not reach."""
    from weigov.ledger import citizens

    found = {}
    for name in ctx.site.accounts:
        try:
            appid = ctx.account(name).account.appid
        except ConfigError:
            continue
        with ctx.ledger.read() as connection:
            if away := citizens.count_away(connection, appid):
                found[name] = away
    return found


def plan(flow: Annotated[str | None, typer.Argument(help="one flow; all when not given")] = None) -> None:
    """What the next compose would deliver, and what applying a changed mapping would deliver again. Sends nothing."""
    from weigov.flow.plan import plan as look

    with context() as ctx:
        for name in names(ctx.site.flows, flow, "flow"):
            found = look(ctx, name)
            composed = found.composed
            out.print(f"{name}  {ctx.site.flows[name].title}", style="bold")
            if found.changed:
                out.print(f"  the mapping changed: apply would deliver {len(found.again)} published records again")
                for reason in found.rejected:
                    out.print(f"  could no longer be mapped: {reason}")
            if composed.held:
                out.print(f"  {composed.held}")
            else:
                out.print(f"  next compose: {plain(asdict(composed), skip=('flow', 'held'))}")
            if ctx.site.flows[name].to.kind == "menu":
                out.print(f"  what citizens would see change: `weigov menu plan {name}`")


def apply(
    flow: str,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    person: Annotated[str, typer.Option("--as", help="who decides; the log-in when not given")] = "",
    reason: Annotated[str, typer.Option("--reason", help="why; kept in the audit log")] = "",
) -> None:
    """Take a flow's changed mapping over, after saying how many published records are delivered again."""
    from weigov.flow.plan import apply as take_over
    from weigov.flow.plan import plan as look

    with context() as ctx:
        (name,) = names(ctx.site.flows, flow, "flow")
        found = look(ctx, name)
        if not found.changed:
            out.print(f"{name}: nothing to apply")
            return
        if not yes:
            typer.confirm(f"{name}: {len(found.again)} published records will be delivered again. Apply?", abort=True)
        again = take_over(ctx, name, person=person or log_in(), reason=reason)
        out.print(f"{name}: applied; {again} records go before compose again")


def show_status(found: dict[str, Any], zone: tzinfo) -> None:
    def shown(value: Any) -> str:
        return f"{value.astimezone(zone):%F %T}" if isinstance(value, datetime) else str(value)

    flows = Table(
        # Folded, not cut: a flow's name and a state are what one looks for.
        *(
            Column(name, overflow="fold")
            for name in ("flow", "pending", "quarantined", "deliveries", "write-backs", "skipped")
        ),
        title=f"{found['site']} at {shown(found['at'])}",
    )
    for name, flow in found["flows"].items():
        deliveries = ", ".join(f"{state} {count}" for state, count in flow["deliveries"].items())
        skipped = ", ".join(f"{reason} {count}" for reason, count in flow["skipped"].items())
        written = ", ".join(f"{state} {count}" for state, count in flow["write_backs"].items())
        revisions = flow["revisions"]
        flows.add_row(name, str(revisions["pending"]), str(revisions["quarantined"]), deliveries, written, skipped)
    out.print(flows)
    for item in found["still_readable"]:
        until = f", goes {shown(item['until'])}" if item["until"] else ""
        why = f": {item['reason']}" if item["reason"] else ""
        out.print(
            f"withdrawn but still readable: {item['title']} {item['link']} ({item['state']}{until}{why});"
            " if that cannot wait, delete it in WeChat's console",
            style="bold",
        )
    quotas = {name: paths for name, paths in found["accounts"].items() if paths}
    if quotas:
        out.print(quota_table(quotas, zone))
    for item in found.get("trials", ()):
        out.print(
            f"on trial: {item['flow']} since {shown(item['since'])} reaches its guests only, until"
            f" `weigov release {item['flow']}`"
        )
    for item in found.get("fan_outs", ()):
        if item["state"] == "open" or any(state in item["deliveries"] for state in ("ready", "claimed", "sending")):
            gone = plain(item["deliveries"])
            out.print(f"to many: {item['flow']} {item['record']}: {item['made']} of {item['total']} made ({gone})")
    for appid, away in found.get("away", {}).items():
        out.print(f"not reached at {appid}: {plain(away)}")
    for name, reason in found.get("menus", {}).items():
        out.print(f"menu of {name} is not made: {reason}")
    for name in found["held"]:
        out.print(f"held: the YAML of {name} changed: see `weigov plan {name}`, then `weigov apply {name}`")
    if found.get("no_cover_font"):
        out.print(found["no_cover_font"])
    for one in found.get("paused", {}).values():
        why = f"{one['person']} at {shown(one['since'])}: {one['reason']}"
        out.print(f"paused: {one['flow']} by {why}; `weigov resume {one['flow']}` lets it go on", style="bold")
    for name in found["unproven"]:
        out.print(f"{name}: {UNPROVEN}")
    for title in _LISTED:
        if found.get(title):
            out.print(_TITLES.get(title, title.replace("_", " ")), style="bold")
            for item in found[title]:
                out.print("  " + plain({k: shown(v) for k, v in item.items() if v}))
    for item in found["stopped"]:
        out.print(f"stopped: {item['target']} since {shown(item['since'])}: {item['reason']}")
    for one in found.get("decisions", ())[:_DECISIONS]:
        of = f" delivery {one['delivery']}: {one['was']} → {one['now']}" if one["delivery"] else ""
        out.print(f"decided: {one['what']}{of}, {one['person']} at {shown(one['at'])}: {one['reason']}")
    if found.get("halted"):
        out.print(f"deliveries are {found['halted']}", style="bold")
    problems = [s for s in found["streams"] if s["problem"]]
    for stream in problems:
        out.print(f"stopped: {stream['system']}/{stream['stream']}: {stream['problem']}")
    for stream in found["streams"]:
        for note in stream["notes"].splitlines():
            out.print(f"note: {stream['system']}/{stream['stream']}: {note}")
    due = plain(found["due"])
    out.print(f"due now: {due}; next: {shown(found['next_due_at'] or 'nothing waits')}")
