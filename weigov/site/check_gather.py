"""What must hold in a flow that gathers, and for mass messages: budget, preview, audience (rulebook §4)."""

from __future__ import annotations

from collections.abc import Iterator

from weigov.ports import StreamShape
from weigov.site.known import Finding, Known, field_types, unknown_field
from weigov.site.models import Account, Flow, Gather, TagAudience
from weigov.yamlfile import Loc

#: What records can be put in order by.
_ORDERED = ("time", "date", "number", "text")


def check_budget(at: Loc, account: Account) -> Iterator[Finding]:
    """WeChat counts a service account's mass messages by the month, four to each citizen; else one a day."""
    if account.budget.mass is None:
        return
    count, unit = account.budget.mass.split("/")
    if account.type == "service" and unit == "day":
        yield (*at, "budget", "mass"), "a service account's mass messages are counted by the month", "as in 4/month"
    elif account.type == "subscription" and unit == "day" and int(count) > 1:
        yield (*at, "budget", "mass"), f"{count} a day: a subscription account may send one", "1/day"


def check_audience(flow: Flow) -> Iterator[Finding]:
    """Whom ``to:`` names. A mass message to everybody by omission is the mistake nobody can take back."""
    mass = flow.to.via == "mass"
    if flow.to.kind != "news":
        if flow.to.audience == "all" or isinstance(flow.to.audience, TagAudience):
            yield ("to", "audience"), "is of a mass message", "as in bound_applicant"
        return
    if mass and not flow.gather:
        hint = "add gather: or use via: publish"
        yield ("to", "via"), "mass goes with gather only: every article by itself would use up the month", hint
    if mass and flow.to.audience is None:
        yield ("to", "audience"), "is missing: a mass message says to whom it goes", "all, or {tag: NAME}"
    elif mass and isinstance(flow.to.audience, str) and flow.to.audience != "all":
        yield ("to", "audience"), f"{flow.to.audience!r} is of a template message", "all, or {tag: NAME}"
    if not mass:
        for word in ("audience", "reprints"):
            if word in flow.to.model_fields_set:
                yield ("to", word), "means nothing for an article that is not sent to anybody", "take it out"


def check_gather(flow: Flow, gather: Gather, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    """What a digest is made of, and who sees it first."""
    if flow.from_ and "on_change_of" in flow.from_.model_fields_set:
        yield ("from", "on_change_of"), "means nothing where articles are gathered", "take it out"
    name = gather.order.removeprefix("-")
    if shape is not None:
        kind = field_types(shape).get(name, "text")
        if shape.kind != "article":
            yield ("from", "stream"), f"is of kind {shape.kind}: only articles can be gathered", ""
        elif wrong := unknown_field(name, shape):
            yield ("gather", "order"), *wrong
        elif kind not in _ORDERED:
            yield ("gather", "order"), f"{name!r} is a {kind}: it has no order", ""
    if flow.to.via not in (None, "mass"):
        yield ("to", "via"), f"{flow.to.via}: what is gathered was published already", "mass"
    if known.site is None:
        return
    for n, account in enumerate(flow.to.accounts):
        found = known.site.accounts.get(account)
        if found is not None and not found.preview_to:
            hint = f"accounts: {account}: preview_to: [NAME IN WECHAT]"
            yield ("to", "accounts", n), f"account {account!r} names nobody who sees a mass message first", hint
