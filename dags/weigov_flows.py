"""When things run: every DAG of the site that WEIGOV_SITE names, made from its YAML.

One operator a task (``weigov_airflow.operators``): one call into ``weigov.flow``, which returns counts. This file
never raises: what is wrong with the YAML is told by ``weigov_faults.py``, and what is sound runs on. Where it comes
from: DESIGN, "What runs when".

The ledger owns retries. A task that could not work is red, and the next scheduled run is its retry; deferred,
quarantined and unknown deliveries are counts in the log of a green run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from airflow.sdk import (
    DAG,
    AssetAlias,
    AssetAny,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    MultipleCronTriggerTimetable,
    Param,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from weigov.errors import Fault
from weigov.site.models import Flow
from weigov.site.site import Site
from weigov_airflow.assets import outbox_asset, stream_asset
from weigov_airflow.notifier import DutyNotifier
from weigov_airflow.operators import (
    CollectOperator,
    ComposeOperator,
    DeliverOperator,
    ReconcileOperator,
    StatisticsOperator,
    SyncBackOperator,
    WatchOperator,
)
from weigov_airflow.site import read_site

#: How often what has no schedule in the YAML runs; minutes apart, so that they do not all start at once.
DELIVER, RECONCILE, SYNC_BACK = "*/5 * * * *", "2-59/5 * * * *", "4-59/10 * * * *"
WATCH = "3-58/5 * * * *"
#: A day's figures are ready at 08:00 of the next in Beijing, or later: a run that finds nothing due asks nothing.
STATISTICS = "20 8-23 * * *"
#: Compose follows its streams. Once an hour it also looks for what waited: images that could not be fetched, a
#: mapping that was applied, a review whose run was lost.
COMPOSE = "50 * * * *"

#: A drain ends itself after 8 minutes; a first collection of a large CMS takes longer.
SHORT, LONG = timedelta(minutes=15), timedelta(hours=2)

KINDS = {"article": "文章", "column": "栏目", "case": "办件", "question": "咨询", "answer": "答复", "guide": "指南"}

# ---- what "Trigger" asks for; a scheduled run takes what stands here

#: Airflow checks no ``format``, which is only how the field is shown: the pattern refuses what is no moment.
_MOMENT: dict[str, Any] = {
    "type": ["string", "null"], "format": "date-time",
    "pattern": r"^$|^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$",
}  # fmt: skip
_STRETCH = {
    "since": Param(None, **_MOMENT, title="补采起点 read again from",
                   description="留空 = 正常增量；填写后重读这一段，不移动断点 moves no cursor"),
    "until": Param(None, **_MOMENT, title="补采终点 up to", description="可留空"),
}  # fmt: skip
_DRY = Param(False, type="boolean", title="试运行 dry run", description="只看会做什么，不写台账、不发送")
_LIMIT = Param(None, type=["integer", "null"], minimum=1, title="最多发送条数 limit", description="留空 = 不限")

# ---- what only says to Airflow whether others need run


@task(task_id="changed", task_display_name="有变化")
def changed(counts: Any) -> None:
    if not any(counts[name] for name in ("new", "changed", "withdrawn", "revisions")):
        raise AirflowSkipException("没有变化，不触发编排 nothing changed, so no flow need look")


@task(task_id="start_reviews", task_display_name="发起审核", retries=1, retry_delay=timedelta(seconds=20))
def start_reviews(flow: str) -> dict[str, int]:
    from weigov_airflow.review import start_reviews
    from weigov_airflow.work import report

    counts = start_reviews(flow, get_current_context())
    report("发起审核 start reviews", counts)
    return counts


@task(task_id="outbox", task_display_name="有待发送")
def outbox(counts: Any, held: bool) -> None:
    if not counts["withdrawn"] and (held or not counts["deliveries"]):
        raise AirflowSkipException("没有待发送的内容 nothing that may be sent now")


# ---- DAGs


def build(site: Site) -> tuple[dict[str, DAG], list[Fault]]:
    """Every DAG of ``site`` by its id, and what Airflow itself would not take."""
    dags: dict[str, DAG] = {}
    faults: list[Fault] = []
    for dag_id, make in _all(site):
        if dag_id in dags:
            faults.append(Fault(dag_id, "two parts of the site lead to this DAG id", hint="rename one of them"))
            continue
        try:
            dags[dag_id] = make(dag_id)
        except Exception as error:  # one DAG that Airflow refuses takes no other down
            faults.append(Fault(dag_id, f"Airflow does not take this DAG: {error}"))
    return dags, faults


def _all(site: Site) -> Iterator[tuple[str, Callable[[str], DAG]]]:
    for system, shape in site.shapes.items():
        for stream in shape.streams:
            yield f"collect_{system}_{stream}", partial(_collect, site, system=system, stream=stream)
        if shape.operations:
            yield f"sync_back_{system}", partial(_sync_back, site, system=system)
    for flow in site.flows.values():
        yield f"flow_{flow.flow}", partial(_flow, site, flow=flow)
        if flow.review:
            yield f"review_{flow.flow}", partial(_review, site, flow=flow)
    if site.accounts:
        yield "watch", partial(_watch, site)
    for account in site.accounts:
        yield f"deliver_{account}", partial(_deliver, site, account=account)
        yield f"reconcile_{account}", partial(_reconcile, site, account=account)
        yield f"statistics_{account}", partial(_statistics, site, account=account)


def _dag(site: Site, dag_id: str, limit: timedelta | None = SHORT, **settings: Any) -> DAG:
    defaults: dict[str, Any] = {"owner": site.site, "retries": 0, "show_return_value_in_logs": False}
    if site.alerts:
        defaults |= {"on_failure_callback": DutyNotifier(), "on_success_callback": DutyNotifier(recovered=True)}
    if limit is not None:
        defaults["execution_timeout"] = limit
        settings |= {"max_active_runs": 1, "dagrun_timeout": limit + timedelta(minutes=5)}
    settings["tags"] = [site.site, *settings["tags"]]
    return DAG(
        dag_id,
        catchup=False,  # and no start_date: a new DAG waits for its time, give or take five minutes
        is_paused_upon_creation=False,
        default_args=defaults,
        auto_register=False,  # weigov_faults.py imports this file, and shall hold no DAG
        **settings,
    )


def _cron(site: Site, line: str) -> CronTriggerTimetable:
    return CronTriggerTimetable(line, timezone=site.time_zone)


def _collect(site: Site, dag_id: str, system: str, stream: str) -> DAG:
    shape = site.shapes[system].streams[stream]
    kind = KINDS.get(shape.kind, shape.kind)
    with _dag(
        site,
        dag_id,
        LONG,
        schedule=_cron(site, shape.schedule),
        params=_STRETCH,
        dag_display_name=f"采集 {system} {kind} {stream}",
        tags=["采集 collect", system],
        doc_md=f"""从 **{system}** 拉取“{kind}”（{stream}）到镜像。Pulls {stream} of {system} into the mirror.

- “有变化”跳过 = 上游没有变化，不触发编排。*Skipped* means that nothing changed.
- 红色 = 系统连不上或拒绝；已读到的保留，下次从断点继续。Red: {system} could not be read; what was read stays.
- 各个流程共用这一次拉取。However many flows read it, it is pulled once.
""",
    ) as dag:
        collect = CollectOperator(
            task_id="collect",
            task_display_name="采集",
            system=system,
            stream=stream,
            since="{{ params.since or '' }}",
            until="{{ params.until or '' }}",
        )
        changed.override(outlets=[stream_asset(site.site, system, stream)])(collect.output)
    return dag


def _flow(site: Site, dag_id: str, flow: Flow) -> DAG:
    followed = dict.fromkeys((*flow.streams(), *site.column_streams(flow)))
    streams = [stream_asset(site.site, system, stream) for system, stream in followed]
    timetable: Any = _cron(site, flow.schedule or COMPOSE)
    if flow.gather:  # a digest has its times; in between it is looked at like any other flow
        timetable = MultipleCronTriggerTimetable(flow.gather.every, COMPOSE, timezone=site.time_zone)
    outboxes = [outbox_asset(site.site, account) for account in flow.to.accounts]
    with _dag(
        site,
        dag_id,
        schedule=AssetOrTimeSchedule(timetable=timetable, assets=AssetAny(*streams)) if streams else timetable,
        params={"dry_run": _DRY},
        dag_display_name=f"编排 {flow.title}",
        tags=["编排 compose", flow.flow],
        doc_md=f"""把上游的变化变成“{flow.title}”的待发投递。Mirrored changes → deliveries.

- 不能映射的记录进入隔离区，其余照常（`weigov quarantine list`）。What cannot be mapped is quarantined.
- YAML 改动后要先 `weigov plan {flow.flow}`、`weigov apply {flow.flow}`，在此之前不编排。
- {"每条投递要人审核后才发送。Each delivery is held for review." if flow.review else "无需审核。No review."}
""",
    ) as dag:
        compose = ComposeOperator(
            task_id="compose", task_display_name="编排", flow=flow.flow, preview="{{ params.dry_run }}"
        )
        if flow.review:
            compose >> start_reviews(flow.flow)
        # A mass message is reviewed after its preview, which goes at once.
        outbox.override(outlets=outboxes)(compose.output, held=flow.review is not None and flow.to.via != "mass")
    return dag


def _review(site: Site, dag_id: str, flow: Flow) -> DAG:
    from weigov_airflow.review import FORM, ReviewOperator

    assert flow.review is not None
    with _dag(
        site,
        dag_id,
        None,  # a question waits as long as it takes, and every held delivery has one
        schedule=None,
        max_active_runs=1000,
        params={
            "delivery": Param(type="integer", title="投递编号 delivery"),
            "digest": Param(type="string", title="内容摘要 digest"),
        },
        dag_display_name=f"审核 {flow.title}",
        tags=["审核 review", flow.flow],
        doc_md=f"""每条待审投递一次运行，由“编排 {flow.title}”发起；在“必需操作”(Required Actions) 中通过或退回。

- 需要 **{flow.review.needs}** 位不同的人；同一人再次通过不计入，问题会重新打开。Approvals by different people.
- 内容被更新或撤回后，问题在半小时内自行结束。A question about something replaced ends by itself.
- 命令行也可以：`weigov review list|approve|refuse`。结果只记在台账里。Only the ledger decides.
""",
    ) as dag:
        released = AssetAlias(name=f"{site.site}/{flow.flow}/released")
        asked: Any = None
        for nth in range(1, flow.review.needs + 1):
            question = ReviewOperator(
                task_id=f"review_{nth}",
                task_display_name=f"第 {nth} 人审核",
                nth=nth,
                params=FORM,
                released=released,
                outboxes=[outbox_asset(site.site, account) for account in flow.to.accounts],
                retries=20,  # each asks anew: the ledger was not there, or the answer did not count
                retry_delay=timedelta(seconds=5),
            )
            if asked is not None:
                asked >> question
            asked = question
    return dag


def _deliver(site: Site, dag_id: str, account: str) -> DAG:
    every = AssetOrTimeSchedule(timetable=_cron(site, DELIVER), assets=AssetAny(outbox_asset(site.site, account)))
    with _dag(
        site,
        dag_id,
        schedule=every,
        params={"limit": _LIMIT, "dry_run": _DRY},
        dag_display_name=f"发送 {account}",
        tags=["发送 deliver", account],
        doc_md=f"""把公众号 **{account}** 到期的投递发给微信：撤回在先，其次消息、菜单、图文。Sends what is due.

- 受微信当日额度与静默时段约束；排不上的顺延，不算失败。Deferred is green.
- 结果不明的从不自动重发，由“核对 {account}”查实。Unknown outcomes are never sent again by themselves.
- 红色 = 现在什么都发不出去，日志最后一行写明原因。Red: nothing can be sent now; the log's last line says why.
""",
    ) as dag:
        DeliverOperator(
            task_id="deliver",
            task_display_name="发送",
            account=account,
            limit="{{ params.limit or '' }}",
            preview="{{ params.dry_run }}",
        )
    return dag


def _reconcile(site: Site, dag_id: str, account: str) -> DAG:
    with _dag(
        site,
        dag_id,
        schedule=_cron(site, RECONCILE),
        dag_display_name=f"核对 {account}",
        tags=["核对 reconcile", account],
        doc_md=f"""查实公众号 **{account}** 上尚不确定的投递：先看微信的事件，再查询。Makes certain what is not.""",
    ) as dag:
        ReconcileOperator(task_id="reconcile", task_display_name="核对", account=account)
    return dag


def _statistics(site: Site, dag_id: str, account: str) -> DAG:
    with _dag(
        site,
        dag_id,
        schedule=CronTriggerTimetable(STATISTICS, timezone="Asia/Shanghai"),  # WeChat's days, wherever the site is
        dag_display_name=f"统计 {account}",
        tags=["统计 statistics", account],
        doc_md=f"""取公众号 **{account}** 的阅读、分享与粉丝数据，每日 8:20 起。Pulls what WeChat counted.

- 微信尚未出数的，下次运行再取；漏取的补取。Not ready yet is no failure; missed days are caught up with.
- 没有到期的日子就不调用微信。Nothing due: nothing is asked.
- `weigov figures {account}` 查看；流程可回写上游。The flows may write them back.
""",
    ) as dag:
        StatisticsOperator(task_id="statistics", task_display_name="统计", account=account)
    return dag


def _sync_back(site: Site, dag_id: str, system: str) -> DAG:
    with _dag(
        site,
        dag_id,
        schedule=_cron(site, SYNC_BACK),
        dag_display_name=f"回写 {system}",
        tags=["回写 sync back", system],
        doc_md=f"""把发布链接与送达结果写回 **{system}**，每个结果一次。Tells {system} what became of its records.""",
    ) as dag:
        SyncBackOperator(task_id="sync_back", task_display_name="回写", system=system)
    return dag


def _watch(site: Site, dag_id: str) -> DAG:
    with _dag(
        site,
        dag_id,
        schedule=_cron(site, WATCH),
        dag_display_name="值守",
        tags=["值守 watch"],
        doc_md="""发现需要人处理的情况并通知值班人员：每件事一次，恢复时再一次。Tells the people on duty, once.

- 通知到哪里，写在 site.yaml 的 `alerts`。没有写则只记入台账，用 `weigov watch` 查看。Without it: `weigov watch`.
""",
    ) as dag:
        WatchOperator(task_id="watch", task_display_name="值守")
    return dag


_site, FAULTS = read_site()
if _site is not None:
    _dags, _refused = build(_site)
    FAULTS = [*FAULTS, *_refused]
    globals().update(_dags)
if FAULTS:
    logging.getLogger(__name__).warning("%s faults in the site; weigov_faults.py lists them", len(FAULTS))
