"""Known systems nobody can install here in minutes: their descriptors against what such systems really answered.

The answers were recorded by other projects and are served on loopback as they stand. Open311 is recorded in XML only;
its JSON form is made from the same answers by the rule of the standard.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from adapters import open_system
from adapters.descriptor import find_descriptor, load_descriptor
from tests.adapters.upstream import Mirror
from weigov.errors import RemoteRefused
from weigov.ports import Connection, SourceSystem

pytestmark = pytest.mark.interop

Answer = tuple[int, str, bytes]  # status, content type, body


class Recorded:
    """Answers by method and path, or by a piece of the query too; what was asked, with its query and headers."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, Answer]] = []
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.url = ""

    def on(self, method: str, path: str, answer: Answer, query: str = "") -> None:
        """The first that fits is given."""
        self.answers.append((method, path, query, answer))

    def answer(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, query, headers))
        for how, path, piece, answer in self.answers:
            if (how, path) == (method, parts.path) and piece in parts.query:
                return answer
        return 404, "text/plain", b"nothing was recorded here"


class _Handler(BaseHTTPRequestHandler):
    recorded: Recorded

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, content_type, body = self.recorded.answer(self.command, self.path, dict(self.headers))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    it = Recorded()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"recorded": it}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    it.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def shared() -> Path:
    """The folder of recorded answers: WEIGOV_SHARED, or ``shared`` beside the project."""
    folder = Path(os.environ.get("WEIGOV_SHARED", Path(__file__).parents[3] / "shared")) / "fixtures" / "upstream"
    if not folder.is_dir():
        pytest.skip("other projects' recorded answers are not here (set WEIGOV_SHARED)")
    return folder


@contextmanager
def opened(name: str, url: str) -> Iterator[SourceSystem]:
    connection = Connection("c", "", url, "weigov", "key")
    system = open_system("x", load_descriptor(find_descriptor(name)), connection, sleep=lambda seconds: None)
    try:
        yield system
    finally:
        system.close()


def pull(system: SourceSystem, stream: str, mirror: Mirror | None = None) -> Mirror:
    mirror = mirror or Mirror()
    mirror.take(system.pull(stream, mirror.state(), datetime.now(UTC)))
    return mirror


# ---- Open311


@pytest.fixture(params=["xml", "json"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def said(shared: Path, name: str, form: str) -> bytes:
    """A recorded answer, in the form asked for."""
    body = (shared / "open311" / "open311" / "fixtures" / f"{name}.xml").read_bytes()
    if form == "xml":
        return body
    rows = etree.fromstring(body)
    return json.dumps([{cell.tag: cell.text for cell in row} for row in rows]).encode()


def test_open311_services_and_requests_are_what_was_recorded(recorded: Recorded, shared: Path, form: str) -> None:
    content_type = {"xml": "text/xml; charset=utf-8", "json": "application/json"}[form]
    recorded.on("GET", f"/services.{form}", (200, content_type, said(shared, "services", form)))
    full = (200, content_type, said(shared, "service_requests", form))
    recorded.on("GET", f"/requests.{form}", full, "start_date=2020-01-01")
    recorded.on("GET", f"/requests.{form}", (200, content_type, said(shared, "service_requests_empty", form)))
    with opened(f"open311_{form}", recorded.url) as system:
        services = pull(system, "services").records
        assert len(services) == 36 and services["024"].get("name") == "Sidewalk_Cleaning"
        mirror = pull(system, "requests")
    assert mirror.last.complete and not mirror.rejected
    first = mirror.records["638344"]
    assert (first.get("status"), first.get("item_name"), first.get("item_code")) == (
        "closed", "Sidewalk and Curb Issues", "006",
    )  # fmt: skip
    assert first.get("accepted_at") == datetime(2010, 4, 14, 14, 37, 38, tzinfo=UTC)
    assert first.get("promised_on") == date(2010, 4, 15)  # 14:37 in UTC is the same day here
    assert first.get("extra.status_notes") == "Duplicate request."
    assert mirror.records.keys() == {"638344", "638349"}
    asked = [query for path, query, _ in recorded.asked if path == f"/requests.{form}"]
    begins = [datetime.fromisoformat(query["start_date"]) for query in asked]
    ends = [datetime.fromisoformat(query["end_date"]) for query in asked]
    assert begins[0] == datetime(2020, 1, 1, tzinfo=UTC) and begins[1:] == ends[:-1]  # no gap, and no overlap
    assert max(end - begin for begin, end in zip(begins, ends, strict=True)) == timedelta(days=30)


def test_open311_refusals_are_said_in_its_words(recorded: Recorded, shared: Path) -> None:
    missing = said(shared, "get_service_request_not_found", "xml")
    head, _, body = (shared / "open311" / "open311" / "fixtures" / "403.xml").read_bytes().partition(b"<?xml")
    assert b" 403 " in head
    recorded.on("GET", "/requests.xml", (404, "text/xml", missing))
    recorded.on("POST", "/requests.xml", (403, "text/xml", b"<?xml" + body))
    values = {"service_code": "006", "lat": "37.76", "long": "-122.46", "description": "路面破损"}
    with opened("open311_xml", recorded.url) as system:
        with pytest.raises(RemoteRefused, match="not found with id or token"):
            pull(system, "requests")
        with pytest.raises(RemoteRefused, match="Invalid api_key received"):
            system.write("create", values, key="k")


def test_open311_gives_a_new_request_its_number(recorded: Recorded, shared: Path, form: str) -> None:
    recorded.on("POST", f"/requests.{form}", (200, "", said(shared, "post_service_request", form)))
    values = {"service_code": "006", "lat": "37.76", "long": "-122.46", "description": "路面破损"}
    with opened(f"open311_{form}", recorded.url) as system:
        written = system.write("create", values, key="k")
    assert written.remote_id == "293944" and written.message.startswith("The City will inspect")
    ((_, query, headers),) = recorded.asked
    assert query == {"api_key": "key"} and headers["Content-Type"] == "application/x-www-form-urlencoded"


# ---- Discourse


def discourse(shared: Path, name: str) -> Answer:
    body = (shared / "discourse" / "discourse_api" / f"{name}.json").read_bytes()
    return 200, "application/json; charset=utf-8", body


EMPTY = (200, "application/json", b'{"topic_list": {"topics": []}}')


def test_discourse_topics_come_with_the_text_of_their_first_post(recorded: Recorded, shared: Path) -> None:
    recorded.on("GET", "/categories.json", discourse(shared, "categories"))
    recorded.on("GET", "/latest.json", discourse(shared, "latest"), "page=0")
    recorded.on("GET", "/latest.json", EMPTY)
    listed = json.loads(discourse(shared, "latest")[2])["topic_list"]["topics"]
    for topic in listed:
        recorded.on("GET", f"/t/{topic['id']}.json", discourse(shared, "topic"))
    with opened("discourse", recorded.url) as system:
        categories = pull(system, "categories").records
        mirror = pull(system, "topics")
    assert {one.get("name") for one in categories.values()} >= {"test1", "test2", "test3"}
    assert mirror.records.keys() == {str(topic["id"]) for topic in listed} and not mirror.rejected
    topic = mirror.records["1"]
    assert topic.get("title").startswith("Test topic #") and topic.get("html").startswith("<p>Welcome!</p>")
    assert topic.get("author") == "samsaffron" and topic.get("column") in categories
    assert topic.get("updated_at") == datetime(2013, 4, 30, 18, 33, 37, 273000, tzinfo=UTC)
    headers = recorded.asked[0][2]
    assert (headers["Api-Key"], headers["Api-Username"]) == ("key", "weigov")


def test_discourse_says_why_it_refuses(recorded: Recorded) -> None:
    body = {"errors": ["标题太短"], "action": "create_post"}
    recorded.on("POST", "/posts.json", (422, "application/json", json.dumps(body).encode()))
    with opened("discourse", recorded.url) as system, pytest.raises(RemoteRefused, match="标题太短"):
        system.write("reply", {"topic_id": "1", "text": "已办结"}, key="k")
