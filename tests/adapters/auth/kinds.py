"""An auth kind as a descriptor's YAML asks for it, with a clock and a chance that stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from adapters import auth, open_system
from adapters.descriptor import load_descriptor
from adapters.outgoing import Outgoing
from adapters.vocabulary import Descriptor
from weigov.ports import Connection, PullState, SourceSystem

NOW = datetime(2026, 1, 5, 1, 30, 15, tzinfo=UTC)  # 1767576615
SECRET = "geheim"
CONNECTION = Connection("gw", "", "http://x", "weigov", SECRET)


def nobody(asked: auth.LogIn) -> auth.LookUp:
    raise AssertionError("this kind logs in nowhere")


def opened(rule: Any, connection: Connection = CONNECTION, **given: Any) -> auth.Auth:
    """``rule`` as YAML text or as values; of every alphabet the eighth letter is drawn."""
    values = yaml.safe_load(rule) if isinstance(rule, str) else rule
    it = Descriptor.model_validate({"system": "x", "title": "x", "engine": "rest", "auth": values})
    known: dict[str, Any] = {
        "fetch": nobody,
        "now": lambda: NOW,
        "choose": lambda letters: letters[7],
        "random": lambda n: b"0123456789abcdef"[:n],
    }
    return auth.open_auth(it.auth, auth.Given(connection, "gw", **(known | given)))


def sent(it: auth.Auth, out: Outgoing | None = None) -> Outgoing:
    """A request after both steps; its body is not written in between."""
    out = out or Outgoing("GET", "http://x/api/cases")
    it.fill(out)
    it.sign(out)
    return out


Answer = tuple[int, Mapping[str, str], bytes]


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler, bytes], Answer], tls: Any = None) -> Iterator[str]:
    """A server on loopback that gives ``answer(request, body)``; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            status, headers, body = answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            pass  # a handshake that was refused

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def system(folder: Path, rule: str, connection: Connection, *, method: str = "GET") -> SourceSystem:
    """A system of one list, /items, and one write, /save, that knows us by ``rule``."""
    file = folder / "items.yaml"
    indented = rule.replace("\n", "\n  ")
    file.write_text(
        f"""
system: items
title: 例
engine: rest
auth:
  {indented}
time: {{format: iso}}
outcome:
  - {{when: "code == 'expired'", is: relogin, message: msg}}
  - {{when: "code != '0'", is: refuse, message: msg}}
streams:
  items:
    kind: article
    schedule: "0 * * * *"
    request: {{method: {method}, path: /items}}
    records: data.rows
    key: id
    fields: {{title: title}}
operations:
  save:
    request: {{method: POST, path: /save, body: {{id: "{{id}}"}}}}
    params: [id]
    remote_id: data.ref
""",
        encoding="utf-8",
    )
    return open_system("items", load_descriptor(file), connection, sleep=lambda seconds: None)


def titles(it: SourceSystem) -> list[str]:
    """What the list of ``system`` gives."""
    return [str(record.fields["title"]) for batch in it.pull("items", PullState(), NOW) for record in batch.records]
