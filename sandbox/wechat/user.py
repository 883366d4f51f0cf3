"""Followers. Names and pictures have been empty since December 2021. (Rulebook §8.)"""

from typing import TYPE_CHECKING, Any

from sandbox.wechat import tags
from sandbox.wechat.errors import Refused

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

PAGE = 10_000
BATCH_MAX = 100


def get(call: "Call") -> dict[str, Any]:
    rows = call.world.db.execute(
        "SELECT openid FROM wx_follower WHERE appid = ? AND persona != 'unfollowed' ORDER BY rowid",
        (call.account.appid,),
    ).fetchall()
    openids = [row["openid"] for row in rows]
    after = call.query.get("next_openid") or ""
    if after and after not in openids:
        raise Refused(40003)
    page = openids[openids.index(after) + 1 :][:PAGE] if after else openids[:PAGE]
    answer: dict[str, Any] = {"total": len(openids), "count": len(page)}
    if page:
        answer["data"] = {"openid": page}
    answer["next_openid"] = page[-1] if page else ""
    return answer


def info(call: "Call") -> dict[str, Any]:
    return _info(call, call.query.get("openid"))


def batchget(call: "Call") -> dict[str, Any]:
    wanted = call.body.get("user_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= BATCH_MAX:
        raise Refused(40032)
    return {"user_info_list": [_info(call, one.get("openid") if isinstance(one, dict) else None) for one in wanted]}


def _info(call: "Call", openid: str | None) -> dict[str, Any]:
    row = call.world.db.execute(
        "SELECT * FROM wx_follower WHERE openid = ? AND appid = ?", (openid, call.account.appid)
    ).fetchone()
    if row is None:
        raise Refused(40003)
    if row["persona"] == "unfollowed":
        return {"subscribe": 0, "openid": row["openid"], "tagid_list": []}
    return {
        "subscribe": 1,
        "openid": row["openid"],
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": row["subscribed_at"],
        "remark": "",
        "groupid": 0,
        "tagid_list": tags.of_citizen(call.world, call.account.appid, row["openid"]),
        "subscribe_scene": "ADD_SCENE_SEARCH",
        "qr_scene": 0,
        "qr_scene_str": "",
    }
