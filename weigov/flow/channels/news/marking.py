"""How an article of ours is known at WeChat, which honours no key: by a fragment in its source address.

A newspic has no such address: it is known by its title, text and number of pictures, made since its delivery was.
The lists are newest first, and searched as far back as the delivery goes.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient, Article, Listed, PublishStatus

#: Pages of 20 that a search reads at most: freepublish/batchget has 100 calls a day.
PAGES = 25
#: How far WeChat's clock may be behind ours.
CLOCKS_APART = timedelta(hours=1)
_PAGE = 20


def _nobodys(remote_id: str) -> bool:
    return False


def marker(row: Delivery) -> str:
    """What makes the article recognisable as this delivery."""
    return f"wg-{row.client_key}"


def find_published(
    client: AccountClient, row: Delivery, said: str = "", is_others: Callable[[str], bool] = _nobodys
) -> PublishStatus | None:
    """The article as it stands in WeChat: by the id or address a person read there, else by our mark."""
    if said and "://" not in said:
        articles = client.get_article(said)
        found = Listed(said, articles, 0) if articles else None
    else:
        wanted = (lambda a: a.get("url") == said) if said else (lambda a: is_ours(row, a))
        since = 0.0 if said else _since(row)
        found = _search(
            client.batchget_published, row, lambda a: wanted(a) and not a.get("is_deleted"), since, is_others
        )
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
    """The draft of this delivery."""
    return _search(client.batchget_drafts, row, lambda article: is_ours(row, article), _since(row))


def published_of(client: AccountClient, row: Delivery, is_others: Callable[[str], bool] = _nobodys) -> Listed | None:
    """The published article of this delivery. ``is_others``: whether an id is known to be another's."""
    return _search(client.batchget_published, row, lambda article: is_ours(row, article), _since(row), is_others)


def is_newspic(row: Delivery) -> bool:
    """Whether it is a picture message (图片消息) and no article."""
    return row.payload.get("as") == "newspic"


def is_ours(row: Delivery, article: Article) -> bool:
    """Whether ``article``, as a list shows it, is this delivery's."""
    if not is_newspic(row):
        return marker(row) in str(article.get("content_source_url", ""))
    images = images_of(article)
    same = all(_words(article.get(name)) == _words(row.payload[name]) for name in ("title", "content"))
    return article.get("article_type") == "newspic" and same and len(images) == len(row.payload["images"])


def images_of(article: Article) -> Sequence[Any]:
    """The pictures of a picture message, as WeChat shows it."""
    info = article.get("image_info")
    return info.get("image_list") or () if isinstance(info, Mapping) else ()


def _words(value: Any) -> str:
    return " ".join(html.unescape(str(value or "")).split())


def _since(row: Delivery) -> float:
    """What is older than this, in epoch seconds, was there before the delivery."""
    return (row.created_at - CLOCKS_APART).timestamp()


def _search(
    pages: Any, row: Delivery, wanted: Callable[[Article], bool], since: float,
    is_others: Callable[[str], bool] = _nobodys,
) -> Listed | None:  # fmt: skip
    for number in range(PAGES):
        page = pages(number * _PAGE, _PAGE, not is_newspic(row))
        for item in page.items:
            if item.update_time >= since and any(wanted(article) for article in item.articles):
                if is_others(item.id):  # of two picture messages with the same words
                    continue
                found: Listed = item
                return found
        if (number + 1) * _PAGE >= page.total or all(item.update_time < since for item in page.items):
            return None
    return None
