"""Customer-service messages: only while a citizen is there, and only so many. (Rulebook §6.)

A message of theirs opens a window of 48 hours for 5; a tap, following or a scan one of a minute for 3. No key and no
event: a message sent twice is there twice.
"""

import json
from typing import TYPE_CHECKING, Any

from sandbox.wechat.errors import Refused
from sandbox.wechat.template import citizen_of
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

SEND = "/cgi-bin/message/custom/send"
WINDOWS: dict[str, tuple[int, int]] = {"message": (48 * 3600, 5), "touch": (60, 3)}
_NEEDED = {
    "text": ("content",),
    "news": ("articles",),
    "mpnewsarticle": ("article_id",),
    "msgmenu": ("head_content", "list"),
}


def send(call: "Call") -> dict[str, Any]:
    citizen, body = citizen_of(call), call.body
    kind = str(body.get("msgtype"))
    if kind not in _NEEDED:
        raise Refused(40008)
    part = body.get(kind)
    if not isinstance(part, dict) or any(not part.get(name) for name in _NEEDED[kind]):
        raise Refused(40035)
    if kind == "news" and len(part["articles"]) > 1:
        raise Refused(45008)
    db = call.world.db
    window = db.execute(
        "SELECT * FROM wx_window WHERE openid = ? AND until >= ? ORDER BY left_over DESC",
        (citizen["openid"], call.now),
    ).fetchone()
    if window is None or citizen["persona"] in ("unfollowed", "blocked"):
        raise Refused(45015)
    if window["left_over"] < 1:
        raise Refused(45047)
    if citizen["persona"] == "timeout_after_accept":
        call.lose_answer = True
    db.execute("UPDATE wx_window SET left_over = left_over - 1 WHERE rowid = ?", (window["id"],))
    db.execute(
        "INSERT INTO wx_custom (appid, openid, msgtype, body, sent_at) VALUES (?, ?, ?, ?, ?)",
        (call.account.appid, citizen["openid"], kind, json.dumps(part, ensure_ascii=False), call.now),
    )
    return {"errcode": 0, "errmsg": "ok"}


def open_window(world: World, openid: str, kind: str) -> None:
    """The citizen did something that lets the account write to them for a while."""
    seconds, count = WINDOWS[kind]
    with world.transaction() as db:
        db.execute("DELETE FROM wx_window WHERE openid = ? AND kind = ?", (openid, kind))
        db.execute(
            "INSERT INTO wx_window (openid, kind, until, left_over) VALUES (?, ?, ?, ?)",
            (openid, kind, world.clock.timestamp() + seconds, count),
        )


def cards(world: World, openid: str) -> list[dict[str, Any]]:
    """What the phone shows of them: when, and the text or its title with where it leads."""
    with world.lock:
        rows = world.db.execute("SELECT * FROM wx_custom WHERE openid = ? ORDER BY id", (openid,)).fetchall()
    return [{"at": row["sent_at"], **_shown(row["msgtype"], json.loads(row["body"]))} for row in rows]


def _shown(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    if kind == "text":
        return {"text": part["content"], "url": ""}
    if kind == "news":
        one = part["articles"][0]
        return {"text": one.get("title", ""), "url": one.get("url", "")}
    if kind == "msgmenu":
        lines = [part["head_content"], *(one["content"] for one in part["list"]), part.get("tail_content", "")]
        return {"text": "\n".join(line for line in lines if line), "url": ""}
    return {"text": "图文", "url": ""}
