"""Articles: pictures, cover, draft, submit; then WeChat says by event or on asking what became of it.

WeChat honours no key here. Our marker, a fragment in the article's source address, is how a draft or a published
article is found again after an answer that never came. Replacing is publishing the new one and, once it is confirmed,
deleting the old one (``effect`` remove).

Steps of publish: image (each), cover, draft, submit. Step of remove: delete.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from weigov.errors import LedgerConflict, RemoteRefused
from weigov.flow.context import Context
from weigov.flow.images import fill
from weigov.flow.step import Ended, call
from weigov.ledger import attempts, media, outbox, receipts
from weigov.ledger.outbox import Delivery, New
from weigov.wechat.client import AccountClient, Article, Listed, PublishStatus

#: A draft that is still there this long after submitting was never submitted.
SUBMIT_SETTLES = timedelta(minutes=5)
#: After that nothing more will be learnt about a submit nobody answered.
GIVE_UP_LOOKING = timedelta(minutes=30)
#: Pauses between questions about what is open: freepublish/get and batchget have 100 calls a day, and the event
#: usually comes first.
POLL = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
#: Priorities of removals. A withdrawn article must not stay readable; of a replaced one the new version stands.
WITHDRAWAL, REPLACEMENT = 10, 20
DELETE = "/cgi-bin/freepublish/delete"
#: How many newest drafts or articles are searched for a marker.
SEARCH = 100


def marker(row: Delivery) -> str:
    """What makes the article recognisable as this delivery."""
    return f"wg-{row.client_key}"


def paths(row: Delivery, done: dict[str, str]) -> dict[str, int]:
    """The calls that count against a quota which this delivery still needs."""
    if row.effect == "remove":
        return {"/cgi-bin/draft/delete" if "media_id" in row.payload else DELETE: 1}
    wanted = {} if "draft" in done else {"/cgi-bin/draft/add": 1}
    if row.payload["via"] == "publish":
        wanted["/cgi-bin/freepublish/submit"] = 1
    return wanted


def keep(ctx: Context, row: Delivery) -> dict[str, int]:
    """The calls that ``row`` has to leave for withdrawals, of WeChat's ten deletions a day."""
    if row.effect != "remove" or row.priority <= WITHDRAWAL:
        return {}
    account = ctx.site.accounts[row.target.removeprefix("account:")]
    return {DELETE: account.budget.deletions_kept_for_withdrawals}


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Bring the delivery as far as it goes now. Always ends with Ended or StopDrain."""
    if row.effect == "remove":
        _remove(ctx, client, row)
        return
    with ctx.ledger.read() as connection:
        done = attempts.done(connection, row.id)
    if "draft" in done:
        media_id = done["draft"]
    else:
        content, row = _with_images(ctx, client, row)
        cover, row = _uploaded(ctx, client, row, "cover", str(row.payload["cover"]), done.get("cover", ""))
        article = _article(row, content, cover.remote_id)
        published = row.payload["via"] == "publish"
        row = call(ctx, row, "draft", lambda: client.add_draft([article]), last=None if published else "confirmed")
        with ctx.ledger.read() as connection:
            media_id = attempts.done(connection, row.id)["draft"]
    try:
        call(ctx, row, "submit", lambda: client.submit(media_id), last="accepted")
    except Ended as ended:
        if ended.state == "accepted":
            _join(ctx, client.account.appid, row)
        raise


def confirm(connection: Connection, appid: str, row: Delivery, status: PublishStatus, *, now: datetime) -> None:
    """Write down what became of a submitted article, and what follows from it."""
    if status.state in ("publishing", "unknown"):
        return
    if status.state != "published":
        outbox.settle(connection, row, "rejected", now=now, reason=_PLAIN[status.state])
        return
    receipts.note(
        connection,
        appid=appid,
        kind="article",
        remote_id=status.article_id,
        status=status.state,
        url=status.urls[0] if status.urls else "",
        now=now,
        delivery_id=row.id,
    )
    outbox.settle(connection, row, "confirmed", now=now)
    # Read again under the row's lock: a withdrawal may have come since ``row`` was read.
    if outbox.get(connection, row.id).retire == "withdrawn":
        remove_published(connection, row.site, row.flow, row.record, now=now)
    else:
        remove_published(connection, row.site, row.flow, row.record, before_revision=row.revision, now=now)


_PLAIN = {
    "original_check_failed": "WeChat: the check for originality failed",
    "failed": "WeChat: publishing failed",
    "refused": "WeChat refused the article after its own review",
    "deleted_by_user": "taken down by the account's own staff",
    "banned": "taken down by WeChat",
}


def remove_published(
    connection: Connection, site: str, flow: str, record: str, *, now: datetime, before_revision: int | None = None
) -> int:
    """Enqueue the removal of what is published of a record (of older revisions only, when told); how many."""
    news = []
    rows = outbox.find(connection, site=site, flow=flow, record=record, effect="publish", states=("confirmed",))
    for row in rows:
        if before_revision is not None and row.revision >= before_revision:
            continue
        if row.payload.get("via") == "draft":
            where: dict[str, Any] = {"media_id": attempts.done(connection, row.id)["draft"]}
        else:
            where = {"article_id": _article_id(connection, row)}
        news.append(
            New(
                site=site,
                flow=flow,
                record=record,
                revision=row.revision,
                effect="remove",
                target=row.target,
                subject="",
                channel="news",
                payload={"of": row.id, **where},
                title=row.title,
                priority=WITHDRAWAL if before_revision is None else REPLACEMENT,
            )
        )
    if before_revision is None:
        # The old version of an edited article may still wait to be removed: now it is withdrawn like the new one.
        outbox.hasten(connection, site=site, flow=flow, record=record, effect="remove", priority=WITHDRAWAL, now=now)
    return outbox.enqueue(connection, news, now=now)


def settle_unknown(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Learn what became of a call that was never answered; the state the delivery is in afterwards."""
    if row.step == "delete":
        return _settle_delete(ctx, client, row)
    if row.step == "image":
        return _proved(ctx, row, None)  # a second copy of a picture does no harm
    if row.step == "cover":
        return _settle_cover(ctx, client, row)
    if row.step == "draft":
        found = _search_drafts(client, row)
        return _proved(ctx, row, found.id if found else None)
    return _settle_submit(ctx, client, row)


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
    found = _search_drafts(client, row)
    return found.id if found else ""


def poll(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """Ask what became of an accepted article."""
    with ctx.ledger.read() as connection:
        publish_id = attempts.done(connection, row.id)["submit"]
    status = client.get_publish(publish_id)
    with ctx.ledger.begin() as connection:
        row = outbox.get(connection, row.id)
        if row.state != "accepted":
            return row.state
        confirm(connection, client.account.appid, row, status, now=ctx.now())
        row = outbox.get(connection, row.id)
        if row.state == "accepted":
            outbox.look_again(connection, row, at=ctx.now() + _pause(ctx.now() - row.changed_at))
        return row.state


def _pause(age: timedelta) -> timedelta:
    """How long until the next question about something that has been open for ``age``."""
    return next((pause for pause in POLL if age < pause), POLL[-1])


def _article(row: Delivery, content: str, cover: str) -> dict[str, Any]:
    source_url, _, fragment = str(row.payload["source_url"]).partition("#")
    article = {
        "article_type": "news",
        "title": row.payload["title"],
        "content": content,
        "content_source_url": f"{source_url}#{fragment + '&' if fragment else ''}{marker(row)}",
        "thumb_media_id": cover,
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    }
    for name in ("author", "digest"):
        if row.payload.get(name):
            article[name] = row.payload[name]
    return article


def _with_images(ctx: Context, client: AccountClient, row: Delivery) -> tuple[str, Delivery]:
    """The content with its pictures at WeChat. Uploading one twice leaves a spare copy nobody sees."""
    urls: dict[str, str] = {}
    for sha256 in row.payload["images"]:
        uploaded, row = _uploaded(ctx, client, row, "image", sha256)
        urls[sha256] = uploaded.url
    return fill(str(row.payload["content"]), urls), row


def _uploaded(
    ctx: Context, client: AccountClient, row: Delivery, step: str, sha256: str, found: str = ""
) -> tuple[media.Uploaded, Delivery]:
    """What these bytes are called at WeChat: as an ``image`` of a body (a url) or a ``cover`` (a media_id).

    ``found`` is the id of a cover that an earlier, unanswered call turned out to have made.
    """
    appid = client.account.appid
    use = "body" if step == "image" else "cover"
    with ctx.ledger.read() as connection:
        known = media.known(connection, appid, use, sha256)
        data, content_type = media.blob(connection, sha256)
    if known is not None:
        return known, row
    if not found:
        name = f"{sha256[:40]}.{'png' if content_type == 'image/png' else 'jpg'}"
        upload = client.upload_image if step == "image" else client.add_material_image
        row = call(ctx, row, step, lambda: upload(data, name, content_type))
        with ctx.ledger.read() as connection:
            found = attempts.done(connection, row.id)[step]
    uploaded = media.Uploaded(remote_id="", url=found) if step == "image" else media.Uploaded(found, "")
    with ctx.ledger.begin() as connection:
        media.remember(connection, appid, use, sha256, remote_id=uploaded.remote_id, url=uploaded.url, now=ctx.now())
    return uploaded, row


def _remove(ctx: Context, client: AccountClient, row: Delivery) -> None:
    def delete() -> str:
        if "media_id" in row.payload:
            client.delete_draft(str(row.payload["media_id"]))
        else:
            try:
                client.delete_published(str(row.payload["article_id"]))
            except RemoteRefused as error:
                if error.code != 53600:  # gone already is what we want
                    raise
        return str(row.payload.get("article_id", ""))

    try:
        call(ctx, row, "delete", delete, last="confirmed")
    except Ended as ended:
        if ended.state == "confirmed":
            with ctx.ledger.begin() as connection:
                mark_removed(connection, row, now=ctx.now())
        raise


def mark_removed(connection: Connection, removal: Delivery, *, now: datetime) -> None:
    """The article a removal was about is gone."""
    of = outbox.get(connection, int(removal.payload["of"]))
    if of.state == "confirmed":
        outbox.move(connection, of, "removed", now=now)


def _settle_delete(ctx: Context, client: AccountClient, row: Delivery) -> str:
    if "media_id" in row.payload:
        gone = client.get_draft(str(row.payload["media_id"])) is None
    else:
        articles = client.get_article(str(row.payload["article_id"]))
        gone = articles is None or all(article.get("is_deleted") for article in articles)
    with ctx.ledger.begin() as connection:
        if gone:
            outbox.settle(connection, row, "confirmed", now=ctx.now())
            mark_removed(connection, row, now=ctx.now())
            return "confirmed"
        due_at = ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="it is still there")
    return "ready"


def _settle_cover(ctx: Context, client: AccountClient, row: Delivery) -> str:
    sha256 = str(row.payload["cover"])
    page = client.batchget_material(0, 20, "image")
    found = next(
        (i["media_id"] for i in page.get("item", ()) if str(i.get("name", "")).startswith(sha256[:40])), None
    )
    return _proved(ctx, row, found)


def _proved(ctx: Context, row: Delivery, remote_id: str | None) -> str:
    """The step happened (keep its receipt) or certainly did not: either way the delivery goes on from there."""
    with ctx.ledger.begin() as connection:
        if remote_id is not None:
            attempts.adopt(connection, row, row.step, remote_id, now=ctx.now())
        if remote_id is not None and row.step == "draft" and row.payload["via"] == "draft":
            outbox.move(connection, row, "confirmed", now=ctx.now())
            return "confirmed"
        due_at = ctx.now() if remote_id is not None else ctx.now() + attempts.pause(connection, row)
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason="proved afterwards")
    return "ready"


def _settle_submit(ctx: Context, client: AccountClient, row: Delivery) -> str:
    now = ctx.now()
    found = _search_published(client, row)
    if found is not None:
        url = str(found.articles[0].get("url", "")) if found.articles else ""
        status = PublishStatus("", "published", article_id=found.id, urls=(url,))
        with ctx.ledger.begin() as connection:
            confirm(connection, client.account.appid, row, status, now=now)
        return "confirmed"
    with ctx.ledger.read() as connection:
        media_id = attempts.done(connection, row.id).get("draft", "")
    age = now - row.changed_at
    if age >= SUBMIT_SETTLES and client.get_draft(media_id) is not None:
        with ctx.ledger.begin() as connection:
            due_at = now + attempts.pause(connection, row)
            outbox.move(
                connection, row, "ready", now=now, due_at=due_at, reason="proved absent: the draft is still there"
            )
        return "ready"
    with ctx.ledger.begin() as connection:
        if age >= GIVE_UP_LOOKING:
            outbox.settle(connection, row, "in_doubt", now=now, reason="no answer, no event, no such article")
            return "in_doubt"
        outbox.look_again(connection, row, at=now + _pause(age))
    return "unknown"


def _search_drafts(client: AccountClient, row: Delivery) -> Listed | None:
    return _search(client.batchget_drafts, row)


def _search_published(client: AccountClient, row: Delivery) -> Listed | None:
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


def _join(ctx: Context, appid: str, row: Delivery) -> None:
    """An event may have come before the answer of the call that caused it."""
    with ctx.ledger.begin() as connection:
        row = outbox.get(connection, row.id)
        publish_id = attempts.done(connection, row.id)["submit"]
        early = receipts.find(connection, appid, "publish", publish_id)
        if early is not None and row.state == "accepted":
            receipts.match(connection, early.id, row.id)
            confirm(connection, appid, row, kept_status(early), now=ctx.now())


def kept_status(receipt: Any) -> PublishStatus:
    """A kept PUBLISHJOBFINISH as the value freepublish/get would give."""
    return msgspec.json.decode(receipt.payload.encode(), type=PublishStatus)


def _article_id(connection: Connection, row: Delivery) -> str:
    for receipt in receipts.of_delivery(connection, row.id):
        if receipt.kind == "article":
            return str(receipt.remote_id)
    raise LedgerConflict(f"delivery {row.id} is confirmed but has no article id")
