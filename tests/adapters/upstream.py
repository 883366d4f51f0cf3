"""A small upstream on loopback that says the same over REST and over SOAP, and misbehaves when told to.

Not the sandbox: this one is made to break in the ways an engine must survive, and counts what reached it.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import msgspec
from lxml import etree

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.wire import Limits
from weigov.ports import Batch, Connection, PullState, SourceSystem

SAMPLES = Path(__file__).parent / "samples"
SECRET = "s3cret-of-the-connection"

REST = """
system: items
title: 例
engine: rest
auth:
  kind: login_token
  request: {method: POST, path: /login, body: {user: "{login}", secret: "{password}"}}
  token: data.token
  header: X-Token
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
outcome:
  - {when: "code == 'expired'", is: relogin, message: msg}
  - {when: "code == 'busy'", is: retry, message: msg}
  - {when: "code != '0'", is: refuse, message: msg}
streams:
  items:
    kind: article
    schedule: "*/10 * * * *"
    request: {path: /items, query: {page: "{page}", size: "{size}", since: "{cursor}"}}
    paging: {kind: page, size: 3, total: data.total}
    records: data.rows
    key: id
    cursor: {field: updated, overlap: PT0S}
    withdrawn: {field: gone, values: ["1"]}
    fields: {title: title, updated_at: updated}
  full:
    kind: article
    schedule: "*/10 * * * *"
    request: {path: /items, query: {page: "{page}", size: "{size}", since: "{cursor}"}}
    paging: {kind: page, size: 3, total: data.total}
    records: data.rows
    key: id
    cursor: {field: updated, overlap: PT0S}
    withdrawn: {field: gone, values: ["1"]}
    detail: {request: {path: "/items/{key}"}, record: data}
    fields: {title: title, html: body, updated_at: updated}
operations:
  save:
    request: {method: POST, path: "/items/{id}/state", body: {state: "{state}"}}
    params: [id, state]
    remote_id: data.ref
"""

SOAP = """
system: items
title: 例
engine: soap
wsdl: items.wsdl
auth: {kind: body_params, login: user, password: secret}
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
outcome:
  - {when: "//code == 'expired'", is: relogin, message: //msg}
  - {when: "//code == 'busy'", is: retry, message: //msg}
  - {when: "//code != '0'", is: refuse, message: //msg}
streams:
  items:
    kind: article
    schedule: "*/10 * * * *"
    request: {op: ListItems, body: {page: "{page}", size: "{size}", since: "{cursor}"}}
    paging: {kind: page, size: 3, total: //total}
    records: //rows
    key: id
    cursor: {field: updated, overlap: PT0S}
    withdrawn: {field: gone, values: ["1"]}
    fields: {title: title, updated_at: updated}
  full:
    kind: article
    schedule: "*/10 * * * *"
    request: {op: ListItems, body: {page: "{page}", size: "{size}", since: "{cursor}"}}
    paging: {kind: page, size: 3, total: //total}
    records: //rows
    key: id
    cursor: {field: updated, overlap: PT0S}
    withdrawn: {field: gone, values: ["1"]}
    detail: {request: {op: GetItem, body: {id: "{key}"}}, record: //data}
    fields: {title: title, html: body, updated_at: updated}
operations:
  save:
    request: {op: SaveState, body: {id: "{id}", state: "{state}"}}
    params: [id, state]
    remote_id: //ref
"""


@dataclass
class Upstream:
    """Its rows, what it was asked, and how the next calls go wrong: ``(call, kind)``, each used up once."""

    rows: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # list:PAGE:SINCE, get:ID, save:ID, login, file:NAME
    faults: list[tuple[str, str]] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)  # what writes brought about
    before: dict[str, Callable[[], None]] = field(default_factory=dict)  # run once, before the call it names
    token: int = 0
    token_lives: bool = True
    ignore_page: bool = False
    url: str = ""
    queries: list[dict[str, str]] = field(default_factory=list)
    said: str = "根据您的问题，" * 80

    def add(self, key: str, updated: str, **more: str) -> dict[str, str]:
        row = {"id": key, "title": f"标题{key}", "updated": updated, "gone": "0", **more}
        self.rows.append(row)
        return row

    def edit(self, key: str, updated: str, **more: str) -> None:
        next(row for row in self.rows if row["id"] == key).update(updated=updated, **more)

    def always(self, call: str, kind: str) -> None:
        self.faults = [(call, kind)] * 50

    def listed(self, page: int, size: int, since: str) -> tuple[list[dict[str, str]], int]:
        found = sorted((r for r in self.rows if r["updated"] >= since), key=lambda r: (r["updated"], r["id"]))
        at = 0 if self.ignore_page else (page - 1) * size
        return [{k: v for k, v in row.items() if k != "body"} for row in found[at : at + size]], len(found)

    def called(self, prefix: str) -> list[str]:
        return [call for call in self.calls if call.startswith(prefix)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for an acknowledgement
    upstream: Upstream

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/items":
            self.upstream.queries.append(query)
            call = ("list", query["page"], query.get("since", ""))
            self._answer(call, lambda: self._list(int(query["page"]), int(query["size"]), query.get("since", "")))
        elif parts.path.startswith("/items/"):
            self._answer(("get", parts.path[7:]), lambda: self._get(parts.path[7:]))
        elif parts.path.startswith("/to/"):
            self._raw(302, b"", Location=parts.path[4:].replace("~", "/"))
        else:
            self.upstream.calls.append(f"file:{parts.path}")
            if parts.path == "/missing":
                self._raw(404, b"no")
            else:
                self._raw(200, b"\x89PNG" + b"x" * 96, **{"Content-Type": "Image/PNG; charset=x"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/soap":
            self._soap(etree.fromstring(body))
            return
        sent = json.loads(body)
        if self.path == "/login":
            self.upstream.calls.append("login")
            if sent != {"user": "weigov", "secret": SECRET}:
                self._say({"code": "403", "msg": "口令错误"})
                return
            self.upstream.token += 1
            self.upstream.token_lives = True
            self._say({"code": "0", "data": {"token": f"t{self.upstream.token}"}})
            return
        key = self.path.split("/")[2]
        self._answer(("save", key), lambda: self._save(key, sent["state"]))

    def _soap(self, envelope: Any) -> None:
        call = envelope[-1][0]
        sent = {child.tag.rpartition("}")[2]: child.text or "" for child in call}
        if (sent["user"], sent["secret"]) != ("weigov", SECRET):
            self.upstream.calls.append("login")
            self._say({"code": "403", "msg": "口令错误"})
            return
        name = call.tag.rpartition("}")[2]
        if name == "ListItems":
            since = sent.get("since", "")
            self._answer(
                ("list", sent["page"], since), lambda: self._list(int(sent["page"]), int(sent["size"]), since)
            )
        elif name == "GetItem":
            self._answer(("get", sent["id"]), lambda: self._get(sent["id"]))
        else:
            self._answer(("save", sent["id"]), lambda: self._save(sent["id"], sent["state"]))

    def _list(self, page: int, size: int, since: str) -> dict[str, Any]:
        rows, total = self.upstream.listed(page, size, since)
        return {"code": "0", "data": {"rows": rows, "total": total}}

    def _get(self, key: str) -> dict[str, Any]:
        found = next((row for row in self.upstream.rows if row["id"] == key), None)
        return {"code": "0", "data": found} if found else {"code": "404", "msg": "不存在"}

    def _save(self, key: str, state: str) -> dict[str, Any]:
        if state == "bad":
            return {"code": "7", "msg": "状态无效"}
        self.upstream.states.append((key, state))
        return {"code": "0", "data": {"ref": f"R{len(self.upstream.states)}", "said": self.upstream.said}}

    def _answer(self, call: tuple[str, ...], act: Callable[[], dict[str, Any]]) -> None:
        it = self.upstream
        it.calls.append(":".join(call))
        hook = it.before.pop(":".join(call[:2]), None)
        if hook:
            hook()
        fault = next((f for f in it.faults if f[0] in (call[0], ":".join(call[:2]))), None)
        if fault:
            it.faults.remove(fault)
        kind = fault[1] if fault else ""
        if self.path != "/soap" and self.headers.get("X-Token") != (f"t{it.token}" if it.token_lives else None):
            self._say({"code": "expired", "msg": "登录已过期"})
        elif kind == "close":
            self._hang_up()
        elif kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._hang_up()
        elif kind == "html":
            self._raw(200, b"<!DOCTYPE html><html><body>log in</body></html>", **{"Content-Type": "text/html"})
        elif kind in ("503", "429"):
            self._raw(int(kind), b"no", **{"Retry-After": "7"} if kind == "429" else {})
        elif kind == "busy":
            self._say({"code": "busy", "msg": "系统繁忙"})
        elif kind in ("fault-client", "fault-server"):
            code = {"fault-client": "Client.NotFound", "fault-server": "Server"}[kind]
            self._raw(500, _FAULT.replace("CODE", code).encode(), **{"Content-Type": "text/xml"})
        elif kind == "302":
            self._raw(302, b"", Location="/login.html")
        elif kind == "refuse":
            self._say({"code": "9", "msg": "无权限"})
        elif kind == "lose":
            act()
            self._hang_up()
        else:
            self._say(act(), truncate=kind == "truncate", broken=kind == "broken")

    def _say(self, answer: dict[str, Any], *, truncate: bool = False, broken: bool = False) -> None:
        body = _envelope(answer) if self.path == "/soap" else json.dumps(answer, ensure_ascii=False).encode()
        if broken:
            body = body[: len(body) // 2]
        self._raw(
            200,
            body,
            truncate=truncate,
            **{"Content-Type": "text/xml" if self.path == "/soap" else "application/json"},
        )

    def _raw(self, status: int, body: bytes, *, truncate: bool = False, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if truncate else body)
        if truncate:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()


_FAULT = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    "<faultcode>s:CODE</faultcode><faultstring>办件不存在</faultstring></s:Fault></s:Body></s:Envelope>"
)


def _envelope(answer: Any) -> bytes:
    def xml(name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(xml(name, one) for one in value)
        inner = "".join(xml(k, v) for k, v in value.items()) if isinstance(value, dict) else escape(str(value))
        return f"<{name}>{inner}</{name}>"

    body = "".join(xml(name, value) for name, value in answer.items())
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<Reply xmlns="urn:items">{body}</Reply></s:Body></s:Envelope>'
    ).encode()


@contextmanager
def serving(upstream: Upstream) -> Iterator[Upstream]:
    """``upstream`` on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"upstream": upstream}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a connection we closed ourselves
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def opened(
    kind: str, url: str, where: Path, *, text: str = "", password: str = SECRET, sleeps: list[float] | None = None,
    media_hosts: tuple[str, ...] = (), limits: Limits | None = None, extra: dict[str, Any] | None = None,
    at: str | None = None,
) -> SourceSystem:  # fmt: skip
    """A system of the engine ``kind`` bound to ``url``; ``text`` replaces the descriptor."""
    path = where / "items.yaml"
    path.write_text(text or {"rest": REST, "soap": SOAP}[kind], encoding="utf-8")
    (where / "items.wsdl").write_bytes((SAMPLES / "items.wsdl").read_bytes())
    path_of = at if at is not None else {"soap": "/soap"}.get(kind, "")
    waited = sleeps if sleeps is not None else []
    return open_system(
        "cms", load_descriptor(path),
        Connection("cms_conn", "", url + path_of, "weigov", password, extra or {}),
        media_hosts=media_hosts, sleep=waited.append, limits=limits or Limits(connect_s=2, read_s=2, total_s=4),
    )  # fmt: skip


class Mirror:
    """As little of the ledger as a pull needs: what is known, and where the cursors stand."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.cursors: dict[str, str] = {}
        self.batches: list[Batch] = []

    def state(
        self, parents: Callable[[str], Iterator[Any]] = lambda stream: iter(()), **more: Any
    ) -> PullState:  # fmt: skip
        return PullState(
            dict(self.cursors),
            lambda keys: {k: self.records[k].row_digest for k in keys if k in self.records},
            parents,
            live=lambda: iter([key for key, record in self.records.items() if not record.withdrawn]),
            **more,
        )

    def take(self, batches: Iterator[Batch]) -> None:
        """Commit each batch as it comes: what was yielded before an error stays."""
        self.batches = []
        for batch in batches:
            self.batches.append(batch)
            self.records.update({record.key: record for record in batch.records})
            for key in set(batch.gone) & set(self.records):
                self.records[key] = msgspec.structs.replace(self.records[key], withdrawn=True, row_digest="")
            if batch.cursor is not None:
                self.cursors[batch.partition] = batch.cursor

    @property
    def last(self) -> Batch:
        """The last that is more than notes, which come behind everything."""
        return next(b for b in reversed(self.batches) if b.complete or b.incomplete or b.records or b.rejected)

    @property
    def rejected(self) -> dict[str, str]:
        return {one.key: one.reason for batch in self.batches for one in batch.rejected}
