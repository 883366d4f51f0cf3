"""Publishing: accepted at once, decided later, told by an event. (Rulebook §3, "Publish".)

A job is settled when its moment has come on the sandbox's clock: by the next call that asks, or by the background
thread. Where nothing is documented about a deleted article, this is a guess: it stays in the list and in getarticle
with ``is_deleted``, deleting it again is refused.
"""

import json
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.faults import JOB_KINDS
from sandbox.wechat import draft, events, material
from sandbox.wechat.accounts import Account, account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

OK, PUBLISHING, ORIGINAL_FAILED, FAILED, PLATFORM_REFUSED, USER_DELETED, BANNED = range(7)
FIRST_PUBLISH_ID = 2_247_484_001
SUBMIT = "/cgi-bin/freepublish/submit"


def submit(call: "Call") -> dict[str, Any]:
    row = draft.find(call)
    fault = call.world.faults.strike(JOB_KINDS, SUBMIT)
    outcome = int(fault.value or FAILED) if fault else OK
    article_id = secrets.token_urlsafe(32)
    db = call.world.db
    first = db.execute("SELECT COUNT(*) FROM wx_publish").fetchone()[0] == 0
    publish_id = db.execute(
        "INSERT INTO wx_publish (publish_id, appid, draft_media_id, articles, article_id, submitted_at, due_at,"
        " outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING publish_id",
        (
            FIRST_PUBLISH_ID if first else None, call.account.appid, row["media_id"], row["articles"], article_id,
            call.now, call.now + call.account.setting("publish_seconds"), outcome,
        ),
    ).fetchone()[0]  # fmt: skip
    db.execute("DELETE FROM wx_draft WHERE media_id = ?", (row["media_id"],))
    if events.comes_first(call.world, SUBMIT):
        call.after.append(lambda: settle(call.world, publish_id, event_now=True))
    return {
        "errcode": 0,
        "errmsg": "ok",
        "publish_id": _as_set(call.account, publish_id),
        "msg_data_id": publish_id,
    }


def get(call: "Call") -> dict[str, Any]:
    settle_due(call.world)
    publish_id = call.body.get("publish_id")
    if publish_id in (None, ""):
        raise Refused(40002)
    row = None
    if str(publish_id).isdigit():
        row = call.world.db.execute(
            "SELECT * FROM wx_publish WHERE publish_id = ? AND appid = ?", (int(publish_id), call.account.appid)
        ).fetchone()
    if row is None:
        raise Refused(53502)
    status = _status(row)
    answer: dict[str, Any] = {"publish_id": _as_set(call.account, row["publish_id"]), "publish_status": status}
    if status == OK:
        answer["article_id"] = row["article_id"]
        answer["article_detail"] = {"count": len(_articles(row)), "item": _urls(call.account, row)}
    # As documented, 1 is listed while it is still publishing.
    answer["fail_idx"] = [1] if status in (PUBLISHING, ORIGINAL_FAILED, PLATFORM_REFUSED) else []
    return answer


def delete(call: "Call") -> dict[str, Any]:
    row = _find(call)
    index = call.body.get("index") or 0
    count = len(_articles(row))
    if not isinstance(index, int) or not 0 <= index <= count:
        raise Refused(40060)
    gone = set(json.loads(row["deleted"]))
    wanted = {index} if index else set(range(1, count + 1))
    if wanted <= gone:
        raise Refused(53600)
    remove(call.world, row["publish_id"], gone | wanted)
    return {"errcode": 0, "errmsg": "ok"}


def getarticle(call: "Call") -> dict[str, Any]:
    row = _find(call)
    return {
        "news_item": _news(call.world, call.account, row, with_content=True),
        "create_time": int(row["published_at"]),
        "update_time": int(row["updated_at"]),
    }


def batchget(call: "Call") -> dict[str, Any]:
    settle_due(call.world)
    offset, count = material.page(call.body)
    with_content = not call.body.get("no_content")
    rows = published(call.world, call.account.appid)
    items = []
    for row in rows[offset : offset + count]:
        content = {
            "news_item": _news(call.world, call.account, row, with_content=with_content),
            "create_time": int(row["published_at"]),
            "update_time": int(row["updated_at"]),
        }
        items.append({"article_id": row["article_id"], "content": content, "update_time": int(row["updated_at"])})
    return {"total_count": len(rows), "item_count": len(items), "item": items}


def published(world: World, appid: str) -> list[Any]:
    """Every job that ended well, newest first; articles deleted since are still among them."""
    with world.lock:
        return world.db.execute(
            "SELECT * FROM wx_publish WHERE appid = ? AND published_at IS NOT NULL"
            " ORDER BY published_at DESC, publish_id DESC",
            (appid,),
        ).fetchall()


def remove(world: World, publish_id: int, gone: set[int], status: int = OK) -> None:
    with world.transaction() as db:
        db.execute(
            "UPDATE wx_publish SET deleted = ?, status = ?, updated_at = ? WHERE publish_id = ?",
            (json.dumps(sorted(gone)), status, world.clock.timestamp(), publish_id),
        )


def take_down(world: World, article_id: str, status: int, *, event: bool = False, listed: bool = True) -> bool:
    """WeChat (6) or the author on the website (5) removes all of it, long after success.

    ``event``: the callback is told, as after the publication. ``listed`` false: the lists do not show it any more.
    """
    with world.transaction() as db:
        row = db.execute("SELECT * FROM wx_publish WHERE article_id = ?", (article_id,)).fetchone()
        owner = account(world, row["appid"]) if row is not None else None
        if row is None or owner is None or row["published_at"] is None:
            return False
        remove(world, row["publish_id"], set(range(1, len(_articles(row)) + 1)), status)
        if not listed:
            db.execute("UPDATE wx_publish SET published_at = NULL WHERE publish_id = ?", (row["publish_id"],))
        if event:
            events.publish_finished(
                world, owner, row["publish_id"], status, row["article_id"], _urls(owner, row), SUBMIT
            )
    return True


def settle_due(world: World) -> None:
    with world.lock:
        rows = world.db.execute(
            "SELECT publish_id FROM wx_publish WHERE status = ? AND due_at <= ? ORDER BY publish_id",
            (PUBLISHING, world.clock.timestamp()),
        ).fetchall()
    for row in rows:
        settle(world, row["publish_id"])


def settle(world: World, publish_id: int, *, event_now: bool = False) -> None:
    """Decide the job and queue its event; ``event_now`` delivers the event before returning."""
    with world.transaction() as db:
        row = db.execute(
            "SELECT * FROM wx_publish WHERE publish_id = ? AND status = ?", (publish_id, PUBLISHING)
        ).fetchone()
        owner = account(world, row["appid"]) if row is not None else None
        if row is None or owner is None:
            return
        now = world.clock.timestamp()
        # A job may be settled late; the article bears the moment it was due.
        moment = min(now, max(row["due_at"], row["submitted_at"]))
        well = row["outcome"] in (OK, USER_DELETED, BANNED)
        gone = list(range(1, len(_articles(row)) + 1)) if row["outcome"] in (USER_DELETED, BANNED) else []
        db.execute(
            "UPDATE wx_publish SET status = ?, published_at = ?, updated_at = ?, deleted = ? WHERE publish_id = ?",
            (row["outcome"], moment if well else None, moment, json.dumps(gone), publish_id),
        )
        queued = events.publish_finished(
            world, owner, publish_id, row["outcome"], row["article_id"], _urls(owner, row), SUBMIT
        )
    if event_now:
        events.deliver_now(world, queued)


def _find(call: "Call") -> Any:
    settle_due(call.world)
    article_id = call.body.get("article_id")
    row = call.world.db.execute(
        "SELECT * FROM wx_publish WHERE article_id = ? AND appid = ? AND published_at IS NOT NULL",
        (str(article_id), call.account.appid),
    ).fetchone()
    if row is None:
        raise Refused(53600)
    return row


def _status(row: Any) -> int:
    """All deleted by the author through the API counts as 5, too."""
    if row["status"] == OK and len(json.loads(row["deleted"])) == len(_articles(row)):
        return USER_DELETED
    return int(row["status"])


def _articles(row: Any) -> list[dict[str, Any]]:
    articles: list[dict[str, Any]] = json.loads(row["articles"])
    return articles


def _urls(owner: Account, row: Any) -> list[dict[str, Any]]:
    return [
        {"idx": idx, "article_url": draft.article_url(owner, row["publish_id"], idx, row["article_id"][:32])}
        for idx in range(1, len(_articles(row)) + 1)
    ]


def _news(world: World, owner: Account, row: Any, *, with_content: bool) -> list[dict[str, Any]]:
    gone = set(json.loads(row["deleted"]))
    shown = []
    for item, place in zip(_articles(row), _urls(owner, row), strict=True):
        article = draft.with_pictures(world, item)
        if not with_content:
            article.pop("content")
        shown.append({**article, "url": place["article_url"], "is_deleted": place["idx"] in gone})
    return shown


def _as_set(owner: Account, publish_id: int) -> int | str:
    return str(publish_id) if owner.setting("publish_id_as") == "string" else publish_id
