"""Permanent materials and the images of articles. (Rulebook §7; uploadimg §3.)

The bytes decide what a file is, not its name; but both must agree.
"""

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox.wechat import menu
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call, Upload

MB = 1024 * 1024
UPLOADIMG_MAX_BYTES = MB
TYPES = ("image", "voice", "video", "thumb")
_MAX_BYTES = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "thumb": 64 * 1024}
_EXTENSIONS = {"png": ("png",), "jpeg": ("jpg", "jpeg"), "gif": ("gif",), "bmp": ("bmp",)}
_OTHER_FORMATS = {"voice": ("mp3", "wma", "wav", "amr"), "video": ("mp4",)}


def image_format(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "bmp" if content.startswith(b"BM") else None


def uploadimg(call: "Call") -> dict[str, Any]:
    upload = _upload(call)
    kind = image_format(upload.content)
    if kind not in ("png", "jpeg") or not _name_fits(upload.filename, kind):
        raise Refused(40005)
    if len(upload.content) > UPLOADIMG_MAX_BYTES:
        raise Refused(40009)
    return {"url": keep_image(call, kind, upload.content)}


def add_material(call: "Call") -> dict[str, Any]:
    kind = call.query.get("type") or call.form.get("type") or ""
    if kind not in TYPES:
        raise Refused(40004)
    upload = _upload(call)
    content_type = _check_file(kind, upload)
    if len(upload.content) > _MAX_BYTES[kind]:
        raise Refused(40012 if kind == "thumb" else 45001)
    description = call.form.get("description")
    if kind == "video":
        _check_description(description)
    image = image_format(upload.content)
    url = keep_image(call, image, upload.content) if kind in ("image", "thumb") and image else ""
    media_id = secrets.token_urlsafe(32)
    call.world.db.execute(
        "INSERT INTO wx_material VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            media_id, call.account.appid, kind, upload.filename, url, content_type,
            hashlib.sha256(upload.content).hexdigest(), upload.content, description, call.now,
        ),
    )  # fmt: skip
    answer: dict[str, Any] = {"media_id": media_id}
    if url:
        answer["url"] = url
    return {**answer, "item": []}


def get_material(call: "Call") -> dict[str, Any] | Response:
    row = _find(call)
    if row["type"] == "video":
        described = json.loads(row["description"] or "{}")
        return {"title": described.get("title", ""), "description": described.get("introduction", ""), "down_url": ""}
    disposition = f'attachment; filename="{row["media_id"]}"'
    return Response(row["bytes"], media_type=row["content_type"], headers={"Content-disposition": disposition})


def del_material(call: "Call") -> dict[str, Any]:
    row = _find(call)
    if menu.uses(call.world, call.account.appid, row["media_id"]):
        raise Refused(48005)
    call.world.db.execute("DELETE FROM wx_material WHERE media_id = ?", (row["media_id"],))
    return {"errcode": 0, "errmsg": "ok"}


def batchget_material(call: "Call") -> dict[str, Any]:
    kind = call.body.get("type")
    if kind not in ("image", "voice", "video", "news"):
        raise Refused(40004)
    offset, count = page(call.body)
    db, appid = call.world.db, call.account.appid
    total = db.execute("SELECT COUNT(*) FROM wx_material WHERE appid = ? AND type = ?", (appid, kind)).fetchone()[0]
    rows = db.execute(
        "SELECT media_id, name, url, created_at FROM wx_material WHERE appid = ? AND type = ?"
        " ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?",
        (appid, kind, count, offset),
    ).fetchall()
    items = [
        {"media_id": r["media_id"], "name": r["name"], "update_time": int(r["created_at"]), "url": r["url"]}
        for r in rows
    ]
    return {"item": items, "total_count": total, "item_count": len(items)}


def get_materialcount(call: "Call") -> dict[str, Any]:
    rows = call.world.db.execute(
        "SELECT type, COUNT(*) AS n FROM wx_material WHERE appid = ? GROUP BY type", (call.account.appid,)
    ).fetchall()
    counts = {row["type"]: row["n"] for row in rows}
    return {f"{kind}_count": counts.get(kind, 0) for kind in ("voice", "video", "image", "news")}


def page(body: dict[str, Any]) -> tuple[int, int]:
    """``offset`` and ``count`` (1..20) of the batchget calls."""
    offset, count = body.get("offset", 0), body.get("count", 20)
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or not 1 <= count <= 20:
        raise Refused(40035)
    return offset, count


def keep_image(call: "Call", kind: str, content: bytes) -> str:
    """Store an image and return its address on WeChat's image host."""
    key = secrets.token_urlsafe(48)
    short = {"jpeg": "jpg"}.get(kind, kind)
    url = f"http://mmbiz.qpic.cn/mmbiz_{short}/{key}/0?wx_fmt={kind}"
    call.world.db.execute(
        "INSERT INTO wx_image VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key, call.account.appid, url, f"image/{kind}", hashlib.sha256(content).hexdigest(), content, call.now,
        ),
    )  # fmt: skip
    return url


def cover_url(world: World, media_id: str) -> str:
    row = world.db.execute("SELECT url FROM wx_material WHERE media_id = ?", (media_id,)).fetchone()
    return row["url"] if row else ""


def is_cover(world: World, appid: str, media_id: object) -> bool:
    """Is it a permanent image of this account?"""
    row = world.db.execute(
        "SELECT 1 FROM wx_material WHERE media_id = ? AND appid = ? AND type IN ('image', 'thumb')", (media_id, appid)
    ).fetchone()
    return row is not None


def _upload(call: "Call") -> "Upload":
    if call.upload is None:
        raise Refused(41005)
    if not call.upload.content:
        raise Refused(44001)
    return call.upload


def _name_fits(filename: str, kind: str) -> bool:
    return filename.lower().rsplit(".", 1)[-1] in _EXTENSIONS[kind]


def _check_file(kind: str, upload: "Upload") -> str:
    if kind in ("image", "thumb"):
        found = image_format(upload.content)
        if found is None or not _name_fits(upload.filename, found) or (kind == "thumb" and found != "jpeg"):
            raise Refused(40005)
        return f"image/{found}"
    if upload.filename.lower().rsplit(".", 1)[-1] not in _OTHER_FORMATS[kind]:
        raise Refused(40005)
    return "application/octet-stream"


def _check_description(description: str | None) -> None:
    try:
        described = json.loads(description or "")
    except ValueError as error:
        raise Refused(47001) from error
    if not isinstance(described, dict) or not described.get("title"):
        raise Refused(47001)


def _find(call: "Call") -> Any:
    media_id = call.body.get("media_id")
    if not media_id:
        raise Refused(41006)
    row = call.world.db.execute(
        "SELECT * FROM wx_material WHERE media_id = ? AND appid = ?", (media_id, call.account.appid)
    ).fetchone()
    if row is None:
        raise Refused(40007)
    return row
