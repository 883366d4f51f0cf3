"""Airflow's API server with our plugin, in a process of its own: ``python -m tests.api_server PORT``.

The parent says by the environment where Airflow's home, the users and the deployment are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import requests

from tests.docker.test_compose import COMPOSE
from tests.real.machine import free_port

ROOT = Path(__file__).resolve().parents[1]
USERS = {"viewer": "viewer", "bianji": "user", "shenhe": "user", "wang": "op", "admin": "admin"}
#: Who keeps Airflow's people: its own file of them, for development, or Flask-AppBuilder's tables.
Manager = Literal["simple", "fab"]
CLASSES: Mapping[Manager, str] = {
    "simple": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "fab": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
}
#: The role that the containers' FAB has beside its own, as the guide says.
CUSTOM_ROLES = "AIRFLOW__FAB__CUSTOM_ROLES"
#: Further people of FAB → their roles: an editor as the guide wants one; one who sees another department's DAG only;
#: one whose are the notices; one who runs that flow, and answers nothing.
FAB_USERS = {"zhou": ["User", "Weigov"], "linju": ["elsewhere"], "keyuan": ["notices"], "paidan": ["runs"]}
FAB_ROLES = {
    "elsewhere": [("can_read", "DAG:elsewhere"), ("can_edit", "DAG:elsewhere"), ("can_read", "DAG Runs"),
                  ("can_create", "DAG Runs"), ("can_edit", "HITL Detail")],
    "notices": [("can_read", "DAG:watch"), ("can_read", "DAG Runs"),
                ("can_read", "DAG:review_notices"), ("can_edit", "DAG:review_notices"),
                ("can_read", "HITL Detail"), ("can_edit", "HITL Detail"),
                ("can_edit", "DAG:flow_notices"), ("can_create", "DAG Run:flow_notices")],
    "runs": [("can_read", "DAG:watch"), ("can_read", "DAG Runs"),
             ("can_edit", "DAG:flow_notices"), ("can_create", "DAG Runs")],
}  # fmt: skip
#: A flow of the demo whose articles are reviewed. Everybody finds a question of their own in ``review_<FLOW>``.
FLOW, ASKED = "notices", "asked_{}"
_PATIENCE_S = 180.0


@contextmanager
def api_server(home: Path, environ: Mapping[str, str], manager: Manager = "simple") -> Iterator[str]:
    """Its address. Everybody's password is their name and ``-pass``."""
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-pass" for name in USERS}))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    ours = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "WEIGOV_"))},
        **environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": CLASSES[manager],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        CUSTOM_ROLES: COMPOSE["x-weigov"]["environment"][CUSTOM_ROLES],
        # As open as FAB can be: whoever has not logged in may do anything in Airflow.
        "AIRFLOW__FAB__AUTH_ROLE_PUBLIC": "Admin",
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests' own, long enough for a signature of 512 bits.....",
    }
    log = (home / "api.log").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.api_server", str(port), manager],
        env=ours, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _PATIENCE_S
        with requests.Session() as http:
            http.trust_env = False
            while True:
                said = (home / "api.log").read_text(errors="replace")[-2000:]
                assert child.poll() is None and time.monotonic() < deadline, said
                try:
                    if http.get(f"{base}/api/v2/version", timeout=5).status_code == 200:
                        break
                except requests.RequestException:
                    time.sleep(0.2)
        yield base
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.close()


def main() -> None:
    import uvicorn
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    app = create_app()
    if sys.argv[2] == "fab":
        _people_of_fab()
    _questions()
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


def _people_of_fab() -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager: Any = get_auth_manager()
    with manager.flask_app.app_context():
        security = manager.security_manager
        for role, rights in FAB_ROLES.items():
            made = security.add_role(role)
            for action, resource in rights:
                security.add_permission_to_role(made, security.create_permission(action, resource))
        for name, roles in {**{name: [role.capitalize()] for name, role in USERS.items()}, **FAB_USERS}.items():
            given = [security.find_role(role) for role in roles]
            assert security.add_user(name, "伟", "张", f"{name}@city.example", given, f"{name}-pass"), name


def _questions() -> None:
    """What reviewers are asked, as it stands in Airflow's database when the operator has asked it and waits."""
    os.environ["WEIGOV_SITE"], served = str(ROOT / "mappings" / "demo"), os.environ["WEIGOV_SITE"]
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.hitl import HITLDetail
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    from weigov_airflow.review import APPROVE, REFUSE

    bag = DagBag(ROOT / "dags" / "weigov_flows.py", bundle_path=ROOT / "dags", bundle_name="dags-folder")
    bundles: Any = DagBundlesManager  # has no types
    bundles().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        dag: Any = SerializedDagModel.get_dag(f"review_{FLOW}", session=session)
        for name in ("", *USERS, *FAB_USERS):
            run = dag.create_dagrun(
                run_id=ASKED.format(name), run_after=datetime.now(UTC), run_type=DagRunType.MANUAL,
                state=DagRunState.RUNNING, triggered_by=DagRunTriggeredByType.TEST,
                conf={"delivery": 1, "digest": "0"}, session=session,
            )  # fmt: skip
            task: Any = run.get_task_instance("review_1", session=session)
            task.state = TaskInstanceState.AWAITING_INPUT
            session.add(HITLDetail(ti_id=task.id, options=[APPROVE, REFUSE], subject="待审", params={}))
    os.environ["WEIGOV_SITE"] = served


if __name__ == "__main__":
    main()
