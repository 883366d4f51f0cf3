"""TRS WCM 5.2/6.x, simulated: Axis 1 services below ``/trs_wcm/wcm/services/``, a colon in each address.

Known from published clients and a manual: rpc/encoded, namespace ``http://service.wcm.trs.com``, parameters by
position, no log-in (an installation guards them by network; nobody may be asked to open them).

``trswcm:ImportService`` ``importDocuments(base64 of a zip, "zip") -> string``: the zip holds one XML file of
documents, the string holds a report, in a CDATA section::

    <WCMDOCUMENTS><WCMDOCUMENT Version="6.0"><PROPERTIES><DOCCHANNEL>1201</DOCCHANNEL><DOCTITLE>…</DOCTITLE>
    <DOCHTMLCON>…</DOCHTMLCON></PROPERTIES></WCMDOCUMENT></WCMDOCUMENTS>

    <REPORTS><IS-SUCCESS>false</IS-SUCCESS><TITLE>导入文档</TITLE><REPORT><IS-SUCCESS>false</IS-SUCCESS><TITLE>…</TITLE>
    <ERROR-INFO>栏目不存在</ERROR-INFO></REPORT></REPORTS>

``trswcm:WCMDocumentService`` ``deleteDocument(ids, true, true) -> boolean``, ``publishDocument(ids) -> boolean``; ids
are joined by commas; false without a reason is all a refusal says.

Assumed: ``queryDocuments(begin, end, page, size) -> string``, a report as above with ``TOTAL`` and ``WCMDOCUMENTS``:
what was changed (``OPERTIME``) between two times, both included, oldest change first, in every state and also out of
the waste bin (negative ``DOCSTATUS``), at most 200 rows; ``IMPORTED-ID`` in an import's report. The database is GBK:
what that cannot write was a question mark before it was stored (Java's ``getBytes``), and comes back as one.
"""

import base64
import binascii
import io
import zipfile
from xml.sax.saxutils import escape

from fastapi import APIRouter, FastAPI
from lxml import etree

from sandbox.upstream import is_stamp
from sandbox.vendors import soap
from sandbox.vendors.refusals import refusal
from sandbox.vendors.shelf import Article, Shelf
from sandbox.world import World

SERVICES = "/trs_wcm/wcm/services/trswcm:"
NAMESPACE = "http://service.wcm.trs.com"
MAX_PAGE_SIZE = 200
NEW, PUBLISHED, DELETED = "1", "10", "-10"

SHELF = Shelf(
    "trs_wcm", (("1200", "政务公开", ""), ("1201", "通知公告", "1200"), ("1202", "政策文件", "1200")),
    published=PUBLISHED,
)  # fmt: skip
SCHEMA = SHELF.schema


def document_id(n: int) -> str:
    return str(480011 + 7 * n)


def seed(world: World) -> None:
    SHELF.seed(world, document_id)
    for a in SHELF.all(world):
        SHELF.put(world, stored(a))


def stored(a: Article) -> Article:
    """As a GBK database keeps it."""
    return Article(**{**vars(a), "title": _gbk(a.title), "html": _gbk(a.html)})


def control(world: World) -> APIRouter:
    return SHELF.control(world, "TRS WCM", document_id)


def install(app: FastAPI, world: World) -> None:
    def imports(call: soap.Call) -> str:
        soap.expect(call, {"importDocuments": 2})
        return _string(call, _import(world, call))

    def documents(call: soap.Call) -> str:
        soap.expect(call, {"deleteDocument": 3, "publishDocument": 1, "queryDocuments": 4})
        if call.operation == "queryDocuments":
            return _string(call, _query(world, call))
        done = _delete(world, call) if call.operation == "deleteDocument" else _publish(world, call)
        answer = "true" if done else "false"
        return soap.axis_result(NAMESPACE, call.operation, answer, "xsd:boolean")

    soap.serve(app, SERVICES + "ImportService", "trs_wcm_import.wsdl", world.base_url, soap.read_axis, imports)
    soap.serve(
        app, SERVICES + "WCMDocumentService", "trs_wcm.wsdl", world.base_url, soap.read_axis, documents
    )  # fmt: skip


def _string(call: soap.Call, text: str) -> str:
    return soap.axis_result(NAMESPACE, call.operation, text, cdata=True)


def _query(world: World, call: soap.Call) -> str:
    since, until, page, size = call.values
    index, rows = soap.number(page), soap.number(size, (1, MAX_PAGE_SIZE))
    if reason := refusal(world, "trs_wcm", "queryDocuments"):
        return _report("查询文档", reason)
    if not is_stamp(since) or not is_stamp(until) or index is None or rows is None:
        return _report("查询文档", "参数错误")
    found = sorted(SHELF.all(world), key=lambda a: (a.updated_at, a.id))
    found = [a for a in found if since <= a.updated_at <= until]
    listed = "".join(map(_document, found[soap.pages(found, index, rows)]))
    return _report("查询文档", "", f"<TOTAL>{len(found)}</TOTAL><WCMDOCUMENTS>{listed}</WCMDOCUMENTS>")


def _document(a: Article) -> str:
    properties = {
        "DOCID": a.id, "DOCCHANNEL": a.column, "DOCTITLE": a.title, "DOCSTATUS": a.state, "DOCHTMLCON": a.html,
        "DOCSOURCENAME": a.publisher, "DOCRELTIME": a.published_at, "CRTIME": a.published_at,
        "OPERTIME": a.updated_at, "DOCPUBURL": f"https://www.shifan.example/{a.column}/t_{a.id}.html",
    }  # fmt: skip
    files = "".join(
        f'<WCMAPPENDIX Version="6.0"><PROPERTIES><APPDESC>{escape(name)}</APPDESC>'
        f"<APPFILE>{escape(address)}</APPFILE></PROPERTIES></WCMAPPENDIX>"
        for name, address in a.files
    )
    written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in properties.items())
    return (
        f'<WCMDOCUMENT Version="6.0"><PROPERTIES>{written}</PROPERTIES><WCMAPPENDIXS>{files}</WCMAPPENDIXS>'
        "</WCMDOCUMENT>"
    )


def _import(world: World, call: soap.Call) -> str:
    content, kind = call.values
    if kind != "zip":
        return _report("导入文档", "不支持的文件类型")
    if reason := refusal(world, "trs_wcm", "importDocuments"):
        return _report("导入文档", reason)
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(content, validate=True))) as packed:
            name = next(name for name in packed.namelist() if name.endswith(".xml"))
            root = etree.fromstring(packed.read(name), etree.XMLParser(resolve_entities=False))
    except (binascii.Error, zipfile.BadZipFile, StopIteration, etree.XMLSyntaxError):
        return _report("导入文档", "导入文件格式错误")
    ids = []
    for document in root.iter("WCMDOCUMENT"):
        given = {one.tag: one.text or "" for one in document.iterfind("PROPERTIES/*")}
        if given.get("DOCCHANNEL") not in SHELF.leaves:
            return _report(given.get("DOCTITLE", ""), "栏目不存在")
        at = SHELF.stamp(world)
        new = Article(
            _next_id(world), given["DOCCHANNEL"], given.get("DOCTITLE", ""), given.get("DOCHTMLCON", ""),
            given.get("DOCSOURCENAME", ""), at, at, NEW,
        )  # fmt: skip
        ids.append(SHELF.put(world, stored(new)).id)
        SHELF.note(world, "importDocuments", new.id)
    return _report("导入文档", "", f"<IMPORTED-ID>{','.join(ids)}</IMPORTED-ID>")


def _next_id(world: World) -> str:
    return str(max(int(a.id) for a in SHELF.all(world)) + 7)


def _publish(world: World, call: soap.Call) -> bool:
    return _set(world, call, PUBLISHED)


def _delete(world: World, call: soap.Call) -> bool:
    return {value.lower() for value in call.values[1:]} <= {"true", "false", "1", "0"} and _set(world, call, DELETED)


def _set(world: World, call: soap.Call, state: str) -> bool:
    """False when one of the documents is not there, and then none is touched."""
    if refusal(world, "trs_wcm", call.operation):
        return False
    found = [SHELF.get(world, one.strip()) for one in call.values[0].split(",")]
    if not all(found):
        return False
    for a in found:
        if a is not None and a.state != state:
            SHELF.change(world, a, state=state)
        if a is not None:
            SHELF.note(world, call.operation, a.id)
    return True


def _report(title: str, reason: str, more: str = "") -> str:
    success = "false" if reason else "true"
    error = f"<ERROR-INFO>{escape(reason)}</ERROR-INFO>" if reason else ""
    report = f"<REPORT><IS-SUCCESS>{success}</IS-SUCCESS><TITLE>{escape(title)}</TITLE>{error}</REPORT>"
    return f"<REPORTS><IS-SUCCESS>{success}</IS-SUCCESS><TITLE>{escape(title)}</TITLE>{report}{more}</REPORTS>"


def _gbk(text: str) -> str:
    return text.encode("gbk", "replace").decode("gbk")
