"""The known systems: each descriptor loads, opens and, where the sandbox is its other side, reads and writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn

import adapters
from adapters import open_system, outcome
from adapters.descriptor import SYSTEMS, all_descriptors, find_descriptor, load_descriptor, shape
from adapters.paths import dotted
from sandbox.app import create_app
from sandbox.world import World
from tests.adapters.upstream import Mirror
from weigov.errors import RemoteRefused
from weigov.ports import Connection, SourceSystem

NAMES = [name for name, _ in all_descriptors()]


def test_the_adapters_that_are_imported_are_ours() -> None:
    assert Path(adapters.__file__).parent == Path(__file__).parents[2] / "adapters"


@pytest.mark.parametrize("name", NAMES)
def test_a_known_system_loads_opens_and_has_its_notes(name: str) -> None:
    path = find_descriptor(name)
    descriptor = load_descriptor(path)
    assert descriptor.system == name and (shape(descriptor).streams or shape(descriptor).operations)
    address = {"table": "sqlite:////nowhere/it.db", "files": "file:///nowhere"}.get(descriptor.engine)
    system = open_system("x", descriptor, Connection("c", "", address or "http://127.0.0.1:9", "u", "p"))
    assert system.name == "x"
    system.close()
    assert path.with_suffix(".md").is_file()


def test_nothing_but_descriptors_and_what_they_need_lies_among_the_systems() -> None:
    assert {path.suffix for path in SYSTEMS.rglob("*") if path.is_file()} <= {".yaml", ".md", ".wsdl", ".xsd"}


# what WordPress 6.1 really answers

WRONG_PASSWORD = {
    "code": "rest_invalid_param", "message": "Invalid parameter(s): status",
    "data": {
        "status": 400, "params": {"status": "Status is forbidden."},
        "details": {"status": {"code": "rest_forbidden_status", "data": {"status": 401}}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, [{"id": 1}], "ok"),
        (400, WRONG_PASSWORD, "relogin"),
        (401, {"code": "rest_forbidden_context", "message": "Sorry"}, "relogin"),
        (400, {"code": "rest_post_invalid_page_number", "message": "past the end"}, "empty"),
        (403, {"code": "rest_forbidden", "message": "Sorry"}, "refuse"),
        (500, {"code": "internal_server_error", "message": "critical error"}, "retry"),
    ],
)
def test_what_wordpress_answers_means(status: int, body: object, meaning: str) -> None:
    rules = load_descriptor(find_descriptor("wordpress")).outcome
    verdict = outcome.judge(rules, lambda path: dotted(path)(body), status, {})
    assert verdict.meaning == meaning


# the demo's three, against the sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    world = World.open(tmp_path_factory.mktemp("sandbox") / "sandbox.db", url)
    server = uvicorn.Server(uvicorn.Config(create_app(world), "127.0.0.1", port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as probe_client:
        probe_client.get(url + "/phone/")
    yield url
    server.should_exit = True
    thread.join(10)
    world.close()


def opened(name: str, url: str, login: str, password: str) -> SourceSystem:
    return open_system(name, load_descriptor(find_descriptor(name)), Connection(name, "", url, login, password))


def pull(system: SourceSystem, stream: str, mirror: Mirror) -> Mirror:
    mirror.take(system.pull(stream, mirror.state(), datetime.now(UTC)))
    return mirror


def test_demo_cms_is_read_in_full_and_written_back(sandbox: str) -> None:
    system = opened("demo_cms", sandbox, "weigov", "demo-cms-secret")
    columns = pull(system, "columns", Mirror()).records
    assert columns["0102"].fields["name"] == "通知公告" and columns["0102"].fields["parent"] == "01"
    assert columns["01"].get("parent") is None
    mirror = pull(system, "articles", Mirror())
    assert mirror.last.complete and not mirror.rejected and mirror.records
    for record in mirror.records.values():
        assert record.get("title") and record.get("published_at") and record.get("column") in columns
        assert record.withdrawn or record.get("html")
        assert int(record.key) > 2**53
    key = next(iter(mirror.records))
    result = system.write(
        "mark_published", {"id": key, "link": "https://mp.example/s/1", "state": "confirmed"}, key="k"
    )
    assert result.remote_id == key
    again = pull(system, "articles", mirror)
    assert not any(batch.records for batch in again.batches)  # nothing changed: no detail was called
    with pytest.raises(RemoteRefused, match="信息不存在"):
        system.write("mark_published", {"id": "1", "state": "confirmed"}, key="k")
    system.close()


def test_demo_cases_are_read_in_full_and_written_back(sandbox: str) -> None:
    system = opened("demo_cases", sandbox + "/cases/services/CaseService", "weigov", "demo-cases-secret")
    mirror = pull(system, "cases", Mirror())
    assert mirror.last.complete and not mirror.rejected and len(mirror.records) >= 200
    names = {record.get("applicant_name") for record in mirror.records.values()}
    assert "𠮷田和子" in names  # what GBK cannot write
    record = next(iter(mirror.records.values()))
    assert record.get("status") and record.get("stdver") and record.get("promised_on") and record.get("updated_at")
    values = {"id": record.key, "channel": "wechat", "state": "confirmed", "delivered_at": datetime.now(UTC)}
    assert system.write("delivery_result", values, key="k").message == "操作成功"
    with pytest.raises(RemoteRefused, match="办件不存在"):
        system.write("evaluate", {"id": "no such case", "score": 5}, key="k")
    system.close()


def test_demo_qa_is_read_onwards_and_written_back(sandbox: str) -> None:
    system = opened("demo_qa", sandbox, "", "demo-qa-key")
    mirror = pull(system, "answers", Mirror())
    assert mirror.last.complete and not mirror.rejected and mirror.cursors[""]
    record = next(iter(mirror.records.values()))
    assert record.get("html") and record.get("answered_at") and record.get("asker")
    assert not any(batch.records for batch in pull(system, "answers", mirror).batches)
    system.write("delivery_result", {"id": record.key, "state": "confirmed"}, key="delivery-1")
    asked = system.write("ask", {"asker": "P0001", "text": "图书馆几点开门？"}, key="ask-1").remote_id
    assert system.write("ask", {"asker": "P0001", "text": "图书馆几点开门？"}, key="ask-1").remote_id == asked
    assert asked in pull(system, "questions", Mirror()).records
    system.close()


@pytest.mark.parametrize(
    ("name", "path", "stream"),
    [
        ("demo_cms", "", "articles"),
        ("demo_cases", "/cases/services/CaseService", "cases"),
        ("demo_qa", "", "answers"),
    ],
)
def test_a_wrong_secret_is_one_clear_refusal(sandbox: str, name: str, path: str, stream: str) -> None:
    system = opened(name, sandbox + path, "weigov", "wrong-pass")
    with pytest.raises(RemoteRefused) as caught:
        pull(system, stream, Mirror())
    assert "\n" not in str(caught.value) and "wrong-pass" not in str(caught.value)
    system.close()
