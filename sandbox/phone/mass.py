"""Mass messages on the phone: a card of articles in the conversation, and each article to read."""

import json
from typing import Any

from sandbox.wechat import draft, mass
from sandbox.world import World

#: What an article of a mass message is called in the phone's addresses: ``mass-3147494276``.
PREFIX = "mass-"


def cards(world: World, openid: str) -> list[dict[str, Any]]:
    """What came to this citizen, previews too: ``at``, ``articles`` (title, cover's address, href, deleted)."""
    mass.settle_due(world)
    with world.lock:
        sent = world.db.execute(
            "SELECT m.* FROM wx_mass m JOIN wx_mass_received r ON r.msg_id = m.msg_id WHERE r.openid = ?", (openid,)
        ).fetchall()
        shown_before = world.db.execute("SELECT * FROM wx_mass_preview WHERE openid = ?", (openid,)).fetchall()
    found = [
        {
            "at": row["finished_at"],
            "preview": False,
            "articles": _listed(world, row, f"/phone/{openid}/article/{PREFIX}{row['msg_id']}", row["deleted"]),
        }
        for row in sent
    ]
    found += [
        {
            "at": row["at"],
            "preview": True,
            "articles": _listed(world, row, f"/phone/{openid}/article/{PREFIX}preview-{row['id']}", "[]"),
        }
        for row in shown_before
    ]
    return found


def read(world: World, openid: str, name: str, idx: int) -> tuple[dict[str, Any] | None, float] | None:
    """(the article, when it came); (None, …) when it was taken back; None when this citizen never got such a one."""
    number = name.removeprefix(PREFIX)
    with world.lock:
        if number.startswith("preview-"):
            row = world.db.execute(
                "SELECT articles, at, '[]' AS deleted FROM wx_mass_preview WHERE id = ? AND openid = ?",
                (number.removeprefix("preview-"), openid),
            ).fetchone()
        else:
            row = world.db.execute(
                "SELECT m.articles, m.finished_at AS at, m.deleted FROM wx_mass m JOIN wx_mass_received r"
                " ON r.msg_id = m.msg_id WHERE m.msg_id = ? AND r.openid = ?",
                (number, openid),
            ).fetchone()
    articles = json.loads(row["articles"]) if row is not None else []
    if not 1 <= idx <= len(articles):
        return None
    return (None if idx in json.loads(row["deleted"]) else articles[idx - 1], row["at"])


def _listed(world: World, row: Any, address: str, deleted: str) -> list[dict[str, Any]]:
    gone = json.loads(deleted)
    return [
        {
            "title": article["title"],
            "cover": draft.with_pictures(world, article)["thumb_url"] if "content" in article else "",
            "href": f"{address}/{idx}",
            "deleted": idx in gone,
        }
        for idx, article in enumerate(json.loads(row["articles"]), start=1)
    ]
