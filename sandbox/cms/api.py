"""The CMS as its clients meet it: routes under ``/cms``. The package's docstring shows the wire."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from sandbox.cms import store
from sandbox.cms.store import Article
from sandbox.upstream import is_stamp
from sandbox.world import World

PAGE_SIZE, MAX_PAGE_SIZE = 20, 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Refused(Exception):
    def __init__(self, code: int, msg: str) -> None:
        super().__init__(msg)
        self.code, self.msg = code, msg


def install(app: FastAPI, world: World) -> None:
    router = APIRouter(prefix="/cms")

    def answer(path: str, method: str, *, token: bool = True) -> Callable[[Callable[..., Any]], None]:
        """Mount a handler ``(request, body) -> data``: checks the token, wraps data or refusal in the envelope."""

        def mount(handler: Callable[..., Any]) -> None:
            async def route(request: Request) -> Response:
                try:
                    if token:
                        await run_in_threadpool(_check_token, world, request)
                    body = await _json(request) if method == "POST" else {}
                    return envelope(200, "操作成功", await run_in_threadpool(handler, request, body))
                except Refused as refusal:
                    return envelope(refusal.code, refusal.msg, None)
                except store.NotThere:
                    return envelope(404, "信息不存在", None)

            checked: Callable[[Request], Awaitable[Response]] = route
            router.add_api_route(path, checked, methods=[method])

        return mount

    @answer("/api/login", "POST", token=False)
    def login(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        if (body.get("appId"), body.get("appSecret")) != (store.APP_ID, store.APP_SECRET):
            raise Refused(403, "appId或appSecret错误")
        return {"token": store.new_token(world), "expiresIn": store.TOKEN_TTL_S}

    @answer("/api/channels", "GET")
    def channels(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"id": c["id"], "parentId": c["parent_id"], "code": c["code"], "name": c["name"], "sort": c["sort"],
             "url": store.SITE + c["path"]}
            for c in store.channels(world)
        ]  # fmt: skip
        return {"rows": rows, "total": len(rows)}

    @answer("/api/articles", "GET")
    def articles(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        query = request.query_params
        page = _number(query.get("page", "1"), "page")
        size = min(_number(query.get("pageSize", str(PAGE_SIZE)), "pageSize"), MAX_PAGE_SIZE)
        after = query.get("updatedAfter", "")
        if after and not is_stamp(after):
            raise Refused(400, "参数错误：updatedAfter")
        under = query.get("channelCode", "")
        if under and not under.isdigit():
            raise Refused(400, "参数错误：channelCode")
        found, total = store.articles(world, under=under, updated_after=after, limit=size, offset=(page - 1) * size)
        return {"rows": [row(a) for a in found], "total": total, "page": page, "pageSize": size}

    @answer("/api/articles/{article_id}", "GET")
    def detail(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        return in_full(world, store.article(world, _id(request)))

    @answer("/api/articles/{article_id}/wechat", "POST")
    def wechat(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(body.get("state"), str) or not body["state"]:
            raise Refused(400, "参数错误：state不能为空")
        store.write_back(world, _id(request), body)
        return {"id": _id(request)}

    @answer("/api/articles/{article_id}/reads", "POST")
    def reads(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        day = str(body.get("day", ""))
        if not _DAY.fullmatch(day):
            raise Refused(400, "参数错误：day")
        counts = [_count(body, name) for name in ("reads", "shares")]
        store.write_reads(world, _id(request), day, *counts)
        return {"id": _id(request)}

    @router.get("/files/{name}")
    def files(name: str) -> Response:
        found = store.file(world, name)
        if found is None:
            return Response("Not Found", status_code=404, media_type="text/plain")
        mime, content = found
        return Response(content, media_type=mime)

    app.include_router(router)


def envelope(code: int, msg: str, data: Any) -> Response:
    text = json.dumps({"code": code, "msg": msg, "data": data}, ensure_ascii=False)
    return Response(text, media_type="application/json;charset=UTF-8")


def row(a: Article) -> dict[str, Any]:
    return {
        "id": a.id, "title": a.title, "shortTitle": a.short_title, "channelCode": a.channel_code, "status": a.status,
        "publishTime": a.published_at, "updateTime": a.updated_at, "url": a.url, "source": a.source,
        "docNumber": a.doc_number, "indexNumber": a.index_number,
    }  # fmt: skip


def in_full(world: World, a: Article) -> dict[str, Any]:
    def at_home(text: str) -> str:
        return text.replace(store.HOST_MARK, world.base_url)

    return row(a) | {
        "html": at_home(a.html) if a.status else "",
        "summary": a.summary,
        "author": a.author,
        "writtenOn": a.written_on,
        "cover": at_home(a.cover),
        "attachments": [{**part, "url": at_home(part["url"])} for part in a.attachments],
    }


def _check_token(world: World, request: Request) -> None:
    if not store.token_lives(world, request.headers.get("X-Access-Token", "")):
        raise Refused(401, "token已失效")


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "参数错误：请求体不是JSON对象")
    return body


def _count(body: dict[str, Any], name: str) -> int:
    """A figure; an empty one, which nobody counted, is none."""
    text = str(body.get(name) or "0")
    if not text.isascii() or not text.isdigit():
        raise Refused(400, f"参数错误：{name}")
    return int(text)


def _id(request: Request) -> int:
    return _number(request.path_params["article_id"], "id")


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**63:
        raise Refused(400, f"参数错误：{name}")
    return int(text)
