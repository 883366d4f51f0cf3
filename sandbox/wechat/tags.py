"""Tags an account gives its followers, and who has which. (Rulebook §8.)

Ids 0 to 2 are WeChat's own and not listed; an account's begin at 100.
"""

from typing import TYPE_CHECKING, Any

from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

TAGS_MAX = 100
NAME_MAX = 30
PER_USER_MAX = 20
BATCH_MAX = 50
LAST_OF_SYSTEM = 2
FIRST_ID = 100
PAGE = 10_000


def get(call: "Call") -> dict[str, Any]:
    rows = call.world.db.execute(
        "SELECT t.id, t.name, COUNT(f.openid) AS count FROM wx_tag t"
        " LEFT JOIN wx_tagged m ON m.appid = t.appid AND m.tag_id = t.id"
        " LEFT JOIN wx_follower f ON f.openid = m.openid AND f.persona != 'unfollowed'"
        " WHERE t.appid = ? GROUP BY t.id, t.name ORDER BY t.id",
        (call.account.appid,),
    ).fetchall()
    return {"tags": [dict(row) for row in rows]}


def create(call: "Call") -> dict[str, Any]:
    name = _name(call)
    db, appid = call.world.db, call.account.appid
    total, last = db.execute("SELECT COUNT(*), MAX(id) FROM wx_tag WHERE appid = ?", (appid,)).fetchone()
    if total >= TAGS_MAX:
        raise Refused(45056)
    tag_id = max(FIRST_ID, (last or 0) + 1)
    db.execute("INSERT INTO wx_tag VALUES (?, ?, ?)", (appid, tag_id, name))
    return {"tag": {"id": tag_id, "name": name}}


def update(call: "Call") -> dict[str, Any]:
    tag_id, name = _own(call, _tag(call).get("id")), _name(call)
    call.world.db.execute("UPDATE wx_tag SET name = ? WHERE appid = ? AND id = ?", (name, call.account.appid, tag_id))
    return {"errcode": 0, "errmsg": "ok"}


def delete(call: "Call") -> dict[str, Any]:
    tag_id = _own(call, _tag(call).get("id"))
    for table, column in (("wx_tag", "id"), ("wx_tagged", "tag_id")):
        call.world.db.execute(f"DELETE FROM {table} WHERE appid = ? AND {column} = ?", (call.account.appid, tag_id))
    return {"errcode": 0, "errmsg": "ok"}


def tag_people(call: "Call") -> dict[str, Any]:
    tag_id, openids = _own(call, call.body.get("tagid")), _openids(call)
    db, appid = call.world.db, call.account.appid
    for openid in openids:
        has = [r["tag_id"] for r in db.execute("SELECT tag_id FROM wx_tagged WHERE openid = ?", (openid,))]
        if tag_id not in has and len(has) >= PER_USER_MAX:
            raise Refused(45059)
        db.execute("INSERT OR REPLACE INTO wx_tagged VALUES (?, ?, ?, ?)", (appid, openid, tag_id, call.now))
    return {"errcode": 0, "errmsg": "ok"}


def untag_people(call: "Call") -> dict[str, Any]:
    tag_id = _own(call, call.body.get("tagid"))
    call.world.db.executemany(
        "DELETE FROM wx_tagged WHERE tag_id = ? AND openid = ?", [(tag_id, openid) for openid in _openids(call)]
    )
    return {"errcode": 0, "errmsg": "ok"}


def people(call: "Call") -> dict[str, Any]:
    """One page of who has a tag. ``next_openid`` is always there, as real clients need it."""
    openids = having(call.world, call.account.appid, _own(call, call.body.get("tagid")))
    after = call.body.get("next_openid") or ""
    if after and after not in openids:
        raise Refused(40003)
    page = openids[openids.index(after) + 1 :][:PAGE] if after else openids[:PAGE]
    answer: dict[str, Any] = {"count": len(page)}
    if page:
        answer["data"] = {"openid": page}
    return {**answer, "next_openid": page[-1] if page else ""}


def of_person(call: "Call") -> dict[str, Any]:
    openid = str(call.body.get("openid") or "")
    if openid not in _followers(call):
        raise Refused(40003)
    return {"tagid_list": of_citizen(call.world, call.account.appid, openid)}


def of_citizen(world: World, appid: str, openid: str) -> list[int]:
    """The ids of a citizen's tags, in the order they were given: of a menu's rules the last one counts."""
    rows = world.db.execute(
        "SELECT tag_id FROM wx_tagged WHERE appid = ? AND openid = ? ORDER BY at, rowid", (appid, openid)
    )
    return [row["tag_id"] for row in rows]


def exists(world: World, appid: str, tag_id: object) -> bool:
    if not isinstance(tag_id, int | str) or not str(tag_id).isdigit():
        return False
    row = world.db.execute("SELECT 1 FROM wx_tag WHERE appid = ? AND id = ?", (appid, int(tag_id))).fetchone()
    return row is not None


def having(world: World, appid: str, tag_id: int) -> list[str]:
    """The followers with a tag, in the order they got it."""
    rows = world.db.execute(
        "SELECT m.openid FROM wx_tagged m JOIN wx_follower f ON f.openid = m.openid AND f.persona != 'unfollowed'"
        " WHERE m.appid = ? AND m.tag_id = ? ORDER BY m.at, m.rowid",
        (appid, tag_id),
    )
    return [row["openid"] for row in rows]


def _tag(call: "Call") -> dict[str, Any]:
    tag = call.body.get("tag")
    if not isinstance(tag, dict):
        raise Refused(47001)
    return tag


def _name(call: "Call") -> str:
    name = str(_tag(call).get("name") or "").strip()
    if len(name) > NAME_MAX:
        raise Refused(45158)
    taken = call.world.db.execute(
        "SELECT 1 FROM wx_tag WHERE appid = ? AND name = ?", (call.account.appid, name)
    ).fetchone()
    if not name or taken:
        raise Refused(45157)
    return name


def _own(call: "Call", tag_id: Any) -> int:
    if not isinstance(tag_id, int) or not str(tag_id).isdigit():
        raise Refused(45159)
    if tag_id <= LAST_OF_SYSTEM:
        raise Refused(45058)
    if not exists(call.world, call.account.appid, tag_id):
        raise Refused(45159)
    return tag_id


def _openids(call: "Call") -> list[str]:
    given = call.body.get("openid_list")
    if not isinstance(given, list) or not 1 <= len(given) <= BATCH_MAX:
        raise Refused(40032)
    known = _followers(call)
    if any(openid not in known for openid in given):
        raise Refused(40003)
    return given


def _followers(call: "Call") -> set[str]:
    rows = call.world.db.execute("SELECT openid FROM wx_follower WHERE appid = ?", (call.account.appid,))
    return {row["openid"] for row in rows}
