"""Memory is flat: fifty thousand records in one answer need no more than a thousand.

Each pull is a process of its own, through the whole engine, from a server on loopback in this one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[3]
GROWTH = 1.1
_TEXT = "关于办理事项的通知" * 30

DESCRIPTOR = """
system: many
title: 多
engine: rest
time: {{format: iso, zone: Asia/Shanghai}}
outcome: [{{when: "{code} != '0'", is: refuse}}]
decode: [{kind}]
streams:
  items:
    kind: article
    schedule: "*/10 * * * *"
    request: {{path: "/{kind}/{rows}", query: {query}}}
    records: {records}
    key: id
    {paging}
    fields: {{title: title, html: body}}
"""

PAGE = '{page: "{page}", size: "{size}"}'

PULL = """
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from adapters import open_system
from adapters.descriptor import load_descriptor
from weigov.ports import Connection, PullState

system = open_system("many", load_descriptor(Path(sys.argv[1])), Connection("many", base_url=sys.argv[2]))
pulled = sum(len(batch.records) for batch in system.pull("items", PullState(), datetime.now(UTC)))
# Not ru_maxrss: it begins with what the process had that started this one.
print(pulled, re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


class _Many(BaseHTTPRequestHandler):
    """``/json/ROWS`` and ``/xml/ROWS``: all, or a page of them; written as it goes, no length is announced."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, kind, rows = parts.path.split("/")
        asked = parse_qs(parts.query)
        page, size = int(asked.get("page", ["1"])[0]), int(asked.get("size", [rows])[0])
        numbers = range((page - 1) * size, min(page * size, int(rows)))
        self.send_response(200)
        self.end_headers()
        pieces = _json(numbers, rows) if kind == "json" else _xml(numbers, rows)
        while some := "".join(islice(pieces, 200)):
            self.wfile.write(some.encode())

    def log_message(self, *args: object) -> None:
        pass


def _json(numbers: range, total: str) -> Iterator[str]:
    yield '{"rows":['
    for number in numbers:
        yield f'{"," if number != numbers.start else ""}{{"id":{number},"title":"t{number}","body":"{_TEXT}"}}'
    yield f'],"code":"0","total":{total}}}'


def _xml(numbers: range, total: str) -> Iterator[str]:
    yield "<R>"
    for number in numbers:
        yield f"<Case><id>{number}</id><title>t{number}</title><body>{_TEXT}</body></Case>"
    yield f"<code>0</code><total>{total}</total></R>"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Many)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def pulled(kind: str, rows: int, paged: bool, folder: Path, address: str) -> tuple[int, int]:
    """How many records came, and the most memory it took (KiB)."""
    paths = {"json": ("code", "rows", "total"), "xml": ("//R/code", "//Case", "//R/total")}
    code, records, total = paths[kind]
    file = folder / f"{kind}{rows}.yaml"
    query, paging = ("{}", "") if not paged else (PAGE, f"paging: {{kind: page, size: 1000, total: {total}}}")
    file.write_text(
        DESCRIPTOR.format(kind=kind, rows=rows, code=code, records=records, query=query, paging=paging), "utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", PULL, str(file), address], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    count, peak = done.stdout.split()
    return int(count), int(peak)


@pytest.mark.parametrize("kind", ["json", "xml"])
@pytest.mark.parametrize("paged", [False, True], ids=["one answer", "pages"])
def test_memory_does_not_grow_with_the_number_of_records(
    kind: str, paged: bool, tmp_path: Path, address: str
) -> None:
    few, little = pulled(kind, 1_000, paged, tmp_path, address)
    many, much = pulled(kind, 50_000, paged, tmp_path, address)
    assert (few, many) == (1_000, 50_000)
    assert much <= little * GROWTH, f"{little} KiB for 1,000 records, {much} KiB for 50,000"
