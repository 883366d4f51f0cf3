"""Publishing, step by step: image (each) and cover, or picture (each); draft, compare, submit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weigov.flow.channels.news.kept import compare, done
from weigov.flow.channels.news.marking import is_newspic, marker
from weigov.flow.channels.news.outcome import join
from weigov.flow.channels.news.removal import DELETE, remove
from weigov.flow.channels.news.uploads import as_pictures, called, uploaded, with_images
from weigov.flow.context import Context
from weigov.flow.images import fill
from weigov.flow.step import Ended, call
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient, Submitted


def paths(row: Delivery, done: dict[str, str]) -> dict[str, int]:
    """The calls that count against a quota which this delivery still needs."""
    if row.effect == "remove":
        return {"/cgi-bin/draft/delete" if "media_id" in row.payload else DELETE: 1}
    wanted = {} if "draft" in done else {"/cgi-bin/draft/add": 1}
    if "compare" not in done:
        wanted["/cgi-bin/draft/get"] = 1
    if row.payload["via"] == "publish":
        wanted["/cgi-bin/freepublish/submit"] = 1
    return wanted


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Bring the delivery as far as it goes now. Always ends with Ended or StopDrain."""
    if row.effect == "remove":
        remove(ctx, client, row)
        return
    known = done(ctx, row)
    if "draft" not in known:
        if is_newspic(row):
            ids, row = as_pictures(ctx, client, row)
            written = newspic(row, ids)
        else:
            content, row = with_images(ctx, client, row)
            cover, row = uploaded(ctx, client, row, "cover", str(row.payload["cover"]), known.get("cover", ""))
            written = article(row, content, cover.remote_id)
        row = call(ctx, row, "draft", lambda: client.add_draft([written]))
    media_id = done(ctx, row)["draft"]
    published = row.payload["via"] == "publish"
    row = compare(ctx, client, row, media_id, [_sent(ctx, client, row)], last=None if published else "confirmed")
    told: list[Submitted] = []

    def submit() -> str:
        told.append(client.submit(media_id))
        return told[0].publish_id

    try:
        call(ctx, row, "submit", submit, last="accepted")
    except Ended as ended:
        if ended.state == "accepted":
            join(ctx, client.account.appid, row, told[0].msg_data_id)
        raise


def _sent(ctx: Context, client: AccountClient, row: Delivery) -> dict[str, Any]:
    """What draft/add was given, as far as it is known what WeChat calls its pictures and cover."""
    appid, images = client.account.appid, row.payload["images"]
    if is_newspic(row):
        return newspic(row, [names.remote_id for names in called(ctx, appid, "picture", images)])
    urls = {sha256: names.url for sha256, names in zip(images, called(ctx, appid, "image", images), strict=True)}
    (cover,) = called(ctx, appid, "cover", [str(row.payload["cover"])])
    return article(row, fill(str(row.payload["content"]), urls), cover.remote_id)


def newspic(row: Delivery, media_ids: Sequence[str]) -> dict[str, Any]:
    """A newspic (图片消息) as draft/add takes it. It has no source address, and so no marker of ours."""
    return {
        "article_type": "newspic",
        "title": row.payload["title"],
        "content": row.payload["content"],
        "image_info": {"image_list": [{"image_media_id": media_id} for media_id in media_ids]},
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    }


def article(row: Delivery, content: str, cover: str, of: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The article as draft/add takes it, ``cover`` being a media_id; it bears our marker.

    ``of``: one article of a digest; the delivery's own where it is one.
    """
    of = row.payload if of is None else of
    source_url, _, fragment = str(of["source_url"]).partition("#")
    written = {
        "article_type": "news",
        "title": of["title"],
        "content": content,
        "content_source_url": f"{source_url}#{fragment + '&' if fragment else ''}{marker(row)}",
        "thumb_media_id": cover,
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    }
    for name in ("author", "digest", "pic_crop_235_1", "pic_crop_1_1"):
        if of.get(name):
            written[name] = of[name]
    return written
