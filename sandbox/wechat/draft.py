"""Drafts: checked field by field, cleaned, and gone once published. (Rulebook §3.)"""

import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.faults import DRAFT_KINDS
from sandbox.wechat import material
from sandbox.wechat.errors import Refused
from sandbox.wechat.html import clean, text_of
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.accounts import Account
    from sandbox.wechat.call import Call

ARTICLES_MAX = 8
AUTHOR_MAX = 16
DIGEST_MAX = 128
AUTO_DIGEST = 54
CONTENT_MAX = 20_000
CONTENT_MAX_BYTES = 1024 * 1024
SOURCE_URL_MAX_BYTES = 1024
IMAGES_MAX = 20
_TAG = re.compile(r"<[a-zA-Z/!]")

Article = dict[str, Any]


def add(call: "Call") -> dict[str, Any]:
    articles = call.body.get("articles")
    if not isinstance(articles, list):
        raise Refused(47001)
    if not articles:
        raise Refused(44003)
    if len(articles) > ARTICLES_MAX:
        raise Refused(45008)
    kept = [_article(call, article, alone=len(articles) == 1) for article in articles]
    fault = call.world.faults.strike(DRAFT_KINDS, "/cgi-bin/draft/add")
    if fault is not None and fault.value:
        for article in kept:
            article["content"] = article["content"].replace(fault.value, "")
    media_id = secrets.token_urlsafe(32)
    call.world.db.execute(
        "INSERT INTO wx_draft VALUES (?, ?, ?, ?, ?)",
        (media_id, call.account.appid, json.dumps(kept, ensure_ascii=False), call.now, call.now),
    )
    return {"media_id": media_id, "item": []}


def update(call: "Call") -> dict[str, Any]:
    draft = find(call)
    article, index = call.body.get("articles"), call.body.get("index", 0)
    if not isinstance(article, dict):
        raise Refused(47001)
    articles = json.loads(draft["articles"])
    if not isinstance(index, int) or not 0 <= index < len(articles):
        raise Refused(40114)
    articles[index] = _article(call, article, alone=len(articles) == 1)
    call.world.db.execute(
        "UPDATE wx_draft SET articles = ?, updated_at = ? WHERE media_id = ?",
        (json.dumps(articles, ensure_ascii=False), call.now, draft["media_id"]),
    )
    return {"errcode": 0, "errmsg": "ok"}


def get(call: "Call") -> dict[str, Any]:
    draft = find(call)
    return {
        "news_item": _shown(call.world, call.account, draft, with_content=True),
        "create_time": int(draft["created_at"]),
        "update_time": int(draft["updated_at"]),
    }


def delete(call: "Call") -> dict[str, Any]:
    draft = find(call)
    call.world.db.execute("DELETE FROM wx_draft WHERE media_id = ?", (draft["media_id"],))
    return {"errcode": 0, "errmsg": "ok"}


def count(call: "Call") -> dict[str, Any]:
    return {"total_count": _total(call)}


def batchget(call: "Call") -> dict[str, Any]:
    offset, per_page = material.page(call.body)
    with_content = not call.body.get("no_content")
    rows = call.world.db.execute(
        "SELECT * FROM wx_draft WHERE appid = ? ORDER BY updated_at DESC, rowid DESC LIMIT ? OFFSET ?",
        (call.account.appid, per_page, offset),
    ).fetchall()
    items = []
    for row in rows:
        content = {
            "news_item": _shown(call.world, call.account, row, with_content=with_content),
            "create_time": int(row["created_at"]),
            "update_time": int(row["updated_at"]),
        }
        items.append({"media_id": row["media_id"], "content": content, "update_time": int(row["updated_at"])})
    return {"item": items, "total_count": _total(call), "item_count": len(items)}


def find(call: "Call") -> Any:
    media_id = call.body.get("media_id")
    if not media_id:
        raise Refused(41006)
    row = call.world.db.execute(
        "SELECT * FROM wx_draft WHERE media_id = ? AND appid = ?", (str(media_id), call.account.appid)
    ).fetchone()
    if row is None:
        raise Refused(40007)
    return row


def article_url(account: "Account", mid: int | str, idx: int, sn: str) -> str:
    return f"http://mp.weixin.qq.com/s?__biz={account.biz}&mid={mid}&idx={idx}&sn={sn}#rd"


def with_pictures(world: World, article: Article) -> Article:
    """The article as the API and the phone show it: with the address of its cover."""
    cover = article.get("thumb_media_id") or ""
    if article.get("article_type") == "newspic":
        cover = article["image_info"]["image_list"][0]["image_media_id"]
    return {**article, "thumb_url": material.cover_url(world, cover)}


def _total(call: "Call") -> int:
    row = call.world.db.execute("SELECT COUNT(*) FROM wx_draft WHERE appid = ?", (call.account.appid,)).fetchone()
    return int(row[0])


def _shown(world: World, account: "Account", draft: Any, *, with_content: bool) -> list[Article]:
    shown = []
    for idx, article in enumerate(json.loads(draft["articles"]), start=1):
        item = with_pictures(world, article)
        # A preview's address: temporary, its mid is not a published one's.
        item["url"] = article_url(account, 100_000_000 + int(draft["created_at"]) % 1_000_000, idx, draft["media_id"])
        if not with_content:
            item.pop("content")
        shown.append(item)
    return shown


def _article(call: "Call", article: Any, *, alone: bool) -> Article:
    if not isinstance(article, dict):
        raise Refused(47001)
    kind = article.get("article_type") or "news"
    if kind not in ("news", "newspic"):
        raise Refused(40035)
    title = _text(article, "title")
    if not title or len(title) > call.account.setting("title_max"):
        raise Refused(45003)
    comments = {name: _flag(article, name) for name in ("need_open_comment", "only_fans_can_comment")}
    if any(comments.values()) and not call.account.setting("comments"):
        raise Refused(88000)
    content = _text(article, "content")
    if not content.strip():
        raise Refused(44004)
    if len(content) >= CONTENT_MAX or len(content.encode()) >= CONTENT_MAX_BYTES:
        raise Refused(45002)
    if kind == "newspic":
        return {"article_type": kind, "title": title, **_newspic(call, article, content), **comments}
    return {"article_type": kind, "title": title, **_news(call, article, content, alone=alone), **comments}


def _news(call: "Call", article: Article, content: str, *, alone: bool) -> Article:
    author, digest = _text(article, "author"), _text(article, "digest")
    if len(author) > AUTHOR_MAX:
        raise Refused(45110)
    if len(digest) > DIGEST_MAX:
        raise Refused(45004)
    source_url = _text(article, "content_source_url")
    fits = len(source_url.encode()) <= SOURCE_URL_MAX_BYTES
    if source_url and (not fits or not re.match(r"https?://[^/\s]+", source_url)):
        raise Refused(41039)
    cover = article.get("thumb_media_id")
    if not material.is_cover(call.world, call.account.appid, cover):
        raise Refused(40007)
    cleaned = clean(content)
    if not digest and alone:
        digest = text_of(cleaned)[:AUTO_DIGEST]
    kept = {
        "author": author,
        "digest": digest,
        "content": cleaned,
        "content_source_url": source_url,
        "thumb_media_id": cover,
        "show_cover_pic": 0,
    }
    crops = {name: article[name] for name in ("pic_crop_235_1", "pic_crop_1_1") if article.get(name)}
    return {**kept, **crops}


def _newspic(call: "Call", article: Article, content: str) -> Article:
    if _TAG.search(content):
        raise Refused(45166)
    info = article.get("image_info")
    images = info.get("image_list") if isinstance(info, dict) else None
    if not isinstance(images, list) or not 1 <= len(images) <= IMAGES_MAX:
        raise Refused(40007)
    for image in images:
        media_id = image.get("image_media_id") if isinstance(image, dict) else None
        if not material.is_cover(call.world, call.account.appid, media_id):
            raise Refused(40007)
    return {"content": content, "image_info": {"image_list": images}}


def _text(article: Article, name: str) -> str:
    value = article.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(47001)
    return value


def _flag(article: Article, name: str) -> int:
    value = article.get(name, 0)
    if value not in (0, 1):
        raise Refused(40035)
    return int(value)
