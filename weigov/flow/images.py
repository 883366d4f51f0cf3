"""Images of an article, frozen as they were when it was composed.

compose fetches them from the system the record came from, keeps the bytes in the ledger and writes
``weigov-blob:SHA256`` where the address stood, so that what people approve is what leaves. deliver puts them at
WeChat once per account and use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from weigov.errors import RecordRejected, RemoteRefused
from weigov.flow.context import Context
from weigov.ledger import media
from weigov.ports import SourceSystem
from weigov.wechat.cover import draw, find_font
from weigov.wechat.media import Picture, crops, for_article, for_cover, is_cover

#: The largest file we read from an upstream; what is over WeChat's limit is made smaller.
MAX_FETCH_BYTES = 20 * 1024 * 1024
_PLACEHOLDER = re.compile(r"weigov-blob:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Cover:
    """A frozen cover, and what WeChat is to show of it (``media.crops``)."""

    sha256: str
    crops: Mapping[str, str]


class Freezer:
    """Fetches the images of one record and keeps them. ``dropped`` counts what could not be had, by reason.

    An upstream that cannot be reached is no reason to publish without pictures: RemoteUnavailable passes through.
    """

    def __init__(self, ctx: Context, system: SourceSystem) -> None:
        self._ctx = ctx
        self._system = system
        self._kept: dict[str, str | None] = {}
        self._pictures: list[Picture] = []  # of the body, in its order
        self._own: Picture | Literal[False] | None = None  # the cover that was found; None before anybody looked
        self.shas: list[str] = []
        self.dropped: Counter[str] = Counter()

    def resolve(self, url: str) -> str | None:
        """``weigov-blob:SHA256`` for an image's address, or None when it cannot be shown."""
        if url not in self._kept:
            self._kept[url] = self._freeze(url)
        return self._kept[url]

    def stories(self, urls: Sequence[str]) -> list[str]:
        """The SHA-256 of each picture of a newspic that could be had, in order; each is kept as a cover is."""
        found: dict[str, None] = {}
        for url in urls:
            try:
                data, _ = self._system.fetch(url, MAX_FETCH_BYTES)
                found[self._keep(for_cover(data))] = None
            except (RemoteRefused, RecordRejected) as error:
                self.dropped[f"image: {_reason(error)}"] += 1
        return list(found)

    def cover(self, url: str | None, title: str, colour: str = "") -> Cover:
        """The record's own cover, else the first picture of the body that may be one, else one drawn of the title."""
        if self._own is None:
            self._own = self._found(url)
        picture = self._own or draw(title, colour, find_font())
        return Cover(self._keep(picture), crops(picture.width, picture.height))

    def _found(self, url: str | None) -> Picture | Literal[False]:
        if url:
            try:
                data, _ = self._system.fetch(url, MAX_FETCH_BYTES)
                return for_cover(data)
            except (RemoteRefused, RecordRejected) as error:
                self.dropped[f"cover: {_reason(error)}"] += 1
        return next((picture for picture in self._pictures if is_cover(picture)), False)

    def _freeze(self, url: str) -> str | None:
        try:
            data, _ = self._system.fetch(url, MAX_FETCH_BYTES)
            picture = for_article(data)
            sha256 = self._keep(picture)
        except (RemoteRefused, RecordRejected) as error:
            self.dropped[f"image: {_reason(error)}"] += 1
            return None
        if sha256 not in self.shas:
            self.shas.append(sha256)
            self._pictures.append(picture)
        return f"weigov-blob:{sha256}"

    def _keep(self, picture: Picture) -> str:
        with self._ctx.ledger.begin() as connection:
            return media.keep_blob(connection, picture.data, picture.content_type, now=self._ctx.now())


def fill(html: str, urls: Mapping[str, str]) -> str:
    """``html`` with WeChat's addresses where the frozen images stood; what only looks like one is somebody's text."""
    return _PLACEHOLDER.sub(lambda match: urls.get(match.group(1), match.group()), html)


def _reason(error: Exception) -> str:
    return "not to be had" if isinstance(error, RemoteRefused) else "not an image WeChat takes"
