"""The first page: one line for each thing somebody must do, then how everything stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from weigov.board import incidents, inspection
from weigov.board.incidents import Incidents
from weigov.board.inspection import Inspected
from weigov.board.trend import Day, trend
from weigov.errors import ConfigError
from weigov.flow import refusals
from weigov.flow.channels import news
from weigov.flow.context import Context
from weigov.flow.plan import held_flows
from weigov.flow.updates import WARN_DAYS
from weigov.ledger import board, decisions, health, menus, pauses, quota, reports, standstill, upstreams, waiting
from weigov.ledger.board import FlowLine
from weigov.ledger.pauses import Pause
from weigov.ledger.states import State
from weigov.wechat import rules

#: A callback or an unknown outcome that is older than this is worth a look.
PATIENCE = timedelta(hours=1)
#: What is counted of each flow: what is over is not, of which there is most.
_COUNTED: tuple[State, ...] = (
    "waiting_review", "ready", "deferred", "claimed", "sending", "accepted", "unknown", "in_doubt", "rejected",
)  # fmt: skip
#: A quota of which this much is used is said.
_NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing somebody must do: ``key`` and ``values`` make the sentence, ``href`` is where to do it.

    ``incident``: the key it has where ``watch`` took it down; then the incident is shown in its place.
    """

    level: Literal["bad", "warn"]
    key: str
    who: str
    values: Mapping[str, Any] = field(default_factory=dict)
    href: str = ""
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One call of one account today, of which ``limit`` may be made."""

    path: str
    used: int
    limit: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(self.used / self.limit, 1.0) if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account: its quotas, and until when its token is good."""

    name: str
    gauges: tuple[Gauge, ...]
    token_until: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One flow, with what the site knows of it."""

    it: FlowLine
    title: str
    collected: int | None
    lag: timedelta | None
    pause: Pause | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page shows."""

    at: datetime
    incidents: Incidents
    todos: tuple[Todo, ...]
    flows: tuple[Line, ...]
    deferred: tuple[dict[str, Any], ...]
    accounts: tuple[AccountLine, ...]
    systems: tuple[dict[str, Any], ...]
    streams: tuple[dict[str, Any], ...]
    gateway_problem: str
    newest_callback: datetime | None
    trend: tuple[Day, ...]
    inspected: tuple[Inspected, ...]


def overview(ctx: Context, *, faults: int, gateway_problem: str) -> Overview:
    """Look at everything once."""
    site, now = ctx.site.site, ctx.now()
    with ctx.ledger.read() as connection:
        names = list(dict.fromkeys([*ctx.site.flows, *board.flow_names(connection, site)]))
        paused = pauses.paused(connection, site)
        flows = tuple(
            _line(ctx, board.flow_line(connection, site, name, _COUNTED), paused, connection) for name in names
        )
        deferred = tuple(
            {"flow": line.it.flow, **group}
            for line in flows
            if line.it.states.get("deferred") or line.it.write_backs.get("deferred")
            for group in board.deferred(connection, site, line.it.flow)
        )
        accounts = tuple(_account(ctx, connection, name, health.tokens(connection)) for name in ctx.site.accounts)
        streams = tuple(reports.streams(connection, site))
        newest, waiting_callbacks, oldest = health.callbacks(connection)
        inspected = inspection.inspect(ctx, connection, names)
        happened = incidents.look(ctx, connection)
        today = now.astimezone(ctx.site.zone).date().isoformat()
        systems = tuple(
            one if one["day"] == today else one | {"calls": 0} for one in upstreams.calls(connection, site)
        )
        days = trend(ctx, connection, names)
        standing: dict[str, Any] = {
            "rejected": refusals.to_mend(ctx, connection, names),
            "halted": decisions.stopped(connection, site),
            "stopped": standstill.stopped(connection, site),
            "still_readable": waiting.still_readable(connection, site, priority=news.WITHDRAWAL, now=now),
            "unreadable": board.unreadable(connection, site),
            "menus": menus.held(connection, site),
            "callbacks": (waiting_callbacks, oldest),
        }
    todos = [
        *_site_todos(ctx, standing, faults, gateway_problem),
        *_flow_todos(flows, held_flows(ctx), standing["rejected"]),
        *_upstream_todos(ctx, streams, systems),
        *_account_todos(accounts),
        *_inspection_todos(inspected),
    ]
    todos = [todo for todo in todos if todo.incident not in happened.keys]
    todos.sort(key=lambda todo: todo.level != "bad")
    return Overview(
        now, happened, tuple(todos), flows, deferred, accounts, systems, streams, gateway_problem, newest, days,
        inspected,
    )  # fmt: skip


def _line(ctx: Context, it: FlowLine, paused: Mapping[str, Pause], connection: Any) -> Line:
    flow = ctx.site.flows.get(it.flow)
    collected = None
    if flow and flow.from_:
        collected = board.collected(connection, ctx.site.site, flow.from_.system, flow.from_.stream)
    lag = ctx.now() - it.oldest_waiting if it.oldest_waiting else None
    return Line(it, flow.title if flow else "", collected, lag, paused.get(it.flow))


def _account(ctx: Context, connection: Any, name: str, tokens: Mapping[str, datetime]) -> AccountLine:
    try:
        appid = ctx.account(name).account.appid
    except ConfigError as error:
        return AccountLine(name, (), None, str(error))
    gauges = []
    for path, usage in quota.usage(connection, appid, now=ctx.now()).items():
        limit = usage.daily_limit if usage.daily_limit is not None else rules.DAILY_LIMITS.get(path)
        if limit is not None:  # what has none that anybody knows is on the account's own page
            gauges.append(Gauge(path, usage.used, limit))
    gauges.sort(key=lambda gauge: (-gauge.share, gauge.path))
    return AccountLine(name, tuple(gauges), tokens.get(appid))


def _site_todos(ctx: Context, standing: Mapping[str, Any], faults: int, gateway_problem: str) -> Iterator[Todo]:
    if standing["halted"]:
        yield Todo("bad", "todo.halted", "admin", {"why": standing["halted"]}, incident="halted")
    for one in standing["stopped"]:
        values = {"target": _bare(one["target"]), "since": one["since"], "why": one["reason"]}
        href = f"deliveries?target={one['target']}"
        yield Todo("bad", "todo.stopped", "it", values, href, f"stopped:{one['target']}")
    for one in standing["still_readable"]:
        yield Todo(
            "bad", "todo.still_readable", "it", {"title": one["title"]}, f"item/{one['id']}", f"readable:{one['id']}"
        )
    for row in standing["menus"]:
        yield Todo(
            "bad",
            "todo.menu_not_ours",
            "it",
            {"account": _bare(row.target)},
            f"item/{row.id}",
            f"waits:{row.target} menu",
        )
    if faults:
        yield Todo("bad", "todo.ledger_faults", "it", {"n": faults})
    if gateway_problem:
        yield Todo("bad", "todo.gateway", "it", {"why": gateway_problem})
    newest, n = standing["unreadable"]
    if n:
        where = f"{newest[0]['system']}/{newest[0]['stream']}/{newest[0]['key']}"
        yield Todo(
            "warn", "todo.unreadable", "it", {"n": n, "where": where, "why": newest[0]["reason"]}, "quarantine"
        )
    callbacks, oldest = standing["callbacks"]
    if callbacks and oldest and ctx.now() - oldest > PATIENCE:
        yield Todo("warn", "todo.inbox", "it", {"n": callbacks, "span": ctx.now() - oldest})


def _flow_todos(flows: tuple[Line, ...], held: list[str], rejected: Mapping[str, waiting.Rejected]) -> Iterator[Todo]:
    for name in held:
        yield Todo("bad", "todo.held", "it", {"flow": name}, incident=f"held:{name}")
    for line in flows:
        name, it = line.it.flow, line.it
        called = f"{line.title} {name}" if line.title and line.title != name else name
        if line.pause:
            values = {
                "flow": called,
                "person": line.pause.person,
                "since": line.pause.since,
                "why": line.pause.reason,
            }
            yield Todo("warn", "todo.paused", "it", values, f"flow/{name}")
        for state, key, level, who in (
            ("in_doubt", "todo.in_doubt", "bad", "it"),
            ("rejected", "todo.rejected", "warn", "editor"),
            ("unknown", "todo.unknown", "warn", "it"),
            ("waiting_review", "todo.review", "warn", "reviewer"),
        ):
            mine = it.states.get(state, 0)
            if state == "rejected":
                mine = rejected[name].count if name in rejected else 0
            n = mine + it.write_backs.get(state, 0)
            if n:
                href = f"deliveries?flow={name}&state={state}"
                values = {"flow": called, "n": n}
                yield Todo("bad" if level == "bad" else "warn", key, who, values, href, f"{state}:{name}")
        if it.quarantined:
            values = {"flow": called, "n": it.quarantined}
            yield Todo("bad", "todo.quarantined", "editor", values, f"quarantine?flow={name}", f"quarantine:{name}")


def _upstream_todos(ctx: Context, streams: tuple[Any, ...], systems: tuple[Any, ...]) -> Iterator[Todo]:
    for one in streams:
        name = f"{one['system']}/{one['stream']}"
        shape = ctx.site.shapes.get(one["system"])
        offered = shape.streams.get(one["stream"]) if shape else None
        if one["problem"]:
            yield Todo("bad", "todo.stream", "it", {"stream": name, "why": one["problem"]}, "", f"stream:{name}")
        elif one["last_completed_at"] is None:
            yield Todo("warn", "todo.never", "it", {"stream": name})
        elif offered and ctx.now() - one["last_completed_at"] > late_after(offered.schedule):
            span = ctx.now() - one["last_completed_at"]
            yield Todo("warn", "todo.late", "it", {"stream": name, "span": span}, "", f"stream:{name}")
    for one in systems:
        if one["shut_until"] and one["shut_until"] > ctx.now():
            values = {"system": one["system"], "n": one["failures"], "until": one["shut_until"]}
            yield Todo("bad", "todo.shut", "it", values)


def late_after(cron: str) -> timedelta:
    """After how long without a whole collect a stream with this schedule is late: generously, for nights."""
    minute, hour, *_ = [*cron.split(), "*", "*"]
    if hour.startswith("*"):
        return timedelta(hours=1) if minute.startswith("*") else timedelta(hours=3)
    return timedelta(hours=14) if "-" in hour or "," in hour or "/" in hour else timedelta(hours=26)


def _account_todos(accounts: tuple[AccountLine, ...]) -> Iterator[Todo]:
    for account in accounts:
        if account.problem:
            yield Todo("bad", "todo.connection", "it", {"account": account.name, "why": account.problem})
        for gauge in account.gauges:
            if gauge.used >= gauge.limit * _NEARLY:
                values = {"account": account.name, "path": gauge.path, "used": gauge.used, "limit": gauge.limit}
                level: Literal["bad", "warn"] = "bad" if gauge.used >= gauge.limit else "warn"
                yield Todo(level, "todo.quota", "admin", values, f"account/{account.name}")


def _inspection_todos(inspected: tuple[Inspected, ...]) -> Iterator[Todo]:
    for one in inspected:
        if one.days_left is not None and one.days_left <= WARN_DAYS:
            key = "todo.veto" if one.days_left > 0 else "todo.vetoed"
            values = {"account": one.account, "n": one.days_left}
            yield Todo("bad", key, "editor", values, f"account/{one.account}", f"veto:{one.account}")
    if inspected:
        first = inspected[0]
        for key, n, who, newest in (
            ("todo.questions", first.questions, "office", 0),
            ("todo.dead", first.dead, "editor", first.newest_dead),
            ("todo.no_source", first.no_source, "editor", first.newest_no_source),
        ):
            if n:
                yield Todo("warn", key, who, {"n": n}, f"item/{newest}" if newest else "")


def _bare(target: str) -> str:
    return target.partition(":")[2] or target
