"""Menus: created whole, limited in bytes, two levels. (Rulebook §2.)

A menu may also be made in WeChat's console, by hand: then menu/get knows none, and get_current_selfmenu_info shows it
in a shape of its own. Guesses: making one there takes the API's away, creating one by the API takes the console's
away and switches the menu on.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.wechat import conditional
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

TOP_MAX = 3
SUB_MAX = 5
TOP_NAME_MAX_BYTES = 16
SUB_NAME_MAX_BYTES = 60
KEY_MAX_BYTES = 128
URL_MAX_BYTES = 1024

_KEYED = {
    "click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin",
    "location_select",
}  # fmt: skip
_MEDIA = {"media_id", "view_limited"}
_ARTICLE = {"article_id", "article_view_limited"}
_ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_URL = re.compile(r"https?://[^/\s%?#]+", re.IGNORECASE)


def create(call: "Call") -> dict[str, Any]:
    refuse_escapes(call)
    buttons = call.body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= TOP_MAX:
        raise Refused(40016)
    kept = checked(call, buttons)
    call.world.db.execute(
        "INSERT INTO wx_menu VALUES (?, ?, ?) ON CONFLICT (appid) DO UPDATE"
        " SET body = excluded.body, created_at = excluded.created_at",
        (call.account.appid, json.dumps(kept, ensure_ascii=False), call.now),
    )
    call.world.db.execute("DELETE FROM wx_console_menu WHERE appid = ?", (call.account.appid,))
    return {"errcode": 0, "errmsg": "ok"}


def get(call: "Call") -> dict[str, Any]:
    buttons = current(call.world, call.account.appid)
    if buttons is None:
        raise Refused(46003)
    others = conditional.listed(call.world, call.account.appid)
    if not others:
        return {"menu": {"button": buttons}}
    return {"menu": {"button": buttons, "menuid": conditional.FIRST_MENUID}, "conditionalmenu": others}


def delete(call: "Call") -> dict[str, Any]:
    clear(call.world, call.account.appid)
    return {"errcode": 0, "errmsg": "ok"}


def selfmenu(call: "Call") -> dict[str, Any]:
    """The other shape: sub-buttons under ``list``, keys and urls of leaves as they were given."""
    world, appid = call.world, call.account.appid
    made = made_in_console(world, appid)
    buttons = current(world, appid)
    if made is None and buttons is None:
        return {"is_menu_open": 0}
    shown = made if made is not None else [_listed(button) for button in buttons or ()]
    return {"is_menu_open": int(is_open(world, appid)), "selfmenu_info": {"button": shown}}


def checked(call: "Call", buttons: list[Any]) -> list[dict[str, Any]]:
    """The buttons as they are kept; refused when one breaks a rule."""
    if len(buttons) > TOP_MAX:
        raise Refused(40016)
    return [_top(call, button) for button in buttons]


def refuse_escapes(call: "Call") -> None:
    if _ESCAPE.search(call.raw):
        raise Refused(40033)


def clear(world: World, appid: str) -> None:
    """Take away whatever the API made."""
    for table in ("wx_menu", "wx_conditional_menu"):
        world.db.execute(f"DELETE FROM {table} WHERE appid = ?", (appid,))


def set_in_console(world: World, appid: str, buttons: list[dict[str, Any]] | None, is_on: bool) -> None:
    """Somebody at the console: another menu (in the shape of get_current_selfmenu_info), or the switch."""
    with world.transaction() as db:
        if buttons is not None:
            clear(world, appid)
        made = made_in_console(world, appid) if buttons is None else buttons
        body = None if made is None else json.dumps(made, ensure_ascii=False)
        db.execute("INSERT OR REPLACE INTO wx_console_menu VALUES (?, ?, ?)", (appid, body, int(is_on)))


def made_in_console(world: World, appid: str) -> list[dict[str, Any]] | None:
    with world.lock:
        row = world.db.execute("SELECT body FROM wx_console_menu WHERE appid = ?", (appid,)).fetchone()
    return json.loads(row["body"]) if row and row["body"] else None


def is_open(world: World, appid: str) -> bool:
    with world.lock:
        row = world.db.execute("SELECT is_open FROM wx_console_menu WHERE appid = ?", (appid,)).fetchone()
    return bool(row["is_open"]) if row else True


def current(world: World, appid: str) -> list[dict[str, Any]] | None:
    with world.lock:
        row = world.db.execute("SELECT body FROM wx_menu WHERE appid = ?", (appid,)).fetchone()
    return json.loads(row["body"]) if row else None


def uses(world: World, appid: str, media_id: str) -> bool:
    menus = [current(world, appid) or [], *(one["button"] for one in conditional.listed(world, appid))]
    buttons = [button for buttons in menus for button in buttons]
    leaves = [leaf for button in buttons for leaf in [button, *button["sub_button"]]]
    return any(leaf.get("media_id") == media_id for leaf in leaves)


def _listed(button: dict[str, Any]) -> dict[str, Any]:
    leaf = {k: v for k, v in button.items() if k != "sub_button"}
    if not button["sub_button"]:
        return leaf
    subs = [{k: v for k, v in sub.items() if k != "sub_button"} for sub in button["sub_button"]]
    return {"name": button["name"], "sub_button": {"list": subs}}


def _top(call: "Call", button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise Refused(47001)
    subs = button.get("sub_button") or []
    _check_name(button, TOP_NAME_MAX_BYTES, 40018)
    if not isinstance(subs, list):
        raise Refused(47001)
    if not subs:
        return {**_leaf(call, button, top=True), "sub_button": []}
    if len(subs) > SUB_MAX:
        raise Refused(40023)
    return {"name": button["name"], "sub_button": [_sub(call, sub) for sub in subs]}


def _sub(call: "Call", button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise Refused(47001)
    if button.get("sub_button"):
        raise Refused(40022)
    _check_name(button, SUB_NAME_MAX_BYTES, 40025)
    return {**_leaf(call, button, top=False), "sub_button": []}


def _check_name(button: dict[str, Any], max_bytes: int, errcode: int) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= max_bytes:
        raise Refused(errcode)


def _leaf(call: "Call", button: dict[str, Any], *, top: bool) -> dict[str, Any]:
    kind = button.get("type")
    kept = {"type": kind, "name": button["name"]}
    if kind in _KEYED:
        _check_text(button.get("key"), KEY_MAX_BYTES, 40019 if top else 40026)
        kept["key"] = button["key"]
    elif kind == "view":
        _check_url(button.get("url"), top=top)
        kept["url"] = button["url"]
    elif kind in _MEDIA:
        media_id = button.get("media_id")
        _check_text(media_id, 128, 40118)
        if not _material_exists(call, str(media_id)):
            raise Refused(40007)
        kept["media_id"] = media_id
    elif kind in _ARTICLE:
        _check_text(button.get("article_id"), 128, 53600)
        kept["article_id"] = button["article_id"]
    elif kind == "miniprogram":
        _check_url(button.get("url"), top=top)
        _check_text(button.get("pagepath"), URL_MAX_BYTES, 40020 if top else 40027)
        if button.get("appid") not in call.account.setting("linked_miniprograms"):
            raise Refused(40119 if top else 40120)
        kept |= {name: button[name] for name in ("appid", "pagepath", "url")}
    else:
        raise Refused(40017 if top else 40024)
    return kept


def _check_text(value: Any, max_bytes: int, errcode: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= max_bytes:
        raise Refused(errcode)


def _check_url(url: Any, *, top: bool) -> None:
    _check_text(url, URL_MAX_BYTES, 40020 if top else 40027)
    if not _URL.match(url):
        raise Refused(40055 if top else 40054)


def _material_exists(call: "Call", media_id: str) -> bool:
    row = call.world.db.execute(
        "SELECT 1 FROM wx_material WHERE media_id = ? AND appid = ?", (media_id, call.account.appid)
    ).fetchone()
    return row is not None
