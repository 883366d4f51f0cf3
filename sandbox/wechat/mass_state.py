"""What the control API tells about mass messages."""

import json
from typing import Any

from sandbox.wechat import mass
from sandbox.wechat.accounts import Account
from sandbox.world import World


def mass_jobs(world: World, owner: Account) -> list[dict[str, Any]]:
    """Every accepted mass message, oldest first."""
    mass.settle_due(world)
    with world.lock:
        rows = mass.jobs(world, owner.appid)
        got = {
            r["msg_id"]: r["n"]
            for r in world.db.execute("SELECT msg_id, COUNT(*) AS n FROM wx_mass_received GROUP BY msg_id")
        }
    return [_shown(owner, row, got.get(row["msg_id"], 0)) for row in reversed(rows)]


def _shown(owner: Account, row: Any, received: int) -> dict[str, Any]:
    gone = json.loads(row["deleted"])
    places = {place["idx"]: place["article_url"] for place in mass.urls(owner, row)}
    return {
        "msg_id": row["msg_id"],
        "audience": row["audience"],
        "clientmsgid": row["key"],
        "send_ignore_reprint": row["ignore_reprint"],
        "sent_at": row["sent_at"],
        "status": mass.status(row),
        "outcome": row["outcome"] if row["finished_at"] is not None else "",
        "waits_for_admin": row["finished_at"] is None and row["confirm_until"] is not None,
        "received": received,
        "articles": [
            {
                "idx": idx,
                "title": article["title"],
                "content_source_url": article.get("content_source_url", ""),
                "url": places.get(idx, ""),
                "is_deleted": idx in gone,
            }
            for idx, article in enumerate(json.loads(row["articles"]), start=1)
        ],
    }


def previews(world: World, appid: str) -> list[dict[str, Any]]:
    """Every preview, oldest first: to whom, with which titles."""
    with world.lock:
        rows = world.db.execute("SELECT * FROM wx_mass_preview WHERE appid = ? ORDER BY id", (appid,)).fetchall()
    return [
        {"openid": row["openid"], "at": row["at"], "titles": [a["title"] for a in json.loads(row["articles"])]}
        for row in rows
    ]


def received(world: World, appid: str) -> dict[str, list[dict[str, Any]]]:
    """openid → each distinct article (title, and source without its fragment) and how often it came."""
    with world.lock:
        rows = world.db.execute(
            "SELECT r.openid, m.articles FROM wx_mass_received r JOIN wx_mass m ON m.msg_id = r.msg_id"
            " WHERE m.appid = ? ORDER BY m.msg_id",
            (appid,),
        ).fetchall()
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in rows:
        mine = found.setdefault(row["openid"], {})
        for article in json.loads(row["articles"]):
            key = (article["title"], article.get("content_source_url", "").partition("#")[0])
            one = mine.setdefault(key, {"title": key[0], "content_source_url": key[1], "delivered": 0})
            one["delivered"] += 1
    return {openid: list(mine.values()) for openid, mine in found.items()}
