"""A red task is told to the people on duty, once, and once more when it runs well again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from weigov_airflow.reason import REASON

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger("weigov")


class DutyNotifier(BaseNotifier):
    """For ``on_failure_callback``, or with ``recovered`` ``on_success_callback``. The site's ``alerts`` say where to.

    Nothing that goes wrong in telling changes how the task ended.
    """

    template_fields = ("said",)

    def __init__(self, said: str = "", *, recovered: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.said, self.recovered = said, recovered

    def notify(self, context: Context) -> None:
        from weigov.errors import WeigovError
        from weigov.flow.watch import task_failed, task_succeeded
        from weigov.settings import Settings
        from weigov.wiring import opened
        from weigov_airflow.credentials import AirflowCredentials

        task_instance: Any = context["ti"]
        name = f"{task_instance.dag_id}.{task_instance.task_id}"
        try:
            settings = Settings.from_environ()
            with opened(settings, credentials=AirflowCredentials(settings.secrets_file)) as ctx:
                if self.recovered:
                    task_succeeded(ctx, name)
                else:
                    task_failed(ctx, name, self.said or _reason(task_instance))
        except WeigovError as error:
            log.warning("没有通知到值班人员 nobody was told: %s", error)


def _reason(task_instance: Any) -> str:
    """What the task left for its note; else that its log says more."""
    left = task_instance.xcom_pull(task_ids=task_instance.task_id, key=REASON)
    return str(left) if left else "未能完成，见日志 it failed, its log says why"
