"""The verbs as operators: one call into ``weigov.flow`` each. The made DAGs use them, one by hand may too.

None sends past the ledger: what is due, allowed and not yet sent is decided there, so running one twice, at the same
time as another, or after a crash does no harm. Each returns counts, never records. An operator that could not work is
red with one line; deferred, quarantined and unknown deliveries are counts of a green one.

DAG parsing imports this file: what opens the ledger is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias, BaseOperator, Context

from weigov_airflow.assets import delivered_asset
from weigov_airflow.pools import pool_of

if TYPE_CHECKING:
    from weigov.flow.context import Context as Deployment

Counts = dict[str, Any]


class _Verb(BaseOperator):
    """The frame: open the deployment, do one thing, say what came of it."""

    ui_color = "#e8f0ea"

    def execute(self, context: Context) -> Counts:
        from weigov_airflow.work import working

        with working() as ctx:
            return self.work(ctx, context)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        raise NotImplementedError


class CollectOperator(_Verb):
    """system → mirror. Returns new, changed, withdrawn, unchanged, rejected and revisions, each a number.

    ``since`` and ``until`` (ISO-8601; without an offset in the site's zone) read that stretch again; no cursor moves.
    """

    template_fields: Sequence[str] = ("system", "stream", "since", "until")

    def __init__(self, *, system: str, stream: str, since: str = "", until: str = "", **kwargs: Any) -> None:
        self.system, self.stream, self.since, self.until = system, stream, since, until
        super().__init__(**kwargs)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.collect import collect
        from weigov.flow.window import parse, window
        from weigov_airflow.work import report

        stretch = window(parse(self.since, "since"), parse(self.until, "until"), ctx.site.zone, ctx.now())
        _known(ctx.site.shapes, self.system, "system")
        _known(ctx.site.shapes[self.system].streams, self.stream, f"stream of {self.system}")
        done = collect(ctx, self.system, self.stream, window=stretch)
        counts = {
            name: getattr(done.stored, name) for name in ("new", "changed", "withdrawn", "unchanged", "rejected")
        }
        report("采集 collect", counts, done.incomplete, *done.notes)
        return counts | {"revisions": done.stored.revisions}


class ComposeOperator(_Verb):
    """mirror → deliveries. Returns deliveries, withdrawn, quarantined; with ``preview`` what it would come to."""

    template_fields: Sequence[str] = ("flow", "preview")

    def __init__(self, *, flow: str, preview: bool | str = False, **kwargs: Any) -> None:
        self.flow, self.preview = flow, preview
        super().__init__(**kwargs)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow import compose
        from weigov_airflow.work import report

        _known(ctx.site.flows, self.flow, "flow")
        dry = is_true(self.preview)
        done = compose.preview(ctx, self.flow) if dry else compose.compose(ctx, self.flow)
        counts = {name: getattr(done, name) for name in ("deliveries", "withdrawn", "quarantined")}
        counts |= {f"waiting for {what}": n for what, n in done.waiting.items()}
        verb = "试编排 would compose" if dry else "编排 compose"
        report(verb, counts | {f"skipped: {why}": n for why, n in done.skipped.items()}, done.held, *done.notes)
        return {name: 0 for name in counts} if dry else counts


class _AtAccount(_Verb):
    """Works for one account: in its pool, and telling those who follow what WeChat took."""

    def __init__(self, *, account: str, **kwargs: Any) -> None:
        self.account = account
        kwargs.setdefault("pool", pool_of(account))
        self.delivered = AssetAlias(name=f"account/{account}/delivered")
        kwargs["outlets"] = [*kwargs.get("outlets", ()), self.delivered]
        super().__init__(**kwargs)

    def _tell(self, ctx: Deployment, context: Context, states: Mapping[str, int]) -> None:
        if states.get("accepted") or states.get("confirmed"):
            context["outlet_events"][self.delivered].add(delivered_asset(ctx.site.site, self.account))


class DeliverOperator(_AtAccount):
    """outbox → WeChat, under quota. Returns how many came to each state; with ``preview`` only how many wait."""

    template_fields: Sequence[str] = ("account", "limit", "preview")

    def __init__(
        self, *, account: str, limit: int | str | None = None, preview: bool | str = False, **kwargs: Any
    ) -> None:
        self.limit, self.preview = limit, preview
        super().__init__(account=account, **kwargs)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.deliver import deliver
        from weigov.ledger import waiting
        from weigov_airflow.work import cannot_work, report

        _known(ctx.site.accounts, self.account, "account")
        limit = _count(self.limit)
        if is_true(self.preview):
            with ctx.ledger.read() as connection:
                found = waiting.at(connection, f"account:{self.account}")
            report("待发 waiting, nothing was sent", {f"{one.flow} {one.effect}": one.count for one in found})
            return {"waiting": sum(one.count for one in found)}
        done = deliver(ctx, self.account, limit=limit)
        counts = {**done.states, "expired": done.expired}
        report("发送 deliver", counts)
        self._tell(ctx, context, done.states)
        if done.stopped:
            cannot_work(done.stopped)
        return counts


class ReconcileOperator(_AtAccount):
    """Whatever is not certain → certain. Returns events and how many came to each state."""

    template_fields: Sequence[str] = ("account",)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.reconcile import reconcile
        from weigov_airflow.work import cannot_work, report

        _known(ctx.site.accounts, self.account, "account")
        done = reconcile(ctx, self.account)
        counts = {"events": done.events, **done.states}
        report("核对 reconcile", counts)
        self._tell(ctx, context, done.states)
        if done.stopped:
            cannot_work(done.stopped)
        return counts


class StatisticsOperator(_Verb):
    """What WeChat counted → figures. Returns the days asked for by kind, and how many articles were joined.

    A day that is not ready is green, and asked for by the next run.
    """

    template_fields: Sequence[str] = ("account",)

    def __init__(self, *, account: str, **kwargs: Any) -> None:
        self.account = account
        super().__init__(**kwargs)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.statistics import statistics
        from weigov_airflow.work import cannot_work, report

        _known(ctx.site.accounts, self.account, "account")
        done = statistics(ctx, self.account)
        counts = {**done.days, "joined": done.joined}
        days = ", ".join(day.isoformat() for day in done.not_ready)
        report("统计 statistics", counts, *done.notes, f"尚未出数，下次再取 not ready yet: {days}" if days else "")
        if done.stopped:
            cannot_work(done.stopped)
        return counts


class SyncBackOperator(_Verb):
    """Receipts and figures → the system a record came from. Returns enqueued, and how many came to each state."""

    template_fields: Sequence[str] = ("system",)

    def __init__(self, *, system: str, **kwargs: Any) -> None:
        self.system = system
        super().__init__(**kwargs)

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.sync_back import sync_back
        from weigov_airflow.work import cannot_work, report

        _known(ctx.site.shapes, self.system, "system")
        done = sync_back(ctx, self.system)
        counts = {
            "enqueued": done.enqueued,
            **done.drained.states,
            **{f"settled {state}": n for state, n in done.settled.items()},
        }
        report("回写 sync back", counts)
        if done.drained.stopped:
            cannot_work(done.drained.stopped)
        return counts


class WatchOperator(_Verb):
    """What is wrong now → the people on duty, once for each thing. Returns how much is wrong, how much was told."""

    def work(self, ctx: Deployment, context: Context) -> Counts:
        from weigov.flow.watch import watch
        from weigov_airflow.work import report

        done = watch(ctx)
        report("值守 watch", {"wrong": done.wrong, "told": done.told}, *done.problems)
        return {"wrong": done.wrong, "told": done.told}


def is_true(value: bool | str) -> bool:
    """A switch of a form, also after a template made text of it."""
    return value is True or str(value).strip().lower() in ("true", "1", "yes")


def _count(value: int | str | None) -> int | None:
    from weigov.errors import ConfigError

    if value is None or str(value).strip() in ("", "None"):
        return None
    if not str(value).strip().isdigit() or int(value) < 1:
        raise ConfigError(f"limit: {value!r} is not a number above 0")
    return int(value)


def _known(there: Mapping[str, Any], name: str, what: str) -> None:
    from weigov.errors import ConfigError

    if name not in there:
        raise ConfigError(f"there is no {what} {name}; there are: {', '.join(sorted(there)) or 'none'}")
