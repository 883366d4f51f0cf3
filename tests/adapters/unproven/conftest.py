"""The systems known from documents only, opened by the real engine against the sandbox's vendors.

This proves that a descriptor and the shape that was described fit each other, and nothing about a real installation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import uvicorn

from adapters import open_system
from adapters.descriptor import find_descriptor, load_descriptor
from adapters.vocabulary import Descriptor
from adapters.wire import Limits
from sandbox.app import create_app
from sandbox.vendors import SUBSYSTEMS
from sandbox.wire import ClosableProtocol
from sandbox.world import World
from tests.adapters.upstream import Mirror
from weigov.ports import Connection, SourceSystem

#: system → the path of its connection's address, login, password.
CONNECTIONS = {
    "epoint": ("/epoint/WebBuilderMobileService/Service.asmx", "", "demo-epoint-token"),
    "trs_wcm": ("/trs_wcm/wcm/services/trswcm:WCMDocumentService", "", ""),
    "trs_wcm_import": ("/trs_wcm/wcm/services/trswcm:ImportService", "", ""),
    "trs_hycloud": ("/trs_hycloud", "weigov", "demo-hycloud-secret"),
    "hanweb": ("/hanweb/sdzw/services/zxts", "", "demo-hanweb-sign"),
    "openai_qa": ("/openai_qa", "", "fastgpt-demo-qa-key"),
}
#: A system's list, by which ``says_no`` finds it.
LISTS = {
    "epoint": "/epoint/GetInfoList",
    "trs_wcm": "/trs_wcm/queryDocuments",
    "trs_hycloud": "/trs_hycloud/queryDocumentsInQuanbu",
    "hanweb": "/hanweb/zxquery",
}


class Sandbox:
    """The vendors over a real port, and the tester's hand."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.ask("POST", "/faults", {"kind": kind, "path": path, **more})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    world = World.open(tmp_path_factory.mktemp("vendors") / "sandbox.db", f"http://127.0.0.1:{port}")
    config = uvicorn.Config(
        create_app(world, SUBSYSTEMS), "127.0.0.1", port, http=ClosableProtocol, log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive(), "the sandbox did not start"
    yield world.base_url
    server.should_exit = True
    thread.join(10)
    world.close()


@pytest.fixture
def sandbox(served: str) -> Iterator[Sandbox]:
    it = Sandbox(served)
    yield it
    it.ask("POST", "/reset", {})


class Ledger(Mirror):
    """A mirror, and what a test asks it."""

    @property
    def changed(self) -> set[str]:
        return {record.key for batch in self.batches for record in batch.records}

    @property
    def live(self) -> set[str]:
        return {key for key, record in self.records.items() if not record.withdrawn}


def opened(
    name: str,
    sandbox: Sandbox,
    *,
    size: int | None = 5,
    password: str | None = None,
    sleeps: list[float] | None = None,
) -> SourceSystem:
    """The system, with pages of ``size`` so that a list has several."""
    path, login, secret = CONNECTIONS[name]
    descriptor = load_descriptor(find_descriptor(name))
    if size is not None:
        descriptor = _paged(descriptor, size)
    waited = sleeps if sleeps is not None else []
    return open_system(
        name, descriptor, Connection(name, "", sandbox.url + path, login, secret if password is None else password),
        sleep=waited.append, limits=Limits(connect_s=2, read_s=5, total_s=10),
    )  # fmt: skip


def _paged(descriptor: Descriptor, size: int) -> Descriptor:
    streams = {
        name: stream.model_copy(update={"paging": stream.paging.model_copy(update={"size": size})})
        if stream.paging else stream
        for name, stream in descriptor.streams.items()
    }  # fmt: skip
    return descriptor.model_copy(update={"streams": streams})


def now(days: int = 0) -> datetime:
    # A second change within one second is stamped with the next one.
    return datetime.now(UTC) + timedelta(minutes=1, days=days)


def pull(system: SourceSystem, ledger: Ledger, stream: str = "", days: int = 0) -> Ledger:
    name = stream or ("answers" if system.name == "hanweb" else "articles")
    columns = Ledger()
    if system.name == "epoint" and name == "articles":
        columns.take(system.pull("columns", columns.state(), now(days)))
    state = ledger.state(lambda stream: iter(columns.records.values()))
    ledger.take(system.pull(name, state, now(days)))
    return ledger


def write_backs(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.ask("GET", f"/{name}/write-backs")
    return found
