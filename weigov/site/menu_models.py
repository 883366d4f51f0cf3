"""The words of a flow's ``menu:`` and ``conditional:``, as typed models. Shapes only; ``check_menu`` has the rules.

A button says what it does by one key, named as WeChat names the button's type; ``url`` and ``key`` are the two that
everybody uses (view and click).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from weigov.mapping.model import Link, Strict

Platform = Literal["ios", "android", "other"]

#: Buttons that report the key they hold, with what was scanned, photographed or chosen.
KEYED = (
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
)
#: Every key that says what a button does; a button has exactly one.
ACTIONS = (
    "url",
    "page",
    "key",
    *KEYED,
    "media_id",
    "view_limited",
    "article_id",
    "article_view_limited",
    "miniprogram",
)


class MenuStream(Strict):
    """The columns directly below ``under``."""

    system: str
    stream: str
    under: str


class MenuChildren(Strict):
    """Sub-buttons made from a stream, in the stream's own order."""

    from_: MenuStream = Field(alias="from")
    take: int = Field(ge=1, le=5)
    link: Link


class MiniProgram(Strict):
    """A page of a mini program linked to the account, and an address for telephones that cannot open it."""

    appid: str = Field(min_length=1)
    pagepath: str = Field(min_length=1)
    url: str


class MenuLeaf(Strict):
    """A button that does something: exactly one of ``ACTIONS``."""

    name: str = Field(min_length=1)
    url: str | None = None
    page: str | None = None
    key: str | None = None
    scancode_push: str | None = None
    scancode_waitmsg: str | None = None
    pic_sysphoto: str | None = None
    pic_photo_or_album: str | None = None
    pic_weixin: str | None = None
    location_select: str | None = None
    media_id: str | None = None
    view_limited: str | None = None
    article_id: str | None = None
    article_view_limited: str | None = None
    miniprogram: MiniProgram | None = None

    def actions(self) -> list[str]:
        """The keys given that say what it does."""
        return [word for word in ACTIONS if getattr(self, word) is not None]


Children = Annotated[
    Annotated[MenuChildren, Tag("stream")] | Annotated[tuple[MenuLeaf, ...], Tag("fixed")],
    Discriminator(lambda v: "stream" if isinstance(v, dict | MenuChildren) else "fixed"),
]


class MenuEntry(MenuLeaf):
    """A button of the top row: one that does something, or one with children."""

    children: Children | None = None


class MenuFor(Strict):
    """Whose menu it is: those with this tag, those with this kind of telephone, or those with both."""

    tag: str | None = Field(default=None, min_length=1)
    platform: Platform | None = None

    def covers(self, other: MenuFor) -> bool:
        """Whether whoever matches ``other`` matches this too."""
        return self.tag in (None, other.tag) and self.platform in (None, other.platform)


class ConditionalMenu(Strict):
    """Another menu for those who match. Of several that match, the first as written is shown."""

    for_: MenuFor = Field(alias="for")
    menu: tuple[MenuEntry, ...] = Field(min_length=1)
