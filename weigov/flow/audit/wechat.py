"""One account against the ledger: every article, draft and menu there, against the delivery that made it.

Ours is what bears our mark (``news.marker``), and a picture message by its id, for it has no place for a mark; what
people published in the console is theirs and is passed over.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weigov.flow.audit import mass
from weigov.flow.audit.difference import Difference
from weigov.flow.audit.ledger import being_removed
from weigov.flow.channels.news.marking import images_of, is_newspic, is_ours
from weigov.flow.context import Context
from weigov.flow.menus import standing
from weigov.ledger import drift, menus, outbox
from weigov.ledger.drift import Article
from weigov.ledger.states import UNSENT, State
from weigov.mapping.steps import plain_text
from weigov.wechat.client import AccountClient

#: Pages of 20 that are read of each list: freepublish/batchget has 100 calls a day, and reconcile needs some.
PAGES = 30
_MARK = re.compile(r"wg-([0-9a-f]{32})")
#: WeChat has it and the ledger will know in a moment.
_ON_ITS_WAY: tuple[State, ...] = ("claimed", "sending", "unknown", "accepted")


@dataclass(frozen=True, slots=True)
class _There:
    """One of ours as WeChat shows it."""

    id: str
    article: Mapping[str, Any] = field(repr=False)


def compare(ctx: Context, account: str, found: list[Difference]) -> list[str]:
    """Add every difference at one account to ``found``; what could not be compared. Raises RemoteError."""
    # The ledger first: what it calls confirmed was there before WeChat is asked.
    target = f"account:{account}"
    with ctx.ledger.read() as connection:
        known = drift.articles(connection, ctx.site.site, target)
        digests = drift.digests(connection, ctx.site.site, target)
        removing = being_removed(ctx, connection)
    client = ctx.account(account)
    published, shown, all_of_them = _listed(client.batchget_published)
    published = {mark: there for mark, there in published.items() if mark not in digests}  # what was sent to many
    missed = [] if all_of_them else [f"{account}: only the newest {PAGES * 20} published articles were compared"]
    by_key = {one.client_key: one for one in known}
    for mark, there in published.items():
        found += _of_one(ctx, account, by_key.get(mark), there)
    stands = {one.id for one in known if one.client_key in published or one.article_id in shown}
    found += _pictures_messages(ctx, account, [one for one in known if one.client_key not in published], shown)
    found += _twice(account, [one for one in known if one.id in stands], removing)
    if all_of_them:
        found += _missing(account, [one for one in known if one.id not in stands], removing)
    drafts, _, whole = _listed(client.batchget_drafts)
    drafts = {mark: there for mark, there in drafts.items() if mark not in digests}  # previewed, or in review
    missed += [] if whole else [f"{account}: only the newest {PAGES * 20} drafts were compared"]
    found += _drafts(ctx, account, by_key, drafts)
    found += _menu(ctx, account, client)
    found += mass.differences(ctx, account, client, missed)
    return missed


def _listed(pages: Any) -> tuple[dict[str, list[_There]], dict[str, _There], bool]:
    """(mark → what stands with it, id → what stands under it, whether the list was read to its end)."""
    marked: dict[str, dict[str, _There]] = defaultdict(dict)
    ids: dict[str, _There] = {}
    whole = False
    for number in range(PAGES):
        page = pages(number * 20, 20, False)
        for item in page.items:
            for article in item.articles:
                if article.get("is_deleted"):
                    continue
                ids.setdefault(item.id, _There(item.id, article))
                mark = _MARK.search(str(article.get("content_source_url", "")))
                if mark:
                    marked[mark.group(1)][item.id] = _There(item.id, article)
        whole = (number + 1) * 20 >= page.total
        if whole:
            break
    return {mark: list(there.values()) for mark, there in marked.items()}, ids, whole


def _of_one(ctx: Context, account: str, one: Article | None, there: list[_There]) -> Iterator[Difference]:
    """One mark, and what stands with it."""
    ids = ", ".join(item.id for item in there)
    if one is None:
        what = f"an article of ours the ledger does not know ({ids})"
        yield Difference(account, _titled(there), what, "delete it in WeChat's console, or ask which ledger made it")
        return
    if len(there) > 1:
        what = f"stands {len(there)} times in WeChat ({ids})"
        yield Difference(account, one.record, what, "delete all but the newest in its console", one.id, one.state)
    if one.state == "confirmed":
        yield from _changed(ctx, account, one, there[0])
    elif one.state == "in_doubt":
        todo = f"`weigov settle {one.id} --arrived`"
        yield Difference(account, one.record, "in doubt, but WeChat shows it", todo, one.id, one.state)
    elif one.state in UNSENT:
        what = f"stands in WeChat, but the ledger believes it unsent ({one.state})"
        todo = "`weigov recover --restored`, then `weigov settle --arrived`"
        yield Difference(account, one.record, what, todo, one.id, one.state)
    elif one.state not in _ON_ITS_WAY:
        what = f"stands in WeChat ({ids}), but the ledger says {one.state}"
        yield Difference(account, one.record, what, "delete it in WeChat's console", one.id, one.state)


def _pictures_messages(
    ctx: Context, account: str, unmarked: Iterable[Article], shown: Mapping[str, _There]
) -> Iterator[Difference]:
    """Picture messages (图片消息): each as it was approved, and once."""
    for one in unmarked:
        if one.state != "confirmed" or one.article_id not in shown:
            continue
        with ctx.ledger.read() as connection:
            row = outbox.get(connection, one.id)
        if not is_newspic(row):
            continue  # settled by a person, who named an article without our mark
        alike = [there.id for there in shown.values() if is_ours(row, there.article)]
        if len(alike) > 1:
            what = f"stands {len(alike)} times in WeChat ({', '.join(alike)})"
            yield Difference(account, one.record, what, "delete all but the newest in its console", one.id, one.state)
        yield from _changed(ctx, account, one, shown[one.article_id])


def _changed(ctx: Context, account: str, one: Article, there: _There) -> Iterator[Difference]:
    with ctx.ledger.read() as connection:
        row = outbox.get(connection, one.id)
    payload = row.payload
    pictures = (_pictures(payload["content"]), _pictures(there.article.get("content")))
    if is_newspic(row):
        pictures = (len(payload["images"]), len(images_of(there.article)))
    parts = {
        "title": (_words(payload["title"]), _words(there.article.get("title"))),
        "author": (_words(payload.get("author")), _words(there.article.get("author"))),
        "text": (_text(payload["content"]), _text(there.article.get("content"))),
        "number of pictures": pictures,
    }
    wrong = [name for name, (approved, shown) in parts.items() if approved != shown]
    if wrong:
        what = f"not what was approved: {', '.join(wrong)} differ in WeChat"
        todo = "ask who edited it there; an edit upstream publishes it anew"
        yield Difference(account, one.record, what, todo, one.id, one.state)


def _twice(account: str, standing: Iterable[Article], removing: set[int]) -> Iterator[Difference]:
    """Two versions of one record."""
    newest: dict[tuple[str, str], Article] = {}
    for one in standing:
        if one.state == "confirmed":
            old = newest.get((one.flow, one.record))
            if old is not None and old.id not in removing:
                what = f"an old version still stands beside the new one (delivery {one.id})"
                yield Difference(account, old.record, what, "delete it in WeChat's console", old.id, old.state)
            newest[one.flow, one.record] = one


def _missing(account: str, absent: Iterable[Article], removing: set[int]) -> Iterator[Difference]:
    for one in absent:
        if one.state != "confirmed" or one.id in removing or not one.article_id:
            continue  # without an id it is the ledger's own part that says what is wrong
        what = "published, but no longer in WeChat"
        todo = "ask whether WeChat or the account's staff took it down; an edit upstream publishes it again"
        yield Difference(account, one.record, what, todo, one.id, one.state)


def _drafts(
    ctx: Context, account: str, by_key: Mapping[str, Article], drafts: Mapping[str, list[_There]]
) -> Iterator[Difference]:
    for mark, there in drafts.items():
        one = by_key.get(mark)
        if one is not None and (one.state in (*UNSENT, *_ON_ITS_WAY, "in_doubt") or _is_draft(ctx, one)):
            there = there[1:]  # it needs one
        for draft in there:
            key = one.record if one else _titled([draft])
            what = f"a draft of ours was left over ({draft.id})"
            yield Difference(account, key, what, "delete it in WeChat's draft box")


def _is_draft(ctx: Context, one: Article) -> bool:
    """Whether the draft is all that was wanted."""
    if one.state != "confirmed":
        return False
    with ctx.ledger.read() as connection:
        return outbox.get(connection, one.id).payload.get("via") == "draft"


def _menu(ctx: Context, account: str, client: AccountClient) -> Iterator[Difference]:
    with ctx.ledger.read() as connection:
        rows = menus.versions(connection, ctx.site.site, f"account:{account}")
    ours = standing.last_confirmed(rows)
    if ours is None or any(row.state in (*_ON_ITS_WAY, "in_doubt") for row in rows):
        return
    there = standing.observe(client, with_tags=standing.needs_tags(ours.payload))
    wrong = standing.not_shown(ours.payload, there)
    if wrong:
        what = f"the menu is not ours any more: {'; '.join(wrong)}"
        todo = (
            "ask who changed it; take it over into the flow's YAML, or bring ours back with"
            f" `weigov menu rollback {account} {ours.id}`, then `weigov menu overwrite {account}`"
        )
        yield Difference(account, ours.record, what, todo, ours.id, "confirmed")


def _titled(there: list[_There]) -> str:
    return str(there[0].article.get("title", ""))


def _words(text: Any) -> str:
    return " ".join(html.unescape(str(text or "")).split())


def _text(content: Any) -> str:
    return "".join(plain_text(str(content or "")).split())


def _pictures(content: Any) -> int:
    return len(re.findall(r"<img\b", str(content or ""), re.IGNORECASE))
