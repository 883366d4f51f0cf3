"""What must hold in what a flow says to citizens: its corrections, and whom it tells how much.

Facts about WeChat are the rulebook's: §5 (template fields).
"""

from __future__ import annotations

from collections.abc import Iterator

from weigov.ports import StreamShape
from weigov.site.check_map import check_link, check_map
from weigov.site.known import Finding, Known
from weigov.site.models import MANY, CorrectionText, Flow
from weigov.yamlfile import Loc, did_you_mean


def check_messages(flow: Flow, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    """The rules of a flow that tells citizens something."""
    if flow.to.audience in MANY:
        if flow.review:
            hint = "let it begin with trial, and release it"
            yield ("review",), f"cannot be asked for each of an audience of {flow.to.audience}", hint
        if flow.sync_back:
            yield ("sync_back",), f"would be told once for each citizen of an audience of {flow.to.audience}", ""
    if flow.to.audience == "subscribers" and flow.to.kind != "subscribe":
        yield ("to", "audience"), "are of a subscribe notice", "kind: subscribe, or another audience"
    if flow.to.kind == "customer_service" and flow.to.audience in MANY:
        yield ("to", "audience"), "is not whom one answers", "bound_asker or bound_applicant"
    if flow.correction is None:
        return
    at: Loc = ("correction",)
    if not flow.correction.edited and not flow.correction.withdrawn:
        yield at, "says nothing", "edited, withdrawn or both"
    if flow.correction.edited:
        if flow.order == "every":
            yield (*at, "edited"), "contradicts order: every, by which each change is its own message", ""
        yield from _text((*at, "edited"), flow, flow.correction.edited, shape, known)
    if flow.correction.withdrawn:
        if not flow.correction.withdrawn.map:
            hint = "say that it no longer holds"
            yield (*at, "withdrawn", "map"), "is missing: the flow's own text is what was withdrawn", hint
        else:
            yield from _text((*at, "withdrawn"), flow, flow.correction.withdrawn, shape, known)


def _text(at: Loc, flow: Flow, text: CorrectionText, shape: StreamShape | None, known: Known) -> Iterator[Finding]:
    """The same rules as for the flow's own text."""
    if text.template and known.site:
        for name in flow.to.accounts:
            account = known.site.accounts.get(name)
            if account and text.template in account.templates:
                if (kind := account.templates[text.template].kind) != flow.to.kind:
                    yield (*at, "template"), f"is of kind {kind}, and the target of kind {flow.to.kind}", ""
            elif account:
                hint = did_you_mean(text.template, account.templates)
                yield (*at, "template"), f"account {name!r} has no template {text.template!r}", hint
        if not text.map and text.template != flow.to.template:
            yield (*at, "map"), "is missing", "another template has other fields"
            return
    if text.map:
        to = flow.to.model_copy(update={"template": text.template or flow.to.template})
        for loc, message, hint in check_map(flow.model_copy(update={"map": text.map, "to": to}), shape, known):
            yield (*at, *loc), message, hint
    if text.link:
        yield from check_link((*at, "link"), text.link, shape)
