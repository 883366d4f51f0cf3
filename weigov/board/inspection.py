"""An account as the state's inspection of 政务新媒体 sees it.

Two weeks without an update is a veto of its own; broken links, reprints without a source and questions nobody answers
cost points (国办秘函〔2019〕19号). Judged by what the ledger knows: newest articles and newest questions, not all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.flow.updates import ARTICLES, days_left, publishing
from weigov.ledger import board, links
from weigov.mapping.links import links_of

#: How many of the newest articles and questions are looked at.
_LOOKED_AT = 300
_QUESTIONS = 1000
#: How many of the addresses that were found dead last.
_GONE = 1000
#: What systems write where a question was answered, in lower case.
_ANSWERED = frozenset({"answered", "closed", "resolved", "done", "已回复", "已答复", "已办结", "办结", "已解决"})


@dataclass(frozen=True, slots=True)
class Inspected:
    """One account. ``days_left``: whole days to the veto, 0 or less when it is reached, None before an article.

    ``questions``, ``dead`` and ``no_source`` are the site's, the same for each account, counted among the newest
    ``of_articles`` and ``of_questions``; ``all_articles`` and ``all_questions`` say whether there are no older ones.
    """

    account: str
    last_published: datetime | None
    days_left: int | None
    questions: int
    dead: int
    no_source: int
    of_articles: int
    of_questions: int
    newest_dead: int = 0  # the delivery of the newest article with one; 0 where none has
    newest_no_source: int = 0

    @property
    def all_articles(self) -> bool:
        return self.of_articles < _LOOKED_AT

    @property
    def all_questions(self) -> bool:
        return self.of_questions < _QUESTIONS


def inspect(ctx: Context, connection: Connection, flows: Sequence[str]) -> tuple[Inspected, ...]:
    """Every account that publishes articles."""
    site, now = ctx.site.site, ctx.now()
    names = publishing(ctx, flows)
    articles = [
        (each, msgspec.json.decode(payload))
        for each, _, payload in board.newest_payloads(connection, site, names, ARTICLES, limit=_LOOKED_AT)
    ]
    gone = frozenset(links.dead(connection, limit=_GONE))
    dead = [n for n, one in articles if _has_dead(one.get("dropped") or ()) or _leads_to(gone, one)]
    no_source = [n for n, one in articles if not one.get("author") and not one.get("articles")]
    questions, asked = _unanswered(ctx, connection)
    found = []
    for account in ctx.site.accounts:
        last = board.last_published(connection, site, names, f"account:{account}", ARTICLES)
        if last is None and not any(account in flow.to.accounts for flow in ctx.site.flows.values()):
            continue
        inspected = Inspected(
            account, last, days_left(last, now), questions, len(dead), len(no_source), len(articles), asked,
            max(dead, default=0), max(no_source, default=0),
        )  # fmt: skip
        found.append(inspected)
    return tuple(found)


def _has_dead(dropped: Any) -> bool:
    return any(name.startswith(("image:", "cover:", "link:")) for name in dropped)


def _leads_to(gone: frozenset[str], article: Any) -> bool:
    return bool(gone) and not gone.isdisjoint(links_of(article))


def _unanswered(ctx: Context, connection: Connection) -> tuple[int, int]:
    """(how many of the newest questions nobody answered, of how many)."""
    streams = [
        (system, name)
        for system, shape in ctx.site.shapes.items()
        for name, offered in shape.streams.items()
        if offered.kind == "question"
    ]
    payloads = board.newest_of_kind(connection, ctx.site.site, streams, limit=_QUESTIONS)
    return sum(1 for payload in payloads if not _is_answered(msgspec.json.decode(payload))), len(payloads)


def _is_answered(question: Any) -> bool:
    fields = question.get("fields", question)
    return str(fields.get("status") or "").strip().lower() in _ANSWERED
