"""What the control API tells about an account: the far end's own figures."""

import hashlib
import json
from typing import Any

from sandbox.wechat import conditional, draft, mass_state, menu, publish, quota
from sandbox.wechat.accounts import account
from sandbox.world import World


def state_of(world: World, appid: str) -> dict[str, Any]:
    publish.settle_due(world)
    with world.lock:
        db = world.db
        drafts = db.execute(
            "SELECT media_id, articles, created_at FROM wx_draft WHERE appid = ?", (appid,)
        ).fetchall()
        materials = db.execute(
            "SELECT media_id, type, name, url, sha256, length(bytes) AS size FROM wx_material WHERE appid = ?",
            (appid,),
        ).fetchall()
        images = db.execute("SELECT url, sha256, length(bytes) AS size FROM wx_image WHERE appid = ?", (appid,))
        calls = db.execute(
            "SELECT path, errcode, calls FROM wx_call WHERE appid = ? ORDER BY path, errcode", (appid,)
        ).fetchall()
        jobs = db.execute("SELECT status, COUNT(*) AS n FROM wx_publish WHERE appid = ? GROUP BY status", (appid,))
        shown_jobs = {str(row["status"]): row["n"] for row in jobs}
        shown_images = [dict(row) for row in images]
    by_path: dict[str, dict[str, int]] = {}
    for row in calls:
        by_path.setdefault(row["path"], {})[str(row["errcode"])] = row["calls"]
    return {
        "menu": menu.current(world, appid),
        "conditional_menus": conditional.listed(world, appid),
        "drafts": [
            {"media_id": r["media_id"], "titles": [a["title"] for a in json.loads(r["articles"])]} for r in drafts
        ],
        "publish_jobs_by_status": shown_jobs,
        "articles": article_counts(world, appid),
        "citizens": citizen_counts(world, appid),
        "materials": [dict(row) for row in materials],
        "images": shown_images,
        "quota": quota.usage(world, appid),
        "calls": by_path,
    }


def article_counts(world: World, appid: str, *, with_content: bool = False) -> dict[str, Any]:
    """Every published article; per distinct one (title and source) how often it came and how often it stands; and
    what WeChat took and did not publish."""
    owner = account(world, appid)
    listed: list[dict[str, Any]] = []
    distinct: dict[str, dict[str, Any]] = {}
    for row in publish.published(world, appid):
        gone = set(json.loads(row["deleted"]))
        for idx, article in enumerate(json.loads(row["articles"]), start=1):
            content = article["content"]
            entry = {
                "article_id": row["article_id"],
                "idx": idx,
                "publish_id": row["publish_id"],
                "url": draft.article_url(owner, row["publish_id"], idx, row["article_id"][:32]) if owner else "",
                "title": article["title"],
                "author": article.get("author", ""),
                "digest": article.get("digest", ""),
                "content_source_url": article.get("content_source_url", ""),
                "content_sha256": hashlib.sha256(content.encode()).hexdigest(),
                "published_at": row["published_at"],
                "is_deleted": idx in gone,
                "status": row["status"],
            }
            if with_content:
                entry["content"] = content
            listed.append(entry)
            key = f"{article['title']}\n{article.get('content_source_url', '')}"
            count = distinct.setdefault(
                key,
                {
                    "title": article["title"],
                    "content_source_url": article.get("content_source_url", ""),
                    "published": 0,
                    "standing": 0,
                },
            )
            count["published"] += 1
            count["standing"] += idx not in gone
    return {"published": listed, "distinct": list(distinct.values()), "refused": _refused(world, appid)}


def _refused(world: World, appid: str) -> list[dict[str, Any]]:
    """Title, source address and publish_status of each article whose job ended badly."""
    with world.lock:
        rows = world.db.execute(
            "SELECT status, articles FROM wx_publish WHERE appid = ? AND status IN (?, ?, ?) ORDER BY publish_id",
            (appid, publish.ORIGINAL_FAILED, publish.FAILED, publish.PLATFORM_REFUSED),
        ).fetchall()
    return [
        {"title": a["title"], "content_source_url": a.get("content_source_url", ""), "status": row["status"]}
        for row in rows
        for a in json.loads(row["articles"])
    ]


def citizen_counts(world: World, appid: str, openid: str | None = None) -> list[dict[str, Any]]:
    """Per citizen: each distinct message, and article of a mass message, and how often it reached the phone."""
    with world.lock:
        people = world.db.execute(
            "SELECT openid, identity, name, persona FROM wx_follower WHERE appid = ? AND (? IS NULL OR openid = ?)"
            " ORDER BY rowid",
            (appid, openid, openid),
        ).fetchall()
        rows = world.db.execute(
            "SELECT openid, template_id, digest, data, url, SUM(delivered) AS delivered, COUNT(*) AS accepted,"
            " SUM(repeats) AS repeats, MIN(msgid) AS first FROM wx_message WHERE appid = ?"
            " GROUP BY openid, template_id, digest ORDER BY first",
            (appid,),
        ).fetchall()
    by_mass = mass_state.received(world, appid)
    per_person: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        per_person.setdefault(row["openid"], []).append(
            {
                "digest": row["digest"],
                "template_id": row["template_id"],
                "data": json.loads(row["data"]),
                "url": row["url"],
                "delivered": row["delivered"],
                "accepted": row["accepted"],
                "repeats_within_window": row["repeats"],
            }
        )
    counted = []
    for person in people:
        messages = per_person.get(person["openid"], [])
        articles = by_mass.get(person["openid"], [])
        counted.append(
            {
                **dict(person),
                "delivered": sum(m["delivered"] for m in messages),
                "accepted": sum(m["accepted"] for m in messages),
                "most_often": max((m["delivered"] for m in (*messages, *articles)), default=0),
                "messages": messages,
                "mass_articles": articles,
            }
        )
    return counted
