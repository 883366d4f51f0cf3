"""What must hold in a flow's ``map:`` and ``link:``: fields, their types, codes, layouts, formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from weigov.errors import Fault
from weigov.mapping.model import CUSTOM_FIELDS, NEWS_FIELDS, NEWSPIC_FIELDS, REQUIRED_NEWS_FIELDS, FieldRule, Link
from weigov.mapping.times import format_fault
from weigov.ports import StreamShape
from weigov.site.known import Finding, Known, field_types, unknown_field
from weigov.site.models import Flow
from weigov.yamlfile import Loc, did_you_mean

HOLE = re.compile(r"\{([^{}]*)\}")


def check_map(flow: Flow, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    """The rules of a news or template flow."""
    wanted = _wanted(flow, known)
    if wanted is not None:
        for name in flow.map:
            if name not in wanted:
                yield ("map", name), f"{name!r} is not a field of this target", did_you_mean(name, wanted)
        is_article = flow.to.kind == "news" and not flow.to.as_
        required = REQUIRED_NEWS_FIELDS if is_article else wanted
        if flow.to.form:
            required = CUSTOM_FIELDS[flow.to.form][1]
        for name in sorted(required - set(flow.map)):
            yield ("map", name), "is missing", "the target cannot do without it"
    for name, rule in flow.map.items():
        if flow.to.as_ == "newspic" and name == "images":
            yield from _images(rule, shape)
            continue
        content = flow.to.kind == "news" and name == "content" and not flow.to.as_
        yield from _rule(("map", name), rule, shape, known, content=content)


def _wanted(flow: Flow, known: Known) -> set[str] | None:
    """The fields of the target; None when they are not known."""
    if flow.to.kind == "news":
        return set(NEWSPIC_FIELDS if flow.to.as_ else NEWS_FIELDS)
    if flow.to.form:
        return set(CUSTOM_FIELDS[flow.to.form][0])
    if known.site is None or flow.to.template is None:
        return None
    for name in flow.to.accounts:
        account = known.site.accounts.get(name)
        if account and flow.to.template in account.templates:
            return set(account.templates[flow.to.template].fields)
    return None


def _rule(at: Loc, rule: FieldRule, shape: StreamShape | None, known: Known, *, content: bool) -> Iterator[Finding]:
    given = [word for word, value in (("from", rule.from_), ("layout", rule.layout), ("value", rule.value)) if value]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        yield at, f"says {said}: it takes exactly one of from, layout, value", ""
        return
    if rule.from_ is None:
        for word, value in (("or", rule.or_), ("steps", rule.steps), ("code", rule.code), ("format", rule.format)):
            if value:
                yield (*at, word), f"goes with from, not with {given[0]}", ""
    if rule.layout:
        yield from _layout_rule(at, rule.layout, known, content=content)
    if rule.version_from and not rule.code:
        yield (*at, "version_from"), "goes with code", ""
    if rule.code and rule.code not in known.code_files:
        hint = did_you_mean(rule.code, known.code_files) or "there is no file in codes/"
        yield (*at, "code"), f"there is no code list {rule.code!r}", hint
    if shape is None:
        return
    types = field_types(shape)
    for word, name in (("from", rule.from_), ("or", rule.or_), ("version_from", rule.version_from)):
        if name and (wrong := unknown_field(name, shape)):
            yield (*at, word), *wrong
        elif name:
            as_text = word == "version_from"
            yield from _typed((*at, word), name, types.get(name, "text"), rule, content=content, as_text=as_text)
    if rule.format and rule.from_:
        yield from _format(at, rule, types.get(rule.from_, "text"))


def _images(rule: FieldRule, shape: StreamShape | None) -> Iterator[Finding]:
    """Where a newspic's pictures come from: those in a body, those in a list of files, or one address."""
    for word in sorted(rule.model_fields_set - {"from_"}):
        yield (
            ("map", "images", word.rstrip("_")),
            "means nothing for images",
            "they take from: FIELD alone",
        )
    if rule.from_ is None:
        yield ("map", "images"), "names no field", "as in images: {from: html}"
    elif shape is not None:
        if wrong := unknown_field(rule.from_, shape):
            yield ("map", "images", "from"), *wrong
        elif (kind := field_types(shape).get(rule.from_, "text")) not in ("html", "list", "text"):
            yield ("map", "images", "from"), f"{rule.from_!r} is a {kind}: it holds no pictures", ""


def _layout_rule(at: Loc, layout: str, known: Known, *, content: bool) -> Iterator[Finding]:
    if not content:
        yield (*at, "layout"), "only content of a news target has a layout", "use from or value"
    elif layout not in known.layouts:
        hint = did_you_mean(layout, known.layouts.sources) or "put it into layouts/"
        yield (*at, "layout"), f"there is no layout {layout!r}", hint


def _typed(at: Loc, name: str, kind: str, rule: FieldRule, *, content: bool, as_text: bool) -> Iterator[Finding]:
    """Does a field of type ``kind`` fit where it is read?"""
    if as_text:
        if kind not in ("text", "number"):
            yield at, f"{name!r} is a {kind}, not a version", ""
    elif kind == "list":
        yield at, f"{name!r} is a list: only a layout can show it", ""
    elif content:
        if kind != "html":
            yield at, f"{name!r} is {kind}, and content is HTML", "use a layout"
        elif rule.steps or rule.code:
            yield at, "a body of HTML takes neither steps nor code", "use a layout"
    elif kind == "html" and "plain_text" not in rule.steps:
        yield at, f"{name!r} is HTML", "add the step plain_text"
    elif kind in ("time", "date") and not rule.format:
        yield at, f"{name!r} is a {kind}", 'add a format such as "YYYY年M月D日"'


def _format(at: Loc, rule: FieldRule, kind: str) -> Iterator[Finding]:
    if kind not in ("time", "date"):
        yield (*at, "format"), f"{rule.from_!r} is {kind}, not a time", ""
    elif rule.format and (wrong := format_fault(rule.format, has_clock=kind == "time")):
        yield (*at, "format"), wrong, ""
    if rule.code:
        yield (*at, "format"), "goes without code", ""


def check_link(at: Loc, link: Link, shape: StreamShape | None) -> Iterator[Finding]:
    """A link made from a record."""
    given = [word for word, value in (("page", link.page), ("url", link.url), ("from", link.from_)) if value]
    if len(given) != 1:
        yield at, f"says {' and '.join(given) or 'nowhere'}: it takes exactly one of url, from, page", ""
    elif link.page is not None:
        yield (*at, "page"), f"there is no page {link.page!r}", "link to an address with url:"
    elif link.from_ is not None:
        if shape is not None and (wrong := unknown_field(link.from_, shape)):
            yield (*at, "from"), *wrong
        elif shape is not None and field_types(shape).get(link.from_, "text") != "text":
            yield (*at, "from"), f"{link.from_!r} is not an address", ""
        if link.with_:
            yield (*at, "with"), "goes with url", ""
    elif link.url is not None:
        yield from check_url((*at, "url"), link.url)
        holes = HOLE.findall(link.url)
        for hole in dict.fromkeys(holes):
            if hole not in link.with_:
                yield (*at, "url"), f"{{{hole}}} is not filled", f"add it to with: {hole}: FIELD"
        for name in link.with_:
            if name not in holes:
                yield (*at, "with", name), f"is not in the url as {{{name}}}", did_you_mean(name, holes)
    for name, source in link.with_.items():
        if shape is None:
            continue
        if wrong := unknown_field(source, shape):
            yield (*at, "with", name), *wrong
        elif field_types(shape).get(source, "text") not in ("text", "number", "date"):
            yield (*at, "with", name), f"{source!r} cannot stand in an address", ""


def check_url(at: Loc, url: str) -> Iterator[Finding]:
    """An address a tap may open: http or https, a host, no spaces, at most 1024 bytes (rulebook §2)."""
    try:
        parts = urlsplit(HOLE.sub("x", url))
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole or re.search(r"\s", url):
        yield at, "is not an address that begins with https:// or http://", ""
    elif HOLE.search(url.split("//", 1)[1].split("/", 1)[0]):
        yield at, "may not take its host from a record", ""
    elif len(url.encode()) > 1024:
        yield at, f"has {len(url.encode())} bytes; WeChat takes 1024", ""


def check_layouts(flow: Flow, shape: StreamShape | None, known: Known) -> Iterator[Fault]:
    """What is wrong inside the layouts a flow uses; the faults name the layout's own file."""
    if shape is None:
        return
    types = field_types(shape)
    for rule in flow.map.values():
        if rule.layout and rule.layout in known.layouts:
            for fault in known.layouts.faults(rule.layout, types):
                message, hint = fault.message, ""
                if fault.unknown:
                    message, hint = unknown_field(fault.unknown, shape) or (message, "")
                yield Fault(str(known.layouts.folder / fault.layout), message, fault.line, hint=hint)
