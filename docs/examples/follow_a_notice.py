"""A DAG written by hand: publish what is due now, wait until one notice stands in WeChat, then go on from there.

Copy it beside ``dags/weigov_flows.py``. It sends nothing the made DAGs would not: the ledger decides what is due.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from weigov_airflow.assets import delivered_asset
from weigov_airflow.operators import CollectOperator, ComposeOperator, DeliverOperator, ReconcileOperator
from weigov_airflow.sensors import DeliverySensor

with DAG(
    "follow_a_notice",
    dag_display_name="跟踪一条公告",
    schedule=None,
    catchup=False,
    params={"record": Param(type="string", title="公告编号 key of the notice in the CMS")},
) as dag:
    collect = CollectOperator(task_id="collect", system="cms", stream="articles")
    compose = ComposeOperator(task_id="compose", flow="notices")
    deliver = DeliverOperator(task_id="deliver", account="city")
    reconcile = ReconcileOperator(task_id="reconcile", account="city")
    published = DeliverySensor(
        task_id="published",
        flow="notices",
        record="{{ params.record }}",
        poke_interval=60,
        timeout=6 * 3600,
        retries=2,
    )

    @task
    def tell_the_intranet(states: Any) -> str:
        return f"published: {states}"

    collect >> compose >> deliver >> reconcile >> published
    tell_the_intranet(published.output)

with DAG(
    "after_each_delivery",
    dag_display_name="每次送达之后",
    schedule=[delivered_asset("demo", "city")],
    catchup=False,
) as after:

    @task
    def refresh_the_dashboard() -> None: ...

    refresh_the_dashboard()
