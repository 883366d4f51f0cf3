"""Conditional menus: another menu for those who match a rule. (Rulebook §2, "Conditional menus".)

The default menu comes first. Who matches several sees the newest; of several tags the last counts. There is no edit,
and the same menu added twice is there twice. Guesses: a tag that does not exist is refused (45159), a platform that
is not one too (40035); menuids grow.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.wechat import menu, tags
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

#: What was put away for the citizens' privacy.
REMOVED = ("sex", "country", "province", "city", "language")
PLATFORMS = {"1": "ios", "2": "android", "3": "other"}
OUTSIDE_MAX = 3
FIRST_MENUID = 208_379_533


def add(call: "Call") -> dict[str, Any]:
    menu.refuse_escapes(call)
    world, appid = call.world, call.account.appid
    if menu.current(world, appid) is None:
        raise Refused(65303)
    buttons = call.body.get("button")
    if not isinstance(buttons, list) or not buttons:
        raise Refused(65307)
    if any(_idle(button) for button in buttons):
        raise Refused(65308)
    kept = menu.checked(call, buttons)
    if len(_outside(kept)) > OUTSIDE_MAX:
        raise Refused(65316)
    body = json.dumps(kept, ensure_ascii=False)
    added = world.db.execute(
        "INSERT INTO wx_conditional_menu (appid, matchrule, body, created_at) VALUES (?, ?, ?, ?)",
        (appid, json.dumps(_rule(call)), body, call.now),
    )
    return {"menuid": str(FIRST_MENUID + int(added.lastrowid or 0))}


def drop(call: "Call") -> dict[str, Any]:
    menuid = str(call.body.get("menuid") or "")
    row = int(menuid) - FIRST_MENUID if menuid.isdigit() else 0
    gone = call.world.db.execute(
        "DELETE FROM wx_conditional_menu WHERE id = ? AND appid = ?", (row, call.account.appid)
    )
    if gone.rowcount != 1:
        raise Refused(65301)
    return {"errcode": 0, "errmsg": "ok"}


def trymatch(call: "Call") -> dict[str, Any]:
    openid = str(call.body.get("user_id") or "")
    world, appid = call.world, call.account.appid
    if not world.db.execute("SELECT 1 FROM wx_follower WHERE openid = ? AND appid = ?", (openid, appid)).fetchone():
        raise Refused(65302)
    if menu.current(world, appid) is None:
        raise Refused(46003)
    return {"button": shown_to(world, appid, openid)}


def listed(world: World, appid: str) -> list[dict[str, Any]]:
    """Every conditional menu as menu/get lists it."""
    with world.lock:
        rows = world.db.execute("SELECT * FROM wx_conditional_menu WHERE appid = ? ORDER BY id", (appid,)).fetchall()
    return [
        {
            "button": json.loads(row["body"]),
            "matchrule": json.loads(row["matchrule"]),
            "menuid": FIRST_MENUID + row["id"],
        }
        for row in rows
    ]


def shown_to(world: World, appid: str, openid: str) -> list[dict[str, Any]]:
    """The menu one citizen sees."""
    with world.lock:
        if not menu.is_open(world, appid):
            return []
        if (made := menu.made_in_console(world, appid)) is not None:
            return [_as_api(button) for button in made]
        given = tags.of_citizen(world, appid, openid)
        for one in reversed(listed(world, appid)):
            rule = one["matchrule"]
            tag, platform = rule.get("tag_id", ""), rule.get("client_platform_type", "")
            if tag and tag != str(given[-1] if given else ""):
                continue
            if platform and PLATFORMS[platform] != platform_of(world, openid):
                continue
            found: list[dict[str, Any]] = one["button"]
            return found
        return menu.current(world, appid) or []


def platform_of(world: World, openid: str) -> str:
    row = world.db.execute("SELECT platform FROM wx_phone WHERE openid = ?", (openid,)).fetchone()
    return str(row["platform"]) if row else "android"


def _rule(call: "Call") -> dict[str, str]:
    given = call.body.get("matchrule")
    rule = {k: str(v) for k, v in given.items() if v not in ("", None)} if isinstance(given, dict) else {}
    if any(name in rule for name in REMOVED):
        raise Refused(65320)
    rule = {name: rule[name] for name in ("tag_id", "client_platform_type") if name in rule}
    if not rule:
        raise Refused(65304)
    if "tag_id" in rule and not tags.exists(call.world, call.account.appid, rule["tag_id"]):
        raise Refused(45159)
    if rule.get("client_platform_type", "1") not in PLATFORMS:
        raise Refused(40035)
    return rule


def _idle(button: Any) -> bool:
    """Whether it does nothing when tapped, or holds one that does nothing."""
    if not isinstance(button, dict):
        return False
    subs = button.get("sub_button")
    return any(_idle(sub) for sub in subs) if isinstance(subs, list) and subs else not button.get("type")


def _outside(buttons: list[dict[str, Any]]) -> set[str]:
    leaves = [leaf for button in buttons for leaf in (button, *button["sub_button"])]
    hosts = {urlsplit(leaf["url"]).hostname or "" for leaf in leaves if leaf.get("type") == "view"}
    return hosts - {"mp.weixin.qq.com"}


def _as_api(button: dict[str, Any]) -> dict[str, Any]:
    subs = button.get("sub_button", {}).get("list", [])
    return {**button, "sub_button": [{**sub, "sub_button": []} for sub in subs]}
