"""An upstream whose one list can be asked for in every way lists go on, over REST (JSON and XML) and SOAP.

``Shop`` is its state, with a clock of its own that may be wrong; ``serving`` puts it on loopback; ``descriptor`` says
how it is asked: one text for each engine, paging and cursor. What the list holds is decided here and nowhere else, so
that a mirror can be compared with it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.wire import Limits
from weigov.ports import Connection, SourceSystem

ENGINES = ("json", "xml", "soap")
#: How the list goes on, and what says that it ends.
PAGINGS: dict[str, str] = {
    "total": "{kind: page, size: 3, total: TOTAL}",
    "pages": "{kind: page, size: 3, first: 0, pages: PAGES}",
    "more": "{kind: page, size: 3, has_more: MORE}",
    "empty": "{kind: page, size: 3}",
    "short": "{kind: page, size: 3, until: short}",
    "offset": "{kind: offset, size: 3, total: TOTAL}",
    "offset from 1": "{kind: offset, size: 3, first: 1, until: short}",
    "header": "{kind: page, size: 3, total_header: X-Total}",
    "token": "{kind: cursor, size: 3, next: NEXT, has_more: MORE}",
    "link": "{kind: link, size: 3, next: LINK}",
    "link header": "{kind: link, size: 3, next_header: Link, total_header: X-Total}",
}
#: Up to where it was read. ``none`` reads everything each time.
CURSORS: dict[str, str] = {
    "none": "",
    "time": "{field: updated, overlap: PT0S}",
    "exclusive": "{field: updated, overlap: PT0S, bound: exclusive}",
    "number": "{kind: number, field: version, overlap: 0}",
    "client": "{field: updated, overlap: PT0S, filter: client}",
    "newest first": "{field: updated, overlap: PT0S, filter: client, order: descending}",
    "opaque": "{kind: opaque}",
    "span": "{field: updated, overlap: PT0S, span: P2D, start: 2026-01-01}",
}
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Row:
    key: str
    title: str
    updated: datetime
    version: int
    gone: bool = False


@dataclass
class Shop:
    """The rows, the clock, and what a test does to a request before it is answered."""

    rows: dict[str, Row] = field(default_factory=dict)
    deleted: list[tuple[str, datetime]] = field(default_factory=list)
    now: datetime = BEGIN + timedelta(days=3)
    version: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[int], None] | None = None  # called with the number of the request since ``asked`` was cleared
    down_from: int | None = None  # requests from this number on are answered 503
    frozen: bool = False  # whatever page is asked for, the first one comes
    says: bytes | None = None  # whatever is asked for, this is answered, with 200
    pinned: list[str] = field(default_factory=list)  # come first, however old
    url: str = ""

    def put(self, key: str, title: str = "", *, gone: bool = False) -> None:
        self.version += 1
        self.rows[key] = Row(key, title or f"标题{key}", self.now.replace(microsecond=0), self.version, gone)

    def delete(self, key: str) -> None:
        del self.rows[key]
        self.version += 1
        self.deleted.append((key, self.now.replace(microsecond=0)))

    def live(self) -> dict[str, str]:
        """key → title of what a mirror must hold in the end."""
        return {row.key: row.title for row in self.rows.values() if not row.gone}

    def listed(self, asked: dict[str, str]) -> list[Row]:
        rows = list(self.rows.values())
        since, until = asked.get("since"), asked.get("until")
        if since and since.isdecimal():
            rows = [row for row in rows if row.version >= int(since)]
        elif since:
            exclusive = "exclusive" in asked
            rows = [
                row for row in rows if _text(row.updated) > since or (_text(row.updated) == since and not exclusive)
            ]
        if until:
            rows = [row for row in rows if _text(row.updated) <= until]
        if asked.get("by") == "token":
            return sorted(rows, key=lambda row: row.version)  # what a token means must not depend on a clock
        rows.sort(key=lambda row: (row.updated, row.version), reverse=asked.get("order") == "descending")
        return sorted(rows, key=lambda row: row.key not in self.pinned)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    shop: Shop

    def log_message(self, *args: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.shop.now, usegmt=True)  # its own clock, right or wrong

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._answer(asked, parts.path.strip("/").partition("/")[0])

    def do_POST(self) -> None:
        envelope = etree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        call = envelope[-1][0]
        asked = {child.tag.rpartition("}")[2]: child.text or "" for child in call}
        asked |= {name: values[0] for name, values in parse_qs(self.path.partition("/soap/")[2]).items()}
        self._answer(asked, "soap")

    def _answer(self, asked: dict[str, str], form: str) -> None:
        shop = self.shop
        shop.asked.append(asked)
        number = len(shop.asked)
        if shop.before is not None:
            shop.before(number)
        if shop.down_from is not None and number >= shop.down_from:
            self._send(503, b"down", "text/plain")
            return
        if shop.says is not None:
            self._send(200, shop.says, "application/json" if form == "json" else "text/xml")
            return
        if asked.get("list") == "deleted":
            dead = [{"id": key, "at": _text(at)} for key, at in shop.deleted if _text(at) >= asked.get("since", "")]
            self._write(form, {"rows": dead}, {})
            return
        size = int(asked.get("size", 10_000))
        rows = shop.listed(asked)
        at = 0
        if not shop.frozen:
            if "next" in asked:
                at = sum(1 for row in rows if row.version <= int(asked["next"]))
            elif "offset" in asked:
                at = int(asked["offset"]) - int(asked.get("from", 0))
            elif "page" in asked:
                at = (int(asked["page"]) - int(asked.get("from", 1))) * size
        page = rows[at : at + size]
        more = at + size < len(rows)
        link = f"/{form}/list?{urlencode({**asked, 'offset': at + size, 'from': 0})}" if more else ""
        said = {
            "total": len(rows), "pages": -(-len(rows) // size), "more": "1" if more else "0",
            "next": page[-1].version if page else asked.get("next", ""), "link": link,
        }  # fmt: skip
        headers = {"X-Total": str(len(rows))} | ({"Link": f'<{link}>; rel="next"'} if link else {})
        shown = [
            {"id": r.key, "title": r.title, "updated": _text(r.updated), "version": r.version, "gone": int(r.gone)}
            for r in page
        ]
        self._write(form, {**said, "rows": shown}, headers)

    def _write(self, form: str, answer: dict[str, Any], headers: dict[str, str]) -> None:
        if form == "json":
            self._send(200, json.dumps(answer, ensure_ascii=False).encode(), "application/json", headers)
            return
        inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in answer.items() if name != "rows")
        for row in answer["rows"]:
            inner += "<row>" + "".join(f"<{n}>{escape(str(v))}</{n}>" for n, v in row.items()) + "</row>"
        reply = f"<Reply>{inner}</Reply>"
        if form == "soap":
            reply = f'<s:Envelope xmlns:s="{_SOAP}"><s:Body>{reply}</s:Body></s:Envelope>'
        self._send(200, reply.encode(), "text/xml; charset=utf-8", headers)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(shop: Shop) -> Iterator[Shop]:
    """``shop`` on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shop": shop}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fits(engine: str, paging: str, cursor: str) -> bool:
    """Whether this is a way a system could be described; the others are refused when the descriptor is loaded."""
    if cursor == "opaque" or paging == "token":
        return paging == "token" and cursor in ("none", "time", "number", "opaque")
    return not (engine == "soap" and paging.startswith("link"))


def descriptor(engine: str, paging: str, cursor: str, *, withdrawn: str = "{field: gone, values: [1]}") -> str:
    """The text of a descriptor that asks the list in this way."""
    sent = {}
    if paging not in ("link", "link header"):
        sent = {"offset": "{offset}"} if paging.startswith("offset") else {"page": "{page}"}
        sent = {"next": "{next}"} if paging == "token" else sent
        sent["size"] = "{size}"
    else:
        sent["size"] = "{size}"
    if paging == "token":
        sent["by"] = "token"
    if paging == "pages":
        sent["from"] = "0"
    if paging == "offset from 1":
        sent["from"] = "1"
    if cursor in ("time", "exclusive", "number", "span"):
        sent["since"] = "{cursor}"
    if cursor == "exclusive":
        sent["exclusive"] = "1"
    if cursor == "span":
        sent["until"] = "{until}"
    if cursor == "newest first":
        sent["order"] = "descending"
    told = {
        name.upper(): f"//{name}" if engine != "json" else name for name in ("total", "pages", "more", "next", "link")
    }
    rule = PAGINGS[paging]
    for word, path in told.items():
        rule = rule.replace(f": {word}", f": {path}")
    lines = [
        "system: lists",
        "title: 列表",
        f"engine: {'soap' if engine == 'soap' else 'rest'}",
        *(["wsdl: lists.wsdl"] if engine == "soap" else ["decode: [xml]"] if engine == "xml" else []),
        'time: {format: "%Y-%m-%d %H:%M:%S", zone: UTC}',
        "streams:",
        "  items:",
        "    kind: article",
        '    schedule: "*/10 * * * *"',
        f"    request: {json.dumps(_request(engine, sent))}",
        f"    paging: {rule}",
        *([f"    cursor: {CURSORS[cursor]}"] if CURSORS[cursor] else []),
        f"    records: {'rows' if engine == 'json' else '//row'}",
        "    key: id",
        f"    withdrawn: {withdrawn}",
        "    fields: {title: title, updated_at: updated}",
    ]
    return "\n".join(lines) + "\n"


def _request(engine: str, sent: dict[str, str]) -> dict[str, Any]:
    if engine != "soap":
        return {"path": f"/{engine}/list", "query": sent}
    known = {
        name: value for name, value in sent.items() if name in ("page", "offset", "size", "next", "since", "until")
    }
    return {"op": "List", "body": known}


def address(engine: str, paging: str, cursor: str, url: str) -> str:
    """Where the connection leads: SOAP has no words for what only this server's hand needs to know."""
    if engine != "soap":
        return url
    extra = {"pages": "from=0&", "offset from 1": "from=1&", "token": "by=token&"}.get(paging, "")
    extra += {"exclusive": "exclusive=1", "newest first": "order=descending"}.get(cursor, "")
    return f"{url}/soap/{extra}" if extra else f"{url}/soap"


def opened(text: str, url: str, where: Path) -> SourceSystem:
    """The system that ``text`` describes, at ``url``."""
    path = where / "lists.yaml"
    path.write_text(text, encoding="utf-8")
    (where / "lists.wsdl").write_bytes((Path(__file__).parent / "samples" / "lists.wsdl").read_bytes())
    return open_system(
        "shop", load_descriptor(path), Connection("shop_conn", "", url), sleep=lambda seconds: None,
        limits=Limits(connect_s=2, read_s=2, total_s=4),
    )  # fmt: skip
