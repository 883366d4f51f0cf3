"""The phone's pages: each takes what ``view`` worked out and draws it."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader

from sandbox.phone import view
from sandbox.wechat import conditional, custom, events, statistics
from sandbox.world import World

_HERE = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, trim_blocks=True)
_STATIC = {"phone.css": "text/css", "phone.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Colours of the letter pictures that stand for portraits.
_COLOURS = ("#5b8ff9", "#61a889", "#e8825d", "#7a6fbe", "#d9a441", "#4fa3b8", "#c2667a", "#7f8c5a")


def _colour(text: str) -> str:
    return _COLOURS[sum(text.encode()) % len(_COLOURS)]


_TEMPLATES.filters["colour"] = _colour


def make_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/phone", include_in_schema=False)

    def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
        now = world.clock.beijing()
        text = _TEMPLATES.get_template(template).render(clock=f"{now.hour}:{now:%M}", **values)
        return HTMLResponse(text, status_code=status, headers=_HEADERS)

    def nobody() -> HTMLResponse:
        return page("gone.html", 404, title="没有这个页面", text="没有这位市民，或没有这篇文章。", who=None)

    @router.get("/")
    def index() -> HTMLResponse:
        return page("index.html", accounts=view.by_account(world), today=world.clock.beijing())

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC:
            return Response(status_code=404)
        return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers={"Cache-Control": "no-cache"})

    @router.get("/{openid}")
    def conversation(openid: str) -> HTMLResponse:
        who = view.citizen(world, openid)
        if who is None:
            return nobody()
        return page(
            "conversation.html",
            who=who,
            items=view.conversation(world, who),
            buttons=view.menu_of(world, who),
            version=view.version(world, who),
        )

    @router.get("/{openid}/profile")
    def profile(openid: str) -> HTMLResponse:
        who = view.citizen(world, openid)
        if who is None:
            return nobody()
        entries = view.article_list(world, who)
        count = sum(len(entry["articles"]) for entry in entries)
        return page("profile.html", who=who, entries=entries, count=count, version=view.version(world, who))

    @router.get("/{openid}/desk")
    def desk(openid: str) -> HTMLResponse:
        """Conversation, articles and the newest article side by side: the whole of it in one look."""
        who = view.citizen(world, openid)
        if who is None:
            return nobody()
        screens = [f"/phone/{openid}?menu=1", f"/phone/{openid}/profile"]
        screens += [entry["articles"][0]["href"] for entry in view.article_list(world, who)[:1]]
        return page("desk.html", who=who, screens=screens)

    @router.get("/{openid}/article/{article_id}/{idx}")
    def article(openid: str, article_id: str, idx: int) -> HTMLResponse:
        who = view.citizen(world, openid)
        found = view.article(world, who, article_id, idx) if who else None
        if who is None or found is None:
            return nobody()
        if found["deleted"]:
            return page("gone.html", title="内容已删除", text="该内容已被发布者删除", who=who)
        statistics.opened(world, openid, article_id, idx)
        return page("article.html", who=who, article=found)

    @router.get("/{openid}/version")
    def version(openid: str) -> JSONResponse:
        who = view.citizen(world, openid)
        return JSONResponse({"version": view.version(world, who) if who else ""}, headers=_HEADERS)

    @router.post("/{openid}/tap")
    def tap(openid: str, top: Annotated[int, Body()], sub: Annotated[int | None, Body()] = None) -> JSONResponse:
        """The citizen taps a menu button: the account is told by an event, as WeChat tells it."""
        who = view.citizen(world, openid)
        buttons = conditional.shown_to(world, who.account.appid, openid) if who else None
        if who is None or not buttons or not 0 <= top < len(buttons):
            return JSONResponse({"ok": False}, status_code=404)
        leaves = [buttons[top]] if sub is None else buttons[top]["sub_button"]
        place = 0 if sub is None else sub
        if not 0 <= place < len(leaves):
            return JSONResponse({"ok": False}, status_code=404)
        leaf = leaves[place]
        if leaf.get("type") == "view":
            events.simple(world, who.account, openid, "VIEW", EventKey=leaf["url"])
        elif leaf.get("type") == "click":
            custom.open_window(world, openid, "touch")
            events.simple(world, who.account, openid, "CLICK", EventKey=leaf["key"])
        return JSONResponse({"ok": True})

    return router
