"""Read by every Airflow process of `make up` as it starts; copied below AIRFLOW_HOME by ops/airflow_config.py.

The scheduler imports Weigov's engines once, so that the tasks it forks find them there: a task then starts in a
fraction of a second instead of several. Nothing is opened here, only imported.
"""

import sys

__all__: list[str] = []  # nothing of this becomes a setting of Airflow's

# How long a process waits for SQLite's one writer. The API server writes its audit log inside its event loop; when a
# request in a thread of the same process holds the lock, neither can go on until this is over, and the audited
# request fails with "Database error" (Airflow 3.3.2). So there it is short; everywhere else waiting is right.
_PATIENCE_S = 3 if "api-server" in sys.argv else 60

#: Named in airflow.cfg.
SQLITE = {"timeout": _PATIENCE_S}
SQLITE_ASYNC = {"timeout": _PATIENCE_S}

if "scheduler" in sys.argv:
    import weigov.flow.collect
    import weigov.flow.compose
    import weigov.flow.deliver
    import weigov.flow.reconcile
    import weigov.flow.review
    import weigov.flow.sync_back
    import weigov.wiring  # noqa: F401
