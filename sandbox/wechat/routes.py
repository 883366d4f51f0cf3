"""Where the API's paths lead, and the way in from HTTP."""

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from sandbox.wechat import (
    conditional,
    custom,
    draft,
    mass,
    mass_calls,
    material,
    menu,
    publish,
    quota,
    statistics,
    subscribe,
    tags,
    template,
    token,
    user,
)
from sandbox.wechat.call import ENDPOINTS, Call, Endpoint, Upload, handle, register
from sandbox.wechat.errors import Refused
from sandbox.world import World


def _retired(call: Call) -> dict[str, Any]:
    raise Refused(45103)


def _addresses(call: Call) -> dict[str, Any]:
    return {"ip_list": ["127.0.0.1"]}


register(
    Endpoint("/cgi-bin/token", token.get_token, method="GET", body="none", needs_token=False),
    Endpoint("/cgi-bin/stable_token", token.stable_token, needs_token=False),
    Endpoint("/cgi-bin/getcallbackip", _addresses, method="GET", body="none"),
    Endpoint("/cgi-bin/get_api_domain_ip", _addresses, method="GET", body="none"),
    Endpoint("/cgi-bin/openapi/quota/get", quota.quota_get),
    Endpoint("/cgi-bin/openapi/quota/clear", quota.clear_one),
    Endpoint("/cgi-bin/clear_quota", quota.clear_quota),
    Endpoint("/cgi-bin/clear_quota/v2", quota.clear_quota_v2, needs_token=False),
    Endpoint("/cgi-bin/menu/create", menu.create, permission="verified"),
    Endpoint("/cgi-bin/menu/get", menu.get, method="GET", permission="verified", body="none"),
    Endpoint("/cgi-bin/menu/delete", menu.delete, method="GET", permission="verified", body="none"),
    Endpoint("/cgi-bin/menu/addconditional", conditional.add, permission="verified"),
    Endpoint("/cgi-bin/menu/delconditional", conditional.drop, permission="verified"),
    Endpoint("/cgi-bin/menu/trymatch", conditional.trymatch, permission="verified"),
    Endpoint("/cgi-bin/get_current_selfmenu_info", menu.selfmenu, method="GET", body="none"),
    Endpoint("/cgi-bin/media/uploadimg", material.uploadimg, body="form"),
    Endpoint("/cgi-bin/material/add_material", material.add_material, body="form"),
    Endpoint("/cgi-bin/material/get_material", material.get_material),
    Endpoint("/cgi-bin/material/del_material", material.del_material),
    Endpoint("/cgi-bin/material/batchget_material", material.batchget_material),
    Endpoint("/cgi-bin/material/get_materialcount", material.get_materialcount, method="GET", body="none"),
    Endpoint("/cgi-bin/material/add_news", _retired),
    Endpoint("/cgi-bin/material/update_news", _retired),
    Endpoint("/cgi-bin/draft/add", draft.add, literal_escapes=True),
    Endpoint("/cgi-bin/draft/get", draft.get),
    Endpoint("/cgi-bin/draft/update", draft.update, literal_escapes=True),
    Endpoint("/cgi-bin/draft/delete", draft.delete),
    Endpoint("/cgi-bin/draft/count", draft.count, method="GET", body="none"),
    Endpoint("/cgi-bin/draft/batchget", draft.batchget),
    Endpoint("/cgi-bin/freepublish/submit", publish.submit, permission="may_publish"),
    Endpoint("/cgi-bin/freepublish/get", publish.get, permission="may_publish"),
    Endpoint("/cgi-bin/freepublish/delete", publish.delete, permission="may_publish"),
    Endpoint("/cgi-bin/freepublish/getarticle", publish.getarticle, permission="may_publish"),
    Endpoint("/cgi-bin/freepublish/batchget", publish.batchget, permission="may_publish"),
    Endpoint("/cgi-bin/message/mass/sendall", mass.sendall, permission="verified"),
    Endpoint("/cgi-bin/message/mass/send", mass.send, permission="verified_service"),
    Endpoint("/cgi-bin/message/mass/preview", mass_calls.preview, permission="verified"),
    Endpoint("/cgi-bin/message/mass/get", mass_calls.get, permission="verified"),
    Endpoint("/cgi-bin/message/mass/delete", mass_calls.delete, permission="verified"),
    Endpoint("/cgi-bin/tags/update", tags.update),
    Endpoint("/cgi-bin/tags/getidlist", tags.of_person),
    Endpoint("/cgi-bin/tags/members/batchtagging", tags.tag_people),
    Endpoint("/cgi-bin/tags/members/batchuntagging", tags.untag_people),
    Endpoint("/cgi-bin/user/tag/get", tags.people),
    Endpoint("/cgi-bin/message/template/send", template.send, permission="verified_service"),
    Endpoint("/cgi-bin/message/subscribe/bizsend", subscribe.bizsend, permission="verified_service"),
    Endpoint("/cgi-bin/message/custom/send", custom.send, permission="verified"),
    Endpoint(
        "/cgi-bin/template/get_all_private_template", template.get_all_private_template, method="GET",
        permission="verified_service", body="none",
    ),
    Endpoint("/datacube/getarticleread", statistics.article_read, permission="verified"),
    Endpoint("/datacube/getarticleshare", statistics.article_share, permission="verified"),
    Endpoint("/datacube/getarticletotaldetail", statistics.article_total_detail, permission="verified"),
    Endpoint("/datacube/getbizsummary", statistics.biz_summary, permission="verified"),
    Endpoint("/datacube/getusersummary", statistics.user_summary, permission="verified"),
    Endpoint("/datacube/getusercumulate", statistics.user_cumulate, permission="verified"),
    Endpoint("/cgi-bin/tags/get", tags.get, method="GET", body="none"),
    Endpoint("/cgi-bin/tags/create", tags.create),
    Endpoint("/cgi-bin/tags/delete", tags.delete),
    Endpoint("/cgi-bin/user/get", user.get, method="GET", body="none"),
    Endpoint("/cgi-bin/user/info", user.info, method="GET", body="none"),
    Endpoint("/cgi-bin/user/info/batchget", user.batchget),
)  # fmt: skip


def add_routes(app: FastAPI, world: World) -> None:
    @app.api_route("/datacube/{rest:path}", methods=["GET", "POST"])
    @app.api_route("/cgi-bin/{rest:path}", methods=["GET", "POST"])
    async def cgi_bin(rest: str, request: Request) -> Response:
        return await run_in_threadpool(handle, await _call(world, request))

    @app.get("/mmbiz/{kind}/{key}/{size}")
    def picture(kind: str, key: str, size: str) -> Response:
        """What WeChat's image host serves, at the sandbox."""
        with world.lock:
            row = world.db.execute("SELECT bytes, content_type FROM wx_image WHERE key = ?", (key,)).fetchone()
        if row is None:
            return Response(status_code=404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=86400"}
        return Response(row["bytes"], media_type=row["content_type"], headers=headers)


async def _call(world: World, request: Request) -> Call:
    raw = await request.body()
    call = Call(
        world=world,
        path=request.url.path,
        method=request.method,
        query=dict(request.query_params),
        raw=raw,
        caller_ip=request.client.host if request.client else "",
    )
    endpoint = ENDPOINTS.get(call.path)
    if endpoint is not None and endpoint.body == "form" and "multipart/" in request.headers.get("content-type", ""):
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    call.form[name] = value
                elif name == "media" and isinstance(value, UploadFile):
                    call.upload = Upload(value.filename or "", await value.read())
    return call
