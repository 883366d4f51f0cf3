"""Which bytes are already at WeChat, and the frozen bytes of images as they were approved.

A blob is named by the SHA-256 of its bytes, so the same picture is kept once however many articles show it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from weigov.ledger.dialect import insert_ignore, upsert
from weigov.ledger.tables import blob as blob_table
from weigov.ledger.tables import media


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What WeChat called the bytes: a media id (cover), an address (body), or both."""

    remote_id: str
    url: str


def known(connection: Connection, appid: str, use: str, sha256: str) -> Uploaded | None:
    """What these bytes are called at the account for ``use`` (body | cover); None when they are not there."""
    row = connection.execute(
        select(media.c.remote_id, media.c.url).where(
            media.c.appid == appid, media.c.use == use, media.c.sha256 == sha256
        )
    ).one_or_none()
    return None if row is None else Uploaded(row.remote_id, row.url)


def remember(
    connection: Connection, appid: str, use: str, sha256: str, *, remote_id: str = "", url: str = "", now: datetime
) -> None:
    """Note an upload. A later one replaces it: the earlier may have been deleted at WeChat."""
    row = {"appid": appid, "use": use, "sha256": sha256, "remote_id": remote_id, "url": url, "at": now}
    upsert(connection, media, [row], key=["appid", "use", "sha256"], update=["remote_id", "url", "at"])


def forget(connection: Connection, appid: str, use: str, sha256: str) -> None:
    """WeChat no longer has it: the next delivery uploads again."""
    connection.execute(media.delete().where(media.c.appid == appid, media.c.use == use, media.c.sha256 == sha256))


def keep_blob(connection: Connection, data: bytes, content_type: str, *, now: datetime) -> str:
    """Keep ``data``; its SHA-256, by which ``blob`` finds it."""
    sha256 = hashlib.sha256(data).hexdigest()
    row = {"sha256": sha256, "content_type": content_type, "data": data, "at": now}
    insert_ignore(connection, blob_table, [row])
    return sha256


def blob(connection: Connection, sha256: str) -> tuple[bytes, str]:
    """(bytes, content type) of a kept blob. Raises LookupError."""
    row = connection.execute(
        select(blob_table.c.data, blob_table.c.content_type).where(blob_table.c.sha256 == sha256)
    ).one_or_none()
    if row is None:
        raise LookupError(f"no blob {sha256[:12]}")
    return bytes(row.data), row.content_type
