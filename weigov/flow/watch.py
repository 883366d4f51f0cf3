"""watch: what is wrong now → incidents in the ledger → the people on duty, once each and once when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from weigov.errors import WeigovError
from weigov.flow import refusals, updates
from weigov.flow.channels import news
from weigov.flow.context import Context
from weigov.flow.plan import held_flows
from weigov.ledger import deferrals, incidents, reports, reviews, revisions, waiting
from weigov.ledger.incidents import Incident, Wrong
from weigov.notify import Notice

#: Callbacks are handled by reconcile every five minutes.
_INBOX_OLD = timedelta(minutes=30)
#: A revision that waits so long to be composed: its picture or its column cannot be read, or nothing composes.
_COMPOSE_OLD = timedelta(hours=6)
#: A stream that was not read to its end for so long.
_STREAM_OLD = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Watched:
    """How much is wrong, how much people were told of, and why some were not."""

    wrong: int
    told: int
    problems: tuple[str, ...] = ()


def watch(ctx: Context) -> Watched:
    """Look once, and tell what has not been told. A channel that fails is tried again by the next watch."""
    wrong = dict(found(ctx))
    with ctx.ledger.begin() as connection:
        incidents.observe(connection, ctx.site.site, wrong, now=ctx.now())
    told, problems = _tell(ctx)
    with ctx.ledger.read() as connection:
        still = len(incidents.current(connection, ctx.site.site))
    return Watched(still, told, problems)


def task_failed(ctx: Context, task: str, said: str) -> None:
    """A task of Airflow's ended red."""
    with ctx.ledger.begin() as connection:
        incidents.again(connection, ctx.site.site, f"task:{task}", Wrong(f"{task}: {said}", said), now=ctx.now())
    _tell(ctx)


def task_succeeded(ctx: Context, task: str) -> None:
    """It runs well (again)."""
    with ctx.ledger.read() as connection:
        if not incidents.is_open(connection, ctx.site.site, f"task:{task}"):
            return
    with ctx.ledger.begin() as connection:
        incidents.end(connection, ctx.site.site, f"task:{task}", now=ctx.now())
    _tell(ctx)


def found(ctx: Context) -> Iterator[tuple[str, Wrong]]:
    """Everything a person should act on, by key. Counts and reasons only, nobody's data."""
    now, site = ctx.now(), ctx.site.site
    stand_still = held_flows(ctx)
    with ctx.ledger.read() as connection:
        status = reports.status(connection, site, now=now)
        readable = waiting.still_readable(connection, site, priority=news.WITHDRAWAL, now=now)
        undone = revisions.waiting_since(connection, site, now - _COMPOSE_OLD)
        refused = refusals.to_mend(ctx, connection, list(status["flows"]))
        late = {
            name: reviews.overdue(connection, site, name, since=now - flow.review.within)
            for name, flow in ctx.site.flows.items()
            if flow.review and flow.review.within
        }
        vetoes = updates.nearly_vetoed(ctx, connection)
    for one in readable:
        said = f"已撤回但仍可阅读 withdrawn but still readable: {one['title']} {one['link']}"
        yield f"readable:{one['id']}", Wrong(said, one["title"])
    for one in status["stopped"]:
        said = f"{one['target']} 停止发送 nothing can be sent: {one['reason']}"
        yield f"stopped:{one['target']}", Wrong(said, one["reason"])
    yield from _waiting_for_people(status["deferred"])
    if status["halted"]:
        yield "halted", Wrong(f"全部发送已停止 deliveries are {status['halted']}", status["halted"])
    for name, flow in status["flows"].items():
        if doubtful := flow["deliveries"].get("in_doubt", 0) + flow["write_backs"].get("in_doubt", 0):
            said = f"{name}: {doubtful} 条结果无法查实，需人工处理 in doubt: weigov settle"
            yield f"in_doubt:{name}", Wrong(said, f"{doubtful}")
        if quarantined := flow["revisions"]["quarantined"]:
            said = f"{name}: {quarantined} 条记录被隔离 quarantined: weigov quarantine list"
            yield f"quarantine:{name}", Wrong(said, f"{quarantined}")
    for name, n in undone.items():
        if name in ctx.site.flows and name not in stand_still:
            hours = f"{_COMPOSE_OLD.total_seconds() / 3600:.0f}"
            said = f"{name}: {n} 条记录超过 {hours} 小时未生成 not composed: pictures, columns?"
            yield f"pending:{name}", Wrong(said, f"{n}")
    for each in refused.values():
        said = f"{each.flow}: {each.count} 条被微信拒绝 refused by WeChat, see why and weigov replay"
        said += f": {each.title}" if each.title else ""
        yield f"rejected:{each.flow}", Wrong(said, f"{each.count}")
    for one in status["streams"]:
        stream = f"{one['system']}/{one['stream']}"
        last = one["last_completed_at"]
        if one["problem"]:
            yield f"stream:{stream}", Wrong(f"{stream} 采集异常 cannot be read: {one['problem']}", one["problem"])
        elif last is not None and now - last > _STREAM_OLD:
            hours = f"{_STREAM_OLD.total_seconds() / 3600:.0f}"
            why = f"not read to its end for more than {hours} hours"
            yield f"stream:{stream}", Wrong(f"{stream} 已超过 {hours} 小时没有采完 not read", why)
    for appid, one in status["inbox"].items():
        if one["oldest"] is not None and now - one["oldest"] > _INBOX_OLD:
            said = f"{one['waiting']} 条微信回调未处理 callbacks wait: does reconcile run?"
            yield f"inbox:{appid}", Wrong(said, f"{one['waiting']}")
    for name, n in late.items():
        if n:
            said = f"{name}: {n} 条超过审核时限仍未审 past the time limit of review: weigov review list"
            yield f"review:{name}", Wrong(said, f"{n}")
    for account, days in vetoes.items():
        said = f"{account} 再过 {days} 天不更新即被单项否决 days to the veto for not being updated: {days}"
        yield f"veto:{account}", Wrong(said, f"{days}")
    for name in stand_still:
        yield f"held:{name}", Wrong(f"{name} 的配置已改动，等待确认 the YAML changed: weigov plan, weigov apply")


def _waiting_for_people(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Wrong]]:
    """What is deferred until somebody acts (a permission, a menu that is not ours): once an account and channel."""
    waiting = Counter[tuple[str, str]]()
    why = dict[tuple[str, str], str]()
    for group in groups:
        what = deferrals.what_to_do(group["reason"])
        if what is not None:
            place = group["target"], group["channel"]
            waiting[place] += group["count"]
            why.setdefault(place, what)
    for (target, channel), count in waiting.items():
        said = f"{target} 有 {count} 条 {channel} 待人工处理后才能发送 wait for somebody: {why[target, channel]}"
        yield f"waits:{target} {channel}", Wrong(said, why[target, channel])


def _tell(ctx: Context) -> tuple[int, tuple[str, ...]]:
    channels = {alert.connection: alert for alert in ctx.site.alerts}
    told, problems = 0, list[str]()
    with ctx.ledger.begin() as connection:
        untold = incidents.to_tell(connection, ctx.site.site, frozenset(channels))
    for one in untold:
        for name in sorted(one.unheard(frozenset(channels))):
            try:
                ctx.tell(channels[name], _notice(ctx, one))
            except WeigovError as error:
                problems.append(str(error))
                continue
            with ctx.ledger.begin() as connection:
                incidents.heard(connection, one, name)
            told += 1
    return told, tuple(dict.fromkeys(problems))


def _notice(ctx: Context, one: Incident) -> Notice:
    zone = ctx.site.zone
    began = f"{one.opened_at.astimezone(zone):%Y-%m-%d %H:%M}"
    ended = f"{one.closed_at.astimezone(zone):%Y-%m-%d %H:%M}" if one.closed_at else ""
    head = "已恢复 recovered" if one.is_over else "需要处理 needs somebody"
    lines = [one.said, f"开始 since {began}" + (f"，恢复 over {ended}" if ended else "")]
    facts = {
        "site": ctx.site.site,
        "incident": one.key,
        "state": "recovered" if one.is_over else "open",
        "since": began,
    }
    return Notice(f"[政微通 {ctx.site.site}] {head}", "\n".join(lines), facts)
