"""What WeChat would refuse, found before anything is sent. Pure; never cuts, never repairs.

Each ``*_problems`` returns every violation at once, as sentences that begin with the field's path. Characters are
Unicode code points, bytes are UTF-8. Limits that the documentation leaves open are not enforced: WeChat refuses
without effect, so nothing is lost by asking. Sources: the official pages on menus, drafts, template messages
(developers.weixin.qq.com/doc/offiaccount) and on API call limits, as read in autumn 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from weigov.wechat.account import AccountType
from weigov.wechat.errcodes import BEIJING

# ---- days, quotas, permissions -------------------------------------------------------------------------------------

#: Calls a day of a newly verified account; the live value is ``AccountClient.quota``'s. A path not listed has none.
DAILY_LIMITS: Mapping[str, int] = {
    "/cgi-bin/" + path: limit
    for path, limit in {
        "token": 2_000,
        "stable_token": 500_000,
        "menu/create": 1_000,
        "menu/get": 10_000,
        "menu/delete": 1_000,
        "menu/addconditional": 2_000,
        "menu/delconditional": 2_000,
        "menu/trymatch": 20_000,
        "media/upload": 100_000,
        "media/get": 200_000,
        "media/uploadnews": 10,
        "message/custom/send": 500_000,
        "message/mass/sendall": 100,
        "message/mass/send": 100,
        "message/mass/preview": 100,
        "message/template/send": 100_000,
        "qrcode/create": 100_000,
        "user/get": 500,
        "user/info": 5_000_000,
        "user/info/updateremark": 10_000,
        "draft/add": 1_000,
        "draft/get": 500,
        "draft/delete": 1_000,
        "draft/update": 1_000,
        "draft/count": 1_000,
        "draft/batchget": 1_000,
        "freepublish/submit": 100,
        "freepublish/get": 100,
        "freepublish/delete": 10,
        "freepublish/getarticle": 100,
        "freepublish/batchget": 100,
    }.items()
}


def beijing_day(now: datetime) -> date:
    """The day whose quota a call at ``now`` uses."""
    return now.astimezone(BEIJING).date()


def next_beijing_day(now: datetime) -> datetime:
    """When the day's quotas begin anew, as an aware UTC time."""
    day = beijing_day(now) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING).astimezone(UTC)


def not_permitted(type: AccountType, verified: bool, path: str) -> str | None:
    """Why an account of this kind may not call ``path``; None when it may, as far as is known."""
    operation = path.removeprefix("/cgi-bin/").removeprefix("/")
    only_verified = operation.startswith(
        ("menu/", "message/mass/", "message/template/", "message/subscribe/", "datacube/")
    )
    if only_verified and not verified:
        return f"{operation} needs a verified account"
    only_service = operation.startswith(("message/template/", "message/subscribe/"))
    only_service |= operation == "message/mass/send"
    if only_service and type != "service":
        return f"{operation} needs a service account (服务号)"
    if operation.startswith("freepublish/") and type == "subscription" and not verified:
        return f"{operation} needs a verified account (since July 2025)"
    return None


# ---- menus ---------------------------------------------------------------------------------------------------------

#: type → the fields it needs.
BUTTON_TYPES: Mapping[str, tuple[str, ...]] = {
    "click": ("key",),
    "view": ("url",),
    "scancode_push": ("key",),
    "scancode_waitmsg": ("key",),
    "pic_sysphoto": ("key",),
    "pic_photo_or_album": ("key",),
    "pic_weixin": ("key",),
    "location_select": ("key",),
    "media_id": ("media_id",),
    "view_limited": ("media_id",),
    "article_id": ("article_id",),
    "article_view_limited": ("article_id",),
    "miniprogram": ("appid", "pagepath", "url"),
}
_TOP_NAME_BYTES, _SUB_NAME_BYTES, _KEY_BYTES, _URL_BYTES = 16, 60, 128, 1024


def menu_problems(buttons: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a default menu's ``button`` list."""
    problems = []
    if not 1 <= len(buttons) <= 3:
        problems.append(f"button: {len(buttons)} buttons, 1 to 3 are allowed")
    for i, button in enumerate(buttons):
        problems += _button_problems(f"button.{i}", button, top=True)
    return problems


#: The parts of a conditional menu's ``matchrule`` there still are, and what a telephone is called there.
MATCH_PARTS = ("tag_id", "client_platform_type")
PLATFORMS: Mapping[str, str] = {"ios": "1", "android": "2", "other": "3"}
_OUTSIDE_HOSTS = 3


def conditional_problems(rule: Mapping[str, Any], buttons: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a conditional menu: its ``matchrule`` as sent, and its ``button`` list."""
    problems = [f"matchrule.{name}: there is no such part" for name in rule if name not in MATCH_PARTS]
    if not any(rule.get(name) for name in MATCH_PARTS):
        problems.append("matchrule: names nobody; a tag, a platform, or both")
    if rule.get("client_platform_type") not in (None, *PLATFORMS.values()):
        problems.append("matchrule.client_platform_type: must be 1 (iOS), 2 (Android) or 3 (other)")
    problems += menu_problems(buttons)
    leaves = [leaf for button in buttons for leaf in (button, *(button.get("sub_button") or ()))]
    hosts = {_host(str(leaf.get("url") or "")) for leaf in leaves if leaf.get("type") == "view"}
    outside = sorted(hosts - {"", "mp.weixin.qq.com"})
    if len(outside) > _OUTSIDE_HOSTS:
        problems.append(f"button: leads to {len(outside)} outside hosts ({', '.join(outside)}), 3 are allowed")
    return problems


def _button_problems(path: str, button: Mapping[str, Any], *, top: bool) -> Iterator[str]:
    yield from _size(f"{path}.name", button.get("name"), max_bytes=_TOP_NAME_BYTES if top else _SUB_NAME_BYTES)
    children = button.get("sub_button") or ()
    kind = button.get("type")
    if children and not top:
        yield f"{path}.sub_button: a menu has two levels only"
    elif children:
        if kind:
            yield f"{path}.type: a button with sub-buttons has no type"
        if len(children) > 5:
            yield f"{path}.sub_button: {len(children)} sub-buttons, 5 are allowed"
        for i, child in enumerate(children):
            yield from _button_problems(f"{path}.sub_button.{i}", child, top=False)
    elif not isinstance(kind, str) or kind not in BUTTON_TYPES:
        yield f"{path}.type: {kind!r} is not a button type" if kind else f"{path}.type: missing, and no sub-buttons"
    else:
        for name in BUTTON_TYPES[kind]:
            limit = {"key": _KEY_BYTES, "url": _URL_BYTES}.get(name, 512)
            yield from _size(f"{path}.{name}", button.get(name), max_bytes=limit)
            if name == "url" and button.get(name):
                yield from _url(f"{path}.url", button[name])
        if kind == "miniprogram" and str(button.get("appid", "")) != str(button.get("appid", "")).lower():
            yield f"{path}.appid: must be lower case"


# ---- articles ------------------------------------------------------------------------------------------------------

_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SRC = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_IMAGE_HOST = "mmbiz.qpic.cn"
_CROP = re.compile(r"(?:(?:^|_)(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)){4}")


def draft_problems(articles: Sequence[Mapping[str, Any]], *, max_title: int = 32) -> list[str]:
    """What is wrong with a draft's ``articles`` list. ``max_title``: 32 since December 2025, 64 before."""
    problems = []
    if not 1 <= len(articles) <= 8:
        problems.append(f"articles: {len(articles)} articles, 1 to 8 are allowed")
    for i, article in enumerate(articles):
        problems += article_problems(article, max_title=max_title, path=f"articles.{i}.")
    return problems


def article_problems(article: Mapping[str, Any], *, max_title: int = 32, path: str = "") -> list[str]:
    """What is wrong with one article (``news``, or ``newspic`` by its ``article_type``)."""
    return list(_article(article, max_title, path))


def _article(article: Mapping[str, Any], max_title: int, path: str) -> Iterator[str]:
    kind = article.get("article_type", "news")
    yield from _size(f"{path}title", article.get("title"), max_chars=max_title)
    yield from _size(f"{path}author", article.get("author"), max_chars=16, required=False)
    yield from _size(f"{path}digest", article.get("digest"), max_chars=128, required=False)
    # "fewer than 20,000 characters and less than 1 MB"
    yield from _size(f"{path}content", article.get("content"), max_chars=19_999, max_bytes=1_048_575)
    source = article.get("content_source_url")
    yield from _size(f"{path}content_source_url", source, max_bytes=1024, required=False)
    if source:
        yield from _url(f"{path}content_source_url", source)
    for name in ("pic_crop_235_1", "pic_crop_1_1"):
        if article.get(name) and not _CROP.fullmatch(str(article[name])):
            yield f"{path}{name}: must be X1_Y1_X2_Y2, each from 0 to 1 with at most 6 decimals"
    for name in ("need_open_comment", "only_fans_can_comment"):
        if article.get(name, 0) not in (0, 1):
            yield f"{path}{name}: must be 0 or 1"
    if kind == "news":
        if not article.get("thumb_media_id"):
            yield f"{path}thumb_media_id: missing; a news article needs a cover"
        yield from _images(f"{path}content", str(article.get("content") or ""))
    elif kind == "newspic":
        images = (article.get("image_info") or {}).get("image_list") or ()
        if not 1 <= len(images) <= 20:
            yield f"{path}image_info.image_list: {len(images)} images, 1 to 20 are allowed"
        if re.search(r"<[a-zA-Z/!]", str(article.get("content") or "")):
            yield f"{path}content: a newspic takes plain text, not HTML"
    else:
        yield f"{path}article_type: {kind!r} is neither news nor newspic"


def _images(path: str, content: str) -> Iterator[str]:
    """WeChat drops any other image without a word."""
    foreign = 0
    for tag in _IMG.findall(content):
        found = _SRC.search(tag)
        url = next((g for g in found.groups() if g), "") if found else ""
        foreign += _host(url) != _IMAGE_HOST
    if foreign:
        yield f"{path}: {foreign} images are not on {_IMAGE_HOST} and would vanish; upload them first"


# ---- template messages ---------------------------------------------------------------------------------------------

_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_DAY = r"\d{4}年(?:0?[1-9]|1[0-2])月(?:0?[1-9]|[12]\d|3[01])日"
_HAN = r"\u3400-\u9fff\U00020000-\U0003ffff"
_ANY_HAN = re.compile(f"[{_HAN}]")

#: key prefix → (characters at most, pattern of the whole value, how to say it)
_FIELD_RULES: Mapping[str, tuple[int, re.Pattern[str], str]] = {
    prefix: (limit, re.compile(pattern), say)
    for prefix, limit, pattern, say in (
        ("thing", 20, r"[^\r\n]+", "one line of text"),
        ("number", 32, r"\d+(\.\d+)?", "digits, with decimals if need be"),
        ("letter", 32, r"[A-Za-z]+", "Latin letters only"),
        ("symbol", 5, r"[^\w\s]+", "symbols only"),
        ("character_string", 32, r"[\x20-\x7e]+", "digits, Latin letters and symbols, no Chinese"),
        ("time", 64, rf"(?:{_DAY} ?)?{_CLOCK}(?: ?~ ?(?:{_DAY} ?)?{_CLOCK})?", "15:01 or 2019年10月1日 15:01"),
        (
            "date",
            64,
            rf"{_DAY}(?: ?{_CLOCK})?(?: ?~ ?{_DAY}(?: ?{_CLOCK})?)?",
            "2019年10月1日, with a time if need be",
        ),
        ("amount", 16, r"[¥￥$€£]?\d+(\.\d+)?元?", "a currency sign, a number, 元 if need be"),
        ("phone_number", 17, r"[0-9+-]+", "digits, + and -"),
        ("car_number", 8, r"[^\r\n]+", "a number plate"),
        ("phrase", 5, rf"[{_HAN}]+", "Chinese characters only"),
        ("const", 20, r"[^\r\n]+", "one of the values registered with the template"),
    )
}


def template_problems(data: Mapping[str, str], fields: Sequence[str] = ()) -> list[str]:
    """What is wrong with a template message's values (key → text); ``fields`` are the keys its template has."""
    problems = [f"data.{key}: missing; the template has it" for key in fields if key not in data]
    for key, value in data.items():
        prefix = key.rstrip("0123456789")
        if not _is_right(prefix, value):
            problems += _field_problems(f"data.{key}", prefix, value)
    return problems


def _is_right(prefix: str, value: str) -> bool:
    """Whether there is surely nothing to say: of a hundred thousand messages hardly any has a fault."""
    if prefix not in _FIELD_RULES or prefix == "amount":
        return False
    limit, pattern, _ = _FIELD_RULES[prefix]
    return len(value) <= limit and pattern.fullmatch(value) is not None and not value.isspace()


def _field_problems(path: str, prefix: str, value: str) -> Iterator[str]:
    if not value.strip():
        yield f"{path}: empty"
        return
    if prefix == "name":
        limit, unit = (10, "characters with Chinese") if _ANY_HAN.search(value) else (20, "letters")
        if len(value) > limit:
            yield f"{path}: {len(value)} characters, at most {limit} {unit}"
    elif prefix in _FIELD_RULES:
        limit, pattern, say = _FIELD_RULES[prefix]
        if len(value) > limit:
            yield f"{path}: {len(value)} characters, at most {limit}"
        if not pattern.fullmatch(value):
            yield f"{path}: must be {say}"
        if prefix == "amount" and sum(c.isdigit() for c in value) > 10:
            yield f"{path}: more than 10 digits"


def message_problems(template_id: str, data: Mapping[str, str], url: str, fields: Sequence[str] = ()) -> list[str]:
    """What is wrong with a whole template message, its receiver aside."""
    problems = [] if template_id else ["template_id: missing"]
    problems += template_problems(data, fields)
    return problems + list(_url("url", url) if url else ())


# ---- mass messages -------------------------------------------------------------------------------------------------

#: A longer one is refused (45067), whatever older pages say.
CLIENT_MSG_ID_BYTES = 32


def mass_problems(media_id: str, client_msg_id: str) -> list[str]:
    """What is wrong with a mass message, its audience aside. Without a key of ours it could not be repeated."""
    problems = [] if media_id else ["mpnews.media_id: missing"]
    return problems + list(_size("clientmsgid", client_msg_id, max_bytes=CLIENT_MSG_ID_BYTES))


def custom_problems(message: Mapping[str, Any]) -> list[str]:
    """What is wrong with a customer-service message, its receiver aside."""
    kind = str(message.get("msgtype", ""))
    part = message.get(kind) or {}
    if kind == "text":
        return list(_size("text.content", part.get("content")))
    if kind == "news":
        articles: list[Any] = list(part.get("articles") or ())
        if len(articles) != 1:
            return [f"news.articles: {len(articles)} articles, 1 is allowed"]
        one = articles[0]
        problems = list(_size("news.articles.0.title", one.get("title")))
        problems += _url("news.articles.0.url", one.get("url"))
        return problems + list(_url("news.articles.0.picurl", one["picurl"]) if one.get("picurl") else ())
    if kind == "mpnewsarticle":
        return list(_size("mpnewsarticle.article_id", part.get("article_id")))
    if kind == "msgmenu":
        problems = list(_size("msgmenu.head_content", part.get("head_content")))
        return problems + ([] if part.get("list") else ["msgmenu.list: no choices"])
    return [f"msgtype: {kind!r} is not one of text, news, mpnewsarticle, msgmenu"]


# ---- shared --------------------------------------------------------------------------------------------------------


def _size(
    path: str, value: Any, *, max_chars: int | None = None, max_bytes: int | None = None, required: bool = True
) -> Iterator[str]:
    if value is None or value == "":
        if required:
            yield f"{path}: missing"
    elif not isinstance(value, str):
        yield f"{path}: must be text"
    else:
        if required and not value.strip():
            yield f"{path}: blank"
        if max_chars is not None and len(value) > max_chars:
            yield f"{path}: {len(value)} characters, at most {max_chars}"
        size = len(value.encode("utf-8", "surrogatepass"))
        if max_bytes is not None and size > max_bytes:
            yield f"{path}: {size} bytes, at most {max_bytes}"


_SPACE = re.compile(r"\s")


def _url(path: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")) or not _host(value):
        yield f"{path}: must begin with http:// or https:// and name a host"
    elif _SPACE.search(value):
        yield f"{path}: holds white space; encode it"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
