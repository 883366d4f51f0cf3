"""TRS 海云 (HyCloud), simulated: forms to one address, ``/trs_hycloud/gov/gov.do``, told apart by two parameters.

Known from published clients: POST as a form with ``serviceid`` and ``methodname``; the log-in at
``/wcm/security/login`` leaves a session in a cookie; a lost session is HTTP 200 with the header ``TRSNotLogin:
true``; lists are ``{"DATA": [...], "PAGER": {...}}``; booleans and numbers are strings; refusals are
``{"ISSUCCESS": "false", "TITLE": …, "DETAIL": …, "REPORTS": [...]}`` or ``{"status": "-1", "message": …}``. All of it
HTTP 200::

    POST /trs_hycloud/wcm/security/login   username=weigov&password=demo-hycloud-secret
    Set-Cookie: JSESSIONID=9f0c…; Path=/; HttpOnly        {"ISSUCCESS": "true", "TITLE": "登录成功"}

    POST /trs_hycloud/gov/gov.do   serviceid=gov_webdocument&methodname=queryDocumentsInQuanbu&PageSize=20&PageIndex=1
    {"DATA": [{"METADATAID": "720031", "TITLE": "…", "CHNLID": "33301", "OPERTIME": "2026-01-05 09:00:00",
      "DOCSTATUS": {"ID": "10", "NAME": "已发"}, "ISATTACHPIC": "false"}, …],
     "PAGER": {"PAGESIZE": "20", "CURRPAGE": "1", "ITEMCOUNT": "23", "PAGECOUNT": "2"}}

    serviceid=gov_webdocument&methodname=queryDocumentInfo&MetaDataId=720031      one document, with HTMLCONTENT
    serviceid=gov_site&methodname=queryChannelsBySite&SiteId=333                   {"DATA": [{"CHANNELID": "33301",
    …}]} serviceid=gov_webdocument&methodname=saveDocumentExtend&MetaDataId=…&WXURL=…&WXSTATE=…      what became of it

Assumed: ``queryDocumentInfo``, ``queryChannelsBySite`` and ``saveDocumentExtend`` by name; newest change first; 50
rows at most, more is lowered without a word; 撤稿 is a state (``已撤稿``) and what is deleted vanishes; a session
ends after 30 minutes. The body of a lost session's answer is an HTML page.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from sandbox.vendors import soap
from sandbox.vendors.refusals import refusal
from sandbox.vendors.shelf import Article, Shelf
from sandbox.world import World

LOGIN, DO = "/trs_hycloud/wcm/security/login", "/trs_hycloud/gov/gov.do"
USERNAME, PASSWORD = "weigov", "demo-hycloud-secret"
SESSION_S = 1800
MAX_PAGE_SIZE = 50
STATES = {"已发": "10", "已撤稿": "24", "新稿": "1"}

SHELF = Shelf(
    "trs_hycloud", (("33300", "政务公开", ""), ("33301", "通知公告", "33300"), ("33302", "政策文件", "33300")),
    published="已发",
)  # fmt: skip
SCHEMA = SHELF.schema + "CREATE TABLE IF NOT EXISTS trs_hycloud_session (id TEXT PRIMARY KEY, until REAL NOT NULL);\n"

Fields = dict[str, str]


class _Refused(Exception):
    """``status``: the refusal is of the second shape."""

    def __init__(self, title: str, detail: str, *, status: bool = False) -> None:
        super().__init__(detail)
        self.title, self.detail, self.status = title, detail, status


def metadata_id(n: int) -> str:
    return str(720031 + 13 * n)


def seed(world: World) -> None:
    SHELF.seed(world, metadata_id)


def control(world: World) -> APIRouter:
    router = SHELF.control(world, "TRS 海云", metadata_id)

    @router.post("/expire-sessions", summary="Every session ends now")
    def expire() -> dict[str, bool]:
        with world.transaction() as db:
            db.execute("DELETE FROM trs_hycloud_session")
        return {"ok": True}

    return router


def install(app: FastAPI, world: World) -> None:
    async def login(request: Request) -> Response:
        form = await _form(request)
        if (form.get("username"), form.get("password")) != (USERNAME, PASSWORD):
            return _json({"ISSUCCESS": "false", "TITLE": "登录失败", "DETAIL": "用户名或密码错误", "REPORTS": []})
        session = secrets.token_hex(16).upper()
        with world.transaction() as db:
            db.execute(
                "INSERT INTO trs_hycloud_session VALUES (?, ?)", (session, world.clock.timestamp() + SESSION_S)
            )
        answer = _json({"ISSUCCESS": "true", "TITLE": "登录成功"})
        answer.headers["Set-Cookie"] = f"JSESSIONID={session}; Path=/; HttpOnly"
        return answer

    async def do(request: Request) -> Response:
        if not _logged_in(world, request.cookies.get("JSESSIONID", "")):
            page = (
                '<html><head><title>登录</title></head><body><form action="/wcm/security/login"></form></body></html>'
            )
            return Response(page, headers={"TRSNotLogin": "true"}, media_type="text/html;charset=UTF-8")
        form = await _form(request)
        try:
            return _json(await run_in_threadpool(_answer, world, form))
        except _Refused as refused:
            if refused.status:
                return _json({"status": "-1", "message": refused.detail})
            report = {"ISSUCCESS": "false", "TITLE": refused.title, "DETAIL": refused.detail}
            return _json({**report, "REPORTS": [report]})

    app.add_api_route(LOGIN, login, methods=["POST"])
    app.add_api_route(DO, do, methods=["POST"])


def _answer(world: World, form: Fields) -> Any:
    method = form.get("methodname", "")
    handler = _METHODS.get((form.get("serviceid", ""), method))
    if handler is None:
        raise _Refused("", f"没有找到服务[{form.get('serviceid', '')}.{method}]", status=True)
    if reason := refusal(world, "trs_hycloud", method):
        raise _Refused("执行失败", reason)
    return handler(world, form)


def _documents(world: World, form: Fields) -> Any:
    index, asked = soap.number(form.get("PageIndex", "1")), soap.number(form.get("PageSize", "20"))
    if index is None or asked is None:
        raise _Refused("", "分页参数错误", status=True)
    size = min(asked, MAX_PAGE_SIZE)
    found = sorted(SHELF.all(world), key=lambda a: (a.updated_at, a.id), reverse=True)
    return {
        "DATA": [_row(a) for a in found[soap.pages(found, index, size)]],
        "PAGER": {
            "PAGESIZE": str(size), "CURRPAGE": str(index), "ITEMCOUNT": str(len(found)),
            "PAGECOUNT": str(-(-len(found) // size)),
        },
    }  # fmt: skip


def _document(world: World, form: Fields) -> Any:
    a = _found(world, form)
    return {
        **_row(a), "HTMLCONTENT": a.html, "SOURCENAME": a.publisher,
        "DOCRELTIME": a.published_at, "DOCPUBURL": f"https://www.shifan.example/{a.column}/{a.id}.html",
        "ATTACHFILE": [{"APPDESC": name, "APPURL": world.base_url + "/trs_hycloud" + url} for name, url in a.files],
    }  # fmt: skip


def _channels(world: World, form: Fields) -> Any:
    parents = {parent for _, _, parent in SHELF.columns}
    return {
        "DATA": [
            {"CHANNELID": code, "CHNLDESC": name, "PARENTID": parent or "0",
             "HASCHILDREN": "true" if code in parents else "false"}
            for code, name, parent in SHELF.columns
        ]
    }  # fmt: skip


def _save(world: World, form: Fields) -> Any:
    a = _found(world, form)
    if not form.get("WXSTATE"):
        raise _Refused("保存失败", "WXSTATE不能为空")
    SHELF.note(world, "saveDocumentExtend", a.id, url=form.get("WXURL", ""), state=form["WXSTATE"])
    return {"ISSUCCESS": "true", "TITLE": "保存成功", "METADATAID": a.id}


_METHODS: dict[tuple[str, str], Callable[[World, Fields], Any]] = {
    ("gov_webdocument", "queryDocumentsInQuanbu"): _documents,
    ("gov_webdocument", "queryDocumentInfo"): _document,
    ("gov_webdocument", "saveDocumentExtend"): _save,
    ("gov_site", "queryChannelsBySite"): _channels,
}


def _row(a: Article) -> dict[str, Any]:
    return {
        "METADATAID": a.id, "TITLE": a.title, "CHNLID": a.column, "OPERTIME": a.updated_at,
        "DOCSTATUS": {"ID": STATES.get(a.state, "1"), "NAME": a.state}, "ISATTACHPIC": "false",
    }  # fmt: skip


def _found(world: World, form: Fields) -> Article:
    found = SHELF.get(world, form.get("MetaDataId", ""))
    if found is None:
        raise _Refused("执行失败", "文档不存在或已被删除")
    return found


def _logged_in(world: World, session: str) -> bool:
    with world.lock:
        row = world.db.execute("SELECT until FROM trs_hycloud_session WHERE id = ?", (session,)).fetchone()
    return row is not None and row["until"] > world.clock.timestamp()


async def _form(request: Request) -> Fields:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def _json(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), media_type="text/json;charset=UTF-8")
