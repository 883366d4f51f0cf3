"""What stands on the phone, worked out from WeChat's tables: conversation, menu, articles. Drawing is elsewhere."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.clock import BEIJING
from sandbox.phone import mass
from sandbox.wechat import conditional, custom, draft, publish
from sandbox.wechat.accounts import Account, account, accounts, follower
from sandbox.wechat.fields import FIELD
from sandbox.world import World

SEPARATOR_S = 300
TOP_SHOWN = 4
SUB_SHOWN = 8
_WEEKDAYS = "一二三四五六日"
_IMAGE = re.compile(r"""\b(?:data-)?src\s*=\s*(["']?)https?://mmbiz\.qpic\.cn(/[^"'\s>]+)\1""", re.IGNORECASE)
_LINK = re.compile(r"""\bhref\s*=\s*(["'])(https?://mp\.weixin\.qq\.com/[^"']*)\1""", re.IGNORECASE)

PERSONA_NAMES = {
    "ordinary": "普通用户",
    "blocked": "拒收消息",
    "unfollowed": "已取消关注",
    "timeout_after_accept": "送达后超时",
    "blacklisted": "黑名单",
}


@dataclass(frozen=True)
class Citizen:
    openid: str
    name: str
    persona: str
    account: Account

    @property
    def persona_name(self) -> str:
        return PERSONA_NAMES.get(self.persona, self.persona)


def citizen(world: World, openid: str) -> Citizen | None:
    row = follower(world, openid)
    owner = account(world, row["appid"]) if row else None
    return Citizen(openid, row["name"], row["persona"], owner) if row and owner else None


def by_account(world: World) -> list[dict[str, Any]]:
    """Every account with its followers, those with news first, each with the last message as WeChat lists it."""
    with world.lock:
        rows = world.db.execute(
            "SELECT f.*, m.n, m.last_at, t.title FROM wx_follower f"
            " LEFT JOIN (SELECT openid, COUNT(*) AS n, MAX(sent_at) AS last_at, MAX(msgid) AS last FROM wx_message"
            "   WHERE delivered = 1 GROUP BY openid) m ON m.openid = f.openid"
            " LEFT JOIN wx_message l ON l.msgid = m.last"
            " LEFT JOIN wx_template t ON t.appid = l.appid AND t.template_id = l.template_id"
            " ORDER BY m.last_at IS NULL, m.last_at DESC, f.rowid"
        ).fetchall()
    now = world.clock.beijing()
    people = [
        {
            **dict(row),
            "persona_name": PERSONA_NAMES.get(row["persona"], row["persona"]),
            "when": short_moment(row["last_at"], now) if row["last_at"] else "",
        }
        for row in rows
    ]
    return [
        {"name": owner.name, "people": [person for person in people if person["appid"] == owner.appid]}
        for owner in accounts(world)
    ]


def conversation(world: World, who: Citizen) -> list[dict[str, Any]]:
    """Time separators and message cards, oldest first."""
    with world.lock:
        rows = world.db.execute(
            "SELECT m.*, t.title, t.content FROM wx_message m JOIN wx_template t"
            " ON t.appid = m.appid AND t.template_id = m.template_id"
            " WHERE m.openid = ? AND m.delivered = 1 ORDER BY m.msgid",
            (who.openid,),
        ).fetchall()
    cards: list[tuple[float, dict[str, Any]]] = [
        (
            row["sent_at"],
            {
                "kind": "template",
                "title": row["title"],
                "fields": _fields(row["content"], json.loads(row["data"])),
                "link": link(world, who, row["url"]),
            },
        )
        for row in rows
    ]
    for said in custom.cards(world, who.openid):
        cards.append((said["at"], {"kind": "words", "text": said["text"], "link": link(world, who, said["url"])}))
    for card in mass.cards(world, who.openid):
        pictured = [{**one, "cover": local_image(one["cover"])} for one in card["articles"]]
        cards.append((card["at"], {"kind": "mass", "preview": card["preview"], "articles": pictured}))
    now = world.clock.beijing()
    shown: list[dict[str, Any]] = []
    last = 0.0
    for at, card in sorted(cards, key=lambda one: one[0]):
        if at - last > SEPARATOR_S:
            shown.append({"kind": "time", "text": moment(at, now)})
        last = at
        shown.append(card)
    return shown


def menu_of(world: World, who: Citizen) -> list[dict[str, Any]]:
    buttons = conditional.shown_to(world, who.account.appid, who.openid)
    return [_button(world, who, button, TOP_SHOWN) for button in buttons]


def article_list(world: World, who: Citizen) -> list[dict[str, Any]]:
    """Published and not deleted, newest first; one entry a publication, which may hold several articles."""
    publish.settle_due(world)
    now = world.clock.beijing()
    entries = []
    for row in publish.published(world, who.account.appid):
        gone = set(json.loads(row["deleted"]))
        standing = []
        for idx, article in enumerate(json.loads(row["articles"]), start=1):
            if idx not in gone:
                pictured = draft.with_pictures(world, article)
                standing.append(
                    {
                        "title": article["title"],
                        "cover": local_image(pictured["thumb_url"]),
                        "href": f"/phone/{who.openid}/article/{row['article_id']}/{idx}",
                    }
                )
        if standing:
            entries.append({"when": day(row["published_at"], now), "articles": standing})
    return entries


def article(world: World, who: Citizen, article_id: str, idx: int) -> dict[str, Any] | None:
    """One article to read; ``deleted`` alone if it was taken down; None if there never was one."""
    if article_id.startswith(mass.PREFIX):
        found = mass.read(world, who.openid, article_id, idx)
        return _to_read(world, who, *found) if found else None
    publish.settle_due(world)
    for row in publish.published(world, who.account.appid):
        articles = json.loads(row["articles"])
        if row["article_id"] == article_id and 1 <= idx <= len(articles):
            gone = idx in json.loads(row["deleted"])
            return _to_read(world, who, None if gone else articles[idx - 1], row["published_at"])
    return None


def _to_read(world: World, who: Citizen, chosen: dict[str, Any] | None, at: float) -> dict[str, Any]:
    if chosen is None:
        return {"deleted": True}
    when = datetime.fromtimestamp(at, BEIJING)
    pictures = []
    for image in chosen.get("image_info", {}).get("image_list", []):
        one = draft.with_pictures(world, {"thumb_media_id": image["image_media_id"]})
        pictures.append(local_image(one["thumb_url"]))
    content = chosen.get("content", chosen["title"])
    return {
        "deleted": False,
        "title": chosen["title"],
        "author": chosen.get("author", ""),
        "when": f"{when.year}年{when.month}月{when.day}日 {when:%H:%M}",
        "html": None if chosen.get("article_type") == "newspic" else local_html(world, who, content),
        "text": content,
        "pictures": pictures,
        "source": chosen.get("content_source_url") or "",
    }


def version(world: World, who: Citizen) -> str:
    """Changes when the phone would show something else."""
    with world.lock:
        row = world.db.execute(
            "SELECT (SELECT COUNT(*) FROM wx_message WHERE openid = ?1 AND delivered = 1) || '-' ||"
            " (SELECT COUNT(*) FROM wx_custom WHERE openid = ?1) || '-' ||"
            " COALESCE((SELECT created_at FROM wx_menu WHERE appid = ?2), 0) || '-' ||"
            " (SELECT COUNT(*) || '-' || COALESCE(MAX(id), 0) FROM wx_conditional_menu WHERE appid = ?2) || '-' ||"
            " COALESCE((SELECT is_open || COALESCE(body, '') FROM wx_console_menu WHERE appid = ?2), '') || '-' ||"
            " COALESCE((SELECT platform FROM wx_phone WHERE openid = ?1), '') || '-' ||"
            " COALESCE((SELECT MAX(at) FROM wx_tagged WHERE openid = ?1), 0) || '-' ||"
            " (SELECT COUNT(*) || '-' || COALESCE(MAX(updated_at), 0) FROM wx_publish"
            "  WHERE appid = ?2 AND published_at IS NOT NULL) || '-' ||"
            " (SELECT COUNT(*) || '-' || COALESCE(SUM(LENGTH(m.deleted)), 0) FROM wx_mass_received r"
            "  JOIN wx_mass m ON m.msg_id = r.msg_id WHERE r.openid = ?1) || '-' ||"
            " (SELECT COUNT(*) FROM wx_mass_preview WHERE openid = ?1)",
            (who.openid, who.account.appid),
        ).fetchone()
    return f"{row[0]}-{who.persona}"


def link(world: World, who: Citizen, url: str) -> dict[str, Any] | None:
    """Where a tap leads: an article opens on this phone, the rest in a window of its own; else nowhere."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    if parts.hostname == "mp.weixin.qq.com":
        query = parse_qs(parts.query)
        mid, idx = query.get("mid", [""])[0], query.get("idx", ["1"])[0]
        for row in publish.published(world, who.account.appid):
            if str(row["publish_id"]) == mid and idx.isdigit():
                return {"href": f"/phone/{who.openid}/article/{row['article_id']}/{idx}", "outside": False}
    return {"href": url, "outside": True}


def local_image(url: str) -> str:
    """WeChat's image host is the sandbox itself."""
    parts = urlsplit(url)
    return "/mmbiz" + parts.path if parts.hostname == "mmbiz.qpic.cn" else ""


def local_html(world: World, who: Citizen, html: str) -> str:
    with_images = _IMAGE.sub(lambda m: f'src="/mmbiz{m.group(2)}"', html)

    def rewritten(match: re.Match[str]) -> str:
        place = link(world, who, match.group(2).replace("&amp;", "&"))
        return f'href="{place["href"]}"' if place and not place["outside"] else match.group(0)

    return _LINK.sub(rewritten, with_images)


def moment(at: float, now: datetime) -> str:
    """As a conversation shows a time: 09:30, 昨天 09:30, 星期三 09:30, 2026年1月5日 09:30."""
    when = datetime.fromtimestamp(at, BEIJING)
    clock = f"{when:%H:%M}"
    days = (now.date() - when.date()).days
    if days == 0:
        return clock
    if days == 1:
        return f"昨天 {clock}"
    if 1 < days < 7:
        return f"星期{_WEEKDAYS[when.weekday()]} {clock}"
    return f"{when.year}年{when.month}月{when.day}日 {clock}"


def short_moment(at: float, now: datetime) -> str:
    return moment(at, now).split(" ")[0]


def day(at: float, now: datetime) -> str:
    when = datetime.fromtimestamp(at, BEIJING)
    if when.date() == now.date():
        return "今天"
    if when.date() == (now - timedelta(days=1)).date():
        return "昨天"
    return f"{when.month}月{when.day}日" if when.year == now.year else f"{when.year}年{when.month}月{when.day}日"


def _fields(content: str, data: dict[str, str]) -> list[dict[str, str]]:
    """The template's lines: label and value."""
    fields = []
    for line in content.splitlines():
        match = FIELD.search(line)
        if match:
            label = line[: match.start()].strip().rstrip(":：")
            fields.append({"label": label, "value": data.get(match.group(1), "")})
    return fields


def _button(world: World, who: Citizen, button: dict[str, Any], shown: int) -> dict[str, Any]:
    name = button["name"]
    return {
        "name": name if len(name) <= shown else name[:shown] + "...",
        "full_name": name,
        "link": link(world, who, button.get("url", "")),
        "subs": [_button(world, who, sub, SUB_SHOWN) for sub in button.get("sub_button", [])],
    }
