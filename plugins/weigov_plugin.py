"""Weigov as an Airflow plugin: the one file below plugins/ that Airflow executes (see plugins/.airflowignore).

It imports what every task and every parse needs. LocalExecutor forks its workers, and they their tasks, from the
scheduler, which loads plugins: imported here, a task has it at once instead of reading it for a second each time. The
price: new code (not new YAML) needs a restart of Airflow.
"""

# ruff: noqa: F401
from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

import adapters.rest
import adapters.soap.system
import weigov.flow.collect
import weigov.flow.compose
import weigov.flow.deliver
import weigov.flow.reconcile
import weigov.flow.review
import weigov.flow.sync_back
import weigov_airflow.mounted
import weigov_airflow.operators
import weigov_airflow.review
import weigov_airflow.site
import weigov_airflow.work
from weigov_airflow import listener
from weigov_airflow.port_zero import PortZeroIsNone


class WeigovPlugin(AirflowPlugin):
    name = "weigov"
    fastapi_apps = [weigov_airflow.mounted.MOUNTED]  # noqa: RUF012
    fastapi_root_middlewares = [{"middleware": PortZeroIsNone, "name": "weigov"}]  # noqa: RUF012
    external_views = weigov_airflow.mounted.VIEWS
    listeners = [listener]  # noqa: RUF012 (Airflow declares it so)
