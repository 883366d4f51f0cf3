"""What every task does around its one call into ``weigov.flow``: open the deployment, say what came of it.

Red means the run could not work. Then the log says in one line why and what to do, without a stack trace: a task that
ends by SystemExit leaves none, where any other exception would.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowTaskTimeout

from weigov.errors import WeigovError
from weigov.flow.context import Context
from weigov.flow.mistakes import where
from weigov.settings import Settings
from weigov.wiring import opened
from weigov_airflow.credentials import AirflowCredentials
from weigov_airflow.reason import REASON

log = logging.getLogger("weigov")
logging.getLogger("alembic").setLevel(logging.WARNING)  # two lines a task, about nothing


@contextmanager
def working() -> Iterator[Context]:
    """The deployment, with Airflow's connections. What Weigov can name ends the task red, with its one line."""
    try:
        settings = Settings.from_environ()
        with opened(settings, credentials=AirflowCredentials(settings.secrets_file), door="airflow") as ctx:
            yield ctx
    except WeigovError as error:
        cannot_work(str(error))
    except AirflowTaskTimeout:
        _leave("超过任务的时限 it took longer than its time limit; what was done is kept, the next run goes on")
        raise
    except Exception as error:  # its own words may quote a record: they stay in the log
        _leave(f"程序缺陷，请报告 a fault of Weigov's, report it: {where(error)}")
        raise


def cannot_work(why: str) -> NoReturn:
    """End this task red. ``why`` is the one line the operator reads: in its log, and in its note (``listener``)."""
    log.error("未能完成 could not work: %s", why)
    _leave(why)
    raise SystemExit(1)


def _leave(why: str) -> None:
    """For the task's note."""
    task_instance = _task_instance()
    if task_instance is not None:
        task_instance.xcom_push(key=REASON, value=why)


def _task_instance() -> Any:
    """The one under way; None outside of a task."""
    try:
        return get_current_context().get("ti")
    except RuntimeError:
        return None


def report(verb: str, counts: Mapping[str, Any], *notes: str) -> None:
    """One line of counts, and one for each note that is not empty."""
    shown = ", ".join(f"{name} {value}" for name, value in counts.items() if value) or "无变化 nothing to do"
    log.info("%s: %s", verb, shown)
    for note in notes:
        if note:
            log.warning("%s: %s", verb, note)
