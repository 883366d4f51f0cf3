"""What must hold between the parts of a site: keys, files, accounts, and what the systems offer.

Pure: takes what was read, gives faults with the line of the key to blame. Facts about WeChat are the rulebook's: §0
(who may send template messages), §5 (template fields). What a record's values do is seen when it is mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from weigov.errors import Fault
from weigov.mapping.times import format_fault
from weigov.ports import StreamShape, SystemShape
from weigov.site.check_gather import check_audience, check_budget, check_gather
from weigov.site.check_map import check_layouts, check_link, check_map
from weigov.site.check_menu import check_menu
from weigov.site.check_messages import check_messages
from weigov.site.known import Finding, Known, field_types, unknown_field
from weigov.site.models import (
    FIGURE_SOURCES,
    FIGURES_OF_RECORD,
    MESSAGE_KINDS,
    SYNC_SOURCES,
    Constant,
    FiguresBack,
    Flow,
    Formatted,
    SiteFile,
    SyncBack,
)
from weigov.site.site import reads_of
from weigov.yamlfile import Loc, YamlFile, did_you_mean

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TEMPLATE_FIELD = re.compile(
    r"(short_thing|thing|number|letter|symbol|character_string|time|date|amount|phone_number|car_number|name|phrase"
    r"|const|enum)[1-9]\d?"
)
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?", re.IGNORECASE)
MAX_TEMPLATES = 25

#: Words of messages and menus that mean nothing for articles.
_OF_OTHERS = ("order", "link", "menu", "conditional", "schedule", "urgent", "correction")
_MESSAGE: tuple[tuple[Loc, ...], tuple[Loc, ...]] = (
    (("from",), ("map",), ("to", "template"), ("to", "audience"), ("valid_for",)),
    (
        *(("to", word) for word in ("via", "as", "form", "reprints")),
        *((word,) for word in ("menu", "conditional", "schedule", "gather")),
    ),
)
#: kind → keys it cannot do without, keys that mean nothing for it. Underscored as in the models.
_KEYS: dict[str, tuple[tuple[Loc, ...], tuple[Loc, ...]]] = {
    "news": (
        (("from",), ("map",), ("to", "via")),
        # An article stays until it is withdrawn, and a newer revision always replaces the one before.
        (("to", "template"), ("to", "form"), *((word,) for word in ("valid_for", *_OF_OTHERS))),
    ),
    # Its articles are published already, as they were mapped and approved then.
    "gather": (
        (("from",), ("to", "via")),
        (
            *(("to", word) for word in ("template", "form", "as")),
            *((word,) for word in ("map", "trial", *_OF_OTHERS)),
        ),
    ),
    **dict.fromkeys(("template", "subscribe"), _MESSAGE),
    "customer_service": (
        (("from",), ("map",), ("to", "form"), ("to", "audience"), ("valid_for",)),
        (
            *(("to", word) for word in ("via", "as", "template", "reprints")),
            *((word,) for word in ("menu", "conditional", "schedule", "link", "correction", "gather")),
        ),
    ),
    "menu": (
        (("menu",),),
        (
            *((("to", word)) for word in ("via", "as", "template", "audience", "form", "reprints")),
            *((word,) for word in ("from", "gather", "begin", "valid_for", "order", "map", "link", "sync_back")),
            *((word,) for word in ("urgent", "trial", "correction")),
        ),
    ),
}


def check_site(file: YamlFile, site: SiteFile, folder: str) -> list[Fault]:
    """What is wrong in ``site.yaml`` beyond its shape."""
    return [file.fault(*finding) for finding in _site(site, folder)]


def check_flow(file: YamlFile, flow: Flow, known: Known) -> list[Fault]:
    """What is wrong in a flow, and in the layouts it uses, beyond its shape."""
    shape: StreamShape | None = None
    faults: list[Fault] = []
    if flow.from_:
        shape, missing = known.stream(flow.from_.system, flow.from_.stream, ("from",))
        faults += [file.fault(*finding) for finding in missing]
    faults += [file.fault(*finding) for finding in _flow(file.path.stem, flow, shape, known)]
    return faults + list(check_layouts(flow, shape, known))


def _site(site: SiteFile, folder: str) -> Iterator[Finding]:
    if site.site != folder:
        yield ("site",), f"{site.site!r} is not the name of its folder", f"write {folder}"
    if not NAME.fullmatch(site.site):
        yield ("site",), f"{site.site!r} is not a name: small letters, digits and _", ""
    try:
        ZoneInfo(site.time_zone)
    except (KeyError, ValueError, OSError):
        yield ("time_zone",), f"{site.time_zone!r} is not a time zone", "as in Asia/Shanghai"
    connections: dict[str, str] = {}
    for name, account in site.accounts.items():
        at: Loc = ("accounts", name)
        if not NAME.fullmatch(name):
            yield at, f"{name!r} is not a name: small letters, digits and _", ""
        if other := connections.get(account.connection):
            yield (*at, "connection"), f"is that of {other!r} too: two accounts cannot be one appid", ""
        connections[account.connection] = name
        if account.templates and account.type != "service":
            yield (*at, "templates"), "only a service account can send template messages", ""
        yield from check_budget(at, account)
        if len(account.templates) > MAX_TEMPLATES:
            yield (*at, "templates"), f"has {len(account.templates)}; WeChat allows {MAX_TEMPLATES}", ""
        for title, template in account.templates.items():
            if template.long_term and template.kind != "subscribe":
                yield (*at, "templates", title, "long_term"), "is a word about subscribe notices", "kind: subscribe"
            for n, key in enumerate(template.fields):
                if not TEMPLATE_FIELD.fullmatch(key):
                    yield (*at, "templates", title, "fields", n), f"{key!r} is not a template key", "as in thing1"
                if key in template.fields[:n]:
                    yield (*at, "templates", title, "fields", n), f"{key!r} is there twice", ""
    for n, alert in enumerate(site.alerts):
        if (alert.kind == "email") != bool(alert.to):
            wrong = "an e-mail needs receivers" if alert.kind == "email" else "only an e-mail has receivers"
            yield ("alerts", n), wrong, "to: [duty@city.gov.cn]" if alert.kind == "email" else "take `to` out"
        if alert.connection in [other.connection for other in site.alerts[:n]]:
            yield ("alerts", n, "connection"), f"{alert.connection!r} is there twice", ""
    for name, system in site.systems.items():
        if not NAME.fullmatch(name):
            yield ("systems", name), f"{name!r} is not a name: small letters, digits and _", ""
        for n, host in enumerate(system.media_hosts):
            if not HOST.fullmatch(host):
                yield ("systems", name, "media_hosts", n), f"{host!r} is not a host name", "no scheme, no path"


def _flow(stem: str, flow: Flow, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    if flow.flow != stem:
        yield ("flow",), f"{flow.flow!r} is not the file's name", f"write {stem}, or rename the file"
    if not NAME.fullmatch(flow.flow):
        yield ("flow",), f"{flow.flow!r} is not a name: small letters, digits and _", ""
    yield from _keys(flow)
    yield from _accounts(flow, known)
    if flow.to.kind in MESSAGE_KINDS and flow.begin == "all":
        yield (
            ("begin",),
            "messages cannot begin with all: it would tell everyone of what is long past",
            "now or a date",
        )
    if flow.to.kind in MESSAGE_KINDS:
        yield from check_messages(flow, shape, known)
    if flow.trial and flow.to.kind == "news" and flow.to.via == "draft":
        yield ("trial",), "means nothing where articles stay drafts anyway", "take it out"
    if flow.urgent and flow.quiet_hours:
        yield ("urgent",), "goes at any hour, and quiet_hours says the contrary", "take one of them out"
    every = flow.gather.every if flow.gather else None
    for at, line in ((("schedule",), flow.schedule), (("gather", "every"), every)):
        if line is not None and not _is_cron(line):
            yield at, f"{line!r} is not a cron line of five fields", 'as in "0 6 * * *"'
    if flow.to.kind == "menu":
        yield from check_menu(flow, known)
        return
    if shape is not None:
        yield from _source(flow, shape, known)
    yield from check_audience(flow)
    if flow.gather:
        yield from check_gather(flow, flow.gather, shape, known)
    else:
        yield from check_map(flow, shape, known)
    if flow.link:
        yield from check_link(("link",), flow.link, shape)
    if flow.sync_back:
        yield from _sync_back(flow, shape, known)


def _keys(flow: Flow) -> Iterator[Finding]:
    needed, senseless = _KEYS["gather" if flow.to.kind == "news" and flow.gather else flow.to.kind]
    for loc in needed:
        if not _given(flow, loc):
            yield loc, f"is missing: {flow.to.kind} needs it", ""
    for loc in senseless:
        if _given(flow, loc):
            yield loc, f"means nothing for {flow.to.kind}", "take it out"


def _given(flow: Flow, loc: Loc) -> bool:
    model = flow if len(loc) == 1 else flow.to
    name = str(loc[-1])
    return (name if name in type(model).model_fields else f"{name}_") in model.model_fields_set


def _accounts(flow: Flow, known: Known) -> Iterator[Finding]:
    if known.site is None:
        return
    for n, name in enumerate(flow.to.accounts):
        at = ("to", "accounts", n)
        account = known.site.accounts.get(name)
        if account is None:
            yield at, f"there is no account {name!r} in site.yaml", did_you_mean(name, known.site.accounts)
            continue
        if name in flow.to.accounts[:n]:
            yield at, f"{name!r} is there twice", ""
        if flow.to.kind not in ("template", "subscribe"):
            continue
        if account.type != "service":
            yield at, f"{name!r} is a {account.type} account: only a service account can send template messages", ""
        elif flow.to.template and flow.to.template not in account.templates:
            hint = did_you_mean(flow.to.template, account.templates)
            yield ("to", "template"), f"account {name!r} has no template {flow.to.template!r}", hint
        elif flow.to.template and (kind := account.templates[flow.to.template].kind) != flow.to.kind:
            yield ("to", "template"), f"is of kind {kind}, and the target of kind {flow.to.kind}", ""
    if flow.to.template and flow.to.kind in ("template", "subscribe"):
        accounts = [account for name, account in known.site.accounts.items() if name in flow.to.accounts]
        fields = {
            frozenset(a.templates[flow.to.template].fields) for a in accounts if flow.to.template in a.templates
        }
        if len(fields) > 1:
            yield ("to", "template"), "has different fields in these accounts", "write a flow for each"


def _source(flow: Flow, shape: StreamShape, known: Known) -> Iterator[Finding]:
    if flow.from_ is None:
        return
    streams = known.shapes[flow.from_.system].streams.values()
    for name, where in flow.from_.where.items():
        at = ("from", "where", name)
        if wrong := unknown_field(name, shape):
            yield at, *wrong
            continue
        kind = field_types(shape).get(name, "text")
        if not where.model_fields_set:
            yield at, "says nothing", "one of under, in, since, not"
        if where.under is not None and not any(stream.kind == "column" for stream in streams):
            yield (*at, "under"), f"system {flow.from_.system!r} has no stream of columns to look in", ""
        if where.since is not None and kind not in ("time", "date"):
            yield (*at, "since"), f"{name!r} is {kind}, not a time", ""
        if kind in ("html", "list", "time", "date") and (where.under or where.in_ or where.not_):
            yield at, f"{name!r} is a {kind}: only text can be compared", ""
    for n, name in enumerate(flow.from_.on_change_of):
        if wrong := unknown_field(name, shape):
            yield ("from", "on_change_of", n), *wrong


def _sync_back(flow: Flow, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    back = flow.sync_back
    system = known.shapes.get(flow.from_.system) if flow.from_ else None
    if back is None or system is None:
        return
    reads = reads_of(flow, known.layouts) | {name.removeprefix("extra.") for name in reads_of(flow, known.layouts)}
    yield from _told(("sync_back",), back, SYNC_SOURCES, system, shape, reads)
    if back.figures is None:
        return
    at = ("sync_back", "figures")
    if flow.to.kind != "news" or flow.to.via == "draft":
        yield at, "only of published articles there are figures", 'take it out, or say "via: publish"'
    yield from _told(at, back.figures, (*FIGURES_OF_RECORD, *FIGURE_SOURCES), system, shape, reads)
    operation = system.operations.get(back.figures.operation)
    if operation is not None and operation.idempotency not in ("overwrite", "key"):
        fault = f"{back.figures.operation} is not safe to repeat, and figures are told again when they change"
        yield (*at, "operation"), fault, "take an operation with idempotency overwrite"


def _told(
    at: Loc,
    back: SyncBack | FiguresBack,
    sources: tuple[str, ...],
    system: SystemShape,
    shape: StreamShape | None,
    reads: frozenset[str],
) -> Iterator[Finding]:
    """One operation and what fills its parameters."""
    operation = system.operations.get(back.operation)
    if operation is None:
        hint = did_you_mean(back.operation, system.operations)
        yield (*at, "operation"), f"{system.name} has no operation {back.operation!r}", hint
    for name, source in back.with_.items():
        place = (*at, "with", name)
        if operation is not None and name not in operation.params:
            yield place, f"{back.operation} takes no {name!r}", did_you_mean(name, operation.params)
        yield from _sync_source(place, source, sources, shape)
        if source != "key" and name in reads:
            fault = f"writes {name!r}, which the flow reads: it would start itself again"
            yield place, fault, "take it out of one side"


def _sync_source(
    at: Loc, source: str | Constant | Formatted, sources: tuple[str, ...], shape: StreamShape | None
) -> Iterator[Finding]:
    if isinstance(source, Constant):
        return
    name = source.from_ if isinstance(source, Formatted) else source
    kind = {"receipt.at": "time", "figures.day": "date"}.get(name, "text")
    if name not in sources and shape is not None:
        if unknown_field(name, shape):
            hint = did_you_mean(name, (*sources, *field_types(shape)))
            of = "of a receipt" if sources == SYNC_SOURCES else "a figure"
            yield at, f"{name!r} is neither {of} nor of the record", hint
            return
        kind = field_types(shape).get(name, "text")
    if kind in ("html", "list"):
        yield at, f"{name!r} cannot be written back", ""
    if isinstance(source, Formatted):
        if kind not in ("time", "date"):
            yield (*at, "from"), f"{name!r} is not a time", ""
        elif wrong := format_fault(source.format, has_clock=kind == "time"):
            yield (*at, "format"), wrong, ""


def _is_cron(line: str) -> bool:
    from croniter import croniter  # type: ignore[import-untyped]  # only here: it costs every DAG parse otherwise

    return len(line.split()) == 5 and bool(croniter.is_valid(line))
