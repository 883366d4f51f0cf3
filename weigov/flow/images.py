"""Images of an article, frozen as they were when it was composed.

compose fetches them from the system the record came from, keeps the bytes in the ledger and writes
``weigov-blob:SHA256`` where the address stood, so that what people approve is what leaves. deliver puts them at
WeChat once per account and use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from weigov.errors import RecordRejected, RemoteRefused
from weigov.flow.context import Context
from weigov.ledger import media
from weigov.ports import SourceSystem
from weigov.wechat.media import Picture, default_cover, for_article, for_cover

#: The largest file we read from an upstream; what is over WeChat's limit is made smaller.
MAX_FETCH_BYTES = 20 * 1024 * 1024
_PLACEHOLDER = re.compile(r"weigov-blob:([0-9a-f]{64})")


class Freezer:
    """Fetches the images of one record and keeps them. ``dropped`` counts what could not be had, by reason.

    An upstream that cannot be reached is no reason to publish without pictures: RemoteUnavailable passes through.
    """

    def __init__(self, ctx: Context, system: SourceSystem) -> None:
        self._ctx = ctx
        self._system = system
        self._kept: dict[str, str | None] = {}
        self.shas: list[str] = []
        self.dropped: Counter[str] = Counter()

    def resolve(self, url: str) -> str | None:
        """``weigov-blob:SHA256`` for an image's address, or None when it cannot be shown."""
        if url not in self._kept:
            self._kept[url] = self._freeze(url)
        return self._kept[url]

    def cover(self, url: str | None, title: str) -> str:
        """The SHA-256 of the cover: the record's own, else the first picture of the body, else a plain one."""
        if url:
            try:
                data, _ = self._system.fetch(url, MAX_FETCH_BYTES)
                return self._keep(for_cover(data))
            except (RemoteRefused, RecordRejected) as error:
                self.dropped[f"cover: {_reason(error)}"] += 1
        if self.shas:
            with self._ctx.ledger.read() as connection:
                data, _ = media.blob(connection, self.shas[0])
            return self._keep(for_cover(data))
        return self._keep(default_cover(title))

    def _freeze(self, url: str) -> str | None:
        try:
            data, _ = self._system.fetch(url, MAX_FETCH_BYTES)
            sha256 = self._keep(for_article(data))
        except (RemoteRefused, RecordRejected) as error:
            self.dropped[f"image: {_reason(error)}"] += 1
            return None
        if sha256 not in self.shas:
            self.shas.append(sha256)
        return f"weigov-blob:{sha256}"

    def _keep(self, picture: Picture) -> str:
        with self._ctx.ledger.begin() as connection:
            return media.keep_blob(connection, picture.data, picture.content_type, now=self._ctx.now())


def fill(html: str, urls: Mapping[str, str]) -> str:
    """``html`` with WeChat's addresses where the frozen images stood; what only looks like one is somebody's text."""
    return _PLACEHOLDER.sub(lambda match: urls.get(match.group(1), match.group()), html)


def _reason(error: Exception) -> str:
    return "not to be had" if isinstance(error, RemoteRefused) else "not an image WeChat takes"
