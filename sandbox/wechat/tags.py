"""Tags: what an account sorts its followers by. (Rulebook §8.)

Ids 0 to 2 are the system's; an account's own begin at 100. Of a citizen's tags the one given last counts where only
one can.
"""

from typing import TYPE_CHECKING, Any

from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

FIRST_ID = 100
TAGS_MAX = 100
NAME_MAX = 30
BATCH_MAX = 50


def get(call: "Call") -> dict[str, Any]:
    rows = call.world.db.execute(
        "SELECT id, name, (SELECT COUNT(*) FROM wx_tagged m WHERE m.appid = t.appid AND m.tag_id = t.id) AS count"
        " FROM wx_tag t WHERE appid = ? ORDER BY id",
        (call.account.appid,),
    ).fetchall()
    return {"tags": [dict(row) for row in rows]}


def create(call: "Call") -> dict[str, Any]:
    tag = call.body.get("tag")
    name = tag.get("name") if isinstance(tag, dict) else None
    if not isinstance(name, str) or not name:
        raise Refused(45157)
    if len(name) > NAME_MAX:
        raise Refused(45158)
    db, appid = call.world.db, call.account.appid
    if db.execute("SELECT 1 FROM wx_tag WHERE appid = ? AND name = ?", (appid, name)).fetchone():
        raise Refused(45157)
    known = db.execute("SELECT COUNT(*), COALESCE(MAX(id), ?) FROM wx_tag WHERE appid = ?", (FIRST_ID - 1, appid))
    count, last = known.fetchone()
    if count >= TAGS_MAX:
        raise Refused(45056)
    db.execute("INSERT INTO wx_tag VALUES (?, ?, ?)", (appid, last + 1, name))
    return {"tag": {"id": last + 1, "name": name}}


def delete(call: "Call") -> dict[str, Any]:
    tag = call.body.get("tag")
    tag_id = tag.get("id") if isinstance(tag, dict) else None
    if not exists(call.world, call.account.appid, tag_id):
        raise Refused(45159)
    for table, column in (("wx_tag", "id"), ("wx_tagged", "tag_id")):
        call.world.db.execute(f"DELETE FROM {table} WHERE appid = ? AND {column} = ?", (call.account.appid, tag_id))
    return {"errcode": 0, "errmsg": "ok"}


def batchtagging(call: "Call") -> dict[str, Any]:
    openids, tag_id = call.body.get("openid_list"), call.body.get("tagid")
    if not isinstance(openids, list) or not 1 <= len(openids) <= BATCH_MAX:
        raise Refused(40032)
    if not exists(call.world, call.account.appid, tag_id):
        raise Refused(45159)
    for openid in openids:
        follows = call.world.db.execute(
            "SELECT 1 FROM wx_follower WHERE openid = ? AND appid = ?", (openid, call.account.appid)
        ).fetchone()
        if not follows:
            raise Refused(40003)
        call.world.db.execute(
            "INSERT OR REPLACE INTO wx_tagged VALUES (?, ?, ?, ?)", (call.account.appid, openid, tag_id, call.now)
        )
    return {"errcode": 0, "errmsg": "ok"}


def exists(world: World, appid: str, tag_id: object) -> bool:
    found = world.db.execute("SELECT 1 FROM wx_tag WHERE appid = ? AND id = ?", (appid, _number(tag_id)))
    return found.fetchone() is not None


def of_citizen(world: World, appid: str, openid: str) -> list[int]:
    """The ids of a citizen's tags, in the order they were given."""
    rows = world.db.execute(
        "SELECT tag_id FROM wx_tagged WHERE appid = ? AND openid = ? ORDER BY at, rowid", (appid, openid)
    )
    return [row["tag_id"] for row in rows]


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else -1
