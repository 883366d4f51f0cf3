"""How often each path may be called: by Beijing day, and by minute where a limit is set.

The daily limits are those of a new verified account (rulebook §1, "Daily limits"); where none is published, 100,000
stands. The control API can set others.
Minute limits are mostly unpublished: ``stable_token`` and mass sends have one here, others are set on request.
"""

from typing import TYPE_CHECKING, Any

from sandbox.wechat.accounts import account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

CLEARS_PER_MONTH = 10
SINGLE_CLEARS_PER_MONTH = 50

DAILY: dict[str, int] = {
    "/cgi-bin/token": 2000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/menu/create": 1000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1000,
    "/cgi-bin/menu/addconditional": 2000,
    "/cgi-bin/menu/delconditional": 2000,
    "/cgi-bin/menu/trymatch": 20_000,
    "/cgi-bin/get_current_selfmenu_info": 10_000,
    "/cgi-bin/material/add_material": 100_000,
    "/cgi-bin/material/get_material": 200_000,
    "/cgi-bin/material/batchget_material": 100_000,
    "/cgi-bin/material/del_material": 100_000,
    "/cgi-bin/material/get_materialcount": 100_000,
    "/cgi-bin/media/uploadimg": 100_000,
    "/cgi-bin/draft/add": 1000,
    "/cgi-bin/draft/get": 500,
    "/cgi-bin/draft/delete": 1000,
    "/cgi-bin/draft/update": 1000,
    "/cgi-bin/draft/count": 1000,
    "/cgi-bin/draft/batchget": 1000,
    "/cgi-bin/freepublish/submit": 100,
    "/cgi-bin/freepublish/get": 100,
    "/cgi-bin/freepublish/delete": 10,
    "/cgi-bin/freepublish/getarticle": 100,
    "/cgi-bin/freepublish/batchget": 100,
    "/cgi-bin/message/mass/sendall": 100,
    "/cgi-bin/message/mass/send": 100,
    "/cgi-bin/message/mass/preview": 100,
    "/cgi-bin/message/mass/get": 100_000,
    "/cgi-bin/message/mass/delete": 100_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/message/subscribe/bizsend": 100_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/template/get_all_private_template": 100_000,
    "/cgi-bin/tags/create": 100_000,
    "/cgi-bin/tags/delete": 100_000,
    "/cgi-bin/tags/members/batchtagging": 100_000,
    "/cgi-bin/user/get": 500,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/user/info/batchget": 100_000,
    "/datacube/getarticleread": 100_000,
    "/datacube/getarticleshare": 100_000,
    "/datacube/getarticletotaldetail": 100_000,
    "/datacube/getbizsummary": 100_000,
    "/datacube/getusersummary": 100_000,
    "/datacube/getusercumulate": 100_000,
    "/cgi-bin/user/tag/get": 100_000,
    "/cgi-bin/tags/get": 100_000,
    "/cgi-bin/tags/update": 100_000,
    "/cgi-bin/tags/getidlist": 100_000,
    "/cgi-bin/tags/members/batchuntagging": 100_000,
}
MINUTE: dict[str, int] = {"/cgi-bin/stable_token": 10_000, "/cgi-bin/message/mass/sendall": 60}


def day(world: World) -> str:
    return world.clock.beijing().strftime("%Y-%m-%d")


def _minute(world: World) -> str:
    return world.clock.beijing().strftime("%Y-%m-%dT%H:%M")


def limits(world: World, appid: str, path: str) -> tuple[int, int | None]:
    """(daily, per minute); None is unlimited."""
    row = world.db.execute(
        "SELECT daily, minute FROM wx_limit WHERE appid = ? AND path = ?", (appid, path)
    ).fetchone()
    daily, minute = DAILY.get(path, 100_000), MINUTE.get(path)
    if row is not None:
        daily = row["daily"] if row["daily"] is not None else daily
        minute = row["minute"] if row["minute"] is not None else minute
    return daily, minute


def spend(world: World, appid: str, path: str) -> None:
    """Count this call, or refuse it: 45009 for the day, 45011 for the minute. A refused call does not count."""
    daily, minute = limits(world, appid, path)
    if minute is not None and used(world, appid, path, _minute(world)) >= minute:
        raise Refused(45011)
    spend_counter(world, appid, path, daily, day(world))
    if minute is not None:
        spend_counter(world, appid, path, None, _minute(world))


def spend_counter(world: World, appid: str, path: str, limit: int | None, period: str, errcode: int = 45009) -> None:
    if limit is not None and used(world, appid, path, period) >= limit:
        raise Refused(errcode)
    with world.transaction() as db:
        db.execute(
            "INSERT INTO wx_quota VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1",
            (appid, path, period),
        )


def used(world: World, appid: str, path: str, period: str) -> int:
    row = world.db.execute(
        "SELECT used FROM wx_quota WHERE appid = ? AND path = ? AND period = ?", (appid, path, period)
    ).fetchone()
    return row["used"] if row else 0


def usage(world: World, appid: str) -> dict[str, dict[str, int]]:
    """Today's use of every path."""
    with world.lock:
        today = day(world)
        return {
            path: {"daily_limit": limits(world, appid, path)[0], "used": used(world, appid, path, today)}
            for path in DAILY
        }


def quota_get(call: "Call") -> dict[str, Any]:
    path = call.body.get("cgi_path")
    if not path:
        raise Refused(76003)
    if path not in DAILY:
        raise Refused(76021)
    daily, minute = limits(call.world, call.account.appid, path)
    spent = used(call.world, call.account.appid, path, day(call.world))
    answer: dict[str, Any] = {
        "errcode": 0,
        "errmsg": "ok",
        "quota": {"daily_limit": daily, "used": spent, "remain": max(0, daily - spent)},
    }
    if minute is not None:
        answer["rate_limit"] = {"call_count": minute, "refresh_second": 60}
    return answer


def clear_quota(call: "Call") -> dict[str, Any]:
    if call.body.get("appid") != call.account.appid:
        raise Refused(40013)
    _clear(call.world, call.account.appid)
    return {"errcode": 0, "errmsg": "ok"}


def clear_quota_v2(call: "Call") -> dict[str, Any]:
    owner = account(call.world, str(call.body.get("appid", "")))
    if owner is None:
        raise Refused(40013)
    if call.body.get("appsecret") != owner.secret:
        raise Refused(40125)
    _clear(call.world, owner.appid)
    return {"errcode": 0, "errmsg": "ok"}


def clear_one(call: "Call") -> dict[str, Any]:
    path = call.body.get("cgi_path")
    if path not in DAILY:
        raise Refused(76021)
    world, appid = call.world, call.account.appid
    spend_counter(world, appid, "openapi/quota/clear", SINGLE_CLEARS_PER_MONTH, day(world)[:7], 48006)
    world.db.execute("DELETE FROM wx_quota WHERE appid = ? AND path = ? AND period = ?", (appid, path, day(world)))
    return {"errcode": 0, "errmsg": "ok"}


def _clear(world: World, appid: str) -> None:
    month = day(world)[:7]
    spend_counter(world, appid, "clear_quota", CLEARS_PER_MONTH, month, 48006)
    world.db.execute("DELETE FROM wx_quota WHERE appid = ? AND period >= ? AND path LIKE '/%'", (appid, day(world)))
