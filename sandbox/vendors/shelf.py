"""The articles of a vendor's CMS: one table a vendor, filled on the first day, changed by the tester.

What a vendor shows of them, in which order and under which names is its own business. Titles on purpose: one with a
character GBK cannot write (𠮷), one with characters GBK has and GB2312 has not (镕, ㎡), one with marks XML escapes.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from sandbox import content
from sandbox.upstream import Order, outage_route, stamp_after, wall
from sandbox.world import World

ARTICLES = 23
Naming = Callable[[int], str]  #: a number as the vendor's id of an article
TITLES = {
    0: "𠮷田町友好交流团来访我市",
    1: "朱镕基故居修缮工程（420㎡）开工",
    2: "关于“一网通办”<试运行>的通知 & 操作说明",
}


@dataclass(frozen=True)
class Article:
    """``column`` is one of the shelf's; ``state`` one of the vendor's words; ``files`` of name and address."""

    id: str
    column: str
    title: str
    html: str
    publisher: str
    published_at: str
    updated_at: str
    state: str
    files: tuple[tuple[str, str], ...] = ()


class Shelf:
    """A vendor's articles. ``columns`` are (code, name, code of the parent); the leaves hold the articles."""

    def __init__(self, vendor: str, columns: tuple[tuple[str, str, str], ...], *, published: str) -> None:
        self.vendor, self.columns, self.published = vendor, columns, published
        self.leaves = [code for code, _, _ in columns if all(parent != code for _, _, parent in columns)]
        self.schema = f"""
CREATE TABLE IF NOT EXISTS {vendor}_article (
    id TEXT PRIMARY KEY, column_code TEXT NOT NULL, title TEXT NOT NULL, html TEXT NOT NULL, publisher TEXT NOT NULL,
    published_at TEXT NOT NULL, updated_at TEXT NOT NULL, state TEXT NOT NULL, files TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {vendor}_write_back (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, operation TEXT NOT NULL, id TEXT NOT NULL,
    detail TEXT NOT NULL);
"""

    def seed(self, world: World, name: Naming) -> None:
        """``ARTICLES`` articles, an hour apart, most of them in the first leaf."""
        now = world.clock.beijing()
        texts = content.articles()
        for n in range(ARTICLES):
            at = wall(now - timedelta(hours=ARTICLES - n))
            text = texts[n * 2]
            title = TITLES.get(n) or content.dated(text.get("title"), now)
            lines = [line for line in content.dated(text.body, now).splitlines() if not line.startswith(("!", "|"))]
            html = "".join(f"<p>{escape(line)}</p>" for line in lines[:3])
            leaf = self.leaves[0 if n % 4 else n // 4 % len(self.leaves)]
            files = (("附件1.pdf", f"/files/{n}/1.pdf"), ("附件2.docx", f"/files/{n}/2.docx"))[: n % 3]
            self.put(
                world,
                Article(name(n), leaf, title, html, text.get("source"), at, at, self.published, files),
            )

    def put(self, world: World, a: Article) -> Article:
        with world.transaction() as db:
            db.execute(
                f"INSERT OR REPLACE INTO {self.vendor}_article VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (a.id, a.column, a.title, a.html, a.publisher, a.published_at, a.updated_at, a.state,
                 json.dumps(a.files, ensure_ascii=False)),
            )  # fmt: skip
        return a

    def get(self, world: World, article_id: str) -> Article | None:
        return next((a for a in self.all(world) if a.id == article_id), None)

    def all(self, world: World) -> list[Article]:
        """In the order they were put in."""
        with world.lock:
            rows = world.db.execute(f"SELECT * FROM {self.vendor}_article ORDER BY rowid").fetchall()
        return [_article(row) for row in rows]

    def delete(self, world: World, article_id: str) -> bool:
        with world.transaction() as db:
            return db.execute(f"DELETE FROM {self.vendor}_article WHERE id = ?", (article_id,)).rowcount == 1

    def stamp(self, world: World, before: str | None = None) -> str:
        """The stamp of a change that happens now."""
        newest = max((a.updated_at for a in self.all(world)), default=None)
        return stamp_after(world, before, newest)

    def change(self, world: World, a: Article, **fields: str) -> Article:
        return self.put(world, replace(a, updated_at=self.stamp(world, a.updated_at), **fields))  # type: ignore[arg-type]

    def note(self, world: World, operation: str, article_id: str, **detail: str) -> None:
        with world.transaction() as db:
            db.execute(
                f"INSERT INTO {self.vendor}_write_back (at, operation, id, detail) VALUES (?, ?, ?, ?)",
                (wall(world.clock.now()), operation, article_id, json.dumps(detail, ensure_ascii=False)),
            )

    def notes(self, world: World) -> list[dict[str, Any]]:
        with world.lock:
            rows = world.db.execute(f"SELECT * FROM {self.vendor}_write_back ORDER BY n").fetchall()
        return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]

    def control(self, world: World, tag: str, name: Naming) -> APIRouter:
        """The editors' work: new, changed, deleted; what was written back; and outages."""
        router = APIRouter(tags=[tag])
        router.include_router(outage_route(world, self.vendor, tag))

        @router.get("/articles", summary="All articles, in the order they were made")
        def articles() -> list[dict[str, Any]]:
            return [{**vars(a), "files": list(a.files)} for a in self.all(world)]

        @router.post("/articles", summary="Publish a new article")
        def publish(order: NewArticle) -> dict[str, Any]:
            if order.column not in self.leaves:
                raise HTTPException(422, f"no column {order.column!r}; there are {', '.join(self.leaves)}")
            at = self.stamp(world)
            taken = {a.id for a in self.all(world)}
            free = next(key for n in range(10**6) if (key := name(n)) not in taken)
            a = Article(free, order.column, order.title, order.html, "示范市人民政府办公室", at, at, self.published)
            return vars(self.put(world, a))

        @router.patch("/articles/{article_id}", summary="Edit an article; only what is given changes")
        def edit(article_id: str, order: Edit) -> dict[str, Any]:
            return vars(self.change(world, self._found(world, article_id), **order.model_dump(exclude_none=True)))

        @router.delete("/articles/{article_id}", summary="Delete an article for good: no list shows it any more")
        def delete(article_id: str) -> dict[str, Any]:
            self._found(world, article_id)
            return {"deleted": self.delete(world, article_id)}

        @router.get("/write-backs", summary="What was written back, oldest first")
        def write_backs() -> list[dict[str, Any]]:
            return self.notes(world)

        return router

    def _found(self, world: World, article_id: str) -> Article:
        found = self.get(world, article_id)
        if found is None:
            raise HTTPException(404, f"no article {article_id}")
        return found


def _article(row: sqlite3.Row) -> Article:
    fields = dict(row)
    fields["column"] = fields.pop("column_code")
    return Article(**{**fields, "files": tuple((name, address) for name, address in json.loads(fields["files"]))})


class NewArticle(Order):
    title: str
    column: str
    html: str = "<p>正文</p>"


class Edit(Order):
    title: str | None = None
    html: str | None = None
    state: str | None = Field(None, description="the vendor's own word, for example 已撤稿")
