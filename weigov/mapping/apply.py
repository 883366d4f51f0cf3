"""A record through a flow's rules: the article, the template's values, the link, the buttons of a menu.

Everything that is wrong with a record is said at once, as one RecordRejected whose reasons name fields, lengths and
codes, never what a citizen wrote or is called. Nothing is cut: a text over ``max`` gives way to its short form, and
without one the record waits in quarantine for a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Protocol
from urllib.parse import quote

from weigov.errors import RecordRejected
from weigov.mapping.html import convert
from weigov.mapping.layout import Body, LayoutError, Layouts
from weigov.mapping.model import NEWSPIC_FIELDS, REQUIRED_NEWS_FIELDS, CodeList, FieldRule, Link, Mapped
from weigov.mapping.steps import STEPS, StepRefused
from weigov.mapping.text import plain
from weigov.mapping.times import format_time
from weigov.records import KINDS, Record

MAX_URL_BYTES = 1024  # rulebook §2, §3
MAX_BUTTON_BYTES = 60  # rulebook §2: a sub-button's name
MAX_PICTURES = 20  # rulebook §3, newspic
NO_VERSION = "default"  # the version of a code list for records that name none

_HOLE = re.compile(r"\{([^{}]*)\}")
_MARKUP = re.compile(r"<[a-zA-Z/!]")
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|bmp|webp)$", re.IGNORECASE)
_TAGS = re.compile(r"<(?!img\b)[^>]*>")


class SiteParts(Protocol):
    """What mapping needs of a site."""

    @property
    def zone(self) -> tzinfo: ...
    @property
    def codes(self) -> Mapping[str, CodeList]: ...
    @property
    def layouts(self) -> Layouts: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules refer to. ``resolve_image`` gives the address to write for an image, or None to leave it out."""

    zone: tzinfo
    codes: Mapping[str, CodeList] = field(default_factory=dict)
    layouts: Layouts = field(default_factory=lambda: Layouts({}))
    resolve_image: Callable[[str], str | None] = lambda source: None


def context(site: SiteParts, resolve_image: Callable[[str], str | None] = lambda source: None) -> Context:
    return Context(site.zone, site.codes, site.layouts, resolve_image)


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it will stand in WeChat, but for the addresses of its pictures.

    ``dropped`` counts what its HTML lost; ``images`` are the sources of the pictures that stay. '' means none.
    """

    title: str
    author: str
    digest: str
    html: str = field(repr=False)
    source_url: str
    cover_url: str
    dropped: Mapping[str, int]
    images: tuple[str, ...]


def map_article(flow: Mapped, record: Record, ctx: Context) -> Article:
    """The article ``flow`` makes of ``record``. Raises RecordRejected with every reason."""
    reasons: list[str] = []
    values = {
        name: _fill(name, rule, record, ctx, reasons, required=name in REQUIRED_NEWS_FIELDS)
        for name, rule in flow.map.items()
        if name != "content"
    }
    source_url = values.get("source_url", "")
    if len(source_url.encode()) > MAX_URL_BYTES:
        reasons.append(f"source_url: has {len(source_url.encode())} bytes, at most {MAX_URL_BYTES} fit")
    dropped: Counter[str] = Counter()
    images: dict[str, None] = {}
    html = ""
    if rule := flow.map.get("content"):
        html = _content(rule, record, ctx, reasons, dropped, images)
    for name in sorted(REQUIRED_NEWS_FIELDS - set(flow.map)):
        reasons.append(f"{name}: the flow does not map it")
    if reasons:
        raise RecordRejected(record.key, *reasons)
    return Article(
        title=values["title"],
        author=values.get("author", ""),
        digest=values.get("digest", ""),
        html=html,
        source_url=source_url,
        cover_url=values.get("cover", ""),
        dropped=dict(dropped),
        images=tuple(images),
    )


@dataclass(frozen=True, slots=True)
class PictureStory:
    """One newspic (图片消息): plain text that ends with the address of its source; the sources of its pictures."""

    title: str
    text: str = field(repr=False)
    source_url: str
    images: tuple[str, ...]


def map_pictures(flow: Mapped, record: Record, ctx: Context) -> PictureStory:
    """The newspic ``flow`` makes of ``record``. Raises RecordRejected with every reason."""
    reasons: list[str] = []
    values = {
        name: _fill(name, rule, record, ctx, reasons, required=True)
        for name, rule in flow.map.items()
        if name != "images"
    }
    text = values.get("content", "")
    if _MARKUP.search(text):
        reasons.append("content: looks like HTML, and a newspic takes plain text")
    images = _pictures_of(flow.map["images"], record) if "images" in flow.map else ()
    if not 1 <= len(images) <= MAX_PICTURES:
        reasons.append(f"images: has {len(images)} pictures, 1 to {MAX_PICTURES} fit")
    reasons += [f"{name}: the flow does not map it" for name in sorted(set(NEWSPIC_FIELDS) - set(flow.map))]
    if reasons:
        raise RecordRejected(record.key, *reasons)
    source_url = values["source_url"]
    return PictureStory(values["title"], f"{text}\n\n原文：{source_url}", source_url, images)


def _pictures_of(rule: FieldRule, record: Record) -> tuple[str, ...]:
    """The addresses of the pictures in a body, in a list of files, or the one that a text is; each once."""
    value = record.get(rule.from_ or "")
    if isinstance(value, list | tuple):
        addresses = [str(entry.get("url") or "") for entry in value if isinstance(entry, Mapping)]
        return tuple(dict.fromkeys(url for url in addresses if _PICTURE.search(url.partition("?")[0])))
    if not isinstance(value, str) or not value.strip():
        return ()
    if "<" not in value:
        return (value.strip(),)
    return convert(value, lambda source: source).images


def map_template(flow: Mapped, record: Record, ctx: Context) -> dict[str, str]:
    """The value of each of the template's fields; WeChat wants all of them. Raises RecordRejected."""
    reasons: list[str] = []
    values = {name: _fill(name, rule, record, ctx, reasons, required=True) for name, rule in flow.map.items()}
    if reasons:
        raise RecordRejected(record.key, *reasons)
    return values


def map_custom(flow: Mapped, record: Record, ctx: Context, required: Iterable[str]) -> dict[str, str]:
    """The parts of a customer-service message that are not empty. Raises RecordRejected."""
    reasons: list[str] = []
    needed = frozenset(required)
    values = {
        name: _fill(name, rule, record, ctx, reasons, required=name in needed) for name, rule in flow.map.items()
    }
    if reasons:
        raise RecordRejected(record.key, *reasons)
    return {name: value for name, value in values.items() if value}


def map_link(flow: Mapped, record: Record, ctx: Context) -> str | None:
    """Where a tap on the message leads; None when the flow says nothing. Raises RecordRejected."""
    if flow.link is None:
        return None
    reasons: list[str] = []
    url = _url(flow.link, record, reasons)
    if reasons:
        raise RecordRejected(record.key, *reasons)
    return url


class ChildrenRule(Protocol):
    """What ``menu_children`` needs of a menu's ``children:``."""

    @property
    def take(self) -> int: ...
    @property
    def link(self) -> Link: ...


def menu_children(children: ChildrenRule, columns: Iterable[Record]) -> list[dict[str, Any]]:
    """Sub-buttons as WeChat takes them, for the first ``take`` of ``columns`` by position, then key.

    Raises RecordRejected naming every column that cannot be a button.
    """
    shown = sorted((c for c in columns if not c.withdrawn), key=_place)[: children.take]
    reasons: list[str] = []
    buttons = []
    for column in shown:
        wrong: list[str] = []
        name = plain(" ".join(str(column.get("name") or "").split()))
        size = len(name.encode("utf-8", "replace"))
        if not 1 <= size <= MAX_BUTTON_BYTES:
            wrong.append(f"name: has {size} bytes, 1 to {MAX_BUTTON_BYTES} fit")
        buttons.append({"type": "view", "name": name, "url": _url(children.link, column, wrong)})
        reasons += [f"column {column.key}: {reason}" for reason in wrong]
    if reasons:
        raise RecordRejected("menu", *reasons)
    return buttons


def _place(column: Record) -> tuple[bool, float, str]:
    try:
        position = float(column.get("position"))
    except (TypeError, ValueError, OverflowError):
        return True, 0.0, column.key
    return False, position, column.key


# ---- one field


class _Unfit(Exception):
    """Why a value cannot be used, without repeating it."""


def _fill(name: str, rule: FieldRule, record: Record, ctx: Context, reasons: list[str], *, required: bool) -> str:
    """The text for ``name``; '' when there is none, with the reason if that is wrong."""
    if rule.value is not None:
        return rule.value
    wrong: list[str] = []
    for source in (rule.from_, rule.or_):
        if source is None:
            continue
        try:
            text = _text(source, rule, record, ctx)
        except _Unfit as unfit:
            wrong.append(f"{source} {unfit}")
            continue
        if not text:
            wrong.append(f"{source} is empty")
        elif rule.max is not None and len(text) > rule.max:
            wrong.append(f"{source} has {len(text)} characters, at most {rule.max} fit")
        else:
            return text
    if required or not all(reason.endswith(" is empty") for reason in wrong):
        reasons.append(f"{name}: " + ", ".join(wrong or ["the flow names no source"]))
    return ""


def _text(source: str, rule: FieldRule, record: Record, ctx: Context) -> str:
    value = record.get(source)
    if value is None:
        return ""
    if isinstance(value, date):
        if rule.format is None:
            raise _Unfit("is a time without a format")
        try:
            return format_time(value, rule.format, ctx.zone)
        except (ValueError, OverflowError):
            raise _Unfit("is no time that can be shown") from None
    text = _as_text(value)
    for step in rule.steps:
        try:
            text = STEPS[step](text)
        except StepRefused as refused:
            raise _Unfit(str(refused)) from None
    text = plain(text)
    return _meaning(text.strip(), rule, record, ctx) if rule.code and text.strip() else text


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise _Unfit("is not a text")


def _meaning(code: str, rule: FieldRule, record: Record, ctx: Context) -> str:
    codes = ctx.codes.get(rule.code or "")
    if codes is None:
        raise _Unfit(f"needs the code list {rule.code}, which is not there")
    version = str(record.get(rule.version_from) or "").strip() if rule.version_from else ""
    meanings = codes.versions.get(version or NO_VERSION)
    if meanings is None:
        named = f"version {_short(version)}" if version else "a version for records that name none (default)"
        raise _Unfit(f"is read by {rule.code}, which has not {named}")
    if code not in meanings:
        raise _Unfit(f"is {_short(code)}, which {rule.code} does not know in version {_short(version) or NO_VERSION}")
    return meanings[code]


def _short(code: str) -> str:
    """A code as a reason may show it; one too long to be a code is not shown."""
    return repr(code) if len(code) <= 20 else f"{len(code)} characters long" if code else ""


# ---- content


def _content(
    rule: FieldRule,
    record: Record,
    ctx: Context,
    reasons: list[str],
    dropped: Counter[str],
    images: dict[str, None],
) -> str:
    """The article's body, converted once: a layout's own HTML and the bodies it prints, each on its own."""
    base_url = record.get("url") if isinstance(record.get("url"), str) else ""

    def converted(html: str) -> str:
        result = convert(html, ctx.resolve_image, base_url)
        dropped.update(result.dropped)
        images.update(dict.fromkeys(result.images))
        return result.html

    if rule.layout:
        html = _laid_out(rule.layout, record, ctx, reasons, converted)
    else:
        html = converted(_body_of(record, rule.from_ or ""))
        if not _says_something(html):
            reasons.append(f"content: {rule.from_} is empty")
    if rule.max is not None and len(html) > rule.max:
        reasons.append(f"content: has {len(html)} characters, at most {rule.max} fit")
    return html


def _laid_out(layout: str, record: Record, ctx: Context, reasons: list[str], converted: Callable[[str], str]) -> str:
    kinds = KINDS[record.kind]
    used = ctx.layouts.reads(layout)
    bodies = {
        name: converted(_body_of(record, name)) for name, kind in kinds.items() if kind == "html" and name in used
    }
    marks = {name: Body(present=_says_something(html)) for name, html in bodies.items()}
    if marks and not any(marks.values()) and not record.get("attachments"):
        reasons.append(f"content: {', '.join(sorted(bodies))} is empty and there are no attachments")
        return ""
    values: dict[str, Any] = {"key": record.key}
    for name, kind in kinds.items():
        values[name] = marks[name] if name in marks else _shown(record.get(name), kind, ctx.zone)
    extra = {name: plain(str(value)) for name, value in record.extra.items()}
    try:
        html = converted(ctx.layouts.render(layout, values, extra))
    except LayoutError as error:
        reasons.append(f"content: {error}")
        return ""
    for name, mark in marks.items():
        html = html.replace(mark.token, bodies[name])
    return html


def _says_something(html: str) -> bool:
    return bool(_TAGS.sub("", html).strip())


def _body_of(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _shown(value: Any, kind: str, zone: tzinfo) -> Any:
    """A field as a layout gets it: a text, a local time, a date, or a list of {name, url}; None when absent."""
    if kind == "list":
        entries = value if isinstance(value, list | tuple) else ()
        return [
            {part: plain(str(entry.get(part) or "")) for part in ("name", "url")}
            for entry in entries
            if isinstance(entry, Mapping)
        ]
    if isinstance(value, datetime):
        try:
            return value.astimezone(zone)
        except (ValueError, OverflowError):
            return None
    if value is None or isinstance(value, date):
        return value
    return plain(str(value)) or None if isinstance(value, str | int | float) else None


# ---- links


def _url(link: Link, record: Record, reasons: list[str]) -> str:
    if link.from_ is not None:
        return _own_address(link.from_, record, reasons)
    if link.url is None:
        reasons.append("link: leads to no address")
        return ""
    filled: dict[str, str] = {}
    for name, source in link.with_.items():
        value = record.get(source)
        text = value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, str | int) else ""
        if not text.strip():
            reasons.append(f"link: {source} is empty")
        filled[name] = quote(text.strip(), safe="", errors="replace")
    url = _HOLE.sub(lambda match: filled.get(match.group(1), ""), link.url)
    if len(url.encode()) > MAX_URL_BYTES:
        reasons.append(f"link: has {len(url.encode())} bytes, at most {MAX_URL_BYTES} fit")
    return url


def _own_address(source: str, record: Record, reasons: list[str]) -> str:
    value = record.get(source)
    try:
        url = STEPS["require_http"](plain(value) if isinstance(value, str) else "")
    except StepRefused as refused:
        reasons.append(f"link: {source} {refused}")
        return ""
    size = len(url.encode("utf-8", "replace"))
    if not 1 <= size <= MAX_URL_BYTES:
        reasons.append(f"link: {source} has {size} bytes, 1 to {MAX_URL_BYTES} fit")
    return url
