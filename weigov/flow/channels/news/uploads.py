"""Pictures and covers at WeChat: once per account and use.

A picture of a text (step image) has an address; a cover, and a picture of a newspic (step picture), is a permanent
material with a media_id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weigov.flow.context import Context
from weigov.flow.images import fill
from weigov.flow.step import call
from weigov.ledger import attempts, media
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient


def with_images(
    ctx: Context, client: AccountClient, row: Delivery, of: Mapping[str, Any] | None = None
) -> tuple[str, Delivery]:
    """The content with its pictures at WeChat. Uploading one twice leaves a spare copy nobody sees.

    ``of``: one article of a digest; the delivery's own where it is one.
    """
    of = row.payload if of is None else of
    urls: dict[str, str] = {}
    for sha256 in of["images"]:
        picture, row = uploaded(ctx, client, row, "image", sha256)
        urls[sha256] = picture.url
    return fill(str(of["content"]), urls), row


def as_pictures(ctx: Context, client: AccountClient, row: Delivery) -> tuple[list[str], Delivery]:
    """The media_ids of a newspic's pictures, in order."""
    ids = []
    for sha256 in row.payload["images"]:
        picture, row = uploaded(ctx, client, row, "picture", sha256)
        ids.append(picture.remote_id)
    return ids, row


def find_pictures(ctx: Context, client: AccountClient, shas: Iterable[str]) -> dict[str, str]:
    """Which of these are among the newest permanent pictures: sha256 → media_id."""
    items = client.batchget_material(0, 20, "image").get("item", ())
    named = {str(item.get("name", "")).partition(".")[0]: str(item.get("media_id", "")) for item in items}
    return {sha256: named[file_name(sha256)] for sha256 in shas if file_name(sha256) in named}


def file_name(sha256: str) -> str:
    """What a file is called at WeChat, by which it is found again."""
    return sha256[:40]


def called(ctx: Context, appid: str, step: str, shas: Sequence[str]) -> list[media.Uploaded]:
    """What these bytes are called at WeChat, as ``uploaded``; with empty names where the ledger does not know."""
    with ctx.ledger.read() as connection:
        found = [media.known(connection, appid, _use(step), sha256) for sha256 in shas]
    return [media.Uploaded("", "") if one is None else one for one in found]


def uploaded(
    ctx: Context, client: AccountClient, row: Delivery, step: str, sha256: str, found: str = ""
) -> tuple[media.Uploaded, Delivery]:
    """What these bytes are called at WeChat: an ``image`` of a body (a url), a ``cover`` or ``picture`` (a media_id).

    ``found`` is the id of a cover that an earlier, unanswered call turned out to have made.
    """
    appid = client.account.appid
    use = _use(step)
    with ctx.ledger.read() as connection:
        known = media.known(connection, appid, use, sha256)
        data, content_type = media.blob(connection, sha256)
    if known is not None:
        return known, row
    if not found:
        name = f"{file_name(sha256)}.{'png' if content_type == 'image/png' else 'jpg'}"
        upload = client.upload_image if step == "image" else client.add_material_image
        row = call(ctx, row, step, lambda: upload(data, name, content_type))
        with ctx.ledger.read() as connection:
            found = attempts.done(connection, row.id)[step]
    made = media.Uploaded(remote_id="", url=found) if step == "image" else media.Uploaded(found, "")
    with ctx.ledger.begin() as connection:
        media.remember(connection, appid, use, sha256, remote_id=made.remote_id, url=made.url, now=ctx.now())
    return made, row


def _use(step: str) -> str:
    """What the bytes of a step are noted for; a digest's covers have steps of their own, by number."""
    return "body" if step == "image" else "cover"
