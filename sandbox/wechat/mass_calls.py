"""The calls beside sending a mass message: preview, what became of it, taking it back. (Rulebook §4.)"""

import json
from typing import TYPE_CHECKING, Any

from sandbox.people import wxname_of
from sandbox.wechat import mass
from sandbox.wechat.errors import Refused

if TYPE_CHECKING:
    from sandbox.wechat.call import Call


def preview(call: "Call") -> dict[str, Any]:
    """To one person who follows; a WeChat name goes before an openid. The draft stays."""
    wxname, openid = call.body.get("towxname"), call.body.get("touser")
    db = call.world.db
    rows = db.execute("SELECT * FROM wx_follower WHERE appid = ?", (call.account.appid,)).fetchall()
    who = next((r for r in rows if (wxname_of(r["identity"]) == wxname if wxname else r["openid"] == openid)), None)
    if who is None:
        raise Refused(40003)
    if who["persona"] == "unfollowed":
        raise Refused(43004)
    found = mass.articles(call, *mass.content(call))
    db.execute(
        "INSERT INTO wx_mass_preview (appid, openid, articles, at) VALUES (?, ?, ?, ?)",
        (call.account.appid, who["openid"], json.dumps(found, ensure_ascii=False), call.now),
    )
    return {"errcode": 0, "errmsg": "preview success", "msg_id": 34_182}


def get(call: "Call") -> dict[str, Any]:
    mass.settle_due(call.world)
    row = _find(call)
    return {"msg_id": row["msg_id"], "msg_status": mass.status(row)}


def delete(call: "Call") -> dict[str, Any]:
    """One article of a sent message, or all. What is gone cannot be deleted again."""
    mass.settle_due(call.world)
    row = _find(call)
    if row["finished_at"] is None or row["outcome"] != mass.OK or row["msgtype"] != "mpnews":
        raise Refused(40059)
    index, count = call.body.get("article_idx") or 0, len(json.loads(row["articles"]))
    if not isinstance(index, int) or not 0 <= index <= count:
        raise Refused(40060)
    gone = set(json.loads(row["deleted"]))
    wanted = {index} if index else set(range(1, count + 1))
    if wanted <= gone:
        raise Refused(40060)
    call.world.db.execute(
        "UPDATE wx_mass SET deleted = ? WHERE msg_id = ?", (json.dumps(sorted(gone | wanted)), row["msg_id"])
    )
    return {"errcode": 0, "errmsg": "ok"}


def _find(call: "Call") -> Any:
    msg_id = str(call.body.get("msg_id") or "")
    row = None
    if msg_id.isdigit():
        row = call.world.db.execute(
            "SELECT * FROM wx_mass WHERE msg_id = ? AND appid = ?", (int(msg_id), call.account.appid)
        ).fetchone()
    if row is None:
        raise Refused(40059)
    return row
