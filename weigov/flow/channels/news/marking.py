"""How an article of ours is known at WeChat, which honours no key: by a fragment in its source address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient, Article, Listed, PublishStatus

#: How many newest drafts or articles are searched for a marker.
SEARCH = 100


def marker(row: Delivery) -> str:
    """What makes the article recognisable as this delivery."""
    return f"wg-{row.client_key}"


def find_published(client: AccountClient, row: Delivery, said: str = "") -> PublishStatus | None:
    """The article as it stands in WeChat: by the id or address a person read there, else by our mark."""
    if said and "://" not in said:
        articles = client.get_article(said)
        found = Listed(said, articles, 0) if articles else None
    else:
        wanted = (lambda a: a.get("url") == said) if said else (lambda a: marker(row) in _source(a))
        found = _search_for(client.batchget_published, lambda a: wanted(a) and not a.get("is_deleted"))
    standing = [article for article in found.articles if not article.get("is_deleted")] if found else []
    if found is None or not standing:
        return None
    urls = tuple(str(article.get("url", "")) for article in standing)
    return PublishStatus("", "published", article_id=found.id, urls=urls)


def find_draft(client: AccountClient, row: Delivery, said: str = "") -> str:
    """The media_id of the draft: as a person read it, else found by our mark; '' when there is none."""
    if said:
        return said if client.get_draft(said) is not None else ""
    found = draft_of(client, row)
    return found.id if found else ""


def draft_of(client: AccountClient, row: Delivery) -> Listed | None:
    """The draft that bears this delivery's marker."""
    return _search(client.batchget_drafts, row)


def published_of(client: AccountClient, row: Delivery) -> Listed | None:
    """The published article that bears this delivery's marker."""
    return _search(client.batchget_published, row)


def _search(pages: Any, row: Delivery) -> Listed | None:
    return _search_for(pages, lambda article: marker(row) in _source(article))


def _source(article: Article) -> str:
    return str(article.get("content_source_url", ""))


def _search_for(pages: Any, wanted: Callable[[Article], bool]) -> Listed | None:
    offset = 0
    while offset < SEARCH:
        page = pages(offset, 20, True)
        for item in page.items:
            if any(wanted(article) for article in item.articles):
                found: Listed = item
                return found
        offset += 20
        if offset >= page.total:
            return None
    return None
