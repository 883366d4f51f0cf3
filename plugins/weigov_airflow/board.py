"""The board inside Airflow: who is logged in, what Airflow lets them do, and the deployment its API server shows.

Every page asks Airflow for the right to see plugins; what changes anything, for the right to do the like there:

    replay, review     start a run of the flow's DAG (an editor: role ``user``)
    settle             edit the account's connection (``op``): whoever may change how we speak to WeChat
    pause              likewise
    clear_quota        likewise
    log                see Airflow's own audit log
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
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
from weigov_airflow.review import person_of

#: How long what is known of the YAML's files and of the gateway is believed.
_LOOK_AGAIN_S = 5.0
_GATEWAY_S = 15.0
_GATEWAY_TIMEOUT_S = 1.5


def _reader(user: GetUserDep) -> Person:
    """Whoever may see plugins' pages. Airflow answers 401 for nobody, and we 403 for those it does not let."""
    if not get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=user):
        raise HTTPException(403)
    return Person(person_of({"id": user.get_id(), "name": user.get_name()}), user)


class AirflowGuard:
    """Airflow's auth manager, whichever it is."""

    reader = staticmethod(_reader)

    def may(self, person: Person, permission: Permission, about: str) -> bool:
        """By the table above."""
        manager, user = get_auth_manager(), person.user
        if permission == "log":
            return manager.is_authorized_dag(method="GET", access_entity=DagAccessEntity.AUDIT_LOG, user=user)
        if permission in ("replay", "review"):
            details = DagDetails(id=f"flow_{about}" if about else None)
            entity = DagAccessEntity.RUN
            return manager.is_authorized_dag(method="POST", access_entity=entity, details=details, user=user)
        return manager.is_authorized_connection(method="PUT", details=ConnectionDetails(), user=user)

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
