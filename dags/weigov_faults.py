"""Holds no DAG: raises one error that lists every fault of the site's YAML, so that Airflow shows it as such.

A file of its own, because a file that raises makes all of its DAGs stale.
"""

from __future__ import annotations

from weigov.errors import ConfigError
from weigov_flows import FAULTS

if FAULTS:
    raise ConfigError(FAULTS)
