"""Whether what articles lead to is there: asked outside of any transaction, kept for all of them, shown to reviewers.

A dead link stops nothing unless the site's ``words.yaml`` says ``links: block``; then its article is quarantined.
What could not be made sure of is asked again by a later compose, and never held against anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from weigov.errors import RecordRejected
from weigov.flow.context import Context
from weigov.ledger import board, links, outbox
from weigov.mapping.links import links_of
from weigov.mapping.proofread import Finding
from weigov.site.models import MESSAGE_KINDS, Flow

#: How long one compose asks; the rest is for the next.
BUDGET_S = 30.0
#: For one article that a dead link would stop.
_ARTICLE_S = 15.0
#: Of what is published, the newest are looked at again.
_PUBLISHED = 100
_HELD = 500
_CHANNELS = ("news", "mass", "menu")


def check(ctx: Context, flow: Flow) -> int:
    """Ask what the flow's articles lead to: those before reviewers first, then the newest published. How many."""
    if ctx.site.words.links == "off" or flow.to.kind in MESSAGE_KINDS:
        return 0
    with ctx.ledger.read() as connection:
        held = outbox.find(connection, site=ctx.site.site, flow=flow.flow, states=("waiting_review",), limit=_HELD)
        standing = board.newest_payloads(connection, ctx.site.site, [flow.flow], _CHANNELS, limit=_PUBLISHED)
    urls = [url for row in held for url in links_of(row.payload)]
    urls += [url for _, _, payload in standing for url in links_of(msgspec.json.decode(payload))]
    return ask(ctx, urls, BUDGET_S)


def ask(ctx: Context, urls: Collection[str], budget_s: float) -> int:
    """Ask those whose last answer no longer holds, and keep the answers. How many were asked."""
    with ctx.ledger.read() as connection:
        known = links.known(connection, urls)
    now = ctx.now()
    wanted = [url for url in dict.fromkeys(urls) if url not in known or not known[url].holds(now)]
    answers = ctx.ask_links(wanted, budget_s) if wanted else {}
    if answers:
        with ctx.ledger.begin() as connection:
            links.remember(connection, answers, now=ctx.now())
    return len(answers)


def found(ctx: Context, connection: Connection, payload: Mapping[str, Any]) -> list[Finding]:
    """The dead links of one article, by what is known."""
    level = ctx.site.words.links
    if level == "off":
        return []
    known = links.known(connection, links_of(payload))
    return [
        Finding(level, "link", "content", f"链接打不开 dead link（{one.said}）: {url}")
        for url, one in known.items()
        if one.status == "dead"
    ]


def refuse_dead(ctx: Context, key: str, payload: Mapping[str, Any]) -> None:
    """Where the site says ``links: block``: raises RecordRejected for an article with a dead link."""
    if ctx.site.words.links != "block":
        return
    ask(ctx, links_of(payload), _ARTICLE_S)
    with ctx.ledger.read() as connection:
        if dead := found(ctx, connection, payload):
            raise RecordRejected(key, *(f"{one.field}: {one.said}" for one in dead))
