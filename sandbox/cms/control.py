"""What the tester can do to the CMS: the editors' work, and the way it fails."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from sandbox.cms import store
from sandbox.cms.api import in_full, row
from sandbox.cms.paste import paste
from sandbox.upstream import Order, outage_route, stamp_after
from sandbox.world import World

_TAG = "CMS"


class Edit(Order):
    title: str | None = None
    short_title: str | None = None
    html: str | None = Field(None, description="the whole new body")
    append: str | None = Field(None, description="text added below the body as one paragraph")
    channel_code: str | None = None


class NewArticle(Order):
    title: str
    channel_code: str = "0101"
    short_title: str = ""
    text: str = Field("", description="paragraphs, one a line; pasted as from Word")
    html: str | None = Field(None, description="the body as it is, instead of text")
    source: str = "示范市人民政府办公室"
    doc_number: str = ""
    index_number: str = ""


def control(world: World) -> APIRouter:
    router = APIRouter(tags=[_TAG])
    router.include_router(outage_route(world, "cms", _TAG))

    @router.get("/state", summary="Counts, and what logs in")
    def state() -> dict[str, Any]:
        found, total = store.articles(world)
        published = sum(a.status for a in found)
        return {
            "articles": total,
            "published": published,
            "withdrawn": total - published,
            "channels": len(store.channels(world)),
            "write_backs": len(store.write_backs(world)),
            "credentials": {"appId": store.APP_ID, "appSecret": store.APP_SECRET},
        }

    @router.get("/articles", summary="All articles in the order of change; below a column if asked")
    def articles(channel_code: str = "") -> list[dict[str, Any]]:
        return [shown(a) for a in store.articles(world, under=channel_code)[0]]

    @router.get("/articles/{article_id}", summary="One article with its body")
    def article(article_id: int) -> dict[str, Any]:
        return in_full(world, _found(world, article_id)) | {"id": str(article_id)}

    @router.post("/articles", summary="Publish a new article; answers it with its id")
    def publish(order: NewArticle) -> dict[str, Any]:
        article_id = store.next_id(world)
        now = stamp_after(world, None, store.newest_stamp(world))
        try:
            url = store.address(world, order.channel_code, article_id)
        except store.NotThere as error:
            raise HTTPException(422, str(error)) from error
        new = store.Article(
            id=article_id, title=order.title, short_title=order.short_title, channel_code=order.channel_code,
            published_at=now, updated_at=now, status=1, url=url, source=order.source, doc_number=order.doc_number,
            index_number=order.index_number, summary=order.text[:120],
            html=order.html if order.html is not None else paste(order.text, []),
        )  # fmt: skip
        store.add(world, new)
        return shown(new)

    @router.patch("/articles/{article_id}", summary="Edit an article; only what is given changes")
    def edit(article_id: int, order: Edit) -> dict[str, Any]:
        before = _found(world, article_id)
        fields: dict[str, str | int] = order.model_dump(exclude_none=True, exclude={"append"})
        if order.append is not None:
            fields["html"] = str(fields.get("html", before.html)) + paste(order.append, [])
        if not fields:
            raise HTTPException(422, "nothing to change: give title, short_title, html, append or channel_code")
        try:
            store.address(world, str(fields.get("channel_code", before.channel_code)), article_id)
        except store.NotThere as error:
            raise HTTPException(422, str(error)) from error
        return shown(store.change(world, article_id, **fields))

    @router.post("/articles/{article_id}/withdraw", summary="Withdraw an article (撤稿)")
    def withdraw(article_id: int) -> dict[str, Any]:
        _found(world, article_id)
        return shown(store.change(world, article_id, status=0))

    @router.post("/articles/{article_id}/restore", summary="Publish a withdrawn article again")
    def restore(article_id: int) -> dict[str, Any]:
        _found(world, article_id)
        return shown(store.change(world, article_id, status=1))

    @router.get("/write-backs", summary="What was written back about articles, oldest first")
    def write_backs() -> list[dict[str, Any]]:
        return store.write_backs(world)

    @router.get("/reads", summary="Reading figures written back, per article and day, and how often each was written")
    def reads() -> list[dict[str, Any]]:
        return store.reads(world)

    @router.post("/expire-tokens", summary="Every token given out ends now")
    def expire_tokens() -> dict[str, bool]:
        with world.transaction() as db:
            db.execute("DELETE FROM cms_token")
        return {"ok": True}

    return router


def shown(a: store.Article) -> dict[str, Any]:
    """A list row; the id as text, for readers that keep numbers in doubles."""
    return row(a) | {"id": str(a.id)}


def _found(world: World, article_id: int) -> store.Article:
    try:
        return store.article(world, article_id)
    except store.NotThere as error:
        raise HTTPException(404, str(error)) from error
