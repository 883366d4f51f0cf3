"""The board inside Airflow: who is logged in, what Airflow lets them do, and the deployment its API server shows.

Every page asks Airflow for the right to see runs of ``watch``, the DAG about all of the site; what changes anything,
for the right to do the like there:

    replay             start a run of the flow's DAG (an editor: role ``user``)
    review             answer the questions of the flow's review DAG (likewise)
    settle             edit the account's connection (``op``): whoever may change how we speak to WeChat
    pause              likewise
    clear_quota        likewise
    log                see Airflow's own audit log

Not the right to see plugins, which FAB's viewers and editors lack; nor that to see Airflow, which each of its custom
roles has, without a right to any DAG.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from fastapi import FastAPI, HTTPException

from weigov.board.app import create_app
from weigov.board.guard import Permission, Person
from weigov.flow.context import Context
from weigov.settings import Settings
from weigov.wiring import opened, usable_site
from weigov_airflow.credentials import AirflowCredentials
from weigov_airflow.review import dag_id, person_of

#: How long what is known of the YAML's files and of the gateway is believed.
_LOOK_AGAIN_S = 5.0
_GATEWAY_S = 15.0
_GATEWAY_TIMEOUT_S = 1.5


def _reader(user: GetUserDep) -> Person:
    """Whoever may see the site's runs. 401 for nobody, also where FAB gives those who have not logged in a role."""
    name = person_of({"id": user.get_id(), "name": user.get_name()})
    if not name:
        raise HTTPException(401)
    if not _may_in_dag(user, "GET", DagAccessEntity.RUN, "watch"):
        raise HTTPException(403)
    return Person(name, user)


def _may_in_dag(user: Any, method: Literal["GET", "POST", "PUT"], what: DagAccessEntity, dag: str | None) -> bool:
    details = DagDetails(id=dag)
    return get_auth_manager().is_authorized_dag(method=method, access_entity=what, details=details, user=user)


class AirflowGuard:
    """Airflow's auth manager, whichever it is."""

    reader = staticmethod(_reader)

    def may(self, person: Person, permission: Permission, about: str) -> bool:
        """By the table above."""
        if permission == "log":
            return _may_in_dag(person.user, "GET", DagAccessEntity.AUDIT_LOG, None)
        if permission == "replay":
            return _may_in_dag(person.user, "POST", DagAccessEntity.RUN, f"flow_{about}" if about else None)
        if permission == "review":
            return _may_in_dag(person.user, "PUT", DagAccessEntity.HITL_DETAIL, dag_id(about) if about else None)
        manager = get_auth_manager()
        return manager.is_authorized_connection(method="PUT", details=ConnectionDetails(), user=person.user)

    def log_in(self, back: str) -> str:
        """Airflow's own page for it."""
        return get_auth_manager().get_url_login(next_url=back)

    def origins(self) -> Sequence[str]:
        """Where Airflow says it is reached."""
        address = urlsplit(conf.get("api", "base_url", fallback="") or "")
        return [f"{address.scheme}://{address.netloc}"] if address.netloc else []


class AirflowDeployment:
    """The deployment of this process's environment, opened once and anew when a file of the site changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: ExitStack | None = None
        self._ctx: Context | None = None
        self._faults = 0
        self._seen: tuple[Any, ...] = ()
        self._looked = 0.0
        self._gateway = (0.0, "")

    @contextmanager
    def open(self) -> Iterator[Context]:
        """Raises WeigovError where it cannot work."""
        with self._lock:
            ctx = self._current()
        yield ctx

    def faults(self) -> int:
        """Of the YAML as it was read last."""
        return self._faults

    def gateway_problem(self) -> str:
        """Asked at most every quarter of a minute."""
        asked, problem = self._gateway
        if time.monotonic() - asked > _GATEWAY_S or not asked:
            problem = _gateway(Settings.from_environ())
            self._gateway = (time.monotonic(), problem)
        return problem

    def _current(self) -> Context:
        settings = Settings.from_environ()
        if self._ctx is not None and time.monotonic() - self._looked < _LOOK_AGAIN_S:
            return self._ctx
        seen = (settings, *_changes(settings.site))
        self._looked = time.monotonic()
        if self._ctx is None or seen != self._seen:
            site, faults = usable_site(settings.site)
            opening = ExitStack()
            credentials = AirflowCredentials(settings.secrets_file)
            ctx = opening.enter_context(opened(settings, site=site, credentials=credentials, door="board"))
            if self._open is not None:
                self._open.close()  # what is still being answered keeps its database connection to the end
            self._open, self._ctx, self._faults, self._seen = opening, ctx, len(faults), seen
        return self._ctx


def build() -> FastAPI:
    """The board of this process's environment."""
    return create_app(AirflowDeployment(), AirflowGuard())


def _changes(folder: Path) -> list[tuple[str, int]]:
    return [(str(path), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()]


def _gateway(settings: Settings) -> str:
    where = f"{settings.gateway_host}:{settings.gateway_port}"
    try:
        with requests.Session() as http:
            http.trust_env = False
            answer = http.get(f"http://{where}/healthz", timeout=_GATEWAY_TIMEOUT_S)
    except requests.RequestException:
        return f"{where}: no answer"
    return "" if answer.status_code == 200 else f"{where}: HTTP {answer.status_code}"
