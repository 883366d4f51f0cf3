"""Menus: created whole, limited in bytes, two levels. (Rulebook §2.)"""

import json
import re
from typing import TYPE_CHECKING, Any

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
    if _ESCAPE.search(call.raw):
        raise Refused(40033)
    buttons = call.body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= TOP_MAX:
        raise Refused(40016)
    kept = [_top(call, button) for button in buttons]
    call.world.db.execute(
        "INSERT INTO wx_menu VALUES (?, ?, ?) ON CONFLICT (appid) DO UPDATE"
        " SET body = excluded.body, created_at = excluded.created_at",
        (call.account.appid, json.dumps(kept, ensure_ascii=False), call.now),
    )
    return {"errcode": 0, "errmsg": "ok"}


def get(call: "Call") -> dict[str, Any]:
    buttons = current(call.world, call.account.appid)
    if buttons is None:
        raise Refused(46003)
    return {"menu": {"button": buttons}}


def delete(call: "Call") -> dict[str, Any]:
    call.world.db.execute("DELETE FROM wx_menu WHERE appid = ?", (call.account.appid,))
    return {"errcode": 0, "errmsg": "ok"}


def selfmenu(call: "Call") -> dict[str, Any]:
    """The other shape: sub-buttons under ``list``, keys and urls of leaves as they were given."""
    buttons = current(call.world, call.account.appid)
    if buttons is None:
        return {"is_menu_open": 0}
    shown = []
    for button in buttons:
        leaf = {k: v for k, v in button.items() if k != "sub_button"}
        if button["sub_button"]:
            subs = [{k: v for k, v in sub.items() if k != "sub_button"} for sub in button["sub_button"]]
            leaf = {"name": button["name"], "sub_button": {"list": subs}}
        shown.append(leaf)
    return {"is_menu_open": 1, "selfmenu_info": {"button": shown}}


def current(world: World, appid: str) -> list[dict[str, Any]] | None:
    with world.lock:
        row = world.db.execute("SELECT body FROM wx_menu WHERE appid = ?", (appid,)).fetchone()
    return json.loads(row["body"]) if row else None


def uses(world: World, appid: str, media_id: str) -> bool:
    buttons = current(world, appid) or []
    leaves = [leaf for button in buttons for leaf in [button, *button["sub_button"]]]
    return any(leaf.get("media_id") == media_id for leaf in leaves)


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
        # No mini program is linked to these accounts.
        raise Refused(40119 if top else 40120)
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
